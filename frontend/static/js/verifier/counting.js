// Counting a vote: what a ballot says by its method, the totals, the conditions and the outcome (docs/verification.md).
//
// All powers are BigInt. Only methods that decide for or against are known here; a release rests on no other.

import { sealingProblem } from "./charter.js";
import { received } from "./delegation.js";

const AMOUNT = /^(?:0|[1-9][0-9]{0,77})$/;
const WHOLE_BPS = 10_000n;
const CODES = ["0", "1", "2"];
const GOVERNOR = [["against", "for", "abstain"]];

// method → its version and tie rule, the lists of choices that it knows, and how much of `weight` goes to each choice (null:
// the ballot says nothing that can be counted).
const METHODS = {
  governor: { choices: GOVERNOR, split: (choice, weight) => place(choice, weight, 3) },
  fractional: { choices: GOVERNOR, split: (choice, weight) => (typeof choice === "number" ? place(choice, weight, 3) : parts(choice, weight)) },
  basic: {
    choices: [
      ["for", "against"],
      ["for", "against", "abstain"],
    ],
    split: (choice, weight, count) => (typeof choice === "number" ? place(choice - 1, weight, count) : null),
  },
};

const place = (choice, weight, count) =>
  Number.isSafeInteger(choice) && choice >= 0 && choice < count
    ? Array.from({ length: count }, (_, at) => (at === choice ? weight : 0n))
    : null;

function parts(choice, weight) {
  if (Array.isArray(choice) || Object.keys(choice).some((code) => !CODES.includes(code))) return null;
  const amounts = CODES.map((code) => (Object.hasOwn(choice, code) ? amountOf(choice[code]) : 0n));
  if (amounts.includes(null)) return null;
  const sum = amounts.reduce((left, right) => left + right);
  if (sum === 0n) return null;
  if (sum <= weight) return amounts;
  const scaled = amounts.map((amount) => (amount * weight) / sum);
  if (scaled.every((amount) => amount === 0n)) {
    const largest = amounts.reduce((best, amount, at) => (amount > amounts[best] ? at : best), 0);
    scaled[largest] = 1n;
  }
  return scaled;
}

function amountOf(value) {
  if (Number.isSafeInteger(value)) return value >= 0 ? BigInt(value) : null;
  return typeof value === "string" && AMOUNT.test(value) ? BigInt(value) : null;
}

// What is wrong with the method of a proposal; null for nothing.
export function methodProblem({ method, method_version: version, tie_rule: tieRule, choices, seats }) {
  if (!Object.hasOwn(METHODS, method)) return `the method ${JSON.stringify(method)} does not decide for or against`;
  const isKnown = METHODS[method].choices.some((known) => known.length === choices.length && known.every((name, at) => name === choices[at]));
  if (version !== "1" || tieRule !== "tie_fails" || !isKnown || seats !== 1) return `${method} is known in version 1, with tie_fails, its own choices and one seat`;
  return null;
}

// Why a vote cannot be counted, [code, detail]; null if it can.
export function uncountable(terms) {
  const sealing = terms.sealing ? sealingProblem(terms.sealing) : null;
  if (sealing !== null) return ["rules_malformed", sealing];
  const method = methodProblem(terms);
  return method === null ? null : ["method_unknown", method];
}

// Whether the method can read this choice.
export const accepts = ({ method, choices }, choice) => METHODS[method].split(choice, 1n, choices.length) !== null;

// Count ballots [{voter, choice, power, housePower}] with the delegations that hold; `powerOf` gives everybody's own power,
// `secrets` how many keyholders opened the ballots where they were sealed.
export function count(terms, ballots, held, powerOf, secrets) {
  const voters = new Set(ballots.map(({ voter }) => voter));
  const reached = received(held, powerOf, voters);
  const weights = ballots.map(({ voter, power }) => power + (reached.get(voter) ?? 0n));
  const whole = totalsOf(terms, ballots, weights);
  const house = terms.rules.objection_bps > 0 ? totalsOf(terms, ballots, ballots.map(({ housePower }) => housePower)).totals : null;
  const { for: yes, against } = whole.totals;
  return {
    ...whole,
    house,
    secrets,
    winners: yes === against ? [] : [yes > against ? "for" : "against"],
    quorumPower: terms.method === "basic" ? whole.cast : yes + whole.totals.abstain,
  };
}

function totalsOf({ method, choices }, ballots, weights) {
  const totals = Object.fromEntries(choices.map((name) => [name, 0n]));
  let [cast, invalid] = [0n, 0];
  for (const [at, { choice }] of ballots.entries()) {
    const weight = weights[at];
    if (weight === 0n) continue;
    const split = METHODS[method].split(choice, weight, choices.length);
    if (split === null) {
      invalid += 1;
      continue;
    }
    cast += weight;
    for (const [position, amount] of split.entries()) totals[choices[position]] += amount;
  }
  return { totals, cast, invalid };
}

const share = (base, bps) => {
  const part = (base * BigInt(bps)) / WHOLE_BPS;
  return part > 1n ? part : 1n;
};

// The base of shares: the whole supply, or the power of everybody in the census.
const baseOf = ({ rules, snapshot }, sums) => BigInt(rules.quorum_basis === "delegated" ? sums.total : snapshot.total_supply);

// The conditions [{condition, holds, found, needed}] of a proposal, in order.
export function conditions(terms, sums, { totals, quorumPower, house, secrets }) {
  const { rules, sealing } = terms;
  const base = baseOf(terms, sums);
  const { for: yes, against } = totals;
  const made = [];
  const add = (condition, holds, found, needed) => made.push({ condition, holds, found: String(found), needed: String(needed) });
  if (rules.rejection_bps > 0) {
    const most = (base * BigInt(rules.rejection_bps)) / WHOLE_BPS;
    add("rejection", against <= most, against, most);
  } else {
    const votes = BigInt(rules.quorum_votes);
    const part = share(base, rules.quorum_bps);
    const quorum = votes > part ? votes : part;
    add("quorum", quorumPower >= quorum, quorumPower, quorum);
    const majority = ((yes + against) * BigInt(rules.threshold_bps)) / WHOLE_BPS + 1n;
    add("majority", yes >= majority, yes, majority);
    if (rules.support_bps > 0) {
      const support = share(base, rules.support_bps);
      add("support", yes >= support, yes, support);
    }
  }
  if (rules.objection_bps > 0) {
    const objection = share(sums.houseTotal, rules.objection_bps);
    add("objection", house.against < objection, house.against, objection);
  }
  if (sealing) {
    // What decides stands first: where ballots stayed closed, nothing else was found out.
    add("opened", secrets >= sealing.threshold, secrets, sealing.threshold);
    if (secrets < sealing.threshold) made.unshift(made.pop());
  }
  return made;
}

export function reachesSuperQuorum(terms, sums, result) {
  const { super_quorum_bps: bps } = terms.rules;
  return bps > 0 && !terms.sealing && conditions(terms, sums, result).every(({ holds }) => holds) && result.totals.for >= share(baseOf(terms, sums), bps);
}
