"""Duties as pure rules: what they may ask, the draw that nobody chooses, who counts, and when they are settled."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry import gates
from models_registry.duties import signing, tasks
from models_registry.duties.tasks import NOTHING, OBJECTS, Duty, Said

BODY = {"task": "read_samples", "people": 2, "samples": 3, "days": 7, "objections": 1}
RULE = {
    "slug": "look",
    "title": "Look",
    "why": "",
    "scope": "all",
    "severity": "block",
    "sunset": None,
    "duty": BODY,
    **dict.fromkeys(gates.GATE_KEYS),
}


def duty(**changes: Any) -> Duty:
    return Duty.from_body({**BODY, **changes})


def said(reviewer: str, finding: str = NOTHING, rule: str = "look") -> dict[str, Any]:
    return {"rule": rule, "reviewer": reviewer, "finding": finding, "reason": "", "at": 1, "signature": ""}


def judged(attestations: list[Any] | None, samples: int = 10, **changes: Any) -> gates.Reason:
    review = None if attestations is None else {"opened_at": 0, "executors": [], "attestations": attestations}
    report = gates.Report.from_record({"samples": samples, "review": review}, "m")
    return gates.judge(gates.Rule.from_record({**RULE, **changes}), report, 100)


@pytest.mark.parametrize(
    ("attestations", "holds", "found"),
    [
        ([said("0xa"), said("0xb")], True, "2 without an objection, 0 with one"),
        ([said("0xa"), said("0xb"), said("0xc", OBJECTS)], True, "2 without an objection, 1 with one"),
        ([said("0xa"), said("0xb"), said("0xc", OBJECTS), said("0xd", OBJECTS)], False, "2 without an objection, 2 with one"),
        ([said("0xa")], False, "1 without an objection, 0 with one"),
        ([said("0xa"), said("0xA")], False, "1 without an objection, 0 with one"),
        ([said("0xa"), said("0xb"), said("0xB", OBJECTS)], False, "1 without an objection, 1 with one"),
        ([said("0xa"), said("0xb", rule="other")], False, "1 without an objection, 0 with one"),
        ([said("0xa"), said("0xb", "fine")], False, "1 without an objection, 0 with one"),
        ([said("0xa"), "0xb", None, 7, {"rule": "look", "finding": NOTHING}], False, "1 without an objection, 0 with one"),
        ([], False, "0 without an objection, 0 with one"),
        (None, False, "nobody was asked"),
    ],
)  # fmt: skip
def test_a_duty_counts_people_once_and_a_missing_attestation_refuses(
    attestations: list[Any] | None, holds: bool, found: str
) -> None:
    reason = judged(attestations)
    assert (reason.holds, reason.found, reason.metric, reason.binds) == (holds, found, "read_samples", True)
    assert reason.needed == "2 without an objection, at most 1 with one"
    assert reason.rejects is not holds


def test_fewer_samples_than_are_to_be_read_refuse_whoever_signed() -> None:
    reason = judged([said("0xa"), said("0xb")], samples=2)
    assert (reason.holds, reason.found) == (False, "2 samples, 3 are to be read")


def test_a_warning_and_a_rule_past_its_sunset_do_not_bind() -> None:
    assert not judged(None, severity="warn").rejects
    over = judged(None, sunset=100)
    assert (over.rejects, over.needed) == (False, "2 without an objection, at most 1 with one, not binding since 100")


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": "answer_accuracy"},
        {"suite": "ab" * 32},
        {"comparator": "at_most"},
        {"bound": {"numerator": 1, "denominator": 2}},
        {"judged": "value"},
        {"duty": {**BODY, "people": 0}},
        {"duty": {**BODY, "people": True}},
        {"duty": {**BODY, "task": "sing"}},
        {"duty": {**BODY, "task": ["read_samples"]}},
        {"duty": {**BODY, "task": "read_report"}},
        {"duty": {**BODY, "samples": 501}},
        {"duty": {**BODY, "more": 1}},
        {"duty": {"task": "read_samples"}},
        {"duty": "read_samples"},
        {"duty": []},
    ],
)
def test_a_record_that_is_no_duty_or_also_a_gate_cannot_be_judged_by(wrong: dict[str, Any]) -> None:
    with pytest.raises(gates.MalformedRule):
        gates.Rule.from_record({**RULE, **wrong})


def test_a_gate_says_that_it_is_no_duty() -> None:
    with pytest.raises(gates.MalformedRule):
        gates.Rule.from_record({**RULE, "duty": None})
    without = {name: value for name, value in RULE.items() if name != "duty"}
    with pytest.raises(gates.MalformedRule):
        gates.Rule.from_record(without)


@given(there=st.integers(1, 300), seed=st.integers(0, 2**64), data=st.data())
def test_the_draw_is_as_many_different_places_as_are_asked_for(there: int, seed: int, data: st.DataObject) -> None:
    wanted = data.draw(st.integers(1, there))
    lines = tasks.draw(duty(samples=wanted), f"{seed:064x}", "r", "s", there)
    assert len(lines) == wanted
    assert list(lines) == sorted(set(lines))
    assert lines[0] >= 0
    assert lines[-1] < there


def test_the_draw_follows_from_model_rule_and_samples_and_prefers_no_place() -> None:
    one = tasks.draw(duty(samples=5), "a", "b", "c", 1_000)
    assert one == tasks.draw(duty(samples=5, people=9), "a", "b", "c", 1_000)
    others = {tasks.draw(duty(samples=5), *seed, 1_000) for seed in (("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x"))}
    assert len(others | {one}) == 4
    counts = [0] * 10
    for number in range(2_000):
        counts[tasks.draw(duty(samples=1), str(number), "b", "c", 10)[0]] += 1
    assert all(140 < count < 260 for count in counts), counts
    with pytest.raises(ValueError, match="11 samples"):
        tasks.draw(duty(samples=11), "a", "b", "c", 10)
    assert tasks.draw(duty(task="read_report", samples=0), "a", "b", "c", 0) == ()


@pytest.mark.parametrize("name", ["artifact", *signing.MEASURED])
def test_what_is_signed_changes_with_everything_that_was_looked_at(name: str) -> None:
    run = {"artifact": [{"path": "model.safetensors", "size": 1, "sha256": "0" * 64}]}
    report: dict[str, Any] = {
        "suite": "s", "candidate": {}, "parent": {}, "difference": {}, "samples": 9, "samples_sha256": "t", "further": {},
    }  # fmt: skip
    changed = {"samples": 8, "samples_sha256": "u", "suite": "z"}.get(name, {"changed": 1})
    other_run = {**run, **({name: []} if name in run else {})}
    other_report = {**report, **({name: changed} if name in report else {})}
    domain: dict[str, Any] = {}
    signed = {"reviewer": "0xa", "finding": NOTHING, "reason": "", "at": 1}
    first = signing.asked(duty(), "rule", run, report).message(domain, signed)
    assert first != signing.asked(duty(), "rule", other_run, other_report).message(domain, signed)
    assert first != signing.asked(duty(), "other", run, report).message(domain, signed)


@pytest.mark.parametrize(
    ("agreeing", "objecting", "holds", "settled"),
    [(0, 0, False, False), (1, 1, False, False), (2, 0, True, True), (2, 1, True, True), (2, 2, False, True), (0, 2, False, True)],
)  # fmt: skip
def test_a_duty_is_settled_when_it_is_done_or_broken(agreeing: int, objecting: int, holds: bool, settled: bool) -> None:
    found = Said(agreeing, objecting)
    assert (found.holds(duty()), found.is_settled(duty())) == (holds, settled)
    assert duty().deadline(1_000) == 1_000 + 7 * 86_400
