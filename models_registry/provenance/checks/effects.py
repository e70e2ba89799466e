"""Checks 7 and 9: what was trained is what was approved, and the verdict on it follows from the rules. Pure."""

from governance.evidence.record import Record
from models_registry import gates
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks import datasets, duties, hidden_suites, overrides
from models_registry.provenance.checks.common import executed_at, proposal_of, same, shown
from models_registry.provenance.shapes import parent_of, parents_of


def check_spec(case: Case, answer: Answer) -> None:
    """7: the spec, every dataset and every rule are word for word what their own proposals froze."""
    _check_kinds(case, answer)
    for spec in case.of_kind("spec"):
        proposal = proposal_of(spec, case)
        if not same(proposal.body["payload"].get("spec"), spec.body):
            detail = f"it is not the spec that proposal {proposal.body['number']} put to the vote"
            answer.fail("spec_not_approved", case.place(spec), detail)
        slugs = [rule.body["slug"] for rule in parents_of(spec, "rule", case.records)]
        if len(set(slugs)) != len(slugs):
            answer.fail("rule_twice", case.place(spec), "it rests on two rules of one name")
    _check_keys(case, answer)
    datasets.check_datasets(case, answer)
    _check_rules(case, answer)
    hidden_suites.check_commitments(case, answer)
    _check_overrides(case, answer)
    release = case.release
    if release is not None:
        spec = parent_of(parent_of(release, "run", case.records), "spec", case.records)
        if release.body["model"].rpartition("/")[2] != spec.body["output"]:
            detail = f"released as {release.body['model']!r}, the spec makes {spec.body['output']!r}"
            answer.fail("model_changed", case.place(release), detail)
    counts = f"datasets ({len(case.of_kind('dataset'))}) and rules ({len(case.of_kind('rule'))})"
    answer.evidence = f"the spec is the approved one; its {counts} passed their own votes"


# The kind of proposal that each record may come from: a payload means what the voters were told that it means.
_PROPOSED_AS = {
    "spec": "model_update",
    "dataset": datasets.INCLUDED_AS,
    "removal": datasets.REMOVED_AS,
    "taking_back": datasets.TAKING_BACK,
    "rule": "ethics_rule",
    "keys": "release_keys",
    "override": overrides.KIND,
}
# A rule that takes the place of an earlier one rests on that one.
_CHANGED_AS = "rule_change"


def _check_kinds(case: Case, answer: Answer) -> None:
    """Compare what was executed with what was voted on, and where each record comes from with where it may."""
    for execution in case.of_kind("execution"):
        proposal = parent_of(parent_of(execution, "decision", case.records), "proposal", case.records)
        if execution.body["kind"] != proposal.body["kind"]:
            detail = f"executed as {execution.body['kind']!r}, voted on as {proposal.body['kind']!r}"
            answer.fail("kind_changed", case.place(execution), detail)
    for kind in _PROPOSED_AS:
        for record in case.of_kind(kind):
            if not parents_of(record, "execution", case.records):
                continue  # a removal by the rule on taking back
            found, proposed = proposal_of(record, case).body["kind"], _proposed_as(record, case)
            if found != proposed:
                detail = f"a {kind} comes from a {proposed!r}, the voters were asked for a {found!r}"
                answer.fail("kind_changed", case.place(record), detail)


def _proposed_as(record: Record, case: Case) -> str:
    if record.kind == "dataset":
        return datasets.proposed_as(record, case)
    is_change = record.kind == "rule" and parents_of(record, "rule", case.records)
    return _CHANGED_AS if is_change else _PROPOSED_AS[record.kind]


def _check_rules(case: Case, answer: Answer) -> None:
    """Compare each rule with its own proposal, word for word; a change names the rule whose place it takes."""
    for rule in case.of_kind("rule"):
        proposal = proposal_of(rule, case)
        earlier = next(iter(parents_of(rule, "rule", case.records)), None)
        approved = rule.body if earlier is None else {"rule": rule.body, "replaces": earlier.digest}
        renamed = earlier is not None and earlier.body["slug"] != rule.body["slug"]
        if renamed or not same(proposal.body["payload"], approved):
            detail = f"it is not the rule that proposal {proposal.body['number']} put to the vote"
            answer.fail("rule_not_approved", case.place(rule), detail)


def _check_overrides(case: Case, answer: Answer) -> None:
    """Compare each override with its own proposal, word for word."""
    for override in case.of_kind("override"):
        proposal = proposal_of(override, case)
        if not same(proposal.body["payload"], override.body):
            detail = f"it is not what proposal {proposal.body['number']} put to the vote"
            answer.fail("override_not_approved", case.place(override), detail)


def _check_keys(case: Case, answer: Answer) -> None:
    """Compare the keys that sign releases with the payload of the proposal that put them in force."""
    for keys in case.of_kind("keys"):
        proposal = proposal_of(keys, case)
        if not same(proposal.body["payload"], {"keys": keys.body}):
            detail = f"these are not the keys that proposal {proposal.body['number']} put to the vote"
            answer.fail("keys_not_approved", case.place(keys), detail)


def check_verdict(case: Case, answer: Answer) -> None:
    """9: judging the report again by the rules of the spec gives the recorded verdict; it accepts, or was overridden.

    1. it was judged by exactly the rules of the spec, on its suite and on suites that these rules name; those that
       were hidden were opened for this model
    2. the rules give the recorded verdict, word for word
    3. what reviewers attested is theirs, and about this model
    4. it accepts, or a vote of the gravest tier released the model all the same
    """
    for evaluation in case.of_kind("evaluation"):
        place = case.place(evaluation)
        spec = parent_of(parent_of(evaluation, "run", case.records), "spec", case.records)
        rules = parents_of(evaluation, "rule", case.records)
        if rules != parents_of(spec, "rule", case.records):  # 1
            answer.fail("rules_differ", place, "it was not judged by exactly the rules that the spec rests on")
        if evaluation.body["suite"] != spec.body["evaluation"]["suite"]:
            answer.fail("suite_changed", place, "measured on another evaluation suite than the approved one")
        opened = hidden_suites.opened_for(evaluation, case, answer)
        named = {rule.body["suite"] for rule in rules}
        if evaluation.body["further"].keys() - {opened.get(suite, suite) for suite in named}:
            answer.fail("suite_changed", place, "measured on a suite that no rule names")
        report = gates.Report.from_record(evaluation.body, spec.body["output"], opened)
        try:
            judging = [gates.Rule.from_record(rule.body) for rule in rules]
            verdict = gates.decide(judging, report, executed_at(spec, case))  # 2
        except gates.GateError as error:
            answer.fail(error.code, place, str(error))
            continue
        if verdict.to_dict() != evaluation.body["verdict"]:
            answer.fail("verdict_wrong", place, f"the rules give {shown(verdict.to_dict())}")
        answer.evidence = f"{len(verdict.reasons)} rules judged again: accepted"
        duties.check_reviews(evaluation, case, answer)  # 3
        overrides.check_override(evaluation, verdict, case, answer)  # 4
