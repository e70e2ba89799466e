"""Which of two versions is better in a metric, and when nobody is said to be."""

from typing import Any

import pytest

from training_jobs import version_measures
from training_jobs.version_measures import Compared


def ratio(numerator: int, denominator: int = 100, *, low: int | None = None, high: int | None = None) -> dict[str, Any]:
    value: dict[str, Any] = {"numerator": numerator, "denominator": denominator, "unit": "ratio", "samples": 100}
    if low is not None and high is not None:
        value["low"] = {"numerator": low, "denominator": denominator}
        value["high"] = {"numerator": high, "denominator": denominator}
    return value


def evaluation(metric: str, candidate: Any, parent: Any = None, difference: Any = None) -> dict[str, Any]:
    """Return the part of an evaluation's record that is read."""
    named = {name: {metric: value} for name, value in (("candidate", candidate), ("parent", parent)) if value}
    return {"suite": "a" * 64, "further": {}, "difference": {metric: difference} if difference else {}, **named}


def only(rows: list[Compared]) -> Compared:
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize(
    ("metric", "first", "second", "outcome"),
    [
        ("answer_accuracy", ratio(40, low=30, high=50), ratio(80, low=70, high=90), "second"),
        ("answer_accuracy", ratio(80, low=70, high=90), ratio(40, low=30, high=50), "first"),
        ("language_gap", ratio(40, low=30, high=50), ratio(80, low=70, high=90), "first"),  # less is better
        ("answer_accuracy", ratio(40, low=30, high=50), ratio(45, low=35, high=55), "chance"),
        ("answer_accuracy", ratio(40, low=30, high=50), ratio(60, low=50, high=70), "chance"),  # the ends touch
        ("answer_accuracy", ratio(40), ratio(80), "unsure"),
        ("answer_accuracy", ratio(40, low=30, high=50), ratio(80), "unsure"),
        ("answer_accuracy", ratio(40), ratio(20, 50), "equal"),
        ("a_metric_of_tomorrow", ratio(40, low=30, high=50), ratio(80, low=70, high=90), "no_direction"),
        ("answer_accuracy", ratio(40), None, "alone"),
        ("answer_accuracy", ratio(40), {"numerator": 1, "denominator": 0}, "alone"),  # what cannot be read
    ],
)
def test_a_version_is_better_only_where_chance_does_not_explain_it(
    metric: str, first: Any, second: Any, outcome: str
) -> None:
    row = only(version_measures.apart(evaluation(metric, first), evaluation(metric, second)))
    assert row.outcome == outcome
    swapped = only(version_measures.apart(evaluation(metric, second), evaluation(metric, first)))
    mirrored = {"first": "second", "second": "first"}.get(outcome, outcome)
    assert swapped.outcome == mirrored, "the order in which they are named changes nothing"


def test_measured_by_one_run_the_interval_of_the_difference_decides() -> None:
    # The intervals of both overlap; paired, question by question, the difference is clear all the same.
    before, after = ratio(40, low=30, high=50), ratio(48, low=38, high=58)
    clear = evaluation("answer_accuracy", after, before, ratio(8, low=3, high=13))
    assert only(version_measures.together(clear, parent_is_first=True)).outcome == "second"
    assert only(version_measures.together(clear, parent_is_first=False)).outcome == "first"
    unclear = evaluation("answer_accuracy", after, before, ratio(8, low=-2, high=18))
    assert only(version_measures.together(unclear, parent_is_first=True)).outcome == "chance"


def test_values_on_different_suites_are_never_compared() -> None:
    first = evaluation("answer_accuracy", ratio(40, low=30, high=50))
    second = {**evaluation("answer_accuracy", ratio(80, low=70, high=90)), "suite": "b" * 64}
    assert [row.outcome for row in version_measures.apart(first, second)] == ["alone", "alone"]


def test_a_suite_of_a_rule_is_compared_beside_that_of_the_specification() -> None:
    further = {"c" * 64: {"candidate": {"refusal": ratio(1, 2)}, "parent": {"refusal": ratio(1, 2)}, "difference": {}}}
    body = {**evaluation("answer_accuracy", ratio(1, 2), ratio(1, 4)), "further": further}
    rows = version_measures.together(body, parent_is_first=True)
    assert [(row.suite[:1], row.metric) for row in rows] == [("a", "answer_accuracy"), ("c", "refusal")]


def test_a_base_that_nobody_measured_has_nothing_to_compare() -> None:
    assert version_measures.apart({}, {}) == []
    assert [row.outcome for row in version_measures.apart({}, evaluation("refusal", ratio(1)))] == ["alone"]
