"""A quorum that is first reached shortly before the end leaves everybody time to answer: once, and for ballots alone.

T3, after OpenZeppelin's GovernorPreventLateQuorum. The window is 30 s here, the quorum 20 of 100.
"""

from datetime import timedelta

import pytest

from config import sweeper
from governance import services
from governance.clock import unix
from governance.lifecycle import NotAllowed, State
from governance.models import Proposal
from tests.integration.commons import SECOND, end_of, recounted
from tests.integration.conftest import ABSTAIN, AGAINST, FOR

MEMBERS = {"Alice": 15, "Bob": 15, "Chloé": 15, "Daouda": 15, "Emma": 40}
WINDOW = 30 * SECOND
LATE = {"standard": {"late_quorum_seconds": 30}}


@pytest.fixture
def commons(list_community):
    return list_community(MEMBERS, tiers=LATE)


def extended(proposal):
    return [event for event in proposal.events.all() if event.kind == "vote_extended"]


def test_a_quorum_reached_in_the_last_second_moves_the_end_once(commons):
    proposal = commons.propose()
    end = proposal.closes_at
    commons.vote(proposal, "Alice", FOR)
    last = commons.vote(proposal, "Bob", FOR, end - SECOND)
    assert end_of(proposal) == end - SECOND + WINDOW
    for name in ("Chloé", "Daouda", "Emma"):
        commons.vote(proposal, name, AGAINST, end_of(proposal) - SECOND)
    assert end_of(proposal) == end - SECOND + WINDOW, "the second crossing and the last second change nothing more"
    (event,) = extended(proposal)
    assert event.data == {"ballot": last.record_id, "closes_at": unix(end - SECOND + WINDOW)}
    closed = commons.queued(proposal)
    body = closed.tally_record.body
    assert (body["extended_by"], body["closes_at"]) == (last.record_id, unix(end - SECOND + WINDOW))
    assert closed.passed is False, "the others had their time to answer"
    recounted(proposal)


def test_the_vote_stays_open_until_the_new_end_and_not_a_second_longer(commons):
    proposal = commons.propose()
    end = proposal.closes_at
    commons.vote(proposal, "Emma", FOR, end - SECOND)
    moved = end_of(proposal)
    for moment in (end, moved - SECOND):
        with pytest.raises(NotAllowed):
            services.close_voting(proposal.pk, moment)
    commons.vote(proposal, "Alice", AGAINST, moved - SECOND)
    with pytest.raises(NotAllowed):
        commons.vote(proposal, "Bob", AGAINST, moved)
    assert services.close_voting(proposal.pk, moved).passed is True
    recounted(proposal)


@pytest.mark.parametrize(("before", "moved"), [(31, None), (30, None), (29, 1), (1, 29)])
def test_only_a_quorum_within_the_window_moves_the_end(commons, before, moved):
    proposal = commons.propose()
    commons.vote(proposal, "Emma", FOR, proposal.closes_at - before * SECOND)
    assert end_of(proposal) == proposal.closes_at + (moved or 0) * SECOND
    assert len(extended(proposal)) == (1 if moved else 0)
    commons.queued(proposal)
    recounted(proposal)


def test_an_early_quorum_uses_up_the_extension(commons):
    proposal = commons.propose()
    commons.vote(proposal, "Emma", FOR)
    for name in ("Alice", "Bob", "Chloé"):
        commons.vote(proposal, name, FOR, proposal.closes_at - SECOND)
    assert end_of(proposal) == proposal.closes_at


def test_a_quorum_that_is_lost_and_found_again_does_not_move_the_end(commons):
    """Somebody takes part early, changes to against (which is no quorum), and comes back in the last second."""
    proposal = commons.propose()
    commons.vote(proposal, "Emma", FOR)
    commons.vote(proposal, "Emma", AGAINST, proposal.opens_at + 50 * SECOND)
    commons.vote(proposal, "Emma", FOR, proposal.closes_at - SECOND)
    assert end_of(proposal) == proposal.closes_at
    commons.queued(proposal)
    recounted(proposal)


def test_votes_against_reach_no_quorum_and_a_changed_one_does(commons):
    proposal = commons.propose()
    commons.vote(proposal, "Emma", AGAINST, proposal.closes_at - 20 * SECOND)
    assert end_of(proposal) == proposal.closes_at
    commons.vote(proposal, "Emma", ABSTAIN, proposal.closes_at - 10 * SECOND)
    assert end_of(proposal) == proposal.closes_at + 20 * SECOND
    commons.queued(proposal)
    recounted(proposal)


