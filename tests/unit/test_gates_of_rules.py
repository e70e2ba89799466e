"""What a rule can say besides its bound: its own suite, the interval, a warning, a sunset. None lets a model pass by luck."""

from typing import Any

import pytest

from models_registry import gates
from models_registry.gates import EmptyPolicy, Report, Rule, decide

RUNS, OWN = "cd" * 32, "ab" * 32
APPROVED_AT = 1_000


def rule(**changes: Any) -> Rule:
    return Rule.from_record(
        {
            "slug": "fair",
            "title": "Fair",
            "why": "Both languages pay for it.",
            "metric": "gap",
            "suite": None,
            "scope": "all",
            "comparator": "at_most",
            "bound": {"numerator": 1, "denominator": 10},
            "judged": "value",
            "severity": "block",
            "sunset": None,
            "duty": None,
            **changes,
        }
    )


def value(hundredths: int, low: int | None = None, high: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"numerator": hundredths, "denominator": 100, "unit": "ratio", "samples": 50}
    for name, end in (("low", low), ("high", high)):
        if end is not None:
            found[name] = {"numerator": end, "denominator": 100}
    return found


def on_suite(candidate: Any = None, parent: Any = None, difference: Any = None, samples: int = 50) -> dict[str, Any]:
    values = {"candidate": candidate, "parent": parent, "difference": difference}
    return {**{name: {} if v is None else {"gap": v} for name, v in values.items()}, "samples": samples}


def report(measured: dict[str, Any], **further: dict[str, Any]) -> Report:
    return Report.from_record({"suite": RUNS, **measured, "further": further}, "water-assistant")


def reason(judged: Rule, measured: Report, at: int = APPROVED_AT) -> gates.Reason:
    return gates.judge(judged, measured, at)


def said(judged: Rule, measured: Report) -> tuple[bool, str, str]:
    found = reason(judged, measured)
    return found.holds, found.found, found.needed


# --- the interval -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comparator", "judged", "holds", "needed"),
    [
        ("at_most", "value", True, "at most 1/10"),
        ("at_most", "cautious", False, "at most 1/10 at the high end"),
        ("at_most", "lenient", True, "at most 1/10 at the low end"),
        ("at_least", "value", False, "at least 1/10"),
        ("at_least", "cautious", False, "at least 1/10 at the low end"),
        ("at_least", "lenient", True, "at least 1/10 at the high end"),
    ],
)
def test_the_end_of_the_interval_that_the_rule_names_is_judged(
    comparator: str, judged: str, holds: bool, needed: str
) -> None:
    measured = report(on_suite(value(8, low=3, high=14)))
    assert said(rule(comparator=comparator, judged=judged), measured) == (holds, "2/25 (3/100 to 7/50)", needed)


@pytest.mark.parametrize(
    ("comparator", "judged", "difference", "holds"),
    [
        ("not_below_parent", "cautious", (-2, -10, 6), True),
        ("not_below_parent", "cautious", (-2, -11, 6), False),
        ("not_below_parent", "lenient", (-30, -40, -10), True),
        ("not_below_parent", "lenient", (-30, -40, -11), False),
        ("not_above_parent", "cautious", (2, -6, 10), True),
        ("not_above_parent", "cautious", (2, -6, 11), False),
        ("not_above_parent", "lenient", (30, 10, 40), True),
        ("not_above_parent", "lenient", (30, 11, 40), False),
    ],
)
def test_against_the_parent_the_interval_of_the_paired_difference_is_judged(
    comparator: str, judged: str, difference: tuple[int, int, int], holds: bool
) -> None:
    measured = report(on_suite(value(1), value(99), value(*difference)))
    found = reason(rule(comparator=comparator, judged=judged), measured)
    assert found.holds is holds
    assert found.found.endswith(" against the parent")


@pytest.mark.parametrize(("found", "holds"), [(30, True), (31, False)])
def test_a_value_may_lie_above_the_parent_by_no_more_than_the_margin(found: int, holds: bool) -> None:
    judged = rule(comparator="not_above_parent")
    assert said(judged, report(on_suite(value(found), value(20))))[::2] == (holds, "at most 1/5 (parent) plus 1/10")


