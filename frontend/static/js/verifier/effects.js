// Check 7: what was trained is what was approved: the spec, its datasets and its rules.

import { same } from "./canonical.js";
import { approvedAs, named, parentOf, parentsOf, proposalOf } from "./records.js";

// The kind of proposal that each of these comes from.
const PROPOSED_AS = { spec: "model_update", dataset: "dataset_inclusion", rule: "ethics_rule" };

export function checkEffects({ order, records, release }, answer) {
  for (const execution of order.filter((record) => record.kind === "execution")) {
    const { kind } = proposalOf(execution, records).body;
    if (execution.body.kind !== kind) answer.problem("kind_changed", named(execution), `it carried out ${execution.body.kind}, the proposal is of kind ${kind}`);
  }
  for (const record of order.filter(({ kind }) => Object.hasOwn(PROPOSED_AS, kind))) {
    const { kind } = proposalOf(parentOf(record, "execution", records), records).body;
    const expected = PROPOSED_AS[record.kind];
    if (kind !== expected) answer.problem("kind_changed", named(record), `a ${record.kind} comes from a ${expected}, the voters were asked for a ${kind}`);
  }
  const spec = parentOf(parentOf(release, "run", records), "spec", records);
  const payloadOf = (record) => proposalOf(parentOf(record, "execution", records), records).body.payload;
  const approved = payloadOf(spec);
  if (!Object.hasOwn(approved, "spec") || !same(approved.spec, spec.body)) answer.problem("spec_not_approved", named(spec), "it is not the spec that was voted on");
  for (const rule of order.filter((record) => record.kind === "rule")) {
    if (!agree(rule.body, payloadOf(rule), Object.keys(rule.body))) answer.problem("rule_not_approved", named(rule), "it is not the rule that was voted on");
  }
  for (const dataset of order.filter((record) => record.kind === "dataset")) {
    const payload = payloadOf(dataset);
    if (!agree(dataset.body, payload, ["digest", ...Object.keys(payload)])) answer.problem("dataset_not_approved", named(dataset), "it is not the dataset that was voted on");
  }
  for (const keys of order.filter((record) => record.kind === "keys")) {
    approvedAs(keys, "release_keys", { keys: keys.body }, "keys_not_approved", records, answer);
  }
  checkDatasets(spec, records, answer);
  const [, name] = release.body.model.split("/");
  if (name !== spec.body.output) answer.problem("model_changed", named(release), `the model is ${name}, the spec makes ${spec.body.output}`);
  const rules = parentsOf(spec, "rule", records).length;
  answer.evidence = `the spec is the approved one; its datasets (${spec.body.datasets.length}) and rules (${rules}) passed their own votes`;
}

const agree = (body, payload, keys) =>
  keys.every((key) => Object.hasOwn(body, key) && Object.hasOwn(payload, key) && same(body[key], payload[key]));

function checkDatasets(spec, records, answer) {
  const say = (detail, code = "datasets_spliced") => answer.problem(code, named(spec), detail);
  const approved = new Map(parentsOf(spec, "dataset", records).map((record) => [record.body.digest, record.body.role]));
  const used = new Set(spec.body.datasets.map(({ digest }) => digest));
  for (const digest of used) {
    if (!approved.has(digest)) say(`the dataset ${digest} is not among those that it rests on`);
    else if (approved.get(digest) !== "training") say(`the dataset ${digest} is not there for training`, "dataset_role");
  }
  for (const digest of approved.keys()) {
    if (!used.has(digest) && digest !== spec.body.evaluation.suite) say(`it rests on the dataset ${digest} and does not name it`);
  }
}