def test_power_that_was_lent_reaches_the_quorum_with_the_delegate_s_ballot(commons):
    commons.delegate("Bob", "Alice")
    commons.delegate("Chloé", "Bob")
    proposal = commons.propose()
    last = commons.vote(proposal, "Alice", FOR, proposal.closes_at - SECOND)
    assert end_of(proposal) == proposal.closes_at - SECOND + WINDOW
    commons.vote(proposal, "Chloé", AGAINST, end_of(proposal) - SECOND)
    closed = commons.queued(proposal)
    assert closed.tally_record.body["extended_by"] == last.record_id
    assert closed.tally_record.body["totals"] == {"against": "15", "for": "30", "abstain": "0"}
    recounted(proposal)


def test_a_delegator_who_says_against_takes_power_out_of_a_quorum_that_was_reached(commons):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR, proposal.opens_at)
    commons.vote(proposal, "Bob", AGAINST, proposal.opens_at + SECOND)
    commons.vote(proposal, "Chloé", FOR, proposal.closes_at - SECOND)
    assert end_of(proposal) == proposal.closes_at, "the quorum had been reached before, and that counts"
    closed = commons.queued(proposal)
    assert closed.tally_record.body["quorum_power"] == "30"
    recounted(proposal)


def test_who_extended_a_vote_can_change_their_mind_without_changing_the_end(commons):
    proposal = commons.propose()
    last = commons.vote(proposal, "Emma", FOR, proposal.closes_at - SECOND)
    moved = end_of(proposal)
    commons.vote(proposal, "Emma", AGAINST, moved - SECOND)
    closed = commons.queued(proposal)
    assert closed.tally_record.body["extended_by"] == last.record_id
    assert closed.closes_at == moved
    recounted(proposal)


def test_the_sweeper_waits_for_the_new_end(commons, monkeypatch):
    proposal = commons.propose()
    commons.vote(proposal, "Emma", FOR, proposal.closes_at - SECOND)
    for moment, expected in ((proposal.closes_at, State.ACTIVE), (end_of(proposal), State.QUEUED)):
        monkeypatch.setattr(sweeper, "clock", lambda moment=moment: moment)
        sweeper.sweep()
        assert Proposal.objects.get().state(moment) == expected


def test_a_late_census_moves_the_window_with_the_end(commons, monkeypatch):
    from governance.services import submission

    monkeypatch.setattr(submission, "STEPS_AT_SUBMISSION", 0)
    proposal = commons.propose()
    proposal = services.take_census(proposal.pk, proposal.closes_at)
    end = proposal.closes_at
    commons.vote(proposal, "Emma", FOR, end - SECOND)
    assert end_of(proposal) == end - SECOND + WINDOW
    commons.queued(proposal)
    recounted(proposal)


def test_an_optimistic_proposal_has_no_quorum_that_could_be_late(list_community):
    commons = list_community(MEMBERS, tiers={"standard": {"late_quorum_seconds": 30, "rejection_bps": 3_000}})
    proposal = commons.propose()
    commons.vote(proposal, "Emma", FOR, proposal.closes_at - SECOND)
    assert end_of(proposal) == proposal.closes_at
    commons.queued(proposal)
    recounted(proposal)


@pytest.mark.parametrize("method", ["basic", "fractional"])
def test_other_ways_of_voting_about_one_thing_follow_their_own_quorum(commons, method):
    proposal = commons.propose(method=method)
    choice = {"1": "10", "2": "9"} if method == "fractional" else 2
    commons.vote(proposal, "Emma", choice, proposal.closes_at - 5 * SECOND)
    # Basic counts everybody who takes part; for the other, 19 of the 20 needed have been placed.
    assert (end_of(proposal) > proposal.closes_at) == (method == "basic")
    if method == "fractional":
        commons.vote(proposal, "Emma", {"1": "10", "2": "10"}, proposal.closes_at - 4 * SECOND)
        assert end_of(proposal) == proposal.closes_at - 4 * SECOND + WINDOW
    assert end_of(proposal) - proposal.closes_at < timedelta(seconds=30)
    commons.queued(proposal)
    recounted(proposal)
