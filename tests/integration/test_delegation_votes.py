"""Power that is lent by signature: who votes with it, who takes it back, and who cannot touch it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from governance import services
from governance.clock import unix
from governance.eip712 import SignatureError
from governance.errors import Conflict, Invalid, Malformed
from governance.evidence import merkle
from governance.models import Delegation, Event, Record
from tests.integration import commons as commons_module
from tests.integration.commons import SECOND, end_of
from tests.integration.conftest import AGAINST, FOR, NOON

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
POLL = {"question": "Which?", "choices": ["Spring", "River", "Well"]}


@pytest.fixture
def commons(list_community):
    return list_community(MEMBERS)


def weights(commons, proposal):
    """Return what each voter's ballot weighs now, by name."""
    found = services.count_so_far(type(proposal).objects.get(pk=proposal.pk)).weights
    names = {wallet.address: name for name, wallet in commons.members.items()}
    return {names.get(address, address): weight for address, weight in found.items()}


def test_a_delegate_votes_with_what_was_lent_and_a_delegator_s_own_vote_takes_it_back(commons):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    assert weights(commons, proposal) == {"Alice": 70}
    commons.vote(proposal, "Bob", AGAINST)
    assert weights(commons, proposal) == {"Alice": 40, "Bob": 30}
    closed = commons.queued(proposal)
    assert closed.tally_record.body["totals"] == {"against": "30", "for": "40", "abstain": "0"}


def test_a_delegator_who_votes_before_the_delegate_keeps_their_own_too(commons):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    commons.vote(proposal, "Bob", AGAINST)
    commons.vote(proposal, "Alice", FOR)
    assert weights(commons, proposal) == {"Alice": 40, "Bob": 30}


