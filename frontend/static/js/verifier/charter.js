// What makes the rules of a vote, and a charter of them, mean something (docs/verification.md).

import { isChecksummed } from "./eip712.js";

const WHOLE_BPS = 10_000;
const SECONDS_MAX = 10 * 365 * 24 * 3_600;
const PAUSE_SECONDS_MAX = 30 * 24 * 3_600;
const TIERS_MAX = 12;
const NAME_LENGTH_MAX = 120;
const KEYHOLDERS_MIN = 2;
const KEYHOLDERS_MAX = 9;
const WAIT_SECONDS_MAX = 30 * 24 * 3_600;
// The kind of proposal that replaces the charter: voted on openly, so that keyholders who are lost can be replaced.
const CHARTER_KIND = "governance_rules";
const TIER = /^[a-z][a-z0-9_]{0,39}$/;

// Why a charter of the right shape means nothing; null if it means something.
export function charterProblem({ tiers, kinds, house, council, sealing = null }) {
  const names = Object.keys(tiers);
  if (!names.length || names.length > TIERS_MAX || !names.every((name) => TIER.test(name))) return `it has 1 to ${TIERS_MAX} tiers, named in lower case`;
  if (!Object.hasOwn(kinds, "default") || !Object.values(kinds).every((tier) => Object.hasOwn(tiers, tier))) return "a kind of proposal has no tier";
  for (const name of names) {
    const wrong = rulesProblem(tiers[name], house !== null);
    if (wrong !== null) return `${name}: ${wrong}`;
  }
  const lengths = house ? Object.values(house.name).map((name) => [...name].length) : [];
  if (lengths.some((length) => length < 1 || length > NAME_LENGTH_MAX)) return `the name of the house has 1 to ${NAME_LENGTH_MAX} characters`;
  if (council.pause_seconds_max > PAUSE_SECONDS_MAX) return `a pause lasts at most ${PAUSE_SECONDS_MAX} seconds`;
  return sealing && (sealingProblem(sealing) ?? sealedTiersProblem(sealing.tiers, tiers, tierOf(kinds, CHARTER_KIND)));
}

export const tierOf = (kinds, kind) => (Object.hasOwn(kinds, kind) ? kinds[kind] : kinds.default);

// Who opens the ballots on a proposal of this kind, as the charter says; null where ballots are open.
export function sealingOf({ kinds, sealing = null }, kind) {
  if (!sealing?.tiers.includes(tierOf(kinds, kind))) return null;
  const { tiers, ...frozen } = sealing;
  return frozen;
}

// Why nobody could open ballots that are sealed so; null if they could.
export function sealingProblem({ keyholders, threshold, wait_seconds: wait, keys_wait_seconds: keysWait = 1 }) {
  if (keyholders.length < KEYHOLDERS_MIN || keyholders.length > KEYHOLDERS_MAX) return `there are ${KEYHOLDERS_MIN} to ${KEYHOLDERS_MAX} keyholders`;
  if (!keyholders.every(isChecksummed)) return "a keyholder is not spelled by EIP-55";
  if (new Set(keyholders).size !== keyholders.length) return "a keyholder stands twice";
  if (threshold < KEYHOLDERS_MIN || threshold > keyholders.length) return `the threshold is ${KEYHOLDERS_MIN} to ${keyholders.length}`;
  return [wait, keysWait].some((seconds) => seconds < 1 || seconds > WAIT_SECONDS_MAX) ? `a wait is 1 to ${WAIT_SECONDS_MAX} seconds` : null;
}

// What depends on how a vote stands cannot be had while nobody knows it.
function sealedTiersProblem(named, tiers, charterTier) {
  if (!named.length || new Set(named).size !== named.length) return "ballots are sealed in tiers that are named, each once";
  for (const name of named) {
    if (!Object.hasOwn(tiers, name)) return `there is no tier ${name} to seal ballots in`;
    if (name === charterTier) return "the charter itself is voted on openly";
    if (tiers[name].late_quorum_seconds || tiers[name].super_quorum_bps) return `${name}: no late quorum and no super-quorum where ballots are sealed`;
  }
  return null;
}

// Why these rules mean nothing; null if they mean something.
export function rulesProblem(rules, hasHouse) {
  const bps = Object.entries(rules).filter(([name]) => name.endsWith("_bps"));
  const above = bps.find(([, value]) => value > WHOLE_BPS);
  if (above) return `${above[0]} is ${above[1]}, at most ${WHOLE_BPS} is allowed`;
  const long = Object.entries(rules).find(([name, value]) => name.endsWith("_seconds") && value > SECONDS_MAX);
  if (long) return `${long[0]} is ${long[1]}, at most ${SECONDS_MAX} is allowed`;
  if (rules.quorum_basis !== "supply" && rules.quorum_basis !== "delegated") return "quorum_basis is neither supply nor delegated";
  if (!rules.quorum_bps && rules.quorum_votes === "0" && !rules.rejection_bps) return "there is no quorum";
  if (rules.threshold_bps < 5_000 || rules.threshold_bps > 9_999) return `threshold_bps is ${rules.threshold_bps}, 5,000 to 9,999 are allowed`;
  if (!rules.voting_period_seconds || !rules.execution_window_seconds) return "there is no time to vote or to execute";
  if (rules.late_quorum_seconds > rules.voting_period_seconds) return "late_quorum_seconds is longer than the vote";
  const { super_quorum_bps: superQuorum } = rules;
  if (superQuorum && superQuorum < rules.quorum_bps) return "super_quorum_bps is below quorum_bps";
  if (superQuorum && (rules.rejection_bps || rules.objection_bps)) return "a super-quorum stands beside a rejection or an objection";
  if (rules.objection_bps && !hasHouse) return "objection_bps needs a second house";
  return null;
}
