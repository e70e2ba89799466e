"""Promises of an update: read strictly, judged by the gates on what was measured, and never kept by silence."""

from fractions import Fraction
from typing import Any

import pytest

from models_registry import promises
from models_registry.promises import PromiseError

EVALUATION: dict[str, Any] = {
    "candidate": {"answer_accuracy": {"numerator": 4, "denominator": 5, "unit": "ratio", "samples": 10}},
    "parent": {"answer_accuracy": {"numerator": 3, "denominator": 5, "unit": "ratio", "samples": 10}},
    "difference": {},
    "samples": 10,
    "further": {},
}


def promise(comparator: str, bound: str, metric: str = "answer_accuracy") -> dict[str, str]:
    return {"metric": metric, "comparator": comparator, "bound": bound}


def delivered(*lines: dict[str, str], evaluation: dict[str, Any] = EVALUATION) -> tuple[promises.Delivered, ...]:
    return promises.delivered({"promises": list(lines)}, evaluation, "water-assistant")


@pytest.mark.parametrize(
    ("comparator", "bound", "kept"),
    [
        ("at_least", "0.8", True),
        ("at_least", "0.800000001", False),
        ("at_most", "0.8", True),
        ("at_most", "0.79", False),
        ("not_below_parent", "0", True),
        ("not_above_parent", "0.2", True),
        ("not_above_parent", "0.1", False),
    ],
)
def test_a_promise_is_kept_exactly_where_the_measured_value_keeps_it(comparator: str, bound: str, kept: bool) -> None:
    (found,) = delivered(promise(comparator, bound))
    assert (found.kept, found.measured, found.parent) == (kept, Fraction(4, 5), Fraction(3, 5))


def test_what_was_not_measured_was_not_kept() -> None:
    for evaluation in ({**EVALUATION, "candidate": {}}, {**EVALUATION, "samples": 0}):
        assert not delivered(promise("at_most", "1"), evaluation=evaluation)[0].kept
    (found,) = delivered(promise("at_most", "1", metric="toxicity"))
    assert (found.kept, found.measured) == (False, None)


def test_an_update_without_promises_has_none_to_show() -> None:
    assert promises.delivered({"spec": {}}, EVALUATION, "water-assistant") == ()


@pytest.mark.parametrize(
    "wrong",
    [
        "answer_accuracy",
        {"metric": "answer_accuracy"},
        [promise("at_least", "0.8") | {"more": "x"}],
        [promise("about", "0.8")],
        [promise("at_least", "1e3")],
        [promise("at_least", "")],
        [promise("at_least", "NaN")],
        [promise("at_least", ".8")],
        [promise("at_least", "0.8", metric="beauty")],
        [promise("not_below_parent", "-0.1")],
        [promise("at_least", "0.8"), promise("at_least", "0.9")],
        [{"metric": "answer_accuracy", "comparator": "at_least", "bound": 0.8}],
        [promise("at_least", "0.8")] * 21,
        [None],
    ],
)
def test_what_nothing_could_be_compared_with_is_refused(wrong: object) -> None:
    with pytest.raises(PromiseError):
        promises.read(wrong, ["answer_accuracy"])


def test_lines_of_a_form_are_read_in_any_order_of_their_words() -> None:
    expected = [promise("at_least", "0.8"), promise("at_most", "0.1", metric="language_gap")]
    assert promises.read_lines("answer_accuracy at_least 0.8\n\n0.1 language_gap at_most\n") == expected
    assert promises.read_lines("nonsense") == [{"metric": "nonsense", "comparator": "", "bound": ""}]
