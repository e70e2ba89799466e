// Check 9: judging again by the rules of the spec, in exact fractions, gives the recorded verdict, and it accepts, or
// the community voted to release the model all the same (overrides.js).

import { same } from "./canonical.js";
import { checkReviews, dutyProblem, judgeDuty } from "./duties.js";
import { checkOpenings, isHidden } from "./hidden-suites.js";
import { checkOverride } from "./overrides.js";
import { named, parentOf, parentsOf } from "./records.js";
import { isObject } from "./shapes.js";

const SCOPE_ALL = "all";
const CLOSED = "the hidden suite was not opened for this model";

export function checkVerdict(bundle, answer) {
  const { release, records } = bundle;
  const evaluation = parentOf(release, "evaluation", records);
  const spec = parentOf(parentOf(release, "run", records), "spec", records);
  const say = (code, detail) => answer.problem(code, named(evaluation), detail);
  const digests = (record) => parentsOf(record, "rule", records).map(({ digest }) => digest);
  if (!same(digests(evaluation), digests(spec))) say("rules_differ", "it was judged by other rules than those of the spec");
  if (evaluation.body.suite !== spec.body.evaluation.suite) say("suite_changed", "it was measured on another suite than that of the spec");
  const written = parentsOf(spec, "rule", records).map(({ body }) => body);
  const opened = checkOpenings(bundle, evaluation, written, answer);
  const asked = new Set(written.map(({ suite }) => opened.get(suite) ?? suite));
  if (Object.keys(evaluation.body.further).some((suite) => !asked.has(suite))) say("suite_changed", "it was measured on a suite that no rule names");
  const unclear = written.map(ruleProblem).find((found) => found !== null);
  if (unclear) return say("rule_unclear", unclear);
  const at = parentOf(spec, "execution", records).body.executed_at;
  const rules = written.map(asJudged);
  const applying = rules.filter(({ scope }) => scope === SCOPE_ALL || scope === spec.body.output).sort(byOrder);
  const reasons = applying.map((rule) => judge(rule, evaluation.body, opened, at));
  if (!reasons.some(({ binds }) => binds)) return say("empty_policy", `no rule binds ${spec.body.output}`);
  const broken = reasons.filter(({ binds, holds }) => binds && !holds);
  const accepted = !broken.length;
  if (!same(evaluation.body.verdict, { accepted, reasons })) say("verdict_wrong", "judging again gives another verdict");
  answer.evidence = `${reasons.length} rules judged again: accepted`;
  checkReviews(bundle, evaluation, answer);
  checkOverride(bundle, evaluation, [...new Set(broken.map(({ rule }) => rule))].sort(compareText), answer);
}

// How `comparator` compares, and how the demand is written down: of the value, and of an end of its interval.
const COMPARATORS = {
  at_most: { isCeiling: true, words: ({ bound }) => `at most ${bound}`, endWords: ({ bound, end }) => `at most ${bound} at the ${end} end` },
  at_least: { words: ({ bound }) => `at least ${bound}`, endWords: ({ bound, end }) => `at least ${bound} at the ${end} end` },
  not_below_parent: {
    needsParent: true,
    words: ({ bound, parent }) => `at least ${parent} (parent) less ${bound}`,
    endWords: ({ bound, end }) => `below the parent by at most ${bound} at the ${end} end`,
  },
  not_above_parent: {
    isCeiling: true,
    needsParent: true,
    words: ({ bound, parent }) => `at most ${parent} (parent) plus ${bound}`,
    endWords: ({ bound, end }) => `above the parent by at most ${bound} at the ${end} end`,
  },
};

function ruleProblem(rule) {
  if (!rule.slug || !rule.title || !rule.scope) return "a rule has a slug, a title and a scope";
  if (rule.duty !== null) return dutyProblem(rule);
  if (rule.judged === null || rule.bound === null) return "a rule that measures has a bound, and says what is judged";
  if (!Object.hasOwn(COMPARATORS, rule.comparator ?? "")) return `the comparator ${JSON.stringify(rule.comparator)} is not known`;
  if (!rule.metric) return "a rule that measures has a metric";
  if (rule.bound.denominator <= 0) return "the bound has a denominator that is not above zero";
  if (COMPARATORS[rule.comparator].needsParent && rule.bound.numerator < 0) return "a margin cannot be below zero";
  return null;
}

// A duty as it stands in a verdict: its metric is its task, and it compares with nothing.
function asJudged(rule) {
  if (rule.duty === null) return rule;
  return { ...rule, metric: rule.duty.task, comparator: "", bound: { numerator: 0, denominator: 1 }, judged: "value" };
}

