// Checks 4 and 5: the tallies recount, and the decisions follow from them and from the charter.

import { canonicalText, same } from "./canonical.js";
import { charterProblem, rulesProblem, sealingOf, tierOf } from "./charter.js";
import { conditions } from "./counting.js";
import { checkPair } from "./contract-votes.js";
import { named, parentOf } from "./records.js";

// The codes of what is not a number in a tally.
const CHANGED = { method: "method_changed", choices: "choices_changed", totals: "totals_wrong" };

export function checkTallies({ proposals, results, votes }, answer) {
  for (const proposal of proposals) {
    const { tally } = results.get(proposal.digest);
    const { counted, why, ballotsRoot, ballotCount } = votes.get(proposal.digest);
    const say = (code, detail) => answer.problem(code, named(tally), detail);
    if (why !== null) {
      say(...why);
      continue;
    }
    const { body } = tally;
    if (body.ballot_count !== ballotCount) say("ballot_count_wrong", `${ballotCount} ballots are here, the tally says ${body.ballot_count}`);
    if (body.ballots_root !== ballotsRoot) say("ballots_root_wrong", `the root of the ballots is ${ballotsRoot}, the tally says ${body.ballots_root}`);
    const expected = spelled(proposal.body, counted);
    const wrong = Object.keys(expected).filter((key) => !same(body[key], expected[key]));
    for (const key of wrong) say(CHANGED[key] ?? "count_wrong", `${key} recounted ${canonicalText(expected[key])}, recorded ${canonicalText(body[key])}`);
  }
  answer.evidence = `${proposals.length} tallies recounted`;
}

// The count as it stands in a tally record.
function spelled({ method, choices }, { totals, winners, invalid, cast, quorumPower, house }) {
  const texts = (powers) => Object.fromEntries(Object.entries(powers).map(([name, power]) => [name, String(power)]));
  return {
    method,
    choices,
    totals: texts(totals),
    winners,
    invalid_count: invalid,
    cast: String(cast),
    quorum_power: String(quorumPower),
    house: house && texts(house),
  };
}

export function checkDecisions({ proposals, records, results, votes }, answer) {
  for (const proposal of proposals) {
    const { decision } = results.get(proposal.digest);
    const { counted, sums, terms, why } = votes.get(proposal.digest);
    const charter = parentOf(proposal, "charter", records);
    checkRules(proposal, charter, answer);
    const say = (code, detail) => answer.problem(code, named(decision), detail);
    if (!decision.body.passed) say("not_passed", "something of this release rests on it, but it did not pass");
    if (counted === null) {
      say(...why);
      continue;
    }
    const expected = conditions(terms, sums, counted);
    if (!same(decision.body.conditions, expected)) say("decision_wrong", `the conditions are ${JSON.stringify(expected)}`);
    else if (decision.body.passed !== expected.every(({ holds }) => holds)) say("decision_wrong", "passed is not what the conditions say");
  }
  answer.evidence = `${proposals.length} decisions follow from their tallies and the charter's rules`;
}

// Whether a proposal was decided by the rules of its charter.
function checkRules(proposal, charter, answer) {
  const { kind, tier, rules, snapshot } = proposal.body;
  const say = (code, detail) => answer.problem(code, named(proposal), detail);
  const empty = charterProblem(charter.body);
  if (empty !== null) {
    answer.problem("charter_malformed", named(charter), empty);
    return;
  }
  const { house, kinds, power, tiers } = charter.body;
  const expected = tierOf(kinds, kind);
  if (tier !== expected) {
    say("tier_wrong", `its tier is ${tier}, the charter's for ${kind} is ${expected}`);
    return;
  }
  if (!same(proposal.body.sealing ?? null, sealingOf(charter.body, kind))) say("sealing_changed", "the charter says otherwise who opens the ballots");
  const theirs = tiers[tier];
  const differs = Object.keys(theirs).filter((key) =>
    key === "voting_period_seconds" ? rules[key] < theirs[key] : rules[key] !== theirs[key],
  );
  if (differs.length) say("rules_changed", `the charter has another ${differs.join(", ")}`);
  const meaningless = rulesProblem(rules, house !== null);
  if (meaningless !== null) say("rules_malformed", meaningless);
  if (snapshot.source.name !== power.source) say("source_changed", `power comes from ${snapshot.source.name}, the charter says ${power.source}`);
  checkPair(proposal, charter.body, answer);
  if ((snapshot.house !== null) !== rules.objection_bps > 0) say("source_changed", "there is a second house exactly if it may object");
  else if (snapshot.house && snapshot.house.source.name !== house?.source) {
    say("source_changed", `the power of the house comes from ${snapshot.house.source.name}, the charter says ${house?.source}`);
  }
}
