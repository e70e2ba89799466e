"""The council: elected by the members, able to stop or delay what waits, and nothing else."""

from datetime import timedelta

import pytest

from governance import services
from governance.errors import Conflict, Forbidden, Invalid
from governance.lifecycle import NotAllowed, State
from governance.models import Council, Proposal
from tests.integration.commons import SECOND
from tests.integration.conftest import AGAINST, FOR, NOON

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
DAY = timedelta(days=1)
WINDOW = 1_000


@pytest.fixture
def commons(list_community):
    """A community whose council of three is Bob, Chloé and Daouda."""
    tiers = {"standard": {"execution_window_seconds": WINDOW}}
    found = list_community(MEMBERS, tiers=tiers, pause_seconds_max=300)
    found.elect("Bob", "Chloé", "Daouda", "Emma", seats=3, now=NOON)
    return found


def queued(commons, now=NOON + DAY, statement="Yes."):
    proposal = commons.propose(payload={"statement": statement}, now=now)
    commons.vote(proposal, "Alice", FOR)
    return commons.queued(proposal)


def stored(proposal):
    return Proposal.objects.get(pk=proposal.pk)


def test_an_election_puts_the_winners_in_office_for_their_term(commons):
    council = Council.objects.get()
    assert {member["name"] for member in council.members} == {"Bob", "Chloé", "Daouda"}
    assert {member["address"] for member in council.members} == {commons.address(n) for n in ("Bob", "Chloé", "Daouda")}
    body = council.record.body
    election = Proposal.objects.get(kind="council_election")
    assert council.record.value.parents == (election.execution_record_id,)
    assert body["members"] == council.members
    assert body["term_ends_at"] - body["elected_at"] == 30 * 24 * 3600
    assert election.tally_record.body["winners"] == ["Bob", "Chloé", "Daouda"]
    assert services.council_in_office(commons.community, NOON + DAY) == council


def test_votes_that_fill_too_few_seats_elect_nobody(list_community):
    """Everybody ranks one candidate only; the others are nobody's choice, and the quorum is missed besides."""
    commons = list_community(MEMBERS)
    names = ("Bob", "Chloé", "Emma")
    payload = {"seats": 2, "term_days": 1, "candidates": [{"address": commons.address(n), "name": n} for n in names]}
    election = commons.propose("council_election", payload)
    commons.vote(election, "Daouda", [1])
    closed = commons.queued(election)
    assert closed.passed is False
    assert services.council_in_office(commons.community, NOON + DAY) is None


def test_a_newer_council_takes_over_at_once(commons):
    commons.elect("Emma", "Farid", seats=1, now=NOON + DAY)
    assert [member["name"] for member in services.council_in_office(commons.community, NOON + 2 * DAY).members] == [
        "Emma"
    ]
    proposal = queued(commons, NOON + 2 * DAY)
    with pytest.raises(Forbidden):
        services.veto(proposal.pk, commons.address("Bob"), "No.", proposal.queued_at)


def test_a_veto_needs_more_than_half_of_the_seats_and_is_final(commons):
    proposal = queued(commons)
    now = proposal.queued_at
    services.veto(proposal.pk, commons.address("Bob"), "It harms the springs.", now)
    assert stored(proposal).state(now) == State.QUEUED
    services.veto(proposal.pk, commons.address("Daouda"), "So I think.", now + SECOND)
    assert stored(proposal).state(now + SECOND) == State.VETOED
    with pytest.raises(NotAllowed):
        services.execute(proposal.pk, proposal.eta)
    with pytest.raises(NotAllowed):
        services.veto(proposal.pk, commons.address("Chloé"), "I, too.", now + SECOND)
    voices = [event for event in proposal.events.all() if event.kind == "veto_voiced"]
    assert [(event.data["voices"], event.data["needed"]) for event in voices] == [(2, 2), (1, 2)]
    assert {event.data["reason"] for event in voices} == {"It harms the springs.", "So I think."}


def test_one_guardian_who_speaks_often_is_one_guardian(commons):
    proposal = queued(commons)
    services.veto(proposal.pk, commons.address("Bob"), "No.", proposal.queued_at)
    with pytest.raises(Conflict) as refusal:
        services.veto(proposal.pk, commons.address("Bob"), "No, no.", proposal.queued_at)
    assert refusal.value.code == "already_spoken"
    assert stored(proposal).vetoed_at is None


