// Parts of checks 6, 7 and 9: a hidden suite was committed before the vote, and opened after the model was fixed.
//
// A rule names it as hidden:COMMITMENT. An opening rests on the record of the run, which names every byte of the model.

import { digestOf } from "./canonical.js";
import { named, parentOf, parentsOf, proposalOf } from "./records.js";

const PREFIX = "hidden:";
const DOMAIN = "commonweights hidden suite 1";
const HEX32 = /^[0-9a-f]{64}$/;

export const isHidden = (suite) => typeof suite === "string" && suite.startsWith(PREFIX) && HEX32.test(suite.slice(PREFIX.length));

// Check 7: each rule rests on the commitment that it names, and on none if it names none.
export function checkCommitments({ order, records }, answer) {
  for (const rule of order.filter(({ kind }) => kind === "rule")) {
    const found = parentsOf(rule, "commitment", records).map(({ body }) => body.commitment);
    const expected = isHidden(rule.body.suite) ? [rule.body.suite.slice(PREFIX.length)] : [];
    if (found.join() !== expected.join()) answer.problem("commitment_spliced", named(rule), "it rests on another commitment than its suite names");
  }
}

// Check 9: by the names of hidden suites, the digest of the rows that each turned out to have, for the model measured.
export function checkOpenings({ records }, evaluation, rules, answer) {
  const run = parentOf(evaluation, "run", records);
  const asked = new Set(rules.map(({ suite }) => suite));
  const opened = new Map();
  for (const opening of parentsOf(evaluation, "opening", records)) {
    const say = (code, detail) => answer.problem(code, named(opening), detail);
    const committed = parentOf(opening, "commitment", records).body;
    const name = `${PREFIX}${committed.commitment}`;
    if (opening.body.commitment !== committed.commitment || !opens(committed, opening.body)) say("opening_wrong", "its rows and its salt are not what was committed");
    else if (parentOf(opening, "run", records) !== run) say("opening_spliced", "it was opened for another model than the one that was measured");
    else if (!asked.has(name)) say("opening_foreign", "no rule of this model is measured on it");
    else if (opened.has(name)) say("opening_twice", "the suite is opened twice");
    else opened.set(name, opening.body.digest);
  }
  return opened;
}

function opens({ commitment, kind, languages, license, records }, { digest, salt }) {
  return digestOf({ commits: DOMAIN, digest, kind, languages: [...languages].sort(), license, records, salt }) === commitment;
}

// Check 6: committed before voting on the rule opened; opened after the model was fixed, and in time.
export function checkMoments({ order, records }, answer) {
  for (const rule of order.filter(({ kind }) => kind === "rule")) {
    const { opens_at: opensAt } = proposalOf(parentOf(rule, "execution", records), records).body;
    for (const commitment of parentsOf(rule, "commitment", records)) {
      if (commitment.body.committed_at > opensAt) answer.problem("committed_late", named(commitment), "it was committed after voting on the rule that names it had opened");
    }
  }
  for (const opening of order.filter(({ kind }) => kind === "opening")) {
    const fixed = parentOf(opening, "run", records).body.finished_at;
    const last = fixed + parentOf(opening, "commitment", records).body.opens_within_seconds;
    const at = opening.body.opened_at;
    if (at < fixed) answer.problem("opened_early", named(opening), "it was opened before the model was fixed");
    if (at > last) answer.problem("opened_late", named(opening), "it was opened later than it had to be");
  }
}
