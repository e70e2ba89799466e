"""Who votes with my power, and whose power do I carry: before, while and after the people concerned vote."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance import selectors, services
from governance.clock import unix
from governance.eip712 import AddressError
from governance.models import Member, Proposal
from governance.selectors.representation import QUERIES_MAX, Representative
from tests.integration.commons import SECOND
from tests.integration.conftest import AGAINST, FOR, NOON

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}


@pytest.fixture
def commons(list_community):
    made = list_community(MEMBERS)
    for name, wallet in made.members.items():
        Member.objects.get_or_create(community=made.community, address=wallet.address, defaults={"name": name})
    return made


def of(commons, proposal, name):
    return selectors.representation(Proposal.objects.get(pk=proposal.pk), commons.address(name))


def told(found):
    """Return the delegates in short: name, state, power, what they chose."""
    return [(row.name, row.state, row.power, [part.name for part in row.parts]) for row in found.delegates]


def test_whoever_lends_nothing_and_carries_nothing_is_told_nothing(commons):
    proposal = commons.propose()
    found = of(commons, proposal, "Alice")
    assert (found.own_power, found.unlent, found.voted, found.delegates) == (40, 40, False, ())
    assert not found.concerns
    stranger = of(commons, proposal, "Nobody")
    assert (stranger.own_power, stranger.concerns) == (0, False)
    with pytest.raises(AddressError):
        selectors.representation(Proposal.objects.get(pk=proposal.pk), "alice.eth")


def test_a_member_sees_that_the_delegate_has_not_voted_then_how_and_then_that_their_own_ballot_counts(commons):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    assert told(of(commons, proposal, "Bob")) == [("Alice", Representative.WAITING, 30, [])]
    commons.vote(proposal, "Alice", FOR)
    found = of(commons, proposal, "Bob")
    assert told(found) == [("Alice", Representative.VOTED, 30, ["for"])]
    assert found.unlent == 0
    commons.vote(proposal, "Bob", AGAINST)
    found = of(commons, proposal, "Bob")
    assert found.voted
    assert told(found) == [("Alice", Representative.OVERRIDDEN, 30, ["for"])]


def test_shares_go_to_several_delegates_and_the_rest_stays_unused(commons):
    commons.delegate("Bob", "Alice", 5_000)
    commons.delegate("Bob", "Chloé", 2_500)
    proposal = commons.propose()
    commons.vote(proposal, "Chloé", AGAINST)
    found = of(commons, proposal, "Bob")
    assert told(found) == [
        ("Alice", Representative.WAITING, 15, []),
        ("Chloé", Representative.VOTED, 7, ["against"]),
    ]
    assert found.unlent == 30 - 15 - 7


def test_a_delegation_on_the_topic_of_the_proposal_takes_the_place_of_the_general_one_and_says_so(commons):
    commons.delegate("Bob", "Alice")
    commons.delegate("Bob", "Chloé", topic="text_signal")
    proposal = commons.propose()
    (row,) = of(commons, proposal, "Bob").delegates
    assert (row.name, row.topic) == ("Chloé", "text_signal")


def test_a_topic_delegation_that_ends_before_the_vote_does_leaves_the_general_one_in_force(commons):
    commons.delegate("Bob", "Alice")
    commons.delegate("Bob", "Chloé", topic="text_signal", expires=unix(NOON + timedelta(seconds=50)))
    proposal = commons.propose(now=NOON)
    (row,) = of(commons, proposal, "Bob").delegates
    assert (row.name, row.topic) == ("Alice", "")


def test_power_that_a_delegate_lent_on_is_followed_to_whoever_votes_with_it(commons):
    commons.delegate("Daouda", "Chloé")
    commons.delegate("Chloé", "Bob", 5_000)
    proposal = commons.propose()
    commons.vote(proposal, "Bob", FOR)
    (row,) = of(commons, proposal, "Daouda").delegates
    assert (row.name, row.state, row.power) == ("Chloé", Representative.PASSED_ON, 5)
    assert [(end.name, end.power, end.parts[0].name) for end in row.passed_on] == [("Bob", 5, "for")]


def test_power_in_a_circle_is_said_to_wait_and_not_to_have_left_it(commons):
    commons.delegate("Alice", "Bob")
    commons.delegate("Bob", "Alice", 5_000)
    commons.delegate("Bob", "Chloé", 5_000)
    proposal = commons.propose()
    commons.vote(proposal, "Chloé", FOR)
    assert services.count_so_far(Proposal.objects.get(pk=proposal.pk)).weights[commons.address("Chloé")] == 20 + 15
    assert told(of(commons, proposal, "Alice")) == [("Bob", Representative.WAITING, 40, [])]
    assert of(commons, proposal, "Chloé").carried.power == 15


def test_what_a_member_is_told_adds_up_to_what_is_counted(commons):
    commons.delegate("Bob", "Alice", 6_000)
    commons.delegate("Bob", "Chloé", 4_000)
    commons.delegate("Daouda", "Bob")
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    commons.vote(proposal, "Chloé", AGAINST)
    weights = services.count_so_far(Proposal.objects.get(pk=proposal.pk)).weights
    for name in ("Alice", "Chloé"):
        assert of(commons, proposal, name).carried.power == weights[commons.address(name)] - MEMBERS[name]
    ends = [end for row in of(commons, proposal, "Daouda").delegates for end in row.passed_on]
    assert {end.name: end.power for end in ends} == {"Alice": 6, "Chloé": 4}


def test_a_delegate_sees_how_many_rely_on_them_and_that_they_may_still_speak_for_themselves(commons):
    commons.delegate("Bob", "Alice")
    commons.delegate("Daouda", "Bob")
    proposal = commons.propose()
    carried = of(commons, proposal, "Alice").carried
    assert (carried.people, carried.overriding, carried.power, carried.most) == (2, 0, 40, 40)
    commons.vote(proposal, "Bob", AGAINST)
    carried = of(commons, proposal, "Alice").carried
    assert (carried.people, carried.overriding, carried.power, carried.most) == (1, 1, 0, 40)


def test_the_number_of_queries_does_not_grow_with_the_people(commons):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    with CaptureQueriesContext(connection) as few:
        of(commons, proposal, "Bob")
    commons.delegate("Chloé", "Bob", now=NOON + SECOND)
    commons.delegate("Daouda", "Bob", now=NOON + SECOND)
    other = commons.propose(payload={"statement": "No."}, now=NOON + SECOND)
    commons.vote(other, "Alice", FOR)
    with CaptureQueriesContext(connection) as many:
        of(commons, other, "Bob")
    assert len(many) <= len(few) <= QUERIES_MAX + 2  # the proposal itself and its record


def test_before_the_census_nothing_is_said(commons):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    Proposal.objects.filter(pk=proposal.pk).update(census_record=None, census_at=None)
    found = of(commons, proposal, "Bob")
    assert (found.census_done, found.delegates) == (False, ())


def test_the_api_says_the_same_and_refuses_what_is_no_address(commons, client):
    commons.delegate("Bob", "Alice")
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    path = f"/api/v1/proposals/{proposal.public_id}/representation"
    found = client.get(path, {"voter": commons.address("Bob")}).json()
    (row,) = found["delegates"]
    assert (row["name"], row["state"], row["power"]) == ("Alice", "voted", "30")
    assert row["choice"] == [{"name": "for", "rank": 0, "weight": "0", "of": "0"}]
    assert found["carried"] == {"people": 0, "overriding": 0, "power": "0", "most": "0"}
    for odd in ("", "bob.eth", "0x" + "g" * 40):
        refused = client.get(path, {"voter": odd})
        assert refused.status_code == 400
        assert refused.headers["content-type"] == "application/problem+json"
    assert client.get(f"/api/v1/proposals/0x{'0' * 64}/representation", {"voter": odd}).status_code == 404


def test_an_address_learns_what_it_can_vote_on_in_a_community_in_a_fixed_number_of_queries(commons, client):
    assert selectors.elector(commons.community, commons.address("Bob"), NOON).census is None
    commons.delegate("Bob", "Alice")
    first = commons.propose(now=NOON)
    moment = first.opens_at + SECOND
    with CaptureQueriesContext(connection) as one:
        found = selectors.elector(commons.community, commons.address("Alice"), moment)
    (vote,) = found.open
    assert (found.power, found.may_vote) == (40, True)
    assert (vote.proposal, vote.power, vote.delegated) == (first, 40, 30)
    commons.propose(payload={"statement": "No."}, now=NOON)
    with CaptureQueriesContext(connection) as two:
        assert len(selectors.elector(commons.community, commons.address("Alice"), moment).open) == 2
    assert len(two) <= len(one) <= 6
    nobody = selectors.elector(commons.community, commons.address("Nobody"), moment)
    assert (nobody.power, nobody.may_vote, len(nobody.open)) == (0, False, 2)
    path = f"/api/v1/communities/{commons.community.slug}/elector"
    answer = client.get(path, {"voter": commons.address("Alice")}).json()
    assert (answer["power"], answer["census"]) == ("40", 2)
    assert client.get(path, {"voter": "alice"}).status_code == 400
