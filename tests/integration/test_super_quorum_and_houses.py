"""Closing early with a super-quorum, passing without objection, and a second house that can stop what the first wants."""

from datetime import timedelta

import pytest

from config import sweeper
from governance import services
from governance.errors import Invalid
from governance.lifecycle import NotAllowed, State
from governance.models import Proposal
from tests.integration.commons import SECOND, end_of, recounted
from tests.integration.conftest import AGAINST, FOR, NOON

MEMBERS = {"Alice": 40, "Bob": 20, "Chloé": 20, "Daouda": 20}
SUPER = {"standard": {"super_quorum_bps": 6_000}}


def conditions(proposal):
    """Return the conditions of the decision by name."""
    body = Proposal.objects.get(pk=proposal.pk).decision_record.body
    return {item["condition"]: (item["holds"], item["found"], item["needed"]) for item in body["conditions"]}


# --- super-quorum -------------------------------------------------------------------------------------------------


@pytest.fixture
def commons(list_community):
    return list_community(MEMBERS, tiers=SUPER)


def test_a_vote_with_a_super_quorum_closes_in_the_second_after_its_last_ballot(commons):
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    moment = proposal.opens_at + 20 * SECOND
    assert services.close_early(proposal.pk, moment).passed is None, "40 of 60 is not enough"
    commons.vote(proposal, "Bob", FOR, moment)
    closed = services.close_early(proposal.pk, moment)
    assert (closed.passed, closed.closed_early, closed.closes_at) == (True, True, moment + SECOND)
    with pytest.raises(NotAllowed):
        commons.vote(proposal, "Chloé", AGAINST, moment)
    queued = services.queue(proposal.pk, moment)
    assert queued.queued_at == moment + SECOND
    assert queued.eta == moment + SECOND + timedelta(seconds=20), "an early end does not shorten the timelock"
    assert recounted(proposal).closed


def test_the_sweeper_closes_early_by_itself(commons, monkeypatch):
    proposal = commons.propose()
    for name in ("Alice", "Bob"):
        commons.vote(proposal, name, FOR)
    monkeypatch.setattr(sweeper, "clock", lambda: proposal.opens_at + 10 * SECOND)
    sweeper.sweep()
    found = Proposal.objects.get()
    assert (found.closed_early, found.state(proposal.opens_at + 10 * SECOND)) == (True, State.QUEUED)
    recounted(proposal)


def test_a_super_quorum_that_somebody_took_back_does_not_close(commons):
    proposal = commons.propose()
    for name in ("Alice", "Bob"):
        commons.vote(proposal, name, FOR)
    commons.vote(proposal, "Bob", AGAINST)
    assert services.close_early(proposal.pk, proposal.opens_at + 20 * SECOND).passed is None
    closed = commons.queued(proposal)
    assert (closed.passed, closed.closed_early) == (True, False)
    recounted(proposal)


def test_a_ballot_that_comes_while_the_chain_is_asked_is_counted_and_before_the_end(commons, monkeypatch):
    """Whoever closes looked at the clock before; a ballot of a later second must not lie after the end of the vote."""
    from governance.services import decisions

    proposal = commons.propose()
    for name in ("Alice", "Bob"):
        commons.vote(proposal, name, FOR)
    moment = proposal.opens_at + 10 * SECOND

    def slow(proposal):
        commons.vote(proposal, "Chloé", AGAINST, moment + 5 * SECOND)

    monkeypatch.setattr(decisions, "_confirm_snapshots", slow)
    closed = services.close_early(proposal.pk, moment)
    assert closed.closes_at == moment + 6 * SECOND
    assert closed.tally_record.body["ballot_count"] == 3
    recounted(proposal)


@pytest.mark.parametrize("left", [1, 2])
def test_in_the_last_second_there_is_nothing_to_close_early(commons, left):
    proposal = commons.propose()
    moment = proposal.closes_at - left * SECOND
    for name in ("Alice", "Bob"):
        commons.vote(proposal, name, FOR, moment)
    closed = services.close_early(proposal.pk, moment)
    assert (closed.passed, closed.closed_early) == ((None, False) if left == 1 else (True, True))
    commons.queued(proposal)
    recounted(proposal)


def test_a_super_quorum_in_the_extension_of_a_late_quorum_closes_before_its_end(list_community):
    commons = list_community(MEMBERS, tiers={"standard": {"super_quorum_bps": 6_000, "late_quorum_seconds": 50}})
    proposal = commons.propose()
    last = commons.vote(proposal, "Alice", FOR, proposal.closes_at - SECOND)
    assert end_of(proposal) == proposal.closes_at + 49 * SECOND
    moment = proposal.closes_at + 20 * SECOND
    commons.vote(proposal, "Bob", FOR, moment)
    closed = services.close_early(proposal.pk, moment)
    assert (closed.closed_early, closed.closes_at, closed.extended_by) == (True, moment + SECOND, last.record_id)
    recounted(proposal)


