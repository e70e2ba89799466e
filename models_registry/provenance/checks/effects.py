"""Checks 7 and 9: what was trained is what was approved, and the verdict on it follows from the rules. Pure."""

from governance.evidence.record import Record
from models_registry import gates
from models_registry.provenance import shapes
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import proposal_of, same, shown
from models_registry.provenance.shapes import parent_of, parents_of


def check_spec(case: Case, answer: Answer) -> None:
    """7: the spec, every dataset and every rule are word for word what their own proposals froze."""
    for execution in case.of_kind("execution"):
        proposal = parent_of(parent_of(execution, "decision", case.records), "proposal", case.records)
        if execution.body["kind"] != proposal.body["kind"]:
            detail = f"executed as {execution.body['kind']!r}, voted on as {proposal.body['kind']!r}"
            answer.fail("kind_changed", case.place(execution), detail)
    for kind, proposed in _PROPOSED_AS.items():
        for record in case.of_kind(kind):
            found = proposal_of(record, case).body["kind"]
            if found != proposed:
                detail = f"a {kind} comes from a {proposed!r}, the voters were asked for a {found!r}"
                answer.fail("kind_changed", case.place(record), detail)
    for spec in case.of_kind("spec"):
        proposal = proposal_of(spec, case)
        if not same(proposal.body["payload"].get("spec"), spec.body):
            detail = f"it is not the spec that proposal {proposal.body['number']} put to the vote"
            answer.fail("spec_not_approved", case.place(spec), detail)
        _check_datasets(spec, case, answer)
    _check_keys(case, answer)
    _check_payload("dataset", case, answer)
    _check_payload("rule", case, answer)
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
    "dataset": "dataset_inclusion",
    "rule": "ethics_rule",
    "keys": "release_keys",
}

# What intake finds out (scans, files) need not be voted on; the digest, which fixes the content, always is.
_VOTED_ALWAYS = {"dataset": {"digest"}, "rule": {*shapes.RULE_KEYS}}


def _check_payload(kind: str, case: Case, answer: Answer) -> None:
    """Compare each record of this kind with the payload of the proposal that brought it in."""
    for record in case.of_kind(kind):
        proposal = proposal_of(record, case)
        payload = proposal.body["payload"]
        voted = _VOTED_ALWAYS[kind] | (payload.keys() & record.body.keys())
        different = sorted(key for key in voted if not same(payload.get(key), record.body[key]))
        if different:
            detail = f"proposal {proposal.body['number']} put another {', '.join(different)} to the vote"
            answer.fail(f"{kind}_not_approved", case.place(record), detail)


def _check_keys(case: Case, answer: Answer) -> None:
    """Compare the keys that sign releases with the payload of the proposal that put them in force."""
    for keys in case.of_kind("keys"):
        proposal = proposal_of(keys, case)
        if not same(proposal.body["payload"], {"keys": keys.body}):
            detail = f"these are not the keys that proposal {proposal.body['number']} put to the vote"
            answer.fail("keys_not_approved", case.place(keys), detail)


def _check_datasets(spec: Record, case: Case, answer: Answer) -> None:
    """Compare the datasets named in a spec with its dataset parents; the evaluation suite may be one more."""
    named = [entry["digest"] for entry in spec.body["datasets"]]
    suite = spec.body["evaluation"]["suite"]
    parents = {record.body["digest"]: record for record in parents_of(spec, "dataset", case.records)}
    if len(set(named)) != len(named) or not set(named) <= set(parents) <= {*named, suite}:
        detail = f"it trains on {shown(sorted(named))}, its dataset records are {shown(sorted(parents))}"
        answer.fail("datasets_spliced", case.place(spec), detail)
    for digest in named:
        if digest in parents and parents[digest].body["role"] != "training":
            answer.fail("dataset_role", case.place(parents[digest]), "trained on, but adopted for evaluation only")


def check_verdict(case: Case, answer: Answer) -> None:
    """9: judging the report again by the rules of the spec gives the recorded verdict, and it accepts."""
    for evaluation in case.of_kind("evaluation"):
        place = case.place(evaluation)
        spec = parent_of(parent_of(evaluation, "run", case.records), "spec", case.records)
        rules = parents_of(evaluation, "rule", case.records)
        if rules != parents_of(spec, "rule", case.records):
            answer.fail("rules_differ", place, "it was not judged by exactly the rules that the spec rests on")
        if evaluation.body["suite"] != spec.body["evaluation"]["suite"]:
            answer.fail("suite_changed", place, "measured on another evaluation suite than the approved one")
        report = gates.Report.from_record(evaluation.body, model=spec.body["output"])
        try:
            verdict = gates.decide([gates.Rule.from_record(rule.body) for rule in rules], report)
        except gates.GateError as error:
            answer.fail(error.code, place, str(error))
            continue
        if verdict.to_dict() != evaluation.body["verdict"]:
            answer.fail("verdict_wrong", place, f"the rules give {shown(verdict.to_dict())}")
        if not verdict.accepted:
            broken = ", ".join(reason.rule for reason in verdict.reasons if not reason.holds)
            answer.fail("verdict_rejects", place, f"the model breaks {broken}")
        answer.evidence = f"{len(verdict.reasons)} rules judged again: accepted"