@pytest.mark.parametrize("seats", [1, 2])
def test_more_than_half_of_a_small_council_is_all_of_it(list_community, seats):
    commons = list_community(MEMBERS)
    commons.elect("Bob", "Chloé", "Daouda", seats=seats, now=NOON)
    proposal = queued(commons)
    for number, name in enumerate(("Bob", "Chloé")[:seats], start=1):
        vetoed = services.veto(proposal.pk, commons.address(name), "No.", proposal.queued_at)
        assert (vetoed.vetoed_at is not None) == (number == seats)


def test_voices_of_guardians_who_left_office_do_not_count(commons):
    proposal = queued(commons, statement="Slow.")
    services.veto(proposal.pk, commons.address("Bob"), "No.", proposal.queued_at)
    Council.objects.create(
        community=commons.community,
        members=[{"address": commons.address(name), "name": name} for name in ("Chloé", "Daouda", "Emma")],
        elected_at=proposal.queued_at,
        term_ends_at=proposal.queued_at + DAY,
        record=proposal.record,
    )
    after = services.veto(proposal.pk, commons.address("Chloé"), "No.", proposal.queued_at)
    assert after.vetoed_at is None
    assert services.veto(proposal.pk, commons.address("Emma"), "No.", proposal.queued_at).vetoed_at is not None


def test_the_term_ends_to_the_second(commons):
    ends = Council.objects.get().term_ends_at
    proposal = queued(commons, ends - timedelta(seconds=125))
    assert proposal.queued_at < ends < proposal.expires_at
    services.veto(proposal.pk, commons.address("Bob"), "No.", ends - SECOND)
    for action in (services.veto, services.pause):
        with pytest.raises(Conflict) as refusal:
            action(proposal.pk, commons.address("Chloé"), "No.", ends)
        assert refusal.value.code == "no_council"


@pytest.mark.parametrize("action", [services.veto, services.pause])
@pytest.mark.parametrize("name", ["Alice", "Emma", "Mallory"])
def test_authors_losers_and_strangers_are_no_guardians(commons, action, name):
    proposal = queued(commons)
    with pytest.raises(Forbidden) as refusal:
        action(proposal.pk, commons.address(name), "No.", proposal.queued_at)
    assert refusal.value.code == "not_a_guardian"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
@pytest.mark.parametrize("action", [services.veto, services.pause])
def test_a_guardian_says_why_in_a_few_words(commons, action, reason):
    proposal = queued(commons)
    with pytest.raises(Invalid):
        action(proposal.pk, commons.address("Bob"), reason, proposal.queued_at)


# --- pauses -------------------------------------------------------------------------------------------------------


def test_a_pause_begins_after_the_timelock_and_lasts_as_long_as_the_charter_allows(commons):
    proposal = queued(commons)
    paused = services.pause(proposal.pk, commons.address("Bob"), "Wait.", proposal.queued_at)
    assert paused.paused_until == proposal.eta + timedelta(seconds=300)
    assert stored(proposal).state(proposal.queued_at) == State.QUEUED
    for moment in (proposal.eta, paused.paused_until - SECOND):
        with pytest.raises(NotAllowed) as refusal:
            services.execute(proposal.pk, moment)
        assert refusal.value.found == State.PAUSED
    assert services.execute(proposal.pk, paused.paused_until)[1]


def test_a_pause_of_what_is_ready_begins_now(commons):
    proposal = queued(commons)
    moment = proposal.eta + 100 * SECOND
    paused = services.pause(proposal.pk, commons.address("Bob"), "Wait.", moment)
    assert paused.paused_until == moment + timedelta(seconds=300)


def test_a_proposal_is_paused_once_whoever_asks(commons):
    proposal = queued(commons)
    until = services.pause(proposal.pk, commons.address("Bob"), "Wait.", proposal.eta).paused_until
    with pytest.raises(NotAllowed):
        services.pause(proposal.pk, commons.address("Chloé"), "Longer.", proposal.eta + SECOND)
    for name in ("Bob", "Chloé"):
        with pytest.raises(Conflict) as refusal:
            services.pause(proposal.pk, commons.address(name), "Again.", until)
        assert refusal.value.code == "already_paused"
    assert stored(proposal).paused_until == until


