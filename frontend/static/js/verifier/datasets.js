// Part of check 7: each dataset is the one that was voted in, or what a removal left of one; none that was removed is used.

import { same } from "./canonical.js";
import { named, parentOf, parentsOf, proposalOf, removedAt } from "./records.js";

export const INCLUDED_AS = "dataset_inclusion";
export const REMOVED_AS = "dataset_removal";
export const TAKING_BACK = "taking_back";
// What a dataset says of itself only where somebody said it: where rows may go follows from it, so that none may be lost.
const SAID = ["data_kinds", "country"];
// What stays as it was in a dataset from which records were removed.
const KEPT = ["slug", "title", "license", "role", "kind", "sources", "scans", ...SAID];

// What a voted removal left comes in by the same vote; what a contributor left who took rows back, by one of its own.
export function datasetProposedAs(dataset, records) {
  const [removal] = parentsOf(dataset, "removal", records);
  return removal && removal.body.taken_back === null ? REMOVED_AS : INCLUDED_AS;
}

export function checkDatasets({ order, records }, spec, answer) {
  const payloadOf = (record) => proposalOf(parentOf(record, "execution", records), records).body.payload;
  for (const dataset of order.filter(({ kind }) => kind === "dataset")) {
    const [removal] = parentsOf(dataset, "removal", records);
    if (datasetProposedAs(dataset, records) === INCLUDED_AS) checkIncluded(dataset, payloadOf(dataset), answer);
    if (removal) checkLeft(dataset, removal, records, answer);
    else if (dataset.body.replaces !== null) answer.problem("removal_missing", named(dataset), "it says that it replaces another dataset, and rests on no removal");
    const found = contributorsProblem(dataset.body);
    if (found) answer.problem("contributors_wrong", named(dataset), `it ${found}`);
    if (!shardsFit(dataset.body)) answer.problem("shards_wrong", named(dataset), "its shards are not its rows, in order and without a gap");
  }
  const removals = order.filter(({ kind }) => kind === "removal");
  for (const removal of removals) checkRemoval(removal, removal.body.taken_back === null ? payloadOf(removal) : null, records, answer);
  for (const rule of order.filter(({ kind }) => kind === "taking_back")) {
    if (!same(payloadOf(rule), rule.body)) answer.problem("taking_back_not_approved", named(rule), "it is not the rule that was voted on");
  }
  checkUsed(spec, removals, records, answer);
}

// Whether the shards are ranges of the one canonical file, in order, without a gap, and all of it.
function shardsFit({ shards, files, records, digest }) {
  const sum = (key, until = shards.length) => shards.slice(0, until).reduce((total, shard) => total + BigInt(shard[key]), 0n);
  const sizes = files.filter(({ sha256 }) => sha256 === digest).map(({ size }) => BigInt(size));
  return shards.every((shard, at) => BigInt(shard.first) === sum("records", at) && BigInt(shard.records) > 0n)
    && sum("records") === BigInt(records)
    && sizes.length === 1 && sizes[0] === sum("size")
    && (shards.length !== 1 || shards[0].sha256 === digest);
}

function checkIncluded(dataset, payload, answer) {
  const { body } = dataset;
  const voted = ["digest", ...Object.keys(payload).filter((key) => Object.hasOwn(body, key))];
  const isVoted = voted.every((key) => Object.hasOwn(payload, key) && same(body[key], payload[key]));
  if (!isVoted || !SAID.every((key) => same(body[key] ?? null, payload[key] ?? null))) {
    answer.problem("dataset_not_approved", named(dataset), "it is not the dataset that was voted on");
  }
}

function checkRemoval(removal, payload, records, answer) {
  const say = (code, detail) => answer.problem(code, named(removal), detail);
  const { body } = removal;
  const old = parentOf(removal, "dataset", records);
  if (body.taken_back === null) checkVoted(body, payload, say);
  else checkTakenBack(body, parentOf(removal, "taking_back", records).body, old.body, say);
  if (old.body.digest !== body.digest) say("removal_spliced", "it rests on another dataset");
  if ((body.records === null) !== (body.successor === null)) say("removal_wrong", "a whole dataset leaves nothing, some records leave a dataset");
  const listed = body.records;
  if (listed !== null && (!listed.length || listed.some((leaf, at) => at > 0 && listed[at - 1] >= leaf))) {
    say("removal_wrong", "the removed records are not listed once each, in order");
  }
}

function checkVoted(body, payload, say) {
  const left = payload.successor ?? null;
  const voted = { successor: left !== null && typeof left === "object" ? left.digest ?? null : left, taken_back: null };
  for (const name of ["digest", "records", "why", "follow_up", "request"]) voted[name] = payload[name] ?? null;
  if (!same(voted, body)) say("removal_not_approved", "it is not the removal that was voted on");
}