@pytest.mark.parametrize("judged", ["cautious", "lenient"])
@pytest.mark.parametrize(
    ("measured", "found"),
    [
        (value(5), "1/20, but no interval"),
        (value(5, low=4), "1/20, but no interval"),
        (value(5, low=6, high=4), "1/20, but an interval that ends before it begins"),
        ({**value(5), "low": 0, "high": 1}, "1/20, but no interval"),
        ({**value(5, low=4, high=6), "samples": 0}, "no samples"),
        (None, "no measurement"),
    ],
)
def test_a_missing_interval_refuses_whichever_end_is_judged(judged: str, measured: Any, found: str) -> None:
    assert said(rule(judged=judged), report(on_suite(measured)))[:2] == (False, found)


def test_without_the_paired_difference_nothing_is_passed_against_the_parent() -> None:
    both = report(on_suite(value(5, low=4, high=6), value(5, low=4, high=6)))
    assert said(rule(comparator="not_below_parent", judged="cautious"), both)[:2] == (False, "no measurement")


# --- the suite ----------------------------------------------------------------------------------------------------


def test_a_rule_with_a_suite_of_its_own_is_judged_on_that_one_alone() -> None:
    bad, good = on_suite(value(90)), on_suite(value(5))
    assert reason(rule(suite=OWN), report(bad, **{OWN: good})).holds
    assert not reason(rule(suite=OWN), report(good, **{OWN: bad})).holds
    assert reason(rule(suite=RUNS), report(good)).holds, "a rule may name the suite that the run has anyway"


def test_a_suite_that_was_not_measured_refuses() -> None:
    judged = rule(suite=OWN)
    assert said(judged, report(on_suite(value(5)))) == (False, "the suite was not measured", "at most 1/10")
    empty = on_suite(value(5), samples=0)
    assert said(judged, report(on_suite(value(5)), **{OWN: empty}))[:2] == (False, "no samples")


# --- severity and sunset ------------------------------------------------------------------------------------------


def test_a_warning_stands_in_the_verdict_and_rejects_nothing() -> None:
    warned = rule(slug="warned", severity="warn", bound={"numerator": 1, "denominator": 100})
    verdict = decide([warned, rule()], report(on_suite(value(5))), APPROVED_AT)
    assert verdict.accepted
    assert [(each.rule, each.severity, each.binds, each.holds) for each in verdict.reasons] == [
        ("fair", "block", True, True),
        ("warned", "warn", False, False),
    ]
    assert verdict.broken == ()


@pytest.mark.parametrize(("at", "accepted"), [(APPROVED_AT - 1, False), (APPROVED_AT, True), (APPROVED_AT + 1, True)])
def test_a_rule_does_not_bind_a_run_that_was_approved_after_its_sunset_and_says_so(at: int, accepted: bool) -> None:
    ending = rule(slug="ending", sunset=APPROVED_AT)
    verdict = decide([ending, rule(bound={"numerator": 1, "denominator": 1})], report(on_suite(value(50))), at)
    assert verdict.accepted is accepted
    assert verdict.reasons[0].needed == "at most 1/10" + (", not binding since 1000" if accepted else "")
    assert verdict.broken == (() if accepted else ("ending",))


@pytest.mark.parametrize(
    "policy", [[], [rule(severity="warn")], [rule(sunset=APPROVED_AT)], [rule(scope="another-model")]]
)
def test_a_policy_in_which_no_rule_binds_is_refused(policy: list[Rule]) -> None:
    with pytest.raises(EmptyPolicy):
        decide(policy, report(on_suite(value(5))), APPROVED_AT)


def test_the_rules_for_which_a_model_is_rejected_are_named_once_each_in_order() -> None:
    broken = [rule(slug=slug, bound={"numerator": 0, "denominator": 1}) for slug in ("second", "first", "second")]
    verdict = decide([*broken, rule(slug="kept")], report(on_suite(value(5))), APPROVED_AT)
    assert verdict.broken == ("first", "second")
