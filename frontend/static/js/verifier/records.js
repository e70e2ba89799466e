// Checks 1 and 2: the records, their closure and order, and what each rests on.

import { CanonicalError, canonicalBytes, parseCanonical, same } from "./canonical.js";
import { sha256Hex } from "./sha256.js";
import { bodyProblem, isObject, parentsProblem } from "./shapes.js";

const RECORD_BYTES_MAX = 1_000_000;
const DIGEST = /^[0-9a-f]{64}$/;
const LINE_FEED = 10;
const RECORDS = "provenance/records.jsonl";
const RESULTS = ["census", "tally", "decision"];

// The record of canonical bytes; throws CanonicalError.
export function readRecord(bytes) {
  return recordOf(parseCanonical(bytes, RECORD_BYTES_MAX), bytes);
}

// The record of a value that was canonical; throws CanonicalError.
export function recordOf(value, bytes = null) {
  const isEnvelope = isObject(value) && Object.keys(value).sort().join() === "body,kind,parents,subject,version";
  if (!isEnvelope) throw new CanonicalError("malformed_record", "a record has exactly the keys body, kind, parents, subject and version");
  const { body, kind, parents, subject, version } = value;
  const isWellFormed =
    typeof kind === "string" &&
    typeof subject === "string" &&
    isObject(body) &&
    Number.isSafeInteger(version) &&
    Array.isArray(parents) &&
    parents.every((parent, at) => typeof parent === "string" && DIGEST.test(parent) && (at === 0 || parents[at - 1] < parent));
  if (!isWellFormed) throw new CanonicalError("malformed_record", "kind, version, subject, body or parents has the wrong form");
  const canonical = bytes ?? canonicalBytes(value);
  return { body, kind, parents, subject, version, canonical, digest: sha256Hex(canonical) };
}

// The lines of records.jsonl as records, and what is wrong with each that is none.
export function readRecords(data, problem) {
  const records = new Map();
  const order = [];
  let start = 0;
  for (let number = 1; start < data.length; number += 1) {
    const place = `${RECORDS} line ${number}`;
    const end = data.indexOf(LINE_FEED, start);
    if (end < 0) {
      problem("not_canonical", place, "a line ends with a line feed");
      break;
    }
    const record = readLine(data.subarray(start, end), place, problem);
    start = end + 1;
    if (!record) continue;
    if (records.has(record.digest)) {
      problem("duplicate_record", place, `${record.kind} ${record.digest} stands twice`);
      continue;
    }
    records.set(record.digest, { ...record, place: `${place} (${record.kind})` });
    order.push(records.get(record.digest));
  }
  return { records, order };
}

function readLine(bytes, place, problem) {
  try {
    const record = readRecord(bytes);
    const found = bodyProblem(record);
    if (found === null) return record;
    problem("record_malformed", place, found);
  } catch (error) {
    if (!(error instanceof CanonicalError)) throw error;
    problem(error.code, place, error.message);
  }
  return null;
}

export function checkRecords(bundle, answer) {
  for (const problem of bundle.recordProblems) answer.problem(...problem);
  const { order, records, release } = bundle;
  const releases = order.filter((record) => record.kind === "release");
  if (releases.length !== 1) answer.problem("release_missing", RECORDS, `${releases.length} releases found, exactly 1 expected`);
  for (const record of order) {
    if (record.kind === "ballot" || record.kind === "delegation") answer.problem("record_foreign", record.place, `a ${record.kind} does not belong here`);
  }
  if (release && !answer.count) compareWithClosure(order, closure(release, records), records, answer);
  answer.evidence = `${order.length} records, every digest recomputed`;
}

function compareWithClosure(order, expected, records, answer) {
  const belonging = new Set(expected.map((record) => record.digest));
  const foreign = order.filter((record) => !belonging.has(record.digest));
  for (const record of foreign) answer.problem("record_foreign", record.place, "the release does not rest on it");
  // Without every record the depth of the others is not known; the missing one is reported by check 2.
  const isWhole = expected.every((record) => record.parents.every((parent) => records.has(parent)));
  const moved = isWhole && !foreign.length ? order.find((record, at) => record !== expected[at]) : undefined;
  if (moved) answer.problem("order_wrong", moved.place, "it does not stand in the order of depth and digest");
}

// Everything that a record rests on, itself included, by (depth, digest). Parents that are not there are left out.
function closure(release, records) {
  const depths = new Map();
  const waiting = [release.digest];
  while (waiting.length) {
    const digest = waiting.at(-1);
    if (depths.has(digest)) {
      waiting.pop();
      continue;
    }
    const parents = records.get(digest).parents.filter((parent) => records.has(parent));
    const open = parents.filter((parent) => !depths.has(parent));
    if (open.length) for (const parent of open) waiting.push(parent);
    else depths.set(digest, 1 + parents.reduce((deepest, parent) => Math.max(deepest, depths.get(parent)), -1));
  }
  const reached = [...depths.keys()].sort((left, right) => depths.get(left) - depths.get(right) || (left < right ? -1 : 1));
  return reached.map((digest) => records.get(digest));
}

export const parentOf = (record, kind, records) => parentsOf(record, kind, records)[0];
export const parentsOf = (record, kind, records) =>
  record.parents.map((parent) => records.get(parent)).filter((parent) => parent?.kind === kind);