function checkTakenBack(body, rule, old, say) {
  if (!rule.allowed) say("removal_not_allowed", "by the rule that it rests on, a vote decides each time");
  if (!same(body.follow_up, { action: "retrain", days: rule.days, because: "" })) say("removal_not_allowed", "what follows is not what the rule says");
  const counts = Object.values(rowsByContributor(old).get(body.taken_back.by) ?? {});
  const own = counts.reduce((sum, count) => sum + BigInt(count), 0n);
  const found = body.records === null ? old.records : body.records.length;
  if (own !== BigInt(found)) say("removal_not_own", `${body.taken_back.by} gave ${own} of its records, ${found} were taken out`);
}

const rowsByContributor = ({ contributors }) => new Map(contributors.map((entry) => [entry.contributor, entry.records]));

function checkLeft(dataset, removal, records, answer) {
  const say = (code, detail) => answer.problem(code, named(dataset), detail);
  const { body } = dataset;
  const old = parentOf(removal, "dataset", records).body;
  const takenBack = removal.body.taken_back;
  if (takenBack === null && parentOf(dataset, "execution", records) !== parentOf(removal, "execution", records)) say("removal_spliced", "another vote made it than the removal that it rests on");
  if (body.digest !== removal.body.successor || body.replaces !== removal.body.digest) say("dataset_not_approved", "it is not what the removal left of the dataset");
  const changed = KEPT.filter((name) => !same(body[name] ?? null, old[name] ?? null));
  if (changed.length) say("replaced_wrong", `its ${changed.join(", ")} is not that of the dataset it replaces`);
  if (body.records !== old.records - (removal.body.records ?? []).length) say("replaced_wrong", "its number of records is not what the removal left");
  const before = rowsByContributor(old);
  if (takenBack !== null) {
    const others = Object.fromEntries([...before].filter(([owner]) => owner !== takenBack.by));
    if (!same(Object.fromEntries(rowsByContributor(body)), others)) say("replaced_wrong", "what is left is not every row of everybody else");
  }
  const rowsBefore = (contributor, language) => {
    const counted = before.get(contributor);
    return counted && Object.hasOwn(counted, language) ? counted[language] : 0;
  };
  const more = ({ contributor, records: rows }) => Object.entries(rows).some(([language, count]) => count > rowsBefore(contributor, language));
  if (body.contributors.some(more)) say("replaced_wrong", "somebody contributed more to it than to the dataset it replaces");
}

// What is wrong with who is said to have contributed how much; null for nothing.
function contributorsProblem({ contributors, records }) {
  const owners = contributors.map(({ contributor }) => contributor);
  if (new Set(owners).size !== owners.length) return "names a contributor twice";
  const rows = contributors.map((entry) => Object.values(entry.records).reduce((sum, count) => sum + BigInt(count), 0n));
  const total = rows.reduce((sum, count) => sum + count, 0n);
  if (total !== BigInt(records)) return `attributes ${total} of ${records} records`;
  const inOrder = owners.every((owner, at) => at === 0 || (owners[at - 1] !== null && (owner === null || owners[at - 1] < owner)));
  const exact = contributors.every(({ share }, at) => {
    const divisor = commonDivisor(rows[at], total);
    return BigInt(share.numerator) === rows[at] / divisor && BigInt(share.denominator) === total / divisor;
  });
  return inOrder && exact ? null : "gives a share that is not the contributor's part of the records";
}

function commonDivisor(left, right) {
  return right === 0n ? (left === 0n ? 1n : left) : commonDivisor(right, left % right);
}

function checkUsed(spec, removals, records, answer) {
  const say = (detail, code = "datasets_spliced") => answer.problem(code, named(spec), detail);
  const approved = new Map(parentsOf(spec, "dataset", records).map((record) => [record.body.digest, record.body.role]));
  const used = new Set(spec.body.datasets.map(({ digest }) => digest));
  if (used.size !== spec.body.datasets.length) say("it names a dataset twice");
  for (const digest of used) {
    if (!approved.has(digest)) say(`the dataset ${digest} is not among those that it rests on`);
    else if (approved.get(digest) !== "training") say(`the dataset ${digest} is not there for training`, "dataset_role");
  }
  for (const digest of approved.keys()) {
    if (!used.has(digest) && digest !== spec.body.evaluation.suite) say(`it rests on the dataset ${digest} and does not name it`);
  }
  const approvedAt = parentOf(spec, "execution", records).body.executed_at;
  for (const removal of removals) {
    if (used.has(removal.body.digest) && removedAt(removal, records) <= approvedAt) say(`it trains on ${removal.body.digest}, which had been removed`, "dataset_removed");
  }
}
