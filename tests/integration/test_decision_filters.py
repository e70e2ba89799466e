"""The list of decisions: its filters stand in the address, and other programs read the same list."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance.models import Account
from models_registry.models import Model
from tests.integration.commons import Commons
from tests.integration.conftest import NOON
from tests.integration.test_search import titled

LIST = "/c/gardens/proposals/"


@pytest.fixture
def gardens(
    list_community: Callable[..., Commons], settings: Any, at: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Commons:
    """Two open decisions of which Bob has voted on one, and a draft of his."""
    settings.OPEN_PROPOSALS_PER_AUTHOR = 100
    commons = list_community(
        tiers={"standard": {}, "light": {"voting_period_seconds": 86_400 * 5}}, kinds={"poll": "light"}
    )
    wells = titled(commons, "Deeper wells")
    commons.propose(
        "poll", {"question": "Which day?", "choices": ["Monday", "Friday"]}, method="single-choice", author="Bob"
    )
    opened = NOON.replace(minute=1)
    commons.vote(wells, "Bob", 1)
    commons.draft(author="Bob")
    at(opened)
    monkeypatch.setattr("frontend.views.proposals.now", lambda: opened)
    return commons


def signed_in(client: Client, commons: Commons, name: str) -> Client:
    """Sign a member in, without a wallet."""
    account, _new = Account.objects.get_or_create(address=commons.address(name))
    client.force_login(account)
    return client


def shown(client: Client, query: str = "") -> str:
    """Return the list."""
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200
    return response.content.decode().split("<main", 1)[1]


def test_each_filter_narrows_the_list_and_stays_in_its_form(gardens: Commons, client: Client) -> None:
    assert "2 decisions" in shown(client)
    for query, only in (
        ("kind=text_signal", "Deeper wells"),
        ("tier=standard", "Deeper wells"),
        ("tier=light", "A poll"),
        ("author=bob", "A poll"),
        (f"author={gardens.address('Alice')}", "Deeper wells"),
        ("search=wells", "Deeper wells"),
        ("closing=1", "Deeper wells"),
        ("closing=7&kind=poll&tier=light", "A poll"),
    ):
        text = shown(client, query)
        assert "1 decision" in text, query
        assert only in text, query
        assert "Remove the filter" in text
    assert '<option value="light" selected>' in shown(client, "tier=light")
    assert 'value="bob"' in shown(client, "author=bob")


def test_the_labels_of_a_card_and_of_a_page_lead_to_the_list_of_others_like_it(
    gardens: Commons, client: Client
) -> None:
    card = shown(client, "search=wells")
    number = gardens.community.proposals.get(title="Deeper wells").number
    page = client.get(f"{LIST}{number}/").content.decode().split("<main", 1)[1]
    for text in (card, page):
        labels = re.findall(r'<a class="label[^"]*" href="([^"]+)"', text)
        assert labels == [f"{LIST}?kind=text_signal", f"{LIST}?tier=standard"]
    for address in labels:
        listed = client.get(address).content.decode().split("<main", 1)[1]
        assert "1 decision" in listed
        assert "Deeper wells" in listed


def test_a_member_finds_what_needs_their_vote(gardens: Commons, client: Client) -> None:
    bob = signed_in(client, gardens, "Bob")
    assert "1 needs your vote" in shown(bob)
    needs = shown(bob, "mine=needs")
    assert "A poll" in needs
    assert "Deeper wells" not in needs
    assert "Deeper wells" in shown(bob, "mine=voted")
    assert "A poll" in shown(bob, "mine=unvoted")
    assert "1 decision" in shown(bob, "mine=written")


def test_what_is_mine_is_nothing_for_nobody(gardens: Commons, client: Client) -> None:
    for mine in ("needs", "voted", "unvoted", "written", "nonsense"):
        assert "No decision matches" in shown(client, f"mine={mine}")
    assert "needs your vote" not in shown(client)


def test_the_order_can_be_chosen(gardens: Commons, client: Client) -> None:
    def order(sort: str) -> bool:
        text = shown(client, f"sort={sort}")
        return text.index("Deeper wells") < text.index("A poll")

    assert order("oldest")
    assert order("closing")
    assert not order("newest")
    assert not order("nonsense")


def test_decisions_about_a_model_are_told_from_others(gardens: Commons, client: Client) -> None:
    Model.objects.create(
        community=gardens.community, namespace="gardens", name="helper", title_en="H", title_fr="H", license="x"
    )
    proposal = gardens.community.proposals.get(title="Deeper wells")
    proposal.payload = {"spec": {"base": {"model": "gardens/helper"}}}
    proposal.save()
    assert "1 decision" in shown(client, "model=gardens/helper")
    for unknown in ("gardens/other", "nonsense", "/", "a/b/c"):
        assert "No decision matches" in shown(client, f"model={unknown}")


@pytest.mark.parametrize(
    "odd", ["closing=-1", "closing=x", "closing=9999999", "tier=%00", "author=%00", "sort=%00", "page=x"]
)
def test_odd_values_are_read_as_the_least(gardens: Commons, client: Client, odd: str) -> None:
    shown(client, odd)


def test_other_programs_read_the_same_list(gardens: Commons, client: Client) -> None:
    text = client.get("/c/gardens/proposals.csv?tier=light").getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["number"], row["title"], row["state"], row["author_name"]) for row in rows] == [
        ("2", "A poll", "active", "Bob")
    ]
    assert rows[0]["address"] == "http://testserver/c/gardens/proposals/2/"
    document = json.loads(client.get("/c/gardens/proposals.json").getvalue())
    assert document["community"] == "gardens"
    assert [row["number"] for row in document["rows"]] == [2, 1]
    bob = signed_in(client, gardens, "Bob")
    mine = json.loads(bob.get("/c/gardens/proposals.json?mine=needs").getvalue())
    assert [row["number"] for row in mine["rows"]] == [2]
    assert client.get("/c/nowhere/proposals.csv").status_code == 404
    assert 'href="/c/gardens/proposals.csv?tier=light"' in shown(client, "tier=light")


def test_the_number_of_queries_does_not_grow(gardens: Commons, client: Client) -> None:
    bob = signed_in(client, gardens, "Bob")

    def counted() -> int:
        with CaptureQueriesContext(connection) as captured:
            shown(bob, "mine=unvoted&sort=closing")
        return len(captured)

    before = counted()
    for number in range(5):
        titled(gardens, f"Wells {number}")
    assert counted() == before
