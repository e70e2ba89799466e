// Part of check 9: rules that ask people. What a duty may ask, what reviewers said, and whether they signed it about this
// very model and report.

import { digestOf } from "./canonical.js";
import { utf8 } from "./bytes.js";
import { ON_CHAIN } from "./contract-votes.js";
import { Signing, isChecksummed } from "./eip712.js";
import { named, parentOf, parentsOf, proposalOf } from "./records.js";
import { sha256 } from "./sha256.js";
import { signerOf } from "./signer.js";

const DAY_SECONDS = 86_400;
const TASKS = { read_samples: [1, 500], read_report: [0, 0] }; // samples, at least and at most
const [PEOPLE_MAX, DAYS_MAX, OBJECTIONS_MAX] = [50, 90, 50];
const MEASURED = ["suite", "candidate", "parent", "difference", "samples", "samples_sha256", "further"];
const GATE = ["metric", "suite", "comparator", "bound", "judged"];

// What is wrong with a rule whose duty is not null; null for nothing.
export function dutyProblem(rule) {
  if (GATE.some((key) => rule[key] !== null)) return "a duty measures nothing";
  const { task, people, samples, days, objections } = rule.duty;
  if (!Object.hasOwn(TASKS, task)) return `the task ${JSON.stringify(task)} is not known`;
  const [least, most] = TASKS[task];
  const isInside = people >= 1 && people <= PEOPLE_MAX && days >= 1 && days <= DAYS_MAX && objections <= OBJECTIONS_MAX && samples >= least && samples <= most;
  return isInside ? null : "a duty asks for too many or too few";
}

// [holds, found, needed] of a rule that asks people.
export function judgeDuty({ slug, duty }, { samples, review }) {
  const needed = `${duty.people} without an objection, at most ${duty.objections} with one`;
  if (samples < duty.samples) return [false, `${samples} samples, ${duty.samples} are to be read`, needed];
  if (review === null) return [false, "nobody was asked", needed];
  const who = (finding) =>
    new Set(review.attestations.filter((said) => said.rule === slug && said.finding === finding).map(({ reviewer }) => reviewer.toLowerCase()));
  const objecting = who("objects");
  const agreeing = [...who("nothing_to_object")].filter((reviewer) => !objecting.has(reviewer)).length;
  const found = `${agreeing} without an objection, ${objecting.size} with one`;
  return [agreeing >= duty.people && objecting.size <= duty.objections, found, needed];
}

export function checkReviews({ community, records, release, votes }, evaluation, answer) {
  const { review } = evaluation.body;
  if (review === null) return;
  const say = (code, detail) => answer.problem(code, named(evaluation), detail);
  const run = parentOf(evaluation, "run", records);
  const spec = parentOf(run, "spec", records);
  if (review.opened_at < run.body.finished_at) say("review_early", "people were asked before the run ended");
  const order = review.attestations.map(({ rule, reviewer }) => `${rule} ${reviewer.toLowerCase()}`);
  if (order.some((key, at) => at > 0 && order[at - 1] >= key)) say("attestation_twice", "attestations do not stand in order, each once");
  const rules = new Map(parentsOf(evaluation, "rule", records).map((rule) => [rule.body.slug, rule]));
  const proposal = proposalOf(parentOf(spec, "execution", records), records);
  const { reviewers } = votes.get(proposal.digest);
  const author = proposal.body.author.toLowerCase();
  const executors = new Set(review.executors.map((address) => address.toLowerCase()));
  const signing = new Signing(community.body);
  const wallets = review.attestations.filter(({ wallet }) => wallet).length;
  if (wallets && !ON_CHAIN.has(proposal.body.snapshot.source.name)) {
    say("wallet_wrong", `${wallets} contract wallets attested, and no chain is asked for powers here`);
  } else if (wallets) answer.evidence += `; but not ${wallets} attestations by contract wallets, which only the chain can confirm (check 11)`;
  for (const said of review.attestations) {
    const rule = rules.get(said.rule);
    if (!rule?.body.duty || !["all", spec.body.output].includes(rule.body.scope)) {
      say("attestation_foreign", `no rule of this run asks for it: ${said.rule}`);
      continue;
    }
    const reviewer = said.reviewer.toLowerCase();
    if (!(reviewers.get(reviewer) > 0n)) say("reviewer_without_power", `${said.reviewer} had no power in the vote on the training`);
    if (reviewer === author) say("reviewer_is_author", `${said.reviewer} proposed the training`);
    if (executors.has(reviewer)) say("reviewer_is_executor", `${said.reviewer} worked on the run`);
    const closes = review.opened_at + rule.body.duty.days * DAY_SECONDS;
    if (said.at < review.opened_at || said.at >= closes || said.at > release.body.released_at) {
      say("attestation_late", `attested at ${said.at}, allowed from ${review.opened_at} until before ${closes} and the release`);
    }
    const asked = askedBy(rule, run, evaluation);
    const isTheirs = asked !== null && isChecksummed(said.reviewer) && (said.wallet || signerOf(signing.review(asked, said), said.signature) === reviewer);
    if (!isTheirs) say("signature_wrong", `${said.reviewer} did not attest this of this model`);
  }
}

// What a duty asked its reviewers to look at, as digests; null where there are fewer samples than it draws.
function askedBy(rule, run, { body }) {
  const candidate = digestOf(run.body.artifact);
  const lines = draw(rule.body.duty.samples, [candidate, rule.digest, body.samples_sha256], body.samples);
  if (lines === null) return null;
  const report = digestOf(Object.fromEntries(MEASURED.map((name) => [name, body[name]])));
  return { rule: rule.digest, candidate, report, drawn: digestOf({ lines, samples_sha256: body.samples_sha256 }) };
}

// So many different places below `samples`, ascending: the first eight bytes of SHA-256 over the seed and a counter.
function draw(count, seed, samples) {
  if (count > samples) return null;
  const found = new Set();
  for (let number = 0; found.size < count; number += 1) {
    const hash = sha256(utf8([...seed, number].join(" ")));
    found.add(Number(new DataView(hash.buffer, hash.byteOffset).getBigUint64(0) % BigInt(samples)));
  }
  return [...found].sort((left, right) => left - right);
}