def test_power_that_was_lent_counts_for_a_super_quorum(commons):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    assert services.close_early(proposal.pk, proposal.opens_at + 10 * SECOND).closed_early is True
    recounted(proposal)


def test_without_such_a_rule_everybody_has_the_whole_time(list_community):
    commons = list_community(MEMBERS)
    proposal = commons.propose()
    for name in MEMBERS:
        commons.vote(proposal, name, FOR)
    assert services.close_early(proposal.pk, proposal.closes_at - SECOND).passed is None


# --- optimistic ---------------------------------------------------------------------------------------------------


@pytest.fixture
def optimists(list_community):
    """What less than a quarter rejects passes; more than 20 must be against."""
    return list_community(MEMBERS, tiers={"standard": {"rejection_bps": 2_000}})


def test_what_nobody_rejects_passes_without_a_single_vote(optimists):
    proposal = optimists.propose()
    assert optimists.executed(proposal).executed_at is not None
    assert conditions(proposal) == {"rejection": (True, "0", "20")}
    recounted(proposal)


@pytest.mark.parametrize(("against", "passed"), [(("Bob",), True), (("Bob", "Chloé"), False)])
def test_it_fails_when_more_than_the_limit_is_against_whatever_is_for(optimists, against, passed):
    proposal = optimists.propose()
    optimists.vote(proposal, "Alice", FOR)
    for name in against:
        optimists.vote(proposal, name, AGAINST)
    assert optimists.queued(proposal).passed is passed
    recounted(proposal)


def test_a_choice_between_several_things_cannot_be_optimistic(optimists):
    with pytest.raises(Invalid) as refusal:
        optimists.draft("poll", {"question": "Which?", "choices": ["A", "B"]})
    assert refusal.value.code == "method_not_allowed"


# --- the second house ---------------------------------------------------------------------------------------------

HOUSE = {"Bob": 1, "Emma": 1, "Farid": 1, "Gaëlle": 1}


@pytest.fixture
def two_houses(list_community):
    """Half of the contributors, each with one vote, stop what the token holders want."""
    return list_community(MEMBERS, tiers={"standard": {"objection_bps": 5_000}}, house=HOUSE)


@pytest.mark.parametrize(("objectors", "passed"), [((), True), (("Emma",), True), (("Emma", "Farid"), False)])
def test_the_second_house_stops_what_half_of_it_objects_to(two_houses, objectors, passed):
    proposal = two_houses.propose()
    two_houses.vote(proposal, "Alice", FOR)
    for name in objectors:
        two_houses.vote(proposal, name, AGAINST)
    assert two_houses.queued(proposal).passed is passed
    assert conditions(proposal)["objection"] == (passed, str(len(objectors)), "2")
    assert conditions(proposal)["majority"][0] is True
    recounted(proposal)


def test_a_member_of_both_houses_speaks_in_both_with_one_ballot(two_houses):
    proposal = two_houses.propose()
    two_houses.vote(proposal, "Alice", FOR)
    ballot = two_houses.vote(proposal, "Bob", AGAINST)
    assert (ballot.power, ballot.house_power) == (20, 1)
    tally = two_houses.queued(proposal).tally_record.body
    assert tally["totals"] == {"against": "20", "for": "40", "abstain": "0"}
    assert tally["house"] == {"against": "1", "for": "0", "abstain": "0"}
    recounted(proposal)


def test_a_voice_in_the_second_house_cannot_be_lent(two_houses):
    two_houses.delegate("Bob", "Emma")
    proposal = two_houses.propose()
    two_houses.vote(proposal, "Alice", FOR)
    two_houses.vote(proposal, "Emma", AGAINST)
    closed = two_houses.queued(proposal)
    assert closed.tally_record.body["totals"]["against"] == "20", "Bob's tokens voted through Emma"
    assert conditions(proposal)["objection"] == (True, "1", "2"), "his voice did not"
    assert closed.passed is True
    recounted(proposal)


def test_the_second_house_cannot_pass_anything_alone(two_houses):
    proposal = two_houses.propose()
    for name in ("Emma", "Farid", "Gaëlle"):
        two_houses.vote(proposal, name, FOR)
    assert two_houses.queued(proposal).passed is False
    assert conditions(proposal)["quorum"] == (False, "0", "20")
    recounted(proposal)


@pytest.mark.parametrize("method", ["fractional", "quadratic"])
def test_where_a_house_has_a_say_a_ballot_is_for_or_against_as_a_whole(two_houses, method):
    with pytest.raises(Invalid) as refusal:
        two_houses.draft(method=method)
    assert refusal.value.code == "method_not_allowed"


def test_a_second_house_may_stop_what_is_optimistic_and_basic_counts_too(list_community):
    rules = {"objection_bps": 5_000, "rejection_bps": 9_000}
    commons = list_community(MEMBERS, tiers={"standard": rules}, house=HOUSE)
    proposal = commons.propose(method="basic", now=NOON)
    for name in ("Emma", "Farid"):
        commons.vote(proposal, name, 2)
    assert commons.queued(proposal).passed is False
    recounted(proposal)
