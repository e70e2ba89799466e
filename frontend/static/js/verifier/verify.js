// Verification of a release: ten checks from the weights back to the ballots, in a browser or in Node, offline.
//
// A second verifier, written from docs/verification.md: no code and no library in common with the first one. Every check
// computes again what it reports; what rests on a check that failed is reported as not checked. A release is bytes from a
// stranger: whatever they are, the answer is a report.

import { Unreadable, index, load } from "./bundle.js";
import { checkDecisions, checkTallies } from "./decisions.js";
import { checkEffects } from "./effects.js";
import { checkFiles } from "./files.js";
import { onChain } from "./on-chain.js";
import { checkParents, checkRecords } from "./records.js";
import { Answer, finding, notChecked } from "./report.js";
import { checkStatement, fingerprint } from "./statement.js";
import { checkTimes, heldFrom } from "./times.js";
import { checkVerdict } from "./verdict.js";
import { checkVotes } from "./votes.js";

export { Unreadable };

const OFFLINE_CHECKS = 10;
const NOT_OFFLINE = ["offline: the chain was not asked for power at the snapshot blocks", "the training was not repeated"];
const TOOL = { name: "commonweights-verify-js", version: "0.1.0" };
const HEX64 = /^[0-9a-f]{64}$/;

// Nobody's key was given to compare with. `fingerprint` is the one that was found, null if there is none.
export class NoTrustRoot extends Error {
  constructor(found) {
    super(found ? `no key was given to compare with; this release is signed by ${found}` : "no key was given to compare with");
    this.code = "no_trust_root";
    this.fingerprint = found;
  }
}

// number → [checks that must have passed, the check]
const CHECKS = [
  [[], (bundle, answer) => checkRecords(bundle, answer)],
  [[], (bundle, answer) => checkParents(bundle, answer)],
  [[1, 2], async (bundle, answer, { progress }) => (bundle.votes = await checkVotes(bundle, answer, progress))],
  [[1, 2], (bundle, answer) => checkTallies(bundle, answer)],
  [[1, 2], (bundle, answer) => checkDecisions(bundle, answer)],
  [[1, 2], (bundle, answer) => checkTimes(bundle, answer)],
  [[1, 2], (bundle, answer) => checkEffects(bundle, answer)],
  [[], (bundle, answer, { progress }) => checkFiles(bundle, answer, progress)],
  [[1, 2], (bundle, answer) => checkVerdict(bundle, answer)],
  [[1, 2, 3], (bundle, answer, { trust }) => checkStatement(bundle, trust, answer)],
];

// The report on a release.
//
// source: `list(most)` gives [{path, kind: "file", "folder", "link" or "other", size or null}], `open(path)` the bytes of a file
//   as an async iterable of Uint8Array.
// trust: {key, community, isConsistencyOnly}, 64 hex digits each or nothing; at least one must be given, or else that only the
//   consistency is asked for. Throws NoTrustRoot otherwise, and Unreadable when there is no folder to read.
// told: `finding(data)` is called with each finding as it is made, `progress(bytes)` with the bytes read since, `chain(facts)`
//   with what only a chain can tell, once the records hold together.
export async function check(source, trust, { finding: tell = () => {}, progress = () => {}, chain = () => {} } = {}) {
  const roots = readTrust(trust);
  const bundle = await load(source);
  const { community, release } = bundle;
  const key = community ? fingerprint(community.body.release_key.public_key) : null;
  const isGiven = roots.key !== null || roots.community !== null;
  if (!isGiven && !roots.isConsistencyOnly) throw new NoTrustRoot(key);
  const findings = [];
  const add = (made) => {
    findings.push(made);
    tell(made);
  };
  for (const [at, [needs, make]] of CHECKS.entries()) {
    const failed = needs.filter((number) => findings[number - 1].status !== "passed");
    if (failed.length) {
      add(notChecked(at + 1, `rests on check ${failed.join(" and ")}, which did not pass`));
      continue;
    }
    if (at === 2) {
      index(bundle, heldFrom);
      if (release) chain(onChain(bundle));
    }
    const answer = new Answer();
    await make(bundle, answer, { trust: roots, progress });
    add(finding(at + 1, answer));
  }
  for (const [at, why] of NOT_OFFLINE.entries()) add(notChecked(OFFLINE_CHECKS + at + 1, why));
  const isConsistent = findings.slice(0, OFFLINE_CHECKS).every(({ status }) => status === "passed");
  return {
    verified: isConsistent && isGiven,
    consistent: isConsistent,
    release: release?.digest ?? null,
    model: release?.body.model ?? null,
    version: release?.body.version ?? null,
    overridden: bundle.overridden ?? null,
    release_key_fingerprint: key,
    trust: { release_key: roots.key, community: roots.community, consistency_only: roots.isConsistencyOnly },
    tool: TOOL,
    findings,
  };
}

function readTrust({ key, community, isConsistencyOnly = false } = {}) {
  const read = (text) => {
    const digits = (text ?? "").trim().toLowerCase();
    if (digits && !HEX64.test(digits)) throw new Unreadable(`64 hex characters are expected, found ${JSON.stringify(text)}`);
    return digits || null;
  };
  const roots = { key: read(key), community: read(community), isConsistencyOnly };
  if (isConsistencyOnly && (roots.key || roots.community)) throw new Unreadable("only the consistency, or a key or community to compare, but not both");
  return roots;
}
