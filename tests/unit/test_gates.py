"""The gates: exact, closed when unclear, and the same for everybody who judges again."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry import gates
from models_registry.gates import EmptyPolicy, MalformedRule, Measured, Report, Rule, UnknownComparator, Verdict

BODY: dict[str, Any] = {
    "slug": "answers-stay-right",
    "title": "Answers stay right",
    "why": "",
    "metric": "accuracy",
    "suite": None,
    "scope": "all",
    "comparator": "at_least",
    "bound": {"numerator": 3, "denominator": 4},
    "judged": "value",
    "severity": "block",
    "sunset": None,
    "duty": None,
}
APPROVED_AT = 1_000
OWN_SUITE = "ab" * 32


def rule(**changes: Any) -> Rule:
    return Rule.from_record(BODY | changes)


def value(numerator: object, denominator: object = 1, samples: object = 10) -> dict[str, Any]:
    return {"numerator": numerator, "denominator": denominator, "unit": "share", "samples": samples}


def report(candidate: object = None, parent: object = None, samples: int = 10) -> Report:
    measured = Measured(
        {} if candidate is None else {"accuracy": candidate},
        {} if parent is None else {"accuracy": parent},
        {},
        samples,
    )
    return Report("water-assistant", measured)


def decide(rules: list[Rule], measured: Report, at: int = APPROVED_AT) -> Verdict:
    return gates.decide(rules, measured, at)


def accepts(judged: Rule, measured: Report) -> bool:
    return decide([judged], measured).accepted


def test_a_model_that_keeps_every_rule_is_accepted() -> None:
    verdict = decide([rule(), rule(slug="second", comparator="at_most", bound=value(1))], report(value(4, 5)))

    assert verdict.accepted
    assert [reason.to_dict() for reason in verdict.reasons] == [
        {
            "rule": "answers-stay-right",
            "metric": "accuracy",
            "severity": "block",
            "binds": True,
            "holds": True,
            "found": "4/5",
            "needed": "at least 3/4",
        },
        {
            "rule": "second",
            "metric": "accuracy",
            "severity": "block",
            "binds": True,
            "holds": True,
            "found": "4/5",
            "needed": "at most 1",
        },
    ]


def test_one_broken_rule_rejects_the_model_and_every_rule_gives_its_reason() -> None:
    verdict = decide([rule(), rule(slug="second", comparator="at_most", bound=value(1, 2))], report(value(4, 5)))

    assert not verdict.accepted
    assert [reason.holds for reason in verdict.reasons] == [True, False]


@pytest.mark.parametrize(
    ("comparator", "found", "holds"),
    [
        ("at_least", value(3, 4), True),
        ("at_least", value(2999, 4000), False),
        ("at_most", value(3, 4), True),
        ("at_most", value(3001, 4000), False),
    ],
)
def test_a_bound_that_is_met_exactly_is_kept(comparator: str, found: dict[str, Any], holds: bool) -> None:
    assert accepts(rule(comparator=comparator), report(found)) is holds


def test_a_difference_that_a_float_could_not_see_decides() -> None:
    bound = {"numerator": 10**15, "denominator": 10**15 + 1}

    assert accepts(rule(bound=bound), report(value(10**15, 10**15 + 1)))
    assert not accepts(rule(bound=bound), report(value(10**15 - 1, 10**15)))


@pytest.mark.parametrize(("numerator", "holds"), [(80, True), (75, True), (74, False)])
def test_the_candidate_may_lose_no_more_than_the_margin_against_its_parent(numerator: int, holds: bool) -> None:
    judged = rule(comparator="not_below_parent", bound={"numerator": 1, "denominator": 20})
    verdict = decide([judged], report(value(numerator, 100), value(4, 5)))

    assert verdict.accepted is holds
    assert verdict.reasons[0].needed == "at least 4/5 (parent) less 1/20"


def test_an_empty_policy_is_refused_and_not_passed() -> None:
    with pytest.raises(EmptyPolicy):
        decide([], report(value(1)))


def test_a_policy_whose_rules_all_bind_other_models_is_empty() -> None:
    with pytest.raises(EmptyPolicy):
        decide([rule(scope="another-model")], report(value(1)))


def test_a_rule_for_another_model_gives_no_reason() -> None:
    verdict = decide([rule(), rule(slug="other", scope="another-model", bound=value(2))], report(value(1)))

    assert verdict.accepted
    assert [reason.rule for reason in verdict.reasons] == ["answers-stay-right"]


@pytest.mark.parametrize(
    ("candidate", "found"),
    [
        (None, "no measurement"),
        ("0.9", "no measurement"),
        (value(1, samples=0), "no samples"),
        (value(1, samples=-3), "no samples"),
        (value(1, samples=True), "no samples"),
        ({"numerator": 1, "denominator": 1}, "no samples"),
        (value(1, 0), "a denominator that is not above zero"),
        (value(-1, -1), "a denominator that is not above zero"),
        (value(1.0, 1), "a numerator or denominator that is not an integer"),
        (value(True, 1), "a numerator or denominator that is not an integer"),
        (value("1", 1), "a numerator or denominator that is not an integer"),
    ],
)
def test_what_was_not_measured_properly_fails_the_rule(candidate: object, found: str) -> None:
    verdict = decide([rule(comparator="at_most", bound=value(100))], report(candidate))

    assert not verdict.accepted
    assert verdict.reasons[0].found == found


def test_a_report_without_samples_fails_whatever_its_values_claim() -> None:
    assert not accepts(rule(), report(value(1), samples=0))
    assert not accepts(rule(), Report.from_record({"candidate": {"accuracy": value(1)}}, "water-assistant"))


def test_a_parent_that_was_not_measured_fails_the_comparison_with_it() -> None:
    judged = rule(comparator="not_below_parent", bound=value(0))

    assert not accepts(judged, report(value(1)))
    assert not accepts(judged, report(value(1), value(0, 0)))
    assert not accepts(judged, report(None, None))


def test_an_unknown_comparator_is_refused_when_read_and_when_judged() -> None:
    with pytest.raises(UnknownComparator, match="about"):
        rule(comparator="about")
    with pytest.raises(UnknownComparator):
        rule(comparator=["at_least"])
    with pytest.raises(UnknownComparator):
        decide([Rule("r", "accuracy", "about", Fraction(1), "all")], report(value(1)))


@pytest.mark.parametrize(
    "changes",
    [
        {"bound": {"numerator": 1, "denominator": 0}},
        {"bound": {"numerator": 1.5, "denominator": 1}},
        {"bound": "3/4"},
        {"severity": "shrug"},
        {"judged": "kindly"},
        {"why": None},
        {"suite": ""},
        {"suite": "the usual"},
        {"sunset": -1},
        {"sunset": True},
        {"sunset": "2027-01-01"},
        {"metric": ""},
        {"scope": None},
        {"extra": 1},
        {"comparator": "not_below_parent", "bound": {"numerator": -1, "denominator": 2}},
    ],
)
def test_a_malformed_rule_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedRule):
        rule(**changes)


RATIOS = st.fractions(min_value=-1000, max_value=1000, max_denominator=10**6)
RULES = st.builds(
    Rule,
    slug=st.sampled_from(["a", "b", "c"]),
    metric=st.sampled_from(["accuracy", "refusals"]),
    comparator=st.sampled_from(sorted(gates.COMPARATORS)),
    bound=RATIOS,
    scope=st.sampled_from(["all", "water-assistant", "another-model"]),
    severity=st.sampled_from(gates.SEVERITIES),
    suite=st.sampled_from([None, OWN_SUITE]),
    judged=st.sampled_from(gates.JUDGED),
    sunset=st.sampled_from([None, APPROVED_AT - 1, APPROVED_AT, APPROVED_AT + 1]),
)


def with_interval(ratio: Fraction, low: Fraction, high: Fraction) -> dict[str, Any]:
    ends = {"low": value(low.numerator, low.denominator), "high": value(high.numerator, high.denominator)}
    return {**value(ratio.numerator, ratio.denominator), **ends}


MEASURED = st.builds(with_interval, RATIOS, RATIOS, RATIOS)
VALUES = st.dictionaries(st.sampled_from(["accuracy", "refusals"]), st.one_of(MEASURED, st.just(value(1, 0))))
ON_ONE_SUITE = st.fixed_dictionaries(
    {"candidate": VALUES, "parent": VALUES, "difference": VALUES, "samples": st.integers(min_value=0, max_value=3)}
)
REPORTS = st.builds(
    lambda own, further: Report.from_record({**own, "suite": "cd" * 32, "further": further}, "water-assistant"),
    ON_ONE_SUITE,
    st.dictionaries(st.just(OWN_SUITE), ON_ONE_SUITE),
)


@given(st.lists(RULES, min_size=1, max_size=6), REPORTS, st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(rules: list[Rule], measured: Report, random: Any) -> None:
    shuffled = random.sample(rules, len(rules))
    try:
        expected = decide(rules, measured)
    except EmptyPolicy:
        with pytest.raises(EmptyPolicy):
            decide(shuffled, measured)
    else:
        assert decide(shuffled, measured) == expected


@given(st.lists(RULES, min_size=1, max_size=6), RULES, REPORTS)
def test_one_more_rule_never_makes_a_rejected_model_accepted(rules: list[Rule], more: Rule, measured: Report) -> None:
    try:
        before = decide(rules, measured)
    except EmptyPolicy:
        return
    after = decide([*rules, more], measured)

    assert before.accepted or not after.accepted
    assert len(after.reasons) == len(before.reasons) + more.applies_to("water-assistant")


@given(RATIOS, RATIOS, st.integers(min_value=1, max_value=1000))
def test_the_way_a_ratio_is_written_does_not_change_the_verdict(found: Fraction, bound: Fraction, factor: int) -> None:
    judged = rule(bound={"numerator": bound.numerator, "denominator": bound.denominator})
    wide = report(value(found.numerator * factor, found.denominator * factor))

    assert accepts(judged, wide) is (found >= bound)