@pytest.mark.parametrize("after", [0, 199, 200, 201, 499])
def test_a_pause_never_goes_past_half_of_the_window(commons, after):
    """Half of the time to carry it out is always left: 1,000 s here, so never later than 500 s after the timelock."""
    proposal = queued(commons)
    begins = proposal.eta + after * SECOND
    paused = services.pause(proposal.pk, commons.address("Bob"), "Wait.", begins)
    assert paused.paused_until - proposal.eta == timedelta(seconds=min(after + 300, 500))
    assert proposal.expires_at - paused.paused_until >= timedelta(seconds=WINDOW / 2)
    assert stored(proposal).expires_at == proposal.expires_at, "a pause moves no other time"
    assert services.execute(proposal.pk, paused.paused_until)[1]


@pytest.mark.parametrize("after", [500, 999])
def test_in_the_second_half_of_the_window_nobody_can_pause(commons, after):
    proposal = queued(commons)
    with pytest.raises(Conflict) as refusal:
        services.pause(proposal.pk, commons.address("Bob"), "Wait.", proposal.eta + after * SECOND)
    assert refusal.value.code == "pause_not_possible"
    assert not proposal.guardian_voices.exists(), "and the one pause is not used up"


def test_a_charter_without_pauses_has_none(list_community):
    commons = list_community(MEMBERS, pause_seconds_max=0)
    commons.elect("Bob", "Chloé", seats=1, now=NOON)
    proposal = queued(commons)
    with pytest.raises(Conflict) as refusal:
        services.pause(proposal.pk, commons.address("Bob"), "Wait.", proposal.eta)
    assert refusal.value.code == "pause_not_possible"


def test_a_paused_proposal_can_be_vetoed_and_a_veto_does_not_need_a_pause(commons):
    proposal = queued(commons)
    services.pause(proposal.pk, commons.address("Bob"), "Wait.", proposal.eta)
    for name in ("Bob", "Chloé"):
        services.veto(proposal.pk, commons.address(name), "No.", proposal.eta + SECOND)
    assert stored(proposal).state(proposal.eta + SECOND) == State.VETOED


def test_the_council_cannot_touch_what_is_not_decided_or_approve_what_was_defeated(commons):
    proposal = commons.propose(now=NOON + DAY)
    for moment in (NOON + DAY, proposal.opens_at, proposal.closes_at):
        for action in (services.veto, services.pause):
            with pytest.raises(NotAllowed):
                action(proposal.pk, commons.address("Bob"), "No.", moment)
    commons.vote(proposal, "Alice", AGAINST)
    closed = commons.queued(proposal)
    assert closed.state(closed.closes_at) == State.DEFEATED
    for action in (services.veto, services.pause):
        with pytest.raises(NotAllowed):
            action(proposal.pk, commons.address("Bob"), "No.", closed.closes_at)


def test_a_timelock_is_never_shorter_for_anything_that_guardians_do(commons):
    proposal = queued(commons)
    services.pause(proposal.pk, commons.address("Bob"), "Wait.", proposal.queued_at)
    services.veto(proposal.pk, commons.address("Bob"), "No.", proposal.queued_at)
    after = stored(proposal)
    assert (after.eta, after.queued_at) == (proposal.eta, proposal.queued_at)
    with pytest.raises(NotAllowed):
        services.execute(proposal.pk, proposal.eta - SECOND)


# --- elections that mean nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"seats": 0},
        {"seats": 2},
        {"seats": True},
        {"seats": "1"},
        {"term_days": 0},
        {"term_days": 1_501},
        {"candidates": []},
        {"candidates": "Bob"},
        {"candidates": ["Bob", "Chloé"]},
        {"candidates": [{"address": "0x1", "name": "Bob"}, {"address": "0x2", "name": "Chloé"}]},
        {"extra": 1},
    ],
    ids=str,
)
def test_an_election_without_a_choice_is_refused(commons, change):
    good = [{"address": commons.address(name), "name": name} for name in ("Bob", "Chloé")]
    payload = {"seats": 1, "term_days": 30, "candidates": good, **change}
    with pytest.raises(Invalid):
        commons.draft("council_election", payload)


def test_one_person_is_not_two_candidates_and_one_name_not_two_people(commons):
    bob, chloe = commons.address("Bob"), commons.address("Chloé")
    for candidates in (
        [{"address": bob, "name": "Bob"}, {"address": bob.lower(), "name": "Robert"}],
        [{"address": bob, "name": "Bob"}, {"address": chloe, "name": "  BOB "}],
    ):
        with pytest.raises(Invalid) as refusal:
            commons.draft("council_election", {"seats": 1, "term_days": 30, "candidates": candidates})
        assert refusal.value.code == "choices_invalid"
