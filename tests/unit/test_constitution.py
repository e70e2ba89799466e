"""The constitution as it stood at any moment, what differs between two, and rules that clash or that a model may break."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry import gates
from models_registry.constitution import history, lint
from models_registry.constitution.history import Article, How, State, Vote
from models_registry.gates import Rule

SUITE = "ab" * 32
NOW = 1_000_000


def body(**changes: Any) -> dict[str, Any]:
    return {
        "slug": "fair",
        "title": "Fair",
        "why": "",
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


def rule(comparator: str, bound: str, **changes: Any) -> Rule:
    exact = Fraction(bound)
    ratio = {"numerator": exact.numerator, "denominator": exact.denominator}
    return Rule.from_record(body(comparator=comparator, bound=ratio, **changes))


# --- history: adopted at 100, changed at 200, repealed at 300; another from 150, over at 250 ----------------------

FIRST = Article(body(), "1", 100, Vote(1, "Adopt"), ended_at=200, ended_by=Vote(3, "Change"), is_replaced=True)
SECOND = Article(
    body(why="Why.", severity="warn"), "2", 200, Vote(3, "Change"), ended_at=300, ended_by=Vote(4, "Repeal")
)
OTHER = Article(body(slug="kind", sunset=250), "3", 150, Vote(2, "Another"))
ARTICLES = [SECOND, OTHER, FIRST]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (99, []),
        (100, ["1"]),
        (199, ["1", "3"]),
        (200, ["2", "3"]),
        (299, ["2", "3"]),
        (300, ["3"]),
    ],
)
def test_the_text_at_a_moment_is_what_was_adopted_and_not_ended_by_then(moment: int, expected: list[str]) -> None:
    assert [article.record for article in history.text_at(ARTICLES, moment)] == expected


def test_an_article_whose_sunset_has_come_stays_in_the_text_and_says_so() -> None:
    assert [OTHER.state(moment) for moment in (149, 150, 249, 250)] == [
        State.NOT_YET,
        State.IN_FORCE,
        State.IN_FORCE,
        State.OVER,
    ]
    assert [FIRST.state(200), SECOND.state(300)] == [State.CHANGED, State.REPEALED]


def differences(before: int, after: int) -> list[tuple[str, str, int | None, tuple[str, ...]]]:
    found = history.difference(ARTICLES, before, after)
    return [(each.slug, each.how, each.vote.number if each.vote else None, each.fields) for each in found]


def test_what_differs_between_two_dates_names_what_changed_and_by_which_vote() -> None:
    assert differences(0, 120) == [("fair", How.ADDED, 1, ())]
    assert differences(160, 240) == [("fair", How.CHANGED, 3, ("why", "severity"))]
    assert differences(160, 260) == [
        ("fair", How.CHANGED, 3, ("why", "severity")),
        ("kind", How.SUNSET, None, ()),
    ]
    assert differences(160, 400)[0] == ("fair", How.REPEALED, 4, ())
    assert differences(0, 400) == [("kind", How.ADDED, 2, ())], "what came and went in between is in neither text"
    assert differences(210, 240) == []


def test_the_later_moment_cannot_come_first() -> None:
    with pytest.raises(ValueError, match="before the first"):
        history.difference(ARTICLES, 200, 100)


# --- clashes ------------------------------------------------------------------------------------------------------


def codes(*rules: Rule) -> list[str]:
    return [clash.code for clash in lint.clashes(rules, {"gap"})]


def test_bounds_that_exclude_each_other_clash() -> None:
    assert codes(rule("at_least", "0.6", slug="a"), rule("at_most", "0.5", slug="b")) == ["excludes"]
    assert codes(rule("at_least", "0.5", slug="a"), rule("at_most", "0.5", slug="b")) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"scope": "another"}, ["excludes"]),
        ({"metric": "accuracy"}, []),
        ({"suite": SUITE}, []),
        ({"severity": "warn"}, ["excludes"]),
    ],
)
def test_rules_clash_only_where_they_measure_the_same_thing(changes: dict[str, Any], found: list[str]) -> None:
    assert codes(rule("at_least", "0.6", slug="a"), rule("at_most", "0.5", slug="b", **changes)) == found


def test_rules_for_two_different_models_do_not_clash() -> None:
    assert codes(rule("at_least", "0.6", scope="one"), rule("at_most", "0.5", scope="two")) == []


def test_a_wide_interval_keeps_a_floor_for_its_high_end_and_a_ceiling_for_its_low_end() -> None:
    high, low = rule("at_least", "0.6", judged="lenient"), rule("at_most", "0.5", judged="lenient")
    assert codes(high, low) == []
    assert codes(rule("at_least", "0.6", judged="cautious"), low) == ["excludes"]


def test_the_same_gate_twice_is_a_duplicate() -> None:
    assert codes(rule("at_most", "0.5", slug="a"), rule("at_most", "0.5", slug="b")) == ["duplicate"]
    assert codes(rule("not_below_parent", "0", slug="a"), rule("not_below_parent", "0", slug="b")) == ["duplicate"]
    assert codes(rule("at_most", "0.5", slug="a"), rule("at_most", "0.4", slug="b")) == []


@pytest.mark.parametrize(
    ("comparator", "bound", "found"),
    [
        ("at_least", "1.1", ["impossible"]),
        ("at_most", "-0.1", ["impossible"]),
        ("at_most", "1", ["never_breaks"]),
        ("at_least", "0", ["never_breaks"]),
        ("at_least", "1", []),
        ("at_most", "0", []),
    ],
)
def test_a_bound_outside_what_a_share_can_be_is_shown(comparator: str, bound: str, found: list[str]) -> None:
    assert codes(rule(comparator, bound)) == found
    assert codes(rule(comparator, bound, metric="nats")) == [], "no share: nothing is known about its values"


BOUNDS = st.fractions(min_value=0, max_value=1, max_denominator=20)
ENDS = st.tuples(BOUNDS, BOUNDS, BOUNDS).map(sorted)


@given(BOUNDS, BOUNDS, st.sampled_from(gates.JUDGED), st.sampled_from(gates.JUDGED), ENDS)
def test_no_measurement_keeps_two_rules_that_are_said_to_exclude_each_other(
    floor: Fraction, ceiling: Fraction, one: str, other: str, ends: list[Fraction]
) -> None:
    """The lint may miss a clash; it never claims one that some measurement would disprove."""
    pair = (rule("at_least", str(floor), judged=one), rule("at_most", str(ceiling), judged=other))
    low, value, high = ({"numerator": end.numerator, "denominator": end.denominator} for end in ends)
    measured = {"gap": {**value, "samples": 9, "low": low, "high": high}}
    report = gates.Report.from_record({"candidate": measured, "samples": 9}, "m")
    if all(gates.judge(each, report, NOW).holds for each in pair):
        assert not [clash for clash in lint.clashes(pair, set()) if clash.code == "excludes"]


# --- the outlook of an update -------------------------------------------------------------------------------------


def outlook(judged: Rule, measured: dict[str, Any] | None, **suites: Any) -> lint.Outlook:
    record = {"candidate": {"gap": measured}, "samples": 50} if measured else {}
    report = gates.Report.from_record({**record, "further": suites.get("further", {})}, "m")
    (found,) = lint.outlook([judged], report, suites.get("known", ()), suites.get("empty", ()), NOW)
    return found


def percent(value: int, low: int, high: int) -> dict[str, Any]:
    ends = {name: {"numerator": end, "denominator": 100} for name, end in (("low", low), ("high", high))}
    return {"numerator": value, "denominator": 100, "samples": 50, **ends}


def test_room_to_the_bound_is_told_from_what_was_measured_of_the_version_before() -> None:
    found = outlook(rule("at_most", "0.1"), percent(4, 2, 8))
    assert (found.notes, found.room) == ((), Fraction(6, 100))
    assert outlook(rule("at_most", "0.1", judged="cautious"), percent(4, 2, 8)).room == Fraction(2, 100)


@pytest.mark.parametrize(
    ("judged", "measured", "notes"),
    [
        (rule("at_most", "0.1"), percent(11, 9, 14), ("broken_now",)),
        (rule("at_most", "0.1"), percent(8, 4, 12), ("tight",)),
        (rule("at_most", "0.1"), None, ("never_measured",)),
        (rule("at_most", "0.1", judged="cautious"), {**percent(1, 0, 2), "low": None}, ("never_measured",)),
        (rule("not_below_parent", "0.1"), percent(4, 2, 8), ("against_parent",)),
        (rule("at_most", "0.1", suite=SUITE), percent(4, 2, 8), ("suite_missing",)),
        (rule("at_most", "0.1", sunset=NOW), percent(4, 2, 8), ("sunset_over",)),
        (rule("at_most", "0.1", sunset=NOW + 1), percent(4, 2, 8), ("sunset_soon",)),
        (rule("at_most", "0.1", sunset=NOW + lint.SOON_SECONDS + 1), percent(4, 2, 8), ()),
        (rule("at_most", "0.1", severity="warn"), percent(11, 9, 14), ("broken_now", "warns_only")),
    ],
)
def test_an_update_is_told_which_rules_it_may_break(
    judged: Rule, measured: dict[str, Any] | None, notes: tuple[str, ...]
) -> None:
    assert outlook(judged, measured).notes == notes


def test_a_suite_without_rows_is_told_apart_from_one_that_is_not_there() -> None:
    assert outlook(rule("at_most", "0.1", suite=SUITE), None, known={SUITE}, empty={SUITE}).notes == ("suite_empty",)
    assert outlook(rule("at_most", "0.1", suite=SUITE), None, known={SUITE}).notes == ("never_measured",)


def test_the_gravest_comes_first_and_rules_for_other_models_are_left_out() -> None:
    rules = [
        rule("at_most", "0.5", slug="kept"),
        rule("at_most", "0.1", slug="broken"),
        rule("at_most", "0.1", slug="elsewhere", scope="another"),
    ]
    report = gates.Report.from_record({"candidate": {"gap": percent(11, 9, 14)}, "samples": 50}, "m")
    assert [each.rule.slug for each in lint.outlook(rules, report, (), (), NOW)] == ["broken", "kept"]
