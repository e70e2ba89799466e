// Check 7: what was trained is what was approved: the spec, its datasets and its rules; and an override what was voted.

import { same } from "./canonical.js";
import { INCLUDED_AS, REMOVED_AS, TAKING_BACK, checkDatasets, datasetProposedAs } from "./datasets.js";
import { checkCommitments } from "./hidden-suites.js";
import { approvedAs, named, parentOf, parentsOf, proposalOf } from "./records.js";

// The kind of proposal that each of these comes from.
const PROPOSED_AS = { spec: "model_update", dataset: INCLUDED_AS, removal: REMOVED_AS, taking_back: TAKING_BACK, rule: "ethics_rule", override: "verdict_override" };
const CHANGED_AS = "rule_change"; // a rule that rests on the one whose place it takes

export function checkEffects({ order, records, release }, answer) {
  for (const execution of order.filter((record) => record.kind === "execution")) {
    const { kind } = proposalOf(execution, records).body;
    if (execution.body.kind !== kind) answer.problem("kind_changed", named(execution), `it carried out ${execution.body.kind}, the proposal is of kind ${kind}`);
  }
  for (const record of order.filter(({ kind }) => Object.hasOwn(PROPOSED_AS, kind))) {
    if (!parentsOf(record, "execution", records).length) continue; // a removal by the rule on taking back
    const { kind } = proposalOf(parentOf(record, "execution", records), records).body;
    const isChange = record.kind === "rule" && parentsOf(record, "rule", records).length > 0;
    const expected = isChange ? CHANGED_AS : record.kind === "dataset" ? datasetProposedAs(record, records) : PROPOSED_AS[record.kind];
    if (kind !== expected) answer.problem("kind_changed", named(record), `a ${record.kind} comes from a ${expected}, the voters were asked for a ${kind}`);
  }
  const spec = parentOf(parentOf(release, "run", records), "spec", records);
  const payloadOf = (record) => proposalOf(parentOf(record, "execution", records), records).body.payload;
  const approved = payloadOf(spec);
  if (!Object.hasOwn(approved, "spec") || !same(approved.spec, spec.body)) answer.problem("spec_not_approved", named(spec), "it is not the spec that was voted on");
  for (const rule of order.filter((record) => record.kind === "rule")) {
    const [earlier] = parentsOf(rule, "rule", records);
    const approvedRule = earlier ? { rule: rule.body, replaces: earlier.digest } : rule.body;
    if (!same(payloadOf(rule), approvedRule) || (earlier && earlier.body.slug !== rule.body.slug)) {
      answer.problem("rule_not_approved", named(rule), "it is not the rule that was voted on");
    }
  }
  checkCommitments({ order, records }, answer);
  for (const override of order.filter((record) => record.kind === "override")) {
    if (!same(payloadOf(override), override.body)) answer.problem("override_not_approved", named(override), "it is not what was voted on");
  }
  const slugs = parentsOf(spec, "rule", records).map(({ body }) => body.slug);
  if (new Set(slugs).size !== slugs.length) answer.problem("rule_twice", named(spec), "it rests on two rules of one name");
  for (const keys of order.filter((record) => record.kind === "keys")) {
    approvedAs(keys, "release_keys", { keys: keys.body }, "keys_not_approved", records, answer);
  }
  checkDatasets({ order, records }, spec, answer);
  const [, name] = release.body.model.split("/");
  if (name !== spec.body.output) answer.problem("model_changed", named(release), `the model is ${name}, the spec makes ${spec.body.output}`);
  const datasets = order.filter(({ kind }) => kind === "dataset").length;
  const rules = parentsOf(spec, "rule", records).length;
  answer.evidence = `the spec is the approved one; its datasets (${datasets}) and rules (${rules}) passed their own votes`;
}
