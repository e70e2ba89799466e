"""Judging a count: every condition at its edge, one unit to either side; what rules cannot judge is refused."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.outcome import SECONDS_MAX, Condition, Electorate, InvalidRules, Outcome, Rules, decide, quorum_needed
from governance.tally import METHODS
from governance.tally.base import Count

RULES = Rules(
    quorum_bps=2_000,
    threshold_bps=5_000,
    proposal_threshold=0,
    voting_delay_seconds=0,
    voting_period_seconds=1,
    timelock_seconds=0,
    execution_window_seconds=1,
)
GOVERNOR = ("against", "for", "abstain")
POWER = st.integers(min_value=1, max_value=2**208 - 1)


def outcome(
    against: int = 0,
    in_favour: int = 0,
    abstain: int = 0,
    supply: int = 1_000,
    delegated: int = 1_000,
    house: dict[str, int] | None = None,
    house_total: int = 0,
    **rules: Any,
) -> Outcome:
    """Judge a vote for and against one thing."""
    cast = [(choice, power) for choice, power in enumerate((against, in_favour, abstain)) if power]
    count = METHODS["governor"].count(cast, 3)
    return decide(replace(RULES, **rules), count, GOVERNOR, Electorate(supply, delegated, house_total), house=house)


def condition(result: Outcome, name: str) -> Condition:
    """Return the one condition of this name."""
    (found,) = [item for item in result.conditions if item.condition == name]
    return found


# --- quorum -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("power", "passed"), [(199, False), (200, True), (201, True)])
def test_the_quorum_is_reached_at_its_last_unit(power, passed):
    result = outcome(in_favour=power)
    assert condition(result, "quorum") == Condition("quorum", passed, power, 200)
    assert result.passed is passed


def test_a_share_is_rounded_down_and_never_less_than_one_unit():
    assert condition(outcome(in_favour=1, supply=4_999, quorum_bps=1), "quorum").needed == 1
    assert condition(outcome(in_favour=1, supply=9_999, quorum_bps=1), "quorum").needed == 1
    assert condition(outcome(in_favour=1, supply=20_000, quorum_bps=1), "quorum").needed == 2


def test_an_empty_vote_passes_nothing_even_with_the_smallest_quorum():
    assert outcome(supply=1, quorum_bps=1).passed is False


def test_abstentions_count_for_the_quorum_and_not_for_the_majority():
    assert outcome(in_favour=1, abstain=199).passed is True
    assert outcome(abstain=1_000).passed is False


def test_votes_against_do_not_count_for_the_quorum_of_governor():
    assert condition(outcome(against=150, in_favour=199), "quorum").found == 199


@pytest.mark.parametrize(("power", "passed"), [(59, False), (60, True)])
def test_a_quorum_of_the_delegated_supply_forgets_tokens_that_nobody_can_vote_with(power, passed):
    assert outcome(in_favour=power, delegated=300, quorum_basis="delegated").passed is passed


@pytest.mark.parametrize(("power", "passed"), [(349, False), (350, True)])
def test_the_larger_one_of_share_and_absolute_quorum_is_needed(power, passed):
    assert outcome(in_favour=power, quorum_votes=350).passed is passed
    assert outcome(in_favour=power, quorum_votes=350, quorum_bps=0).passed is passed
    assert condition(outcome(in_favour=power, quorum_votes=3), "quorum").needed == 200


@given(supply=POWER, bps=st.integers(1, 10_000), votes=st.integers(0, 10**30))
def test_what_the_page_says_is_needed_is_what_decides(supply, bps, votes):
    rules = replace(RULES, quorum_bps=bps, quorum_votes=votes)
    needed = quorum_needed(rules, Electorate(supply, 0))
    assert needed == max(votes, supply * bps // 10_000, 1)
    assert condition(outcome(in_favour=1, supply=supply, quorum_bps=bps, quorum_votes=votes), "quorum").needed == needed


# --- majority and support -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("against", "in_favour", "passed"), [(300, 299, False), (300, 300, False), (300, 301, True)])
def test_a_tie_does_not_pass_and_one_unit_more_does(against, in_favour, passed):
    assert outcome(against=against, in_favour=in_favour).passed is passed


def test_numbers_that_a_float_cannot_tell_apart_are_told_apart():
    huge = 3 * 10**77
    assert outcome(against=huge, in_favour=huge, supply=10**78).passed is False
    assert outcome(against=huge, in_favour=huge + 1, supply=10**78).passed is True


@pytest.mark.parametrize(("against", "in_favour", "passed"), [(3_333, 6_667, False), (3_332, 6_668, True)])
def test_a_supermajority_is_exceeded_strictly(against, in_favour, passed):
    assert outcome(against=against, in_favour=in_favour, supply=10_000, threshold_bps=6_667).passed is passed


@given(against=POWER, in_favour=POWER, supply=POWER, threshold=st.integers(5_000, 9_999))
def test_needed_is_the_smallest_power_that_would_have_been_enough(against, in_favour, supply, threshold):
    result = outcome(against=against, in_favour=in_favour, supply=supply, threshold_bps=threshold)
    assert result.passed == all(item.found >= item.needed for item in result.conditions)
    assert condition(result, "majority").holds == (in_favour * 10_000 > (in_favour + against) * threshold)


@pytest.mark.parametrize(("in_favour", "passed"), [(399, False), (400, True)])
def test_support_is_a_share_of_all_and_not_only_of_those_who_vote(in_favour, passed):
    result = outcome(in_favour=in_favour, support_bps=4_000)
    assert condition(result, "support") == Condition("support", passed, in_favour, 400)
    assert condition(result, "majority").holds
    assert result.passed is passed
    assert outcome(in_favour=in_favour - 200, support_bps=4_000, quorum_basis="delegated", delegated=500).passed is (
        in_favour >= 400
    )


# --- optimistic ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("against", "passed"), [(0, True), (99, True), (100, True), (101, False)])
def test_an_optimistic_proposal_passes_unless_more_than_the_limit_is_against(against, passed):
    result = outcome(against=against, quorum_bps=0, rejection_bps=1_000)
    assert result.conditions == (Condition("rejection", passed, against, 100),)
    assert result.passed is passed


def test_an_optimistic_proposal_cannot_be_saved_by_votes_for_it():
    assert outcome(against=101, in_favour=899, rejection_bps=1_000).passed is False


def test_the_limit_of_a_rejection_is_rounded_down_to_nothing_in_a_tiny_community():
    assert outcome(against=1, supply=9, rejection_bps=1_000).passed is False
    assert outcome(against=1, supply=10, rejection_bps=1_000).passed is True


# --- super-quorum -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("in_favour", "early"), [(599, False), (600, True), (601, True)])
def test_a_super_quorum_for_allows_closing_early(in_favour, early):
    result = outcome(in_favour=in_favour, super_quorum_bps=6_000)
    assert result.early is early
    assert result.passed is True


def test_a_super_quorum_does_not_help_what_would_not_pass():
    assert outcome(against=400, in_favour=600, super_quorum_bps=6_000, threshold_bps=6_000).early is False
    assert outcome(against=300, abstain=600, super_quorum_bps=6_000).early is False
    assert outcome(in_favour=1_000).early is False, "these rules know no super-quorum"


# --- the second house ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("against", "passed"), [(0, True), (2, True), (3, False), (10, False)])
def test_the_second_house_objects_with_its_share(against, passed):
    house = {"against": against, "for": 0, "abstain": 0}
    result = outcome(in_favour=1_000, objection_bps=3_000, house=house, house_total=10)
    assert condition(result, "objection") == Condition("objection", passed, against, 3)
    assert result.passed is passed


def test_the_second_house_stops_an_optimistic_proposal_too():
    house = {"against": 10, "for": 0, "abstain": 0}
    rules = {"rejection_bps": 1_000, "objection_bps": 5_000}
    assert outcome(house=house, house_total=10, **rules).passed is False


def test_a_single_objection_of_nobody_is_none():
    house = {"against": 0, "for": 0, "abstain": 0}
    assert outcome(in_favour=1_000, objection_bps=1, house=house, house_total=10).passed is True


@pytest.mark.parametrize(("house", "total"), [(None, 10), ({"against": 0, "for": 0, "abstain": 0}, 0)])
def test_without_a_second_house_nothing_that_needs_one_is_judged(house, total):
    with pytest.raises(InvalidRules) as refusal:
        outcome(in_favour=1_000, objection_bps=5_000, house=house, house_total=total)
    assert refusal.value.field == "objection_bps"


# --- between several things ---------------------------------------------------------------------------------------


def counted(winners: tuple[int, ...], quorum: int = 500) -> Count:
    """Return a count of three choices with these winners."""
    return Count(tuple(Fraction(1) for _ in range(3)), winners, 1, (), quorum, quorum)


@pytest.mark.parametrize(
    ("winners", "seats", "passed"),
    [((0,), 1, True), ((), 1, False), ((0, 1), 1, False), ((0, 2), 2, True), ((2,), 2, False)],
)
def test_there_must_be_as_many_winners_as_seats(winners, seats, passed):
    result = decide(RULES, counted(winners), ("A", "B", "C"), Electorate(1_000, 1_000), seats=seats)
    assert condition(result, "winner") == Condition("winner", passed, len(winners), seats)
    assert result.passed is passed
    assert not result.early


def test_a_winner_without_a_quorum_wins_nothing():
    assert not decide(RULES, counted((0,), 199), ("A", "B", "C"), Electorate(1_000, 1_000)).passed


def test_an_optimistic_choice_between_several_things_means_nothing():
    with pytest.raises(InvalidRules):
        decide(replace(RULES, rejection_bps=1_000), counted((0,)), ("A", "B", "C"), Electorate(1_000, 1_000))


def test_nothing_is_judged_without_a_supply():
    with pytest.raises(InvalidRules):
        outcome(in_favour=1, supply=0)


def test_the_names_for_and_against_make_a_vote_about_one_thing_in_whatever_order():
    count = METHODS["basic"].count([(1, 300), (2, 299)], 3)
    assert decide(RULES, count, ("for", "against", "abstain"), Electorate(1_000, 1_000)).passed is True


# --- rules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quorum_bps": 0}, "quorum_bps"),
        ({"quorum_bps": 10_001}, "quorum_bps"),
        ({"quorum_bps": True}, "quorum_bps"),
        ({"quorum_bps": "20"}, "quorum_bps"),
        ({"quorum_bps": 20.0}, "quorum_bps"),
        ({"quorum_bps": -1}, "quorum_bps"),
        ({"quorum_bps": None}, "quorum_bps"),
        ({"quorum_basis": "everybody"}, "quorum_basis"),
        ({"quorum_basis": ["supply"]}, "quorum_basis"),
        ({"quorum_votes": 5}, "quorum_votes"),
        ({"quorum_votes": "-5"}, "quorum_votes"),
        ({"quorum_votes": ""}, "quorum_votes"),
        ({"quorum_votes": "1" * 79}, "quorum_votes"),
        ({"threshold_bps": 4_999}, "threshold_bps"),
        ({"threshold_bps": 10_000}, "threshold_bps"),
        ({"support_bps": 10_001}, "support_bps"),
        ({"rejection_bps": 10_001}, "rejection_bps"),
        ({"objection_bps": 10_001}, "objection_bps"),
        ({"super_quorum_bps": 1_999}, "super_quorum_bps"),
        ({"super_quorum_bps": 6_000, "rejection_bps": 1}, "super_quorum_bps"),
        ({"super_quorum_bps": 6_000, "objection_bps": 1}, "super_quorum_bps"),
        ({"voting_period_seconds": 0}, "voting_period_seconds"),
        ({"execution_window_seconds": 0}, "execution_window_seconds"),
        ({"timelock_seconds": -1}, "timelock_seconds"),
        ({"timelock_seconds": 1.5}, "timelock_seconds"),
        ({"timelock_seconds": SECONDS_MAX + 1}, "timelock_seconds"),
        ({"voting_delay_seconds": 10**13}, "voting_delay_seconds"),
        ({"cool_down_seconds": 2**53 - 1}, "cool_down_seconds"),
        ({"late_quorum_seconds": 2}, "late_quorum_seconds"),
        ({"proposal_threshold": 5}, "proposal_threshold"),
        ({"proposal_threshold": "１"}, "proposal_threshold"),
        ({"proposal_threshold": "1e3"}, "proposal_threshold"),
        ({"proposal_threshold": " 1"}, "proposal_threshold"),
    ],
    ids=str,
)
def test_rules_that_cannot_judge_are_refused_by_name(change, field):
    for read, start in ((Rules.from_body, RULES.to_body()), (Rules.from_partial, partial_rules())):
        with pytest.raises(InvalidRules) as refusal:
            read({**start, **change})
        assert refusal.value.field == field


def partial_rules() -> dict[str, Any]:
    """Return the rules as people write them."""
    whole = RULES.to_body()
    names = ("voting_delay_seconds", "voting_period_seconds", "timelock_seconds", "execution_window_seconds")
    return {name: whole[name] for name in ("quorum_bps", "threshold_bps", "proposal_threshold", *names)}


@pytest.mark.parametrize(
    "change",
    [
        {"super_quorum_bps": 2_000},
        {"late_quorum_seconds": 1},
        {"quorum_bps": 0, "quorum_votes": "1"},
        {"quorum_bps": 0, "rejection_bps": 1},
        {"timelock_seconds": SECONDS_MAX},
        {"quorum_votes": "9" * 78},
    ],
    ids=str,
)
def test_rules_at_the_edge_of_what_can_be_judged_are_accepted(change):
    assert Rules.from_body({**RULES.to_body(), **change}).to_body() == {**RULES.to_body(), **change}


def test_rules_survive_their_record_and_what_is_not_mentioned_is_off():
    assert Rules.from_body(RULES.to_body()) == RULES == Rules.from_partial(partial_rules())


@pytest.mark.parametrize("name", sorted(RULES.to_body()))
def test_a_record_of_rules_has_every_key_and_no_other(name):
    whole = RULES.to_body()
    with pytest.raises(InvalidRules):
        Rules.from_body({key: value for key, value in whole.items() if key != name})
    with pytest.raises(InvalidRules):
        Rules.from_body({**whole, "extra": 1})
    with pytest.raises(InvalidRules):
        Rules.from_partial({**partial_rules(), f"{name}s": 1})


@pytest.mark.parametrize("body", [None, [], "rules", 5, [["quorum_bps", 1]]])
def test_what_is_no_object_is_no_rules(body):
    for read in (Rules.from_body, Rules.from_partial):
        with pytest.raises(InvalidRules):
            read(body)


def test_a_condition_survives_its_record():
    for item in outcome(in_favour=10**40, supply=10**41).conditions:
        assert Condition.from_body(item.to_body()) == item
