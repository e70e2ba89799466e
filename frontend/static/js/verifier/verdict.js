// Check 9: judging again by the rules of the spec, in exact fractions, gives the recorded verdict, and it accepts.

import { same } from "./canonical.js";
import { named, parentOf, parentsOf } from "./records.js";
import { isObject } from "./shapes.js";

const SCOPE_ALL = "all";

export function checkVerdict({ release, records }, answer) {
  const evaluation = parentOf(release, "evaluation", records);
  const spec = parentOf(parentOf(release, "run", records), "spec", records);
  const say = (code, detail) => answer.problem(code, named(evaluation), detail);
  const digests = (record) => parentsOf(record, "rule", records).map(({ digest }) => digest);
  if (!same(digests(evaluation), digests(spec))) say("rules_differ", "it was judged by other rules than those of the spec");
  if (evaluation.body.suite !== spec.body.evaluation.suite) say("suite_changed", "it was measured on another suite than that of the spec");
  const rules = parentsOf(spec, "rule", records).map(({ body }) => body);
  const unclear = rules.map(ruleProblem).find((found) => found !== null);
  if (unclear) return say("rule_unclear", unclear);
  const applying = rules.filter(({ scope }) => scope === SCOPE_ALL || scope === spec.body.output).sort(byOrder);
  if (!applying.length) return say("empty_policy", `no rule applies to ${spec.body.output}`);
  const reasons = applying.map((rule) => judge(rule, evaluation.body));
  const accepted = reasons.every(({ holds }) => holds);
  if (!same(evaluation.body.verdict, { accepted, reasons })) say("verdict_wrong", "judging again gives another verdict");
  if (!accepted) say("verdict_rejects", `${reasons.filter(({ holds }) => !holds).length} rules do not hold`);
  answer.evidence = `${reasons.length} rules judged again, all hold`;
}

// How `comparator` compares: what must hold, in cross-multiplied fractions, and how the demand is written down.
const COMPARATORS = {
  at_most: { holds: (found, bound) => compare(found, bound) <= 0, words: (bound) => `at most ${bound}` },
  at_least: { holds: (found, bound) => compare(found, bound) >= 0, words: (bound) => `at least ${bound}` },
  not_below_parent: {
    needsParent: true,
    holds: (found, bound, parent) => compare(found, minus(parent, bound)) >= 0,
    words: (bound, parent) => `at least ${parent} (parent) less ${bound}`,
  },
};

function ruleProblem(rule) {
  if (!Object.hasOwn(COMPARATORS, rule.comparator)) return `the comparator ${JSON.stringify(rule.comparator)} is not known`;
  if (!rule.slug || !rule.title || !rule.metric || !rule.scope) return "a rule has a slug, a title, a metric and a scope";
  if (rule.bound.denominator <= 0) return "the bound has a denominator that is not above zero";
  if (COMPARATORS[rule.comparator].needsParent && rule.bound.numerator < 0) return "a margin cannot be below zero";
  return null;
}

function byOrder(left, right) {
  const texts = ["slug", "metric", "comparator"].map((key) => compareText(left[key], right[key]));
  const order = [...texts, compare(fraction(left.bound), fraction(right.bound)), compareText(left.scope, right.scope)];
  return order.find((step) => step !== 0) ?? 0;
}

function judge(rule, report) {
  const { needsParent, holds, words } = COMPARATORS[rule.comparator];
  const bound = fraction(rule.bound);
  const candidate = measured(report.candidate, rule.metric, report.samples);
  const parent = needsParent ? measured(report.parent, rule.metric, report.samples) : [0n, 1n];
  const reason = (verdict, found, needed) => ({ rule: rule.slug, metric: rule.metric, holds: verdict, found, needed });
  if (typeof parent === "string") {
    const found = typeof candidate === "string" ? candidate : `${spell(candidate)}, but the parent has ${parent}`;
    return reason(false, found, words(spell(bound), "the value"));
  }
  const needed = words(spell(bound), spell(parent));
  if (typeof candidate === "string") return reason(false, candidate, needed);
  return reason(holds(candidate, bound, parent), spell(candidate), needed);
}

// The value of a metric as a fraction, or in words why there is none that could be judged.
function measured(values, metric, reportSamples) {
  const value = Object.hasOwn(values, metric) ? values[metric] : null;
  if (!isObject(value)) return "no measurement";
  if (!Number.isSafeInteger(value.samples) || value.samples <= 0 || reportSamples <= 0) return "no samples";
  const { numerator, denominator } = value;
  if (!Number.isSafeInteger(numerator) || !Number.isSafeInteger(denominator)) return "a numerator or denominator that is not an integer";
  return denominator > 0 ? fraction(value) : "a denominator that is not above zero";
}

// Fractions are [numerator, denominator > 0] in lowest terms.
function fraction({ numerator, denominator }) {
  return lowest(BigInt(numerator), BigInt(denominator));
}

function lowest(numerator, denominator) {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator];
  while (b) [a, b] = [b, a % b];
  return [numerator / a, denominator / a];
}

const minus = ([a, b], [c, d]) => lowest(a * d - c * b, b * d);
const spell = ([numerator, denominator]) => (denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`);

function compare([a, b], [c, d]) {
  const difference = a * d - c * b;
  return difference < 0n ? -1 : Number(difference > 0n);
}

// By code points, where JavaScript compares UTF-16 code units.
function compareText(left, right) {
  const [mine, yours] = [[...left], [...right]];
  for (let at = 0; at < Math.min(mine.length, yours.length); at += 1) {
    const step = mine[at].codePointAt(0) - yours[at].codePointAt(0);
    if (step) return step;
  }
  return mine.length - yours.length;
}
