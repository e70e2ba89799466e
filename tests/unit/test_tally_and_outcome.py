"""Deciding: exact, and never in favour of a tie. Counting stands in test_tally.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.outcome import InvalidRules, Rules, decide
from governance.tally import METHODS

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


def outcome(against=0, in_favour=0, abstain=0, supply=1_000, rules=RULES):
    method = METHODS["governor"]
    cast = [(choice, power) for choice, power in enumerate((against, in_favour, abstain)) if power]
    return decide(method, method.count(cast, 3), rules, supply)


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
