"""What gates find and need, in words for people: every comparator, each end of an interval, and nothing lost."""

from typing import Any

import pytest
from django.utils import translation

from frontend.templatetags.commonweights import exact, gate_needed
from frontend.words.constitution import UNMEASURED, unmeasured
from models_registry import gates
from models_registry.constitution import payloads


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("3/8", "37.5% (3/8)"),
        ("3/8 (1/4 to 1/2)", "37.5% (3/8), between 25% and 50%"),
        ("-1/20 (-1/10 to 0) against the parent", "-5% (-1/20), between -10% and 0% against the version before"),
        ("no measurement", "no measurement"),
        ("1/20, but no interval", "1/20, but no interval"),
        ("3/0", "3/0"),
    ],
)
def test_what_was_found_is_told_as_shares_with_its_interval(found: str, said: str) -> None:
    assert exact(found).replace("\u2212", "-").replace("\N{NO-BREAK SPACE}", " ") == said


def needed(**changes: Any) -> str:
    body = {
        "slug": "s", "title": "t", "why": "", "metric": "m", "suite": None, "scope": "all", "comparator": "at_most",
        "bound": {"numerator": 1, "denominator": 10}, "judged": "value", "severity": "block", "sunset": None, "duty": None,
        **changes,
    }  # fmt: skip
    value = {"numerator": 1, "denominator": 2, "samples": 9}
    measured = {name: {"m": value} for name in ("candidate", "parent", "difference")}
    report = gates.Report.from_record({**measured, "samples": 9}, "x")
    return gates.judge(gates.Rule.from_record(body), report, 10**9).needed


@pytest.mark.parametrize("comparator", gates.COMPARATORS)
@pytest.mark.parametrize("judged", gates.JUDGED)
def test_every_demand_has_words_of_its_own(comparator: str, judged: str) -> None:
    plain = needed(comparator=comparator, judged=judged)
    said = gate_needed(plain)
    assert "10% (1/10)" in said
    assert ("end of the interval" in said) is (judged != "value")
    assert ("the version before" in said) is gates.COMPARATORS[comparator].needs_parent
    assert gate_needed(needed(comparator=comparator, judged=judged, sunset=86_400)) == f"{said}; over since 1970-01-02"


def test_the_answers_of_a_rule_fill_the_form_that_makes_the_same_rule() -> None:
    body = {
        "slug": "fair", "title": "Fair & square", "why": "Because.", "metric": "language_gap", "suite": "ab" * 32,
        "scope": "all", "comparator": "at_most", "bound": {"numerator": 1, "denominator": 8}, "judged": "cautious",
        "severity": "warn", "sunset": 86_400 * 20_000, "duty": None,
    }  # fmt: skip
    answers = payloads.answers(body)
    assert payloads.from_form(answers) == {**body, "bound": "0.125", "sunset": "2024-10-04"}
    assert payloads.from_form(payloads.answers({**body, "suite": None, "sunset": None}))["suite"] is None


def test_a_gate_is_one_phrase_in_each_language() -> None:
    body = {
        "metric": "language_gap",
        "comparator": "at_most",
        "bound": {"numerator": 1, "denominator": 10},
        "duty": None,
    }
    with translation.override("fr"):
        assert payloads.rule_in_words(body).endswith("10\N{NO-BREAK SPACE}%")


def test_why_a_gate_had_nothing_to_judge_has_words_whatever_was_wrong_with_the_report() -> None:
    broken: tuple[Any, ...] = (
        None,
        {},
        {"samples": 1},
        {"samples": 1, "numerator": "1", "denominator": 1},
        {"samples": 1, "numerator": 1, "denominator": 0},
        {"samples": 1, "numerator": 1, "denominator": 2},
        {"samples": 1, "numerator": 1, "denominator": 2, "low": {"numerator": 1, "denominator": 1}, "high": {"numerator": 0, "denominator": 1}},
    )  # fmt: skip
    said = {
        judged_found(comparator, judged, value)
        for value in broken
        for comparator in gates.COMPARATORS
        for judged in gates.JUDGED
    }
    reasons = {
        text.rpartition("but ")[2].removeprefix("the parent has ")
        for text in said
        if not text[0].isdigit() or "but" in text
    }
    assert {"no measurement", "no samples", "no interval", "an interval that ends before it begins"} <= reasons
    assert reasons <= UNMEASURED.keys()
    assert unmeasured("1/2, but the parent has no samples") == "1/2, but the version before has no samples"
    assert unmeasured("1/2, but who knows") == "1/2, but who knows"


def judged_found(comparator: str, judged: str, value: Any) -> str:
    body = {
        "slug": "s", "title": "t", "why": "", "metric": "m", "suite": None, "scope": "all", "comparator": comparator,
        "bound": {"numerator": 1, "denominator": 10}, "judged": judged, "severity": "block", "sunset": None, "duty": None,
    }  # fmt: skip
    whole = {"numerator": 1, "denominator": 2, "samples": 9}
    parent = value if gates.COMPARATORS[comparator].needs_parent else whole
    measured = {
        "candidate": {"m": whole if parent is value else value},
        "parent": {"m": parent},
        "difference": {"m": value},
    }
    return gates.judge(
        gates.Rule.from_record(body), gates.Report.from_record({**measured, "samples": 9}, "x"), 10**9
    ).found
