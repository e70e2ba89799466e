"""Part of check 9: a model that breaks rules is released only if a vote of the gravest tier named run and rules. Pure.

`tier_problem` is also asked before such a vote is put up, so that nobody votes on what no verifier would accept.
"""

from governance.charter import Charter
from governance.evidence.record import Record
from governance.outcome import InvalidRules, Rules
from models_registry import gates
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import proposal_of
from models_registry.provenance.shapes import parent_of, parents_of

KIND = "verdict_override"
OUTCOME = "overridden"
_TRAINING = "model_update"
_DEMANDS = ("threshold_bps", "quorum_bps", "quorum_votes", "support_bps", "timelock_seconds")


def check_override(evaluation: Record, verdict: gates.Verdict, case: Case, answer: Answer) -> None:
    """Accept a verdict that rejects only with an override of exactly this run and every rule that it breaks."""
    broken = list(verdict.broken)
    override = override_of(case.release, case) if case.release else None
    if override is None:
        if broken:
            answer.fail("verdict_rejects", case.place(evaluation), f"the model breaks {', '.join(broken)}")
        return
    place, body = case.place(override), override.body
    run = parent_of(evaluation, "run", case.records)
    if not broken:
        answer.fail("override_without_cause", place, "the verdict accepts; there is nothing to override")
    found = (parent_of(override, "evaluation", case.records).digest, body["evaluation"], body["run"])
    if found != (evaluation.digest, evaluation.digest, run.body["run"]):
        answer.fail("override_of_another_run", place, f"the vote was about run {body['run']}, not this one")
    if broken and body["rules"] != broken:
        named = ", ".join(body["rules"]) or "no rule"
        answer.fail("override_incomplete", place, f"the vote named {named}, the model breaks {', '.join(broken)}")
    proposal = proposal_of(override, case)
    try:
        problem = tier_problem(Charter.from_body(parent_of(proposal, "charter", case.records).body))
    except InvalidRules as error:
        problem = str(error)
    if problem:
        answer.fail("override_tier_low", place, problem)
    answer.outcome = OUTCOME
    answer.evidence = (
        f"OVERRIDDEN: the model breaks {', '.join(broken)}; vote {proposal.body['number']} released it all the same"
    )


def override_of(release: Record, case: Case) -> Record | None:
    """Return the override that a release rests on, if it does."""
    return next(iter(parents_of(release, "override", case.records)), None)


def tier_problem(charter: Charter) -> str:
    """Say why a charter lets nobody override a verdict; empty if it does.

    It has to name a tier for it, another than that of training, and no tier may demand more: a majority, a quorum or a
    waiting time, nor a second house that this one goes without.
    """
    name = charter.kinds.get(KIND)
    if name is None or name == charter.tier_of(_TRAINING):
        return "the charter names no tier of its own for overriding a verdict"
    own = charter.tiers[name]
    stricter = sorted(other for other, rules in charter.tiers.items() if _demands_more(rules, own))
    if own.optimistic or stricter:
        than = ", ".join(stricter) or "one that is not optimistic"
        return f"the tier {name!r} for overriding a verdict demands less than {than}"
    return ""


def _demands_more(rules: Rules, own: Rules) -> bool:
    return (
        any(getattr(rules, name) > getattr(own, name) for name in _DEMANDS)
        or (rules.quorum_basis == "supply" and own.quorum_basis != "supply")
        or (rules.objection_bps > 0 and not own.objection_bps)
    )
