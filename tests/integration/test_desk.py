"""The delegate's desk: open decisions with what one's ballot weighs there, who relies on it, and who voted already."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance import services
from governance.models import Account, Community
from governance.selectors.alignment import alignment
from governance.selectors.desk import desk
from tests.integration.commons import Commons
from tests.integration.conftest import NOON
from tests.integration.test_search import titled

MOMENT = NOON + timedelta(minutes=5)


@pytest.fixture
def gardens(list_community: Callable[..., Commons], settings: Any, at: Callable[..., None]) -> Commons:
    """Alice (40) and Daouda (10) lend to Bob (30), Daouda on every topic and Alice on signals alone; three open votes."""
    settings.OPEN_PROPOSALS_PER_AUTHOR = 100
    period = {"voting_period_seconds": 86_400}
    commons = list_community(
        tiers={"standard": period, "light": {"voting_period_seconds": 172_800}}, kinds={"poll": "light"}
    )
    commons.delegate("Alice", "Bob", topic="text_signal")
    commons.delegate("Daouda", "Bob")
    titled(commons, "Deeper wells")
    titled(commons, "Open the greenhouse")
    commons.propose("poll", {"question": "Which day?", "choices": ["Monday", "Friday"]}, method="single-choice")
    at(MOMENT)
    return commons


def numbered(commons: Commons, number: int) -> Any:
    """Return a decision."""
    return commons.community.proposals.get(number=number)


def rows(commons: Commons, name: str) -> dict[int, Any]:
    """Return the rows of somebody's desk by number."""
    community = Community.objects.get(pk=commons.community.pk)
    return {row.proposal.number: row for row in desk(community, commons.address(name), MOMENT).rows}


@pytest.fixture
def bob(gardens: Commons, client: Client) -> Callable[..., str]:
    """Open Bob's desk."""
    client.force_login(Account.objects.create(address=gardens.address("Bob")))

    def opened(query: str = "") -> str:
        response = client.get(f"/c/gardens/desk/?{query}")
        assert response.status_code == 200
        return response.content.decode().split("<main", 1)[1]

    return opened


def test_a_ballot_weighs_what_is_lent_on_its_topic(gardens: Commons) -> None:
    found = rows(gardens, "Bob")
    assert {number: (row.weight, row.own_power, row.relying) for number, row in found.items()} == {
        1: (80, 30, 2),
        2: (80, 30, 2),
        3: (40, 30, 1),
    }


def test_who_votes_themselves_takes_their_power_back(gardens: Commons) -> None:
    gardens.vote(numbered(gardens, 1), "Alice", 1)
    row = rows(gardens, "Bob")[1]
    assert (row.weight, row.relying, row.voted_themselves) == (40, 2, 1)


def test_who_relies_through_others_is_counted_once_and_circles_end(gardens: Commons) -> None:
    gardens.delegate("Chloé", "Daouda")
    gardens.delegate("Bob", "Chloé")
    later = titled(gardens, "Later wells", now=NOON)
    row = rows(gardens, "Bob")[later.number]
    assert row.relying == 3
    assert row.weight == 100


def test_the_table_says_what_is_missing_and_keeps_reasons(gardens: Commons, bob: Callable[..., str]) -> None:
    request = gardens.sign_ballot(numbered(gardens, 1), "Bob", 1, MOMENT, reason="The pump is old.")
    services.cast_ballot(request, MOMENT)
    text = bob()
    assert "2 open decisions lack your ballot" in text
    assert "The pump is old." in text
    assert "People who lend to you" in text
    assert text.index("Deeper wells") < text.index("A poll"), "what closes first stands first"
    assert "1 decision" in bob("mine=voted")
    assert "Deeper wells" not in bob("mine=missing").split("Who lends", 1)[0]
    assert "A poll" in bob("kind=poll")
    assert "2 decisions" in bob("tier=standard")
    weighted = bob("sort=weight")
    assert weighted.index("Deeper wells") < weighted.index("A poll")
    assert 'aria-sort="descending"' in weighted
    assert "No decision matches" in bob("kind=nonsense")


def test_decisions_can_stand_side_by_side(gardens: Commons, bob: Callable[..., str]) -> None:
    text = bob("compare=1&compare=3&compare=x&compare=99999999999999999999")
    aside = text.split("Side by side", 1)[1].split("Open decisions</h2>", 1)[0]
    assert "Deeper wells" in aside
    assert "Which day?" in aside
    assert "Open the greenhouse" not in aside
    assert "Side by side" not in bob("compare=77")


