"""The numbers of a Governor: what they were at any place of the chain, and what they make of a proposal's terms."""

from dataclasses import asdict, replace

import pytest

from governance.counting import Roll, Terms
from governance.onchain.numbers import Change, Numbers, before, differences
from governance.outcome import InvalidRules, quorum_needed
from governance.tally import method_named

NOW = Numbers(10, 100, 20, 50, 2_000, 30)
TERMS = Terms("text_signal", method_named("governor"), ("against", "for", "abstain"), 1, NOW.rules(), 1_000, 200)
BY_CONTRACT = replace(TERMS, by_contract=True)


def test_numbers_of_the_past_are_those_of_now_with_every_later_change_undone() -> None:
    changes = [
        Change("quorum_bps", 500, 1_000, (3, 0)),
        Change("timelock_delay", 15, 30, (5, 2)),
        Change("quorum_bps", 1_000, 2_000, (5, 3)),
    ]
    for place, bps, delay in (((2, 9), 500, 15), ((3, 0), 1_000, 15), ((5, 2), 1_000, 30), ((6, 0), 2_000, 30)):
        assert before(changes, place, asdict(NOW)) == replace(NOW, quorum_bps=bps, timelock_delay=delay)


def test_what_differs_is_named_even_where_no_charter_may_say_it() -> None:
    assert list(differences(NOW.rules(), NOW)) == []
    found = replace(NOW, quorum_bps=0, late_quorum_extension=500)
    assert list(differences(NOW.rules(), found)) == [("late_quorum_seconds", 21, 501), ("quorum_bps", 2_000, 0)]


@pytest.mark.parametrize(("bps", "needed"), [(6_000, 2_400), (0, 1)])
def test_a_contract_counts_by_supply_and_quorum_of_its_snapshot(bps: int, needed: int) -> None:
    terms = BY_CONTRACT.under({"governor": {"total_supply": "4000", "quorum_bps": bps}})
    assert quorum_needed(terms.rules, Roll(4_000, 0).electorate(terms)) == needed
    assert BY_CONTRACT.under({}) == BY_CONTRACT


def test_a_vote_of_this_site_has_the_numbers_of_its_proposal_alone() -> None:
    with pytest.raises(InvalidRules):
        TERMS.under({"governor": {"total_supply": "4000", "quorum_bps": 100}})


def test_late_quorum_and_timelock_are_the_frozen_ones_unless_the_records_name_others() -> None:
    assert (BY_CONTRACT.late_quorum_seconds({}), BY_CONTRACT.timelock_seconds({})) == (21, 30)
    assert BY_CONTRACT.late_quorum_seconds({"late_quorum_seconds": 61}) == 61
    assert BY_CONTRACT.timelock_seconds({"timelock_seconds": 0}) == 0
    assert BY_CONTRACT.follows_quorum
