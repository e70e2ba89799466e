"""Over the API as on the pages: one's own inbox and wishes, and nobody else's; who voted on a proposal, and why."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance import services
from governance.models import Account, Member, Notification, Proposal, Reader
from tests.integration.commons import SECOND, Commons
from tests.integration.conftest import NOON
from tests.integration.readers_told import plan, reader

INBOX, READ, WISHES = "/api/v1/me/inbox", "/api/v1/me/inbox/read", "/api/v1/me/preferences"
MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10, "Emma": 5}


@pytest.fixture
def commons(list_community: Callable[..., Commons], at: Callable[..., None]) -> Commons:
    at(NOON)
    found = list_community(MEMBERS)
    for name in MEMBERS:
        Member.objects.update_or_create(community=found.community, address=found.address(name), defaults={"name": name})
    return found


def signed_in(commons: Commons, name: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get_or_create(address=commons.address(name))[0])
    return client


def send(client: Client, method: str, path: str, body: dict[str, Any]) -> Any:
    return getattr(client, method)(path, json.dumps(body), content_type="application/json")


# --- the inbox ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(commons: Commons) -> Reader:
    """Alice, to whom two members have lent their power."""
    alice = reader(NOON, address=commons.address("Alice"), email="alice@example.org")
    commons.delegate("Bob", "Alice")
    commons.delegate("Chloé", "Alice", now=NOON + SECOND)
    plan(NOON + 2 * SECOND)
    return alice


def test_the_inbox_is_given_as_the_page_lists_it_and_marked_read(commons: Commons, told: Reader) -> None:
    client = signed_in(commons, "Alice")
    found = client.get(INBOX).json()
    assert {name: found[name] for name in ("page", "pages", "total", "unread")} == {
        "page": 1, "pages": 1, "total": 2, "unread": 2,
    }  # fmt: skip
    assert [(line["topic"], line["actor"]) for line in found["lines"]] == [
        ("power_lent", commons.address("Chloé")),
        ("power_lent", commons.address("Bob")),
    ]
    newest, oldest = (line["id"] for line in found["lines"])
    assert send(client, "post", READ, {"id": newest}).json() == {"unread": 1}
    assert [line["id"] for line in client.get(f"{INBOX}?unread=true").json()["lines"]] == [oldest]
    assert client.get(f"{INBOX}?topic=decided").json()["total"] == 0
    assert send(client, "post", READ, {"newest": newest}).json() == {"unread": 0}


def test_attack_nobody_reads_or_marks_the_inbox_of_somebody_else(commons: Commons, told: Reader) -> None:
    line = Notification.objects.filter(reader=told).first()
    assert line is not None
    bob = signed_in(commons, "Bob")
    assert bob.get(INBOX).json()["lines"] == []
    assert send(bob, "post", READ, {"id": line.pk}).status_code == 404
    assert send(bob, "post", READ, {"newest": line.pk}).status_code == 200
    line.refresh_from_db()
    assert line.read_at is None
    for path in (INBOX, WISHES):
        assert Client().get(path).json()["code"] == "no_reader"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("get", f"{INBOX}?unread=maybe", {}, 400, "malformed_field"),
        ("get", f"{INBOX}?topic=weather", {}, 400, "unknown_news_topic"),
        ("get", f"{INBOX}?page=x", {}, 400, "malformed_field"),
        ("post", READ, {}, 400, "malformed_field"),
        ("post", READ, {"id": 1, "newest": 1}, 400, "malformed_field"),
        ("post", READ, {"id": 10**30}, 400, "malformed_field"),
        ("patch", WISHES, {"topics": {"decided": "by-pigeon"}}, 400, "unknown_channel"),
        ("patch", WISHES, {"topics": {"decided": ["now"]}}, 400, "unknown_channel"),
        ("patch", WISHES, {"topics": {"weather": "now"}}, 400, "unknown_news_topic"),
        ("patch", WISHES, {"muted": ["nowhere"]}, 404, "unknown_community"),
        ("patch", WISHES, {"muted": "gardens"}, 400, "malformed_field"),
        ("patch", WISHES, {"letters": True}, 400, "unknown_field"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    commons: Commons, method: str, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    client = signed_in(commons, "Bob")
    before = client.get(WISHES).json()
    answer = client.get(path) if method == "get" else send(client, method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.get(WISHES).json() == before


def test_wishes_are_kept_one_by_one_and_the_rest_stays(commons: Commons) -> None:
    client, slug = signed_in(commons, "Bob"), commons.community.slug
    before = {row["topic"]: row["channel"] for row in client.get(WISHES).json()["topics"]}
    found = send(client, "patch", WISHES, {"topics": {"decided": "weekly"}, "muted": [slug]}).json()
    assert {row["topic"]: row["channel"] for row in found["topics"]} == before | {"decided": "weekly"}
    assert (found["muted"], found["letters_stopped"]) == ([slug], False)
    found = send(client, "patch", WISHES, {"letters_stopped": True}).json()
    assert (found["muted"], found["letters_stopped"]) == ([slug], True)
    assert send(client, "patch", WISHES, {"muted": []}).json()["muted"] == []


# --- voters --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def proposal(commons: Commons) -> Proposal:
    """Bob lends his power to Alice; Alice and Chloé vote, Chloé says why."""
    commons.delegate("Bob", "Alice")
    made: Proposal = commons.propose(now=NOON + SECOND)
    assert made.opens_at is not None
    moment = made.opens_at + timedelta(seconds=1)
    services.cast_ballot(commons.sign_ballot(made, "Alice", 1, moment, ""), moment)
    services.cast_ballot(commons.sign_ballot(made, "Chloé", 0, moment, "Too dear."), moment)
    return made


def voters(proposal: Proposal, query: str = "") -> dict[str, Any]:
    answer = Client().get(f"/api/v1/proposals/{proposal.public_id}/voters{query}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_anybody_reads_who_voted_with_how_much_and_why(commons: Commons, proposal: Proposal) -> None:
    found = voters(proposal)
    first, second = found["voted"]
    assert (first["voter"], first["name"], first["choice"][0]["name"]) == (commons.address("Alice"), "Alice", "for")
    assert int(first["weight"]) - int(first["lent"]) == int(proposal.ballots.get(voter=first["voter"]).power)
    assert int(first["lent"]) > 0
    assert (second["name"], second["reason"], second["ballot"]) == ("Chloé", "Too dear.", 0)
    assert Client().get(f"/api/v1/ballots/{second['receipt']}").status_code == 200
    assert [row["name"] for row in voters(proposal, "?reasons=true")["voted"]] == ["Chloé"]
    assert [row["name"] for row in voters(proposal, "?search=ali")["voted"]] == ["Alice"]
    assert [row["name"] for row in voters(proposal, "?sort=date")["voted"]] == ["Chloé", "Alice"]


def test_who_has_not_voted_is_told_with_who_votes_for_them(commons: Commons, proposal: Proposal) -> None:
    found = voters(proposal, "?who=missing")
    assert found["voted"] == []
    assert [(row["name"], row["lent_to"]) for row in found["missing"]] == [
        ("Bob", [commons.address("Alice")]), ("Daouda", []), ("Emma", []),
    ]  # fmt: skip


@pytest.mark.parametrize("query", ["?who=all", "?sort=size", "?reasons=1", "?page=-1", "?choice=x", "?search=%00"])
def test_a_list_that_does_not_exist_is_refused(proposal: Proposal, query: str) -> None:
    assert Client().get(f"/api/v1/proposals/{proposal.public_id}/voters{query}").status_code == 400


def test_there_are_no_voters_of_a_proposal_that_does_not_exist(db: None) -> None:
    assert Client().get(f"/api/v1/proposals/0x{'00' * 32}/voters").status_code == 404
