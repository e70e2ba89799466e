"""What was measured then and now: what counts as worse, and what an answer to an incident's question counts as."""

from fractions import Fraction
from typing import Any

import pytest

from governance.errors import Invalid
from training_jobs.inquiries import answers, comparison

SUITE, OTHER = "a" * 64, "b" * 64


def value(numerator: Any, low: Any = None, high: Any = None, denominator: Any = 100) -> dict[str, Any]:
    """A measured value in hundredths."""
    ends = {"low": low, "high": high}
    said = {name: {"numerator": end, "denominator": 100} for name, end in ends.items() if end is not None}
    return {"numerator": numerator, "denominator": denominator, "unit": "", "samples": 20, **said}


def body(suite: str = SUITE, further: dict[str, Any] | None = None, **metrics: Any) -> dict[str, Any]:
    return {"suite": suite, "candidate": metrics, "further": further or {}}


THEN = body(answer_accuracy=value(80, 70, 88), language_gap=value(5, 1, 9))


@pytest.mark.parametrize(
    ("metric", "found", "is_worse"),
    [
        ("answer_accuracy", 80, False),
        ("answer_accuracy", 70, False),
        ("answer_accuracy", 69, True),
        ("answer_accuracy", 0, True),
        ("answer_accuracy", 99, False),
        ("language_gap", 5, False),
        ("language_gap", 9, False),
        ("language_gap", 10, True),
        ("language_gap", 0, False),
    ],
)
def test_worse_is_outside_the_interval_of_then_on_the_bad_side(metric: str, found: int, is_worse: bool) -> None:
    (row,) = comparison.compared(THEN, body(**{metric: value(found, 0, 100)}))
    assert row.is_worse is is_worse
    assert (row.then, row.now) == (Fraction(THEN["candidate"][metric]["numerator"], 100), Fraction(found, 100))
    assert comparison.worse(THEN, body(**{metric: value(found)})) == (
        [row_without_ends(metric, found)] if is_worse else []
    )


def row_without_ends(metric: str, found: int) -> comparison.Row:
    (row,) = comparison.compared(THEN, body(**{metric: value(found)}))
    assert row.now_ends is None
    return row


def test_another_suite_or_an_unknown_metric_is_shown_and_never_worse() -> None:
    now = body(OTHER, answer_accuracy=value(0), charm=value(0))
    rows = comparison.compared(THEN, now)
    assert [(row.metric, row.then, row.is_worse) for row in rows] == [
        ("answer_accuracy", None, False),
        ("charm", None, False),
    ]
    then = body(further={OTHER: {"candidate": {"answer_accuracy": value(50, 40, 60)}}})
    assert [row.is_worse for row in comparison.compared(then, now)] == [True, False]
    assert comparison.compared({}, now)[0].then is None


@pytest.mark.parametrize(
    "broken",
    [
        None, 7, "0.5", [], {}, {"numerator": 1}, {"denominator": 1}, {"numerator": "1", "denominator": 2},
        {"numerator": 1, "denominator": 0}, {"numerator": 1, "denominator": -2}, {"numerator": 1.5, "denominator": 2},
        {"numerator": True, "denominator": 2},
    ],
)  # fmt: skip
def test_what_is_no_value_is_not_compared(broken: Any) -> None:
    assert comparison.compared(THEN, body(answer_accuracy=broken)) == []
    (row,) = comparison.compared(body(answer_accuracy=broken), body(answer_accuracy=value(1)))
    assert (row.then, row.is_worse) == (None, False)
    ends = {**value(80), "low": broken, "high": {"numerator": 90, "denominator": 100}}
    (row,) = comparison.compared(body(answer_accuracy=ends), body(answer_accuracy=value(1)))
    assert (row.then_ends, row.is_worse) == (None, False)


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("Nowhere.", "reported"),
        ("nowhere", "reported"),
        ("It goes NOWHERE, as ever.", "reported"),
        ("To plot 7.", "expected"),
        ("Water goes to plot 7 and on.", "expected"),
        ("Nowhere; to plot 7.", "reported"),
        ("Elsewhere", "other"),
        ("now here", "other"),
        ("To plot 77.", "other"),
        ("", "other"),
    ],
)
def test_an_answer_is_compared_word_for_word(answer: str, says: str) -> None:
    assert answers.says(answer, "Nowhere.", "To plot 7.") == says


def test_without_a_reported_answer_nothing_is_as_reported() -> None:
    assert answers.says("Nowhere.", "", "To plot 7.") == "other"
    assert answers.says("", "", "…") == "other"


def line(seed: Any, answer: Any = "Nowhere.", tokens: Any = 3, ended: Any = True) -> dict[str, Any]:
    return {"seed": seed, "answer": answer, "tokens": tokens, "ended": ended}


def test_a_report_is_kept_with_counts_and_each_text_cut() -> None:
    said = answers.read(
        {"tokens_max": 256, "version": [line(None), line(1, "x" * 5_000)], "parent": []}, 2, "Nowhere.", "To plot 7."
    )
    assert said["counts"] == {
        "version": {"reported": 1, "expected": 0, "other": 1},
        "parent": {"reported": 0, "expected": 0, "other": 0},
    }
    assert len(said["version"][1]["answer"]) == answers.CHARACTERS_MAX + 1


@pytest.mark.parametrize(
    "changed",
    [
        {"version": []}, {"version": [line(None)]}, {"version": [line(None)] * 3}, {"version": "Nowhere."},
        {"version": [line(None), "x"]}, {"version": [line(None), line(0)]}, {"version": [line(None), line(-1)]},
        {"version": [line(None), line("1")]}, {"version": [line(None), line(1, 7)]},
        {"version": [line(None), line(1, None)]}, {"version": [line(None), line(1, tokens=-1)]},
        {"version": [line(None), line(1, tokens=1.5)]}, {"version": [line(None), line(1, ended=1)]},
        {"version": [line(None), {**line(1), "more": 1}]}, {"version": None}, {"parent": [line(None)]},
        {"parent": None}, {"tokens_max": "many"}, {"tokens_max": None}, {"more": 1}, {"version": {"0": line(None)}},
    ],
)  # fmt: skip
def test_a_report_of_another_form_is_refused(changed: dict[str, Any]) -> None:
    report = {"tokens_max": 256, "version": [line(None), line(1)], "parent": [], **changed}
    with pytest.raises(Invalid, match="malformed_result"):
        answers.read(report, 2, "Nowhere.", "To plot 7.")
