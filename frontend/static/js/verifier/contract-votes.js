// The votes that a Governor took, as far as files alone can tell: a ballot names its block, its transaction and the place of
// its event instead of a signature. Nothing here shows who sent a vote: only the chain can, which check 11 asks.

import { canonicalText } from "./canonical.js";
import { rulesProblem } from "./charter.js";
import { named } from "./records.js";

export const BY_CONTRACT = "governor_votes";
// Where power is read from a chain, and contract wallets can sign.
export const ON_CHAIN = new Set(["erc20_votes", "erc721_votes"]);
const REFERENCE = /^(0x[0-9a-f]{64})[0-9a-f]{72}$/;

// The census is of the second that the proposal names, and nobody delegates here.
export function checkCensusOfContract(proposal, { body }, answer) {
  const { timepoint } = proposal.body.snapshot.source.parameters;
  if (body.computed_at !== timepoint) answer.problem("census_wrong", named(proposal), `it is of the second ${body.computed_at}, the proposal's is ${String(timepoint).slice(0, 40)}`);
  if (body.delegation_count) answer.problem("delegations_wrong", named(proposal), "its token says who votes with whose power, and no delegation of ours");
}

const isByContract = ({ body }) => body.snapshot.source.name === BY_CONTRACT;

// The terms by which a vote is counted: a Governor's supply and quorum are those of the second of its snapshot, which the
// census says where they changed since the proposal was submitted.
export function termsOf(proposal, { body: { governor } }) {
  const { body } = proposal;
  if (!governor || !isByContract(proposal)) return body;
  const { quorum_bps: bps, total_supply: supply } = governor;
  const rules = { ...body.rules, quorum_bps: bps, quorum_votes: bps ? body.rules.quorum_votes : "1" };
  return { ...body, rules, snapshot: { ...body.snapshot, total_supply: supply } };
}

// Whether a vote without power is a ballot: where a Governor's quorum is nothing, its first vote may move the end.
export const isWeightless = (proposal, terms) => isByContract(proposal) && BigInt(terms.snapshot.total_supply) * BigInt(terms.rules.quorum_bps) < 10_000n;

// Why a vote cannot be counted by such terms, [code, detail]; null if it can. Only a contract changes its numbers.
export function changeProblem(proposal, { body: { governor } }, terms) {
  if (!governor) return null;
  const detail = isByContract(proposal) ? rulesProblem(terms.rules, true) : "only a contract changes its numbers";
  return detail === null ? null : ["rules_malformed", detail];
}

// A rule of a proposal: of a contract's, the number that its Governor had changed it to when `record` was made.
export const ruleOf = (proposal, name, { body }) => (isByContract(proposal) ? (body[name] ?? proposal.body.rules[name]) : proposal.body.rules[name]);

export function checkChanged(proposal, { census, tally, decision }, answer) {
  if (isByContract(proposal)) return;
  for (const [record, name] of [[census, "governor"], [tally, "late_quorum_seconds"], [decision, "timelock_seconds"]]) {
    if (Object.hasOwn(record.body, name)) answer.problem("rules_malformed", named(record), `${name}: only a contract changes its numbers during a vote`);
  }
}

// The places that the ballots of one vote name: each once, and no block at two times.
export class Places {
  count = 0;
  #seen = new Set();
  #seconds = new Map(); // hash of a block → when it was

  // What is wrong with the place that one ballot names: [[code, detail]…].
  faults({ signature, nonce, cast_at: castAt, wallet }) {
    this.count += 1;
    const [, block] = REFERENCE.exec(signature) ?? [];
    if (!block || nonce !== 0 || wallet !== undefined) return [["reference_wrong", "it does not say where on the chain the vote stands, and nothing else"]];
    const found = [];
    if (this.#seen.has(signature)) found.push(["reference_twice", "another ballot names the same event"]);
    this.#seen.add(signature);
    const second = this.#seconds.get(block) ?? castAt;
    this.#seconds.set(block, second);
    if (second !== castAt) found.push(["reference_wrong", `cast at ${castAt}, another ballot of its block at ${second}`]);
    return found;
  }
}

// Whether a contract decided, and which: the one that the charter names.
export function checkPair(proposal, { power }, answer) {
  if (power.source !== BY_CONTRACT) return;
  const { parameters } = proposal.body.snapshot.source;
  for (const name of ["governor", "anchor", "token"]) {
    if (canonicalText(parameters[name] ?? null).toLowerCase() !== canonicalText(power.parameters[name] ?? null).toLowerCase()) {
      answer.problem("source_changed", named(proposal), `the charter names another ${name}`);
    }
  }
}
