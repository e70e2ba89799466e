"""The first page: a visitor sees what communities own and decide, a member what waits, what changed and what is theirs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance import services
from governance.models import Account, Community, Visit
from governance.readers import accounts, following
from governance.selectors import needs
from models_registry.models import Incident, IncidentStewards
from tests.integration.commons import Commons
from tests.integration.conftest import NOON
from tests.integration.pages_story import Story, get, signed_in, story, told
from tests.integration.test_search import titled

__all__ = ["get", "story", "told"]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def gardens(list_community: Callable[..., Commons], settings: Any) -> Commons:
    """A community whose votes stay open for days."""
    settings.OPEN_PROPOSALS_PER_AUTHOR = 100
    return list_community(tiers={"standard": {"voting_period_seconds": 86_400}})


@pytest.fixture
def home(gardens: Commons, client: Client, at: Callable[..., None]) -> Callable[..., str]:
    """Open the home of a member at a moment."""

    def opened(name: str, now: datetime = NOON + MINUTE) -> str:
        at(now)
        account, _new = Account.objects.get_or_create(address=gardens.address(name))
        client.force_login(account)
        response = client.get("/")
        assert response.status_code == 200
        return response.content.decode().split("<main", 1)[1]

    return opened


def opened(commons: Commons, title: str) -> Any:
    """Submit a proposal and take its census, so that it is open a minute later."""
    proposal = titled(commons, title)
    proposal.refresh_from_db()
    return proposal


def kinds_for(commons: Commons, name: str, now: datetime = NOON + MINUTE) -> list[tuple[str, str]]:
    """Return what waits for a member: kind and title."""
    found = needs.needs(commons.address(name), [Community.objects.get(pk=commons.community.pk)], now)
    return [(need.kind, need.title) for need in found]


# --- a visitor ------------------------------------------------------------------------------------------------------


def test_a_visitor_sees_what_is_owned_what_is_decided_and_why_to_trust_it(
    story: Story, get: Callable[..., str]
) -> None:
    text = get("/")
    assert "Models that belong to those who use them" in text
    assert "about wells?" in text
    assert "Made by the decision “Teach the assistant our own answers”." in text
    assert f'href="/releases/{story.version.revision}/"' in text
    assert "Practise a vote" in text
    assert "Follow without a wallet" in text
    assert "What needs you" not in text
    assert "Pratiquer" in get("/", **{"accept-language": "fr"}) or 'lang="fr"' in get("/", **{"accept-language": "fr"})


def test_somebody_who_belongs_nowhere_sees_what_a_visitor_sees(story: Story, client: Client) -> None:
    client.force_login(Account.objects.create(address="0x" + "ab" * 20))
    text = client.get("/").content.decode()
    assert "Models that belong to those who use them" in text
    assert not Visit.objects.exists()


def test_a_reader_sees_what_they_follow_and_what_happened_there(story: Story, client: Client) -> None:
    now = datetime.now(NOON.tzinfo)
    reader = accounts.create("en", now, email="reader@example.org")
    session = client.session
    session["reader"] = [reader.pk, reader.stamp]
    session.save()
    text = client.get("/").content.decode()
    assert "You follow nothing yet" in text
    following.follow(reader, following.subject("community", story.community.slug), now)
    text = client.get("/").content.decode().split("What you follow", 1)[1]
    assert "Water commons" in text
    assert "A proposal was published" in text


# --- what needs a member --------------------------------------------------------------------------------------------


def test_open_votes_stand_there_until_one_has_voted_the_first_to_close_first(
    gardens: Commons, home: Callable[..., str]
) -> None:
    wells = opened(gardens, "Deeper wells")
    gardens.propose(now=NOON, voting_period_seconds=5 * 86_400)
    text = home("Bob")
    assert "2 open votes lack your ballot" in text
    assert text.index("Deeper wells") < text.index("A text_signal")
    gardens.vote(wells, "Bob", 1)
    text = home("Bob")
    assert "1 open vote lacks your ballot" in text
    assert "Deeper wells" not in text.split("Your power", 1)[0]


def test_who_only_carries_lent_power_is_asked_and_who_has_none_is_not(gardens: Commons) -> None:
    gardens.delegate("Alice", "Zoe")
    opened(gardens, "Deeper wells")
    assert kinds_for(gardens, "Zoe") == [("vote", "Deeper wells")]
    assert kinds_for(gardens, "Stranger") == []


def test_ones_drafts_and_others_requests_to_sign_stand_there(gardens: Commons) -> None:
    draft = gardens.draft(author="Bob")
    assert ("draft", "A text_signal") in kinds_for(gardens, "Bob")
    assert kinds_for(gardens, "Alice") == []
    services.seek_sponsors(draft.pk, gardens.address("Bob"), NOON)
    assert kinds_for(gardens, "Alice") == [("sponsor", "A text_signal")]
    gardens.sponsor(draft, "Alice")
    assert kinds_for(gardens, "Alice") == []


def test_a_step_that_was_refused_is_told_to_the_author_until_something_else_happens(gardens: Commons) -> None:
    proposal = titled(gardens, "Deeper wells")
    services.note_once(proposal.pk, "step_refused", NOON, code="x", detail="y")
    assert kinds_for(gardens, "Alice", NOON) == [("held_up", "Deeper wells")]
    assert kinds_for(gardens, "Bob", NOON) == []
    gardens.vote(proposal, "Bob", 1)
    assert ("held_up", "Deeper wells") not in kinds_for(gardens, "Alice")


def test_a_guardian_is_told_what_waits_and_a_steward_what_to_answer(story: Story) -> None:
    now = datetime.now(NOON.tzinfo)
    alice = story.wallets["Alice"].address
    waiting = story.proposals["queued"]
    story.community.councils.create(
        members=[{"address": alice, "name": "Alice"}],
        elected_at=now - timedelta(days=1),
        term_ends_at=now + timedelta(days=30),
        record_id=story.proposals["update"].record_id,
    )
    found = needs.needs(alice, [story.community], now)
    assert ("guard", waiting.title) in [(need.kind, need.title) for need in found]
    Incident.objects.create(
        community=story.community, version=story.version, number=1, digest="0" * 64, category="other",
        claimed_severity="high", prompt="?", expected="!", reported_at=now,
    )  # fmt: skip
    assert "incident" in [need.kind for need in needs.needs(alice, [story.community], now)]
    bob = story.wallets["Bob"].address
    IncidentStewards.objects.create(
        community=story.community,
        members=[{"address": bob, "name": "Bob"}],
        proposal=story.proposals["update"],
        named_at=now,
    )
    assert "incident" not in [need.kind for need in needs.needs(alice, [story.community], now)]
    assert "incident" in [need.kind for need in needs.needs(bob, [story.community], now)]


def test_nothing_to_do_is_said(gardens: Commons, home: Callable[..., str]) -> None:
    text = home("Bob")
    assert "Nothing waits for you" in text
    assert "Nothing has changed" not in text, "the community was founded today"


# --- what changed ---------------------------------------------------------------------------------------------------


def test_what_happened_since_the_last_visit_is_told_in_words_and_grouped(
    gardens: Commons, home: Callable[..., str]
) -> None:
    home("Bob")
    titled(gardens, "Deeper wells", now=NOON + 2 * MINUTE)
    titled(gardens, "Open the greenhouse", now=NOON + 3 * MINUTE)
    text = home("Bob", NOON + timedelta(hours=2)).split("Since you were here last", 1)[1]
    assert "A proposal was published" in text
    assert "2 times" in text
    assert "Deeper wells" in text
    assert "The community was founded" not in text


def test_coming_back_within_half_an_hour_is_one_visit(gardens: Commons, home: Callable[..., str]) -> None:
    home("Bob", NOON + MINUTE)
    home("Bob", NOON + timedelta(hours=3))
    titled(gardens, "Deeper wells", now=NOON + timedelta(hours=1))
    for minutes in (0, 10, 20, 40):
        assert "Deeper wells" in home("Bob", NOON + timedelta(hours=3, minutes=minutes)).split("Since you", 1)[1]
    assert Visit.objects.count() == 1


def test_what_others_do_for_themselves_is_no_news(gardens: Commons, home: Callable[..., str]) -> None:
    home("Bob")
    gardens.draft(now=NOON + 2 * MINUTE)
    text = home("Bob", NOON + timedelta(hours=2)).split("Since you were here last", 1)[1]
    assert "A draft was written" not in text
    assert "Nothing has changed in your communities" in text


# --- what is theirs -------------------------------------------------------------------------------------------------


def test_power_delegations_and_receipts_are_shown(gardens: Commons, home: Callable[..., str], client: Client) -> None:
    gardens.delegate("Alice", "Bob", 5_000)
    gardens.delegate("Bob", "Chloé", topic="poll")
    wells = opened(gardens, "Deeper wells")
    first = gardens.vote(wells, "Bob", 1)
    second = gardens.vote(wells, "Bob", 0, NOON + 2 * MINUTE)
    text = home("Bob", NOON + 3 * MINUTE)
    own = text.split("Your power", 1)[1]
    assert "Chloé" in own
    assert ">30<" in own
    assert f'href="/receipts/{second.record_id}/"' in own
    page = client.get("/me/receipts/").content.decode()
    assert "2 ballots" in page
    assert f'href="/receipts/{first.record_id}/"' in page
    assert "replaced by a later ballot" in page


def test_receipts_are_for_who_signed_in(db: None, client: Client) -> None:
    assert client.get("/me/receipts/").headers["Location"] == "/sign-in/?next=/me/receipts/"


def test_the_number_of_queries_does_not_grow_with_what_is_shown(gardens: Commons, home: Callable[..., str]) -> None:
    opened(gardens, "Deeper wells")
    gardens.delegate("Alice", "Bob")
    gardens.draft(author="Bob")
    home("Bob")

    def counted() -> int:
        with CaptureQueriesContext(connection) as captured:
            home("Bob", NOON + 2 * MINUTE)
        return len(captured)

    before = counted()
    for number in range(5):
        opened(gardens, f"Wells {number}")
        gardens.draft(author="Bob")
    gardens.delegate("Chloé", "Bob")
    assert counted() == before


def test_a_member_reads_it_in_french(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Daouda"])
    text = client.get("/", headers={"accept-language": "fr"}).content.decode()
    assert '<html lang="fr">' in text
    assert "Communs de l’eau" in text
