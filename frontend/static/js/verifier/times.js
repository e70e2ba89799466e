// Check 6: the times. They are the operator's; checked is their order and every waiting time.

import { checkChanged, ruleOf } from "./contract-votes.js";
import { reachesSuperQuorum } from "./counting.js";
import { checkMoments } from "./hidden-suites.js";
import { named, parentOf, parentsOf, removedAt } from "./records.js";

export function checkTimes(bundle, answer) {
  const { order, proposals, results, records, votes } = bundle;
  for (const proposal of proposals) {
    const { census, tally, decision } = results.get(proposal.digest);
    checkVoting(proposal, census, answer);
    checkClosing(proposal, census, tally, votes.get(proposal.digest), answer);
    checkWaiting(proposal, tally, decision, answer);
    checkChanged(proposal, { census, tally, decision }, answer);
    checkCharter(bundle, proposal, answer);
  }
  for (const execution of order.filter((record) => record.kind === "execution")) {
    const decision = parentOf(execution, "decision", records).body;
    const at = execution.body.executed_at;
    if (decision.eta === null || decision.expires_at === null) continue; // reported above: never queued
    if (at < decision.eta) answer.problem("executed_early", named(execution), `executed at ${at}, the timelock ended at ${decision.eta}`);
    if (at >= decision.expires_at) answer.problem("executed_late", named(execution), `executed at ${at}, it expired at ${decision.expires_at}`);
  }
  checkTraining(bundle, answer);
  answer.evidence = "voting delay, voting period, timelock and execution window hold for every proposal";
}

function checkVoting(proposal, census, answer) {
  const { submitted_at: submitted, opens_at: opens, closes_at: closes, rules } = proposal.body;
  if (opens < submitted + rules.voting_delay_seconds) answer.problem("delay_shortened", named(proposal), "it opened before the voting delay was over");
  if (closes !== opens + rules.voting_period_seconds) answer.problem("period_wrong", named(proposal), "it is not open for the voting period");
  const counted = census.body;
  if (counted.opens_at < opens || counted.closes_at - counted.opens_at !== closes - opens) {
    answer.problem(counted.opens_at < opens ? "opened_early" : "period_wrong", named(census), "the census opens earlier than the proposal, or lasts another time");
  }
  if (counted.computed_at > counted.opens_at) answer.problem("census_late", named(census), "it was made after voting opened");
}

function checkClosing(proposal, census, tally, poll, answer) {
  const { rules } = proposal.body;
  const { closes_at: closes, extended_by: extendedBy, closed_early: isEarly, closed_at: closedAt } = tally.body;
  const say = (code, detail) => answer.problem(code, named(tally), detail);
  const planned = census.body.closes_at;
  if (closedAt < closes) say("counted_early", "it was counted before it closed");
  let latest = planned;
  if (extendedBy !== null) {
    const late = ruleOf(proposal, "late_quorum_seconds", tally);
    if (!late || rules.rejection_bps || poll.counted === null) say("closing_wrong", "its rules know no extension");
    latest = poll.namedCastAt === null ? planned + late - 1 : poll.namedCastAt + late;
    if (latest <= planned || latest >= planned + late) say("closing_wrong", "the ballot named does not extend the vote");
  }
  if (isEarly) {
    const isInside = closes > census.body.opens_at && closes <= latest;
    if (!isInside || poll.counted === null || !reachesSuperQuorum(poll.terms, poll.sums, poll.counted)) {
      say("closed_early_wrong", "it closed early without a super-quorum, or not within its time");
    }
  } else if (extendedBy === null) {
    if (closes !== planned) say("closing_wrong", `it closed at ${closes}, expected ${planned}`);
  } else if (closes <= planned || closes > latest || (poll.namedCastAt !== null && closes !== latest)) {
    say("closing_wrong", `extended, it closed at ${closes}; after ${planned} and at ${latest} at the latest is allowed`);
  }
}

function checkWaiting(proposal, tally, decision, answer) {
  const { rules } = proposal.body;
  const { decided_at: decided, queued_at: queued, eta, expires_at: expires } = decision.body;
  const say = (code, detail) => answer.problem(code, named(decision), detail);
  const closes = tally.body.closes_at;
  if (decided < closes) say("decided_early", "it was decided before voting closed");
  if (queued === null || eta === null || expires === null) {
    say("not_queued", "it was never queued");
    return;
  }
  if (queued < closes) say("queued_early", "it was queued before voting closed");
  const waits = ruleOf(proposal, "timelock_seconds", decision);
  if (eta !== queued + waits) say("timelock_shortened", `eta is ${eta}, expected ${queued + waits}`);
  if (expires !== eta + rules.execution_window_seconds) say("window_wrong", `it expires at ${expires}, expected ${eta + rules.execution_window_seconds}`);
}

// The charter of a proposal was the newest one in force when the proposal was submitted.
function checkCharter({ charters, records }, proposal, answer) {
  const submitted = proposal.body.submitted_at;
  const own = heldFrom(parentOf(proposal, "charter", records), records);
  if (own > submitted) answer.problem("charter_late", named(proposal), "its charter did not hold yet when it was submitted");
  // `charters`: the moments from which each charter held, ascending.
  const newer = charters.find((moment) => moment > own && moment < submitted);
  if (newer !== undefined) answer.problem("charter_outdated", named(proposal), `another charter held from ${newer}`);
}

export function heldFrom(charter, records) {
  return parentOf(charter, "execution", records)?.body.executed_at ?? -1;
}

function checkTraining({ order, release, records }, answer) {
  const run = parentOf(release, "run", records);
  const spec = parentOf(run, "spec", records);
  const approved = parentOf(spec, "execution", records).body.executed_at;
  const adopted = (record) => parentOf(record, "execution", records).body.executed_at;
  for (const record of [...parentsOf(spec, "rule", records), ...parentsOf(spec, "dataset", records)]) {
    if (adopted(record) > approved) answer.problem("adopted_late", named(record), "it was adopted after the spec that rests on it");
  }
  for (const record of [...parentsOf(release, "keys", records), ...parentsOf(release, "override", records)]) {
    if (adopted(record) > release.body.released_at) answer.problem("adopted_late", named(record), `the ${record.kind} took effect after the release`);
  }
  for (const removal of order.filter(({ kind }) => kind === "removal")) {
    const old = parentOf(removal, "dataset", records);
    const at = removedAt(removal, records);
    if (adopted(old) > at) answer.problem("adopted_late", named(old), "it was included after its removal");
    for (const rule of parentsOf(removal, "taking_back", records)) {
      if (adopted(rule) > at) answer.problem("adopted_late", named(rule), "it was adopted after what it allowed");
    }
    for (const left of order.filter((record) => record.kind === "dataset" && parentsOf(record, "removal", records).includes(removal))) {
      if (at > adopted(left)) answer.problem("adopted_late", named(removal), "it took place after what it left was included");
    }
  }
  for (const rule of order.filter(({ kind }) => kind === "rule")) {
    for (const earlier of parentsOf(rule, "rule", records)) {
      if (adopted(earlier) > adopted(rule)) answer.problem("adopted_late", named(earlier), "it was adopted after the rule that replaces it");
    }
  }
  const { started_at: started, finished_at: finished } = run.body;
  if (started < approved || finished < started) answer.problem("run_early", named(run), "it started before its spec was approved, or ended before it started");
  checkMoments({ order, records }, answer);
  if (release.body.released_at < finished) answer.problem("released_early", named(release), "it was released before its run ended");
}

