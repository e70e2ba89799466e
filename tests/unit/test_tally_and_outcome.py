"""Counting and deciding: exact, indifferent to order, and never in favour of a tie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.outcome import InvalidRules, Rules, decide
from governance.tally import METHODS, UnknownMethod, method_named
from governance.tally.base import InvalidChoice

RULES = Rules(
    quorum_bps=2_000,
    threshold_bps=5_000,
    proposal_threshold=0,
    voting_delay_seconds=0,
    voting_period_seconds=1,
    timelock_seconds=0,
    execution_window_seconds=1,
)
POWER = st.integers(min_value=1, max_value=2**208 - 1)


def ballots(method):
    return st.lists(st.tuples(st.integers(0, len(method.options) - 1), POWER), max_size=30)


def outcome(against=0, in_favour=0, abstain=0, supply=1_000, rules=RULES):
    method = METHODS["governor"]
    cast = [(choice, power) for choice, power in enumerate((against, in_favour, abstain)) if power]
    return decide(method, method.count(cast), rules, supply)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
@given(data=st.data())
def test_the_order_of_ballots_does_not_matter_and_power_is_conserved(method, data):
    cast = data.draw(ballots(method))
    shuffled = data.draw(st.permutations(cast))
    count = method.count(cast)
    assert method.count(shuffled) == count
    assert count.cast == sum(power for _, power in cast)
    assert count.ballot_count == len(cast)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
@pytest.mark.parametrize("choice", [-1, 3, 255, "1", 1.0, True, None])
def test_a_choice_that_does_not_exist_is_refused(method, choice):
    with pytest.raises(InvalidChoice):
        method.count([(choice, 1)])


@pytest.mark.parametrize("power", [0, -1, 1.0, "1", True])
def test_power_is_a_positive_integer(power):
    with pytest.raises(ValueError, match="positive integer"):
        METHODS["governor"].count([(1, power)])


def test_an_unknown_method_is_refused_never_replaced():
    with pytest.raises(UnknownMethod):
        method_named("loudest")


def test_more_for_than_against_with_quorum_passes():
    assert outcome(against=100, in_favour=101).passed is False, "for + abstain is below the quorum"
    assert outcome(against=150, in_favour=201).passed is True


def test_a_tie_does_not_pass():
    assert outcome(against=300, in_favour=300).passed is False
    huge = 3 * 10**77
    assert outcome(against=huge, in_favour=huge, supply=10**78).passed is False
    assert outcome(against=huge, in_favour=huge + 1, supply=10**78).passed is True


def test_abstentions_count_for_the_quorum_and_not_for_the_majority():
    assert outcome(in_favour=1, abstain=199).passed is True
    assert outcome(abstain=1_000).passed is False


def test_an_empty_vote_passes_nothing_even_with_the_smallest_quorum():
    assert outcome(supply=1).passed is False


def test_a_supermajority_is_met_strictly():
    rules = Rules.from_body({**RULES.to_body(), "threshold_bps": 6_667})
    assert outcome(against=3_333, in_favour=6_667, supply=10_000, rules=rules).passed is False
    assert outcome(against=3_332, in_favour=6_668, supply=10_000, rules=rules).passed is True


@given(against=POWER, in_favour=POWER, supply=POWER)
def test_conditions_carry_the_numbers_that_decide(against, in_favour, supply):
    result = outcome(against=against, in_favour=in_favour, supply=supply)
    assert result.passed == all(condition.found >= condition.needed for condition in result.conditions)
    assert result.passed == (in_favour > against and in_favour >= max(1, supply * 2_000 // 10_000))


@pytest.mark.parametrize(
    "change",
    [
        {"quorum_bps": 0},
        {"quorum_bps": 10_001},
        {"threshold_bps": 4_999},
        {"threshold_bps": 10_000},
        {"voting_period_seconds": 0},
        {"timelock_seconds": -1},
        {"timelock_seconds": 1.5},
        {"quorum_bps": True},
        {"proposal_threshold": 5},
        {"proposal_threshold": "-5"},
        {"proposal_threshold": "１"},
    ],
)
def test_rules_that_cannot_judge_are_refused(change):
    with pytest.raises(InvalidRules):
        Rules.from_body({**RULES.to_body(), **change})


def test_rules_survive_their_record():
    assert Rules.from_body(RULES.to_body()) == RULES
    with pytest.raises(InvalidRules):
        Rules.from_body({**RULES.to_body(), "extra": 1})