// When data was taken out: when the vote was executed, or a contributor took it back.
export const removedAt = (removal, records) => removal.body.taken_back?.at ?? parentOf(removal, "execution", records).body.executed_at;

export function checkParents(bundle, answer) {
  const { order, records } = bundle;
  let isWhole = true;
  for (const record of order) {
    const missing = record.parents.filter((parent) => !records.has(parent));
    for (const parent of missing) answer.problem("parent_missing", named(record), `its parent ${parent} is not there`);
    const found = missing.length ? null : parentsProblem(record, records);
    if (found) answer.problem("parents_wrong", named(record), found);
    isWhole &&= !missing.length && !found;
  }
  const communities = order.filter((record) => record.kind === "community");
  if (communities.length !== 1) answer.problem("community_wrong", RECORDS, `${communities.length} communities found, exactly 1 expected`);
  if (!isWhole || communities.length !== 1) return;
  checkSubjects(order, records, communities[0], answer);
  checkProposals(order, records, answer);
  checkApproved(order, records, communities[0], answer);
  checkSameProposal(bundle, answer);
  const proposals = order.filter((record) => record.kind === "proposal").length;
  answer.evidence = `${proposals} proposals of one community, every parent is there`;
}

// Where a record stands, for a report.
export const named = (record) => record.place;

function checkSubjects(order, records, community, answer) {
  const { slug } = community.body;
  for (const record of order) {
    const expected = {
      charter: () => `charter:${slug}`,
      community: () => `community:${slug}`,
      keys: () => `keys:${slug}`,
      proposal: () => `proposal:${slug}/${record.body.number}`,
      sealing: () => `sealing:${parentOf(record, "proposal", records).digest}`,
      unsealing: () => `unsealing:${parentOf(record, "proposal", records).digest}`,
      census: () => `census:${parentOf(record, "proposal", records).digest}`,
    }[record.kind]?.();
    if (expected !== undefined && record.subject !== expected) {
      answer.problem("subject_wrong", named(record), `its subject is ${record.subject}, expected ${expected}`);
    }
  }
}

function checkProposals(order, records, answer) {
  const numbers = new Set();
  const results = new Map(); // kind and digest of the proposal → how many
  for (const record of order.filter(({ kind }) => RESULTS.includes(kind))) {
    const key = `${record.kind} ${parentOf(record, "proposal", records).digest}`;
    results.set(key, (results.get(key) ?? 0) + 1);
  }
  for (const proposal of order.filter((record) => record.kind === "proposal")) {
    const { number } = proposal.body;
    if (numbers.has(number)) answer.problem("number_twice", named(proposal), `the number ${number} stands twice`);
    numbers.add(number);
    for (const kind of RESULTS) {
      const found = results.get(`${kind} ${proposal.digest}`) ?? 0;
      if (found !== 1) answer.problem("parents_wrong", named(proposal), `${found} of ${kind} found, exactly 1 expected`);
    }
  }
}

// The proposal that an execution carried out.
export const proposalOf = (execution, records) => parentOf(parentOf(execution, "decision", records), "proposal", records);

function checkApproved(order, records, community, answer) {
  const founding = order.filter((record) => record.kind === "charter" && !record.parents.length);
  if (founding.length !== 1) answer.problem("charter_wrong", RECORDS, `${founding.length} charters without a vote found, exactly 1 expected`);
  if (!community.parents.includes(founding[0]?.digest)) answer.problem("charter_not_approved", named(community), "it does not rest on the founding charter");
  for (const charter of order.filter((record) => record.kind === "charter" && record.parents.length)) {
    approvedAs(charter, "governance_rules", { charter: charter.body }, "charter_not_approved", records, answer);
  }
}

// A record that exists because a proposal of one kind, whose payload is all of it, was executed.
export function approvedAs(record, kind, payload, code, records, answer) {
  const execution = parentOf(record, "execution", records);
  const proposal = proposalOf(execution, records);
  if (execution.body.kind !== kind || proposal.body.kind !== kind) {
    answer.problem("kind_changed", named(record), `it was executed as ${execution.body.kind} of a proposal of kind ${proposal.body.kind}, expected ${kind}`);
  } else if (!same(proposal.body.payload, payload)) answer.problem(code, named(record), "it is not what its proposal says");
}

function checkSameProposal({ order, records, release }, answer) {
  for (const tally of order.filter((record) => record.kind === "tally")) {
    const census = parentOf(tally, "census", records);
    if (parentOf(census, "proposal", records) !== parentOf(tally, "proposal", records)) {
      answer.problem("tally_spliced", named(tally), "its census is that of another proposal");
    }
  }
  for (const decision of order.filter((record) => record.kind === "decision")) {
    const tally = parentOf(decision, "tally", records);
    if (parentOf(tally, "proposal", records) !== parentOf(decision, "proposal", records)) {
      answer.problem("decision_spliced", named(decision), "its tally is that of another proposal");
    }
  }
  if (!release) return;
  const evaluation = parentOf(release, "evaluation", records);
  if (parentOf(evaluation, "run", records) !== parentOf(release, "run", records)) {
    answer.problem("run_spliced", named(release), "its evaluation measured another run");
  }
}