def test_power_travels_on_through_those_who_do_not_vote_and_stops_at_the_first_who_does(commons):
    commons.delegate("Daouda", "Chloé")
    commons.delegate("Chloé", "Bob", 5_000)
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    assert weights(commons, proposal) == {"Alice": 40 + 30 + (20 + 10) // 2}
    commons.vote(proposal, "Chloé", AGAINST)
    assert weights(commons, proposal) == {"Alice": 70, "Chloé": 30}


def test_a_circle_of_people_who_wait_for_each_other_carries_nothing_and_adds_nothing(commons):
    for giver, receiver in (("Bob", "Chloé"), ("Chloé", "Daouda"), ("Daouda", "Bob")):
        commons.delegate(giver, receiver)
    commons.delegate("Alice", "Bob")
    proposal = commons.propose()
    commons.vote(proposal, "Bob", FOR)
    assert weights(commons, proposal) == {"Bob": 100}


def test_shares_are_rounded_down_and_the_rest_stays_at_home_unused(list_community):
    commons = list_community({"Alice": 1, "Bob": 10, "Chloé": 1, "Daouda": 1})
    for receiver in ("Alice", "Chloé", "Daouda"):
        commons.delegate("Bob", receiver, 3_333)
    proposal = commons.propose()
    for name in ("Alice", "Chloé", "Daouda"):
        commons.vote(proposal, name, FOR)
    assert weights(commons, proposal) == {"Alice": 4, "Chloé": 4, "Daouda": 4}
    with pytest.raises(Invalid) as refusal:
        commons.delegate("Bob", "Emma", 2)
    assert (refusal.value.code, refusal.value.allowed) == ("shares_exceed_whole", 1)


def test_a_delegation_on_a_topic_takes_the_place_of_the_general_one_for_that_topic_only(commons):
    commons.delegate("Bob", "Alice")
    commons.delegate("Bob", "Chloé", topic="poll")
    signal, poll = commons.propose(), commons.propose("poll", POLL)
    for proposal, choice in ((signal, FOR), (poll, 1)):
        for name in ("Alice", "Chloé"):
            commons.vote(proposal, name, choice)
    assert weights(commons, signal) == {"Alice": 70, "Chloé": 20}
    assert weights(commons, poll) == {"Alice": 40, "Chloé": 50}


def test_keeping_one_topic_to_oneself_is_delegating_it_to_oneself(commons):
    commons.delegate("Bob", "Alice")
    commons.delegate("Bob", "Bob", topic="poll")
    poll = commons.propose("poll", POLL)
    commons.vote(poll, "Alice", 1)
    assert weights(commons, poll) == {"Alice": 40}
    commons.vote(poll, "Bob", 2)
    assert weights(commons, poll) == {"Alice": 40, "Bob": 30}


def test_a_delegation_must_outlast_the_vote(commons):
    closes = unix(NOON) + 110
    commons.delegate("Bob", "Alice", expires=closes - 1)
    commons.delegate("Chloé", "Alice", expires=closes)
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    assert weights(commons, proposal) == {"Alice": 60}


def test_a_special_delegation_that_ends_too_soon_leaves_the_general_one_to_the_same_person_in_force(commons):
    commons.delegate("Bob", "Alice")
    commons.delegate("Bob", "Alice", 2_000, topic="text_signal", expires=unix(NOON) + 50)
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    assert weights(commons, proposal) == {"Alice": 70}


def test_what_has_expired_no_longer_counts_to_the_whole(commons):
    commons.delegate("Bob", "Alice", expires=unix(NOON) + 50)
    with pytest.raises(Invalid):
        commons.delegate("Bob", "Chloé", now=NOON + 49 * SECOND)
    commons.delegate("Bob", "Chloé", now=NOON + 50 * SECOND)
    proposal = commons.propose(now=NOON + 50 * SECOND)
    commons.vote(proposal, "Alice", FOR)
    commons.vote(proposal, "Chloé", FOR)
    assert weights(commons, proposal) == {"Alice": 40, "Chloé": 50}


def test_delegations_are_frozen_when_a_proposal_is_submitted(commons):
    """Neither taking back, nor changing, nor a new one counts for a vote that exists: nobody can move power between."""
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    commons.delegate("Bob", "Alice", 0, now=NOON + SECOND)
    commons.delegate("Bob", "Chloé", now=NOON + 2 * SECOND)
    commons.delegate("Daouda", "Alice", now=NOON + 2 * SECOND)
    later = commons.propose(author="Bob", now=NOON + 3 * SECOND)
    for name in ("Alice", "Chloé"):
        commons.vote(proposal, name, FOR)
        commons.vote(later, name, FOR)
    assert weights(commons, proposal) == {"Alice": 70, "Chloé": 20}
    assert weights(commons, later) == {"Alice": 50, "Chloé": 50}


def test_the_census_commits_to_the_delegations_that_hold(commons):
    commons.delegate("Bob", "Alice", 4_000)
    commons.delegate("Bob", "Chloé", 1_000)
    commons.delegate("Daouda", "Alice", topic="poll")
    proposal = commons.propose()
    held = Record.objects.filter(pk__in=proposal.delegations.values("record"))
    leaves = [record.canonical.encode() for record in sorted(held, key=lambda record: record.digest)]
    body = proposal.census_record.body
    assert (body["delegation_count"], body["delegations_root"]) == (2, merkle.root(leaves))
    assert {record.value.parents for record in held} == {(commons.community.record_id,)}


def test_a_delegate_without_tokens_votes_with_what_others_lend(commons):
    commons.delegate("Bob", "Emma")
    proposal = commons.propose()
    offer = services.offer_ballot(proposal, commons.address("Emma"), FOR, "", proposal.opens_at)
    assert (offer.power, offer.delegated) == (0, 30)
    ballot = commons.vote(proposal, "Emma", FOR)
    assert ballot.power == 0
    assert weights(commons, proposal) == {commons.address("Emma"): 30}
    commons.vote(proposal, "Bob", AGAINST)
    assert weights(commons, proposal) == {commons.address("Emma"): 0, "Bob": 30}
    tally = commons.queued(proposal).tally_record.body
    assert (tally["totals"]["for"], tally["cast"], tally["ballot_count"]) == ("0", "30", 2)


def test_a_split_of_lent_power_shrinks_when_the_lender_votes(commons):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose(method="fractional")
    with pytest.raises(Invalid) as refusal:
        commons.vote(proposal, "Alice", {"0": "1", "1": "70"})
    assert refusal.value.allowed == 70
    commons.vote(proposal, "Alice", {"0": "35", "1": "35"})
    commons.vote(proposal, "Bob", 2)
    assert commons.queued(proposal).tally_record.body["totals"] == {"against": "20", "for": "20", "abstain": "30"}


# --- attacks ------------------------------------------------------------------------------------------------------


def test_replay_of_a_delegation_is_one_delegation(commons):
    request = commons.sign_delegation("Bob", "Alice")
    first, created = services.delegate(commons.community, request, NOON)
    again, created_again = services.delegate(commons.community, request, NOON + SECOND)
    assert (created, created_again, first.pk) == (True, False, again.pk)
    assert Event.objects.filter(kind="delegation_made").count() == 1


def test_replay_of_an_old_delegation_does_not_undo_that_it_was_taken_back(commons):
    request = commons.sign_delegation("Bob", "Alice")
    services.delegate(commons.community, request, NOON)
    commons.delegate("Bob", "Alice", 0)
    assert services.delegate(commons.community, request, NOON + SECOND)[1] is False
    proposal = commons.propose(now=NOON + SECOND)
    commons.vote(proposal, "Alice", FOR)
    assert weights(commons, proposal) == {"Alice": 40}
    assert Event.objects.filter(kind="delegation_revoked").count() == 1


def test_a_delegation_that_was_signed_and_held_back_cannot_overtake_a_newer_one(commons):
    held_back = commons.sign_delegation("Bob", "Alice", nonce=1)
    commons.delegate("Bob", "Chloé", nonce=2)
    with pytest.raises(Conflict) as refusal:
        services.delegate(commons.community, held_back, NOON)
    assert (refusal.value.code, refusal.value.allowed) == ("nonce_conflict", "above 2")


def test_one_nonce_is_not_two_delegations(commons):
    commons.delegate("Bob", "Alice", 1_000, nonce=5)
    for other in ({"share": 2_000}, {"share": 1_000, "topic": "poll"}):
        with pytest.raises(Conflict):
            services.delegate(commons.community, commons.sign_delegation("Bob", "Alice", nonce=5, **other), NOON)
    commons.delegate("Chloé", "Alice", nonce=5)


def test_a_delegation_signed_for_another_community_or_instance_is_refused(commons, settings):
    settings.ORIGIN = "https://elsewhere.example"
    other = commons_module.found(NOON, MEMBERS, slug="forests")
    settings.ORIGIN = "http://testserver"
    sibling = commons_module.found(NOON, MEMBERS, slug="meadows")
    for foreign in (other, sibling):
        with pytest.raises(SignatureError) as refusal:
            services.delegate(commons.community, foreign.sign_delegation("Bob", "Alice"), NOON)
        assert refusal.value.code == "signature_invalid"
    assert not Delegation.objects.exists()


def test_nobody_lends_what_belongs_to_somebody_else(commons):
    forged = commons.sign_delegation("Bob", "Mallory", signer="Mallory")
    with pytest.raises(SignatureError):
        services.delegate(commons.community, forged, NOON)


@pytest.mark.parametrize(
    "change",
    [
        {"share_bps": 9_999},
        {"topic": "poll"},
        {"expires_at": 2_000_000_000},
        {"nonce": 2},
        {"delegate": "Mallory"},
        {"delegator": "Chloé"},
    ],
    ids=str,
)
def test_every_field_of_a_delegation_is_signed(commons, change):
    if "delegate" in change or "delegator" in change:
        change = {field: commons.address(name) for field, name in change.items()}
    with pytest.raises(SignatureError):
        services.delegate(commons.community, replace(commons.sign_delegation("Bob", "Alice"), **change), NOON)


@pytest.mark.parametrize(
    ("share", "values", "code"),
    [
        (10_001, {}, "malformed_field"),
        (-1, {}, "malformed_field"),
        (True, {}, "malformed_field"),
        (1_000, {"expires": 2**53}, "malformed_field"),
        (1_000, {"topic": "everything"}, "unknown_topic"),
        (1_000, {"topic": "default"}, "unknown_topic"),
        (1_000, {"expires": unix(NOON)}, "expired"),
        (1_000, {"expires": 1}, "expired"),
    ],
)
def test_a_delegation_that_could_never_hold_is_refused_before_anybody_signs(commons, share, values, code):
    with pytest.raises((Invalid, Malformed)) as refusal:
        commons.sign_delegation("Bob", "Alice", share, **values)
    assert refusal.value.code == code


def test_more_than_everything_cannot_be_given_away_in_any_order(commons):
    commons.delegate("Bob", "Alice", 6_000)
    with pytest.raises(Invalid):
        commons.delegate("Bob", "Chloé", 4_001)
    commons.delegate("Bob", "Chloé", 4_000)
    commons.delegate("Bob", "Alice", 1_000)
    commons.delegate("Bob", "Daouda", 5_000)
    commons.delegate("Bob", "Chloé", 10_000, topic="poll")
    with pytest.raises(Invalid):
        commons.delegate("Bob", "Alice", 5_001)


def test_a_member_has_at_most_twenty_delegates_for_a_topic(commons):
    for number in range(20):
        commons.delegate("Bob", f"Delegate {number}", 100)
    with pytest.raises(Conflict) as refusal:
        commons.delegate("Bob", "Delegate 21", 100)
    assert refusal.value.code == "too_many_delegates"
    commons.delegate("Bob", "Delegate 0", 0)
    commons.delegate("Bob", "Delegate 21", 100)


def test_power_is_conserved_whoever_votes(commons):
    for giver, receiver, share in (
        ("Alice", "Bob", 3_333),
        ("Alice", "Chloé", 3_333),
        ("Bob", "Daouda", 5_001),
        ("Chloé", "Alice", 9_999),
        ("Daouda", "Emma", 10_000),
    ):
        commons.delegate(giver, receiver, share)
    proposal = commons.propose()
    for name in ("Emma", "Daouda", "Bob", "Alice", "Chloé"):
        commons.vote(proposal, name, FOR)
        assert sum(weights(commons, proposal).values()) <= proposal.total_supply
    assert weights(commons, proposal) == {**MEMBERS, commons.address("Emma"): 0}
    assert end_of(proposal) - proposal.opens_at == timedelta(seconds=100)