def test_who_lends_and_what_was_told_them_stands_below(gardens: Commons, bob: Callable[..., str]) -> None:
    assert "Daouda" in bob()
    assert "No statement yet" in bob()
    services.state_oneself(gardens.community, gardens.address("Bob"), "I read *everything*.", MOMENT)
    assert "<em>everything</em>" in bob()


def test_the_desk_goes_to_a_spreadsheet_with_its_filter(
    gardens: Commons, bob: Callable[..., str], client: Client
) -> None:
    bob()
    text = client.get("/c/gardens/desk.csv?kind=poll").getvalue().decode("utf-8-sig")
    found = list(csv.DictReader(io.StringIO(text)))
    assert [(row["number"], row["weight"], row["relying"], row["voted"]) for row in found] == [
        ("3", "40", "1", "False")
    ]


def test_programs_read_the_same_desk_as_json_and_the_page_has_its_address(
    gardens: Commons, bob: Callable[..., str], client: Client
) -> None:
    services.cast_ballot(gardens.sign_ballot(numbered(gardens, 1), "Bob", 1, MOMENT, reason="=1+1"), MOMENT)
    assert 'href="/c/gardens/desk.json?mine=voted" download' in bob("mine=voted")
    body = json.loads(client.get("/c/gardens/desk.json?mine=voted").getvalue())
    assert (body["community"], body["address"]) == ("gardens", gardens.address("Bob"))
    assert [(row["number"], row["weight"], row["relying"], row["voted"]) for row in body["rows"]] == [
        (1, "80", 2, True)
    ]
    assert body["rows"][0]["reason"] == "=1+1", "JSON is no spreadsheet"
    text = client.get("/c/gardens/desk.csv?mine=voted").getvalue().decode("utf-8-sig")
    assert next(csv.DictReader(io.StringIO(text)))["reason"] == "'=1+1"
    assert Client().get("/c/gardens/desk.json").headers["Location"] == "/sign-in/?next=/c/gardens/desk.json"


def test_the_desk_is_for_who_signed_in_and_empty_for_who_has_nothing(gardens: Commons, client: Client) -> None:
    assert client.get("/c/gardens/desk/").headers["Location"] == "/sign-in/?next=/c/gardens/desk/"
    client.force_login(Account.objects.create(address=gardens.address("Stranger")))
    text = client.get("/c/gardens/desk/").content.decode()
    assert "Nobody lends you power by signature" in text
    assert "no power here" in text
    assert client.get("/c/nowhere/desk/").status_code == 404


def test_the_number_of_queries_does_not_grow_with_decisions_or_people(
    gardens: Commons, bob: Callable[..., str]
) -> None:
    def counted() -> int:
        with CaptureQueriesContext(connection) as captured:
            bob()
        return len(captured)

    before = counted()
    for number in range(5):
        titled(gardens, f"Wells {number}")
    gardens.delegate("Chloé", "Bob")
    assert counted() == before


def test_two_people_are_compared_by_their_public_ballots(
    gardens: Commons, bob: Callable[..., str], client: Client
) -> None:
    for number, (bobs, chloes) in {1: (1, 1), 2: (1, 0)}.items():
        gardens.vote(numbered(gardens, number), "Bob", bobs)
        gardens.vote(numbered(gardens, number), "Chloé", chloes)
    found = alignment(gardens.community, gardens.address("Bob"), gardens.address("Chloé"))
    assert found is not None
    assert (found.common, found.same, found.same_bps) == (2, 1, 5_000)
    assert [proposal.title for proposal in found.apart] == ["Open the greenhouse"]
    bob()
    text = client.get(f"/c/gardens/delegates/{gardens.address('Chloé')}/").content.decode()
    assert "You both voted on 2 decisions, and chose the same on 1: 50%." in text
    assert "nothing to compare" in client.get(f"/c/gardens/delegates/{gardens.address('Daouda')}/").content.decode()
    own = client.get(f"/c/gardens/delegates/{gardens.address('Bob')}/").content.decode()
    assert "You and them" not in own
    assert alignment(gardens.community, "", gardens.address("Bob")) is None
