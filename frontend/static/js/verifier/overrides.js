// Part of check 9: a model that breaks rules is released only if a vote of the gravest tier named the run and every rule.

import { same } from "./canonical.js";
import { named, parentOf, parentsOf, proposalOf } from "./records.js";

const [KIND, TRAINING] = ["verdict_override", "model_update"];
const DEMANDS = ["threshold_bps", "quorum_bps", "quorum_votes", "support_bps", "timelock_seconds"];

// broken: the rules for which the model is rejected, sorted; none: it is accepted, and there is nothing to override.
export function checkOverride(bundle, evaluation, broken, answer) {
  const { release, records } = bundle;
  const [override] = parentsOf(release, "override", records);
  if (!override) {
    if (broken.length) answer.problem("verdict_rejects", named(evaluation), `the model breaks ${broken.join(", ")}`);
    return;
  }
  const say = (code, detail) => answer.problem(code, named(override), detail);
  const { body } = override;
  if (!broken.length) say("override_without_cause", "the verdict accepts; there is nothing to override");
  const run = parentOf(evaluation, "run", records).body.run;
  if (parentOf(override, "evaluation", records) !== evaluation || body.evaluation !== evaluation.digest || body.run !== run) {
    say("override_of_another_run", "the vote was about another run");
  }
  if (broken.length && !same(body.rules, broken)) say("override_incomplete", `the vote named ${body.rules.join(", ") || "no rule"}, the model breaks ${broken.join(", ")}`);
  const proposal = proposalOf(parentOf(override, "execution", records), records);
  const charter = parentOf(proposal, "charter", records).body;
  if (!isGravest(charter)) say("override_tier_low", "the charter has no gravest tier of its own for overriding a verdict");
  bundle.overridden = { rules: body.rules, vote: proposal.body.number, reason: body.reason };
  answer.outcome = "overridden";
  answer.evidence = `OVERRIDDEN: the model breaks ${broken.join(", ")}; vote ${proposal.body.number} released it all the same`;
}

// The charter names the tier of overrides, it is another than that of training, and no tier demands more.
function isGravest({ tiers, kinds }) {
  if (!Object.hasOwn(kinds, KIND) || kinds[KIND] === (Object.hasOwn(kinds, TRAINING) ? kinds[TRAINING] : kinds.default)) return false;
  const own = tiers[kinds[KIND]];
  if (!own || own.rejection_bps > 0) return false;
  const others = Object.values(tiers);
  if (own.quorum_basis !== "supply" && others.some((tier) => tier.quorum_basis === "supply")) return false;
  if (!own.objection_bps && others.some((tier) => tier.objection_bps > 0)) return false;
  return others.every((tier) => DEMANDS.every((name) => BigInt(own[name]) >= BigInt(tier[name])));
}