function byOrder(left, right) {
  const text = (key) => compareText(left[key] ?? "", right[key] ?? "");
  const order = [
    ...["slug", "metric", "comparator"].map(text),
    compare(fraction(left.bound), fraction(right.bound)),
    ...["scope", "suite", "judged", "severity"].map(text),
    (left.sunset ?? -1) - (right.sunset ?? -1),
  ];
  return order.find((step) => step !== 0) ?? 0;
}

function judge(rule, report, opened, at) {
  const isOver = rule.sunset !== null && rule.sunset <= at;
  const [holds, found, wanted] = rule.duty !== null ? judgeDuty(rule, report) : judgeGate(rule, report, opened);
  const needed = isOver ? `${wanted}, not binding since ${rule.sunset}` : wanted;
  const { slug, metric, severity } = rule;
  return { rule: slug, metric, severity, binds: severity === "block" && !isOver, holds, found, needed };
}

function judgeGate(rule, report, opened) {
  const isClosed = isHidden(rule.suite) && !opened.has(rule.suite);
  const measures = isClosed ? null : onSuite(report, opened.get(rule.suite) ?? rule.suite);
  if (!measures) return [false, isClosed ? CLOSED : "the suite was not measured", demand(rule, "the value")];
  return endOf(rule) ? judgeEnd(rule, measures) : judgeValue(rule, measures);
}

// What was measured on a suite (null: that of the run); null for one that was not.
function onSuite(report, suite) {
  if (suite === null || suite === report.suite) return report;
  return Object.hasOwn(report.further, suite) ? report.further[suite] : null;
}

// The end of the interval that is judged: the worse one for the model, or the better one; nothing for the value itself.
function endOf({ comparator, judged }) {
  if (judged === "value") return "";
  return Boolean(COMPARATORS[comparator].isCeiling) === (judged === "cautious") ? "high" : "low";
}

function judgeValue(rule, { candidate: values, parent: before, samples }) {
  const { isCeiling, needsParent } = COMPARATORS[rule.comparator];
  const bound = fraction(rule.bound);
  const candidate = measured(values, rule.metric, samples);
  const parent = needsParent ? measured(before, rule.metric, samples) : [0n, 1n];
  const shown = typeof candidate === "string" ? candidate : spellMeasured(candidate, values[rule.metric]);
  if (typeof parent === "string") {
    return [false, typeof candidate === "string" ? shown : `${shown}, but the parent has ${parent}`, demand(rule, "the value")];
  }
  const needed = demand(rule, spell(parent));
  if (typeof candidate === "string") return [false, shown, needed];
  if (isCeiling) return [compare(candidate, plus(parent, bound)) <= 0, shown, needed];
  return [compare(candidate, needsParent ? plus(parent, negative(bound)) : bound) >= 0, shown, needed];
}

function judgeEnd(rule, { candidate, difference, samples }) {
  const { isCeiling, needsParent } = COMPARATORS[rule.comparator];
  const values = needsParent ? difference : candidate;
  const [value, needed] = [measured(values, rule.metric, samples), demand(rule, "")];
  if (typeof value === "string") return [false, value, needed];
  const ends = interval(values[rule.metric]);
  if (typeof ends === "string") return [false, `${spell(value)}, but ${ends}`, needed];
  const judged = ends[endOf(rule) === "low" ? 0 : 1];
  const bound = fraction(rule.bound);
  const limit = needsParent && !isCeiling ? negative(bound) : bound;
  const step = compare(judged, limit);
  const found = spellMeasured(value, values[rule.metric]) + (needsParent ? " against the parent" : "");
  return [isCeiling ? step <= 0 : step >= 0, found, needed];
}

function demand(rule, parent) {
  const { words, endWords } = COMPARATORS[rule.comparator];
  const end = endOf(rule);
  return (end ? endWords : words)({ bound: spell(fraction(rule.bound)), parent, end });
}

function spellMeasured(value, written) {
  const ends = interval(written);
  return typeof ends === "string" ? spell(value) : `${spell(value)} (${spell(ends[0])} to ${spell(ends[1])})`;
}

// The value of a metric as a fraction, or in words why there is none that could be judged.
function measured(values, metric, reportSamples) {
  const value = Object.hasOwn(values, metric) ? values[metric] : null;
  if (!isObject(value)) return "no measurement";
  if (!Number.isSafeInteger(value.samples) || value.samples <= 0 || reportSamples <= 0) return "no samples";
  return ratio(value);
}

// Both ends of the interval of a measured value, or in words why there are none.
function interval(value) {
  const [low, high] = [ratio(value.low), ratio(value.high)];
  if (typeof low === "string" || typeof high === "string") return "no interval";
  return compare(low, high) <= 0 ? [low, high] : "an interval that ends before it begins";
}

function ratio(value) {
  if (!isObject(value)) return "no numerator and denominator";
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

const plus = ([a, b], [c, d]) => lowest(a * d + c * b, b * d);
const negative = ([numerator, denominator]) => [-numerator, denominator];
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
