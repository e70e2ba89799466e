"""Search: what everybody may read is found in both languages on both databases, and nothing else ever is."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance import search, services
from governance.deliberation import comments, moderation
from governance.deliberation.people import Writer
from governance.models import Community, Member, SearchCursor, SearchEntry, Statement
from governance.readers import accounts
from governance.search import index
from governance.statements import moderation as statement_moderation
from governance.statements import services as statements
from tests.integration.commons import Commons
from tests.integration.conftest import NOON

HOUR = timedelta(hours=1)


def titled(commons: Commons, title: str, text: str = "Because.", now: datetime = NOON) -> Any:
    """Submit a text signal with a title."""
    fresh = Community.objects.get(pk=commons.community.pk)
    draft = services.Draft("text_signal", title, text, {"statement": "Yes."}, {}, "", 1)
    return services.submit(
        services.create_draft(fresh, commons.address("Alice"), draft, now).pk, commons.address("Alice"), now
    )


def titles(typed: str, **wanted: Any) -> list[str]:
    """Return the titles of what is found, the best first."""
    return [hit.title for hit in search.search(typed, NOON, **wanted).hits]


@pytest.fixture
def gardens(list_community: Callable[..., Commons], settings: Any) -> Commons:
    """A community with three decisions, read into the index."""
    settings.OPEN_PROPOSALS_PER_AUTHOR = 100
    commons = list_community()
    titled(commons, "Deeper wells for the upper terraces", "The pump of the village is old.")
    titled(commons, "Règles d’équité", "Une réponse égale dans les deux langues.")
    titled(commons, "Open the greenhouse", "It stands beside the wells, which nobody uses.")
    search.refresh(NOON)
    return commons


# --- what is found --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("terraces", ["Deeper wells for the upper terraces"]),
        ("terrace", ["Deeper wells for the upper terraces"]),
        ("TERRA", ["Deeper wells for the upper terraces"]),
        ("regle equite", ["Règles d’équité"]),
        ("égale réponse", ["Règles d’équité"]),
        ('"beside the wells"', ["Open the greenhouse"]),
        ('"wells beside"', []),
        ("pump greenhouse", []),
    ],
)
def test_words_are_found_whatever_their_accents_capitals_and_number(
    gardens: Commons, typed: str, expected: list[str]
) -> None:
    assert titles(typed) == expected


def test_a_title_counts_for_more_than_a_text_and_of_equals_the_newer_comes_first(gardens: Commons) -> None:
    assert titles("wells") == ["Deeper wells for the upper terraces", "Open the greenhouse"]
    titled(gardens, "Deeper wells for the lower terraces", "The pump of the village is old.", NOON + 24 * HOUR)
    search.refresh(NOON)
    found = search.search("terraces pump", NOON + 30 * HOUR).hits
    assert [hit.title for hit in found] == [
        "Deeper wells for the lower terraces",
        "Deeper wells for the upper terraces",
    ]


def test_results_can_be_narrowed_by_kind_community_and_state(
    gardens: Commons, client: Client, at: Callable[..., None]
) -> None:
    at(NOON)
    assert titles("alice", kind="delegate") == ["Alice"]
    assert search.search("gardens", NOON).counts == {"community": 1}
    assert titles("wells", community="gardens", state="pending") == titles("wells")
    assert titles("wells", state="executed") == []
    for nothing in ({"kind": "nonsense"}, {"community": "nowhere"}, {"state": "nonsense"}):
        assert titles("wells", **nothing) == []
    text = client.get("/search/?q=wells&kind=decision&state=pending").content.decode()
    assert "2 results" in text
    assert 'value="pending" selected' in text


def test_a_long_answer_has_pages_and_its_address_keeps_the_question(gardens: Commons, client: Client) -> None:
    for number in range(25):
        titled(gardens, f"Frost {number}")
    search.refresh(NOON)
    text = client.get("/search/?q=frost&community=gardens").content.decode()
    assert "25 results" in text
    assert "Page 1 of 2" in text
    assert "q=frost&amp;community=gardens&amp;page=2" in text
    assert client.get("/search/?q=frost&page=2").content.decode().count("listing__link") == 5


def test_what_matches_is_marked_and_what_strangers_write_stays_text(gardens: Commons, client: Client) -> None:
    titled(gardens, "<script>alert(1)</script> frost", "<img src=x onerror=alert(1)> before the frost")
    search.refresh(NOON)
    text = client.get("/search/?q=frost").content.decode()
    assert "<mark>frost</mark>" in text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "\0", "a\0b", '"', '""""', "*", "wells*", "title_words : wells", "wells AND", "NOT", "(", ")", "NEAR(a b)",
        "^wells", "-wells", "a:b:*", "' OR 1=1 --", "\\", "&", "|", "!", "<->", "<2>", "%", "_", "🌊", "🌊 wells", "ﬁ", "ß",
        "\u202ewells", "日本語", "x" * 10_000, "wells " * 2_000, '"' * 5_000, "é" * 300, "word " * 100,
    ],
)  # fmt: skip
def test_odd_input_is_answered(gardens: Commons, client: Client, typed: str) -> None:
    for path in ("/search/", "/search/suggest/"):
        assert client.get(path, {"q": typed}).status_code == 200, typed
    assert client.get("/api/v1/search", {"q": typed}).status_code == (400 if "\0" in typed else 200), typed


def test_a_page_without_a_question_says_what_can_be_found(gardens: Commons, client: Client) -> None:
    assert "one question finds them" in client.get("/search/").content.decode()
    text = client.get("/search/?q=zzz").content.decode()
    assert "Nothing here has “zzz” in it" in text
    assert client.get("/search/?q=wells&page=99999").status_code == 200


# --- what is never found --------------------------------------------------------------------------------------------


def test_attack_a_draft_is_never_found(gardens: Commons) -> None:
    gardens.draft(payload={"statement": "A secret about zebras."})
    search.refresh(NOON)
    search.reindex(gardens.community)
    assert titles("zebras") == []
    assert not SearchEntry.objects.filter(text_words__contains="zebra").exists()


# --- what people say ------------------------------------------------------------------------------------------------


def talked(commons: Commons) -> None:
    """Ask the community, answer, and comment on its first decision and on a draft that nobody else may read."""
    asked = statements.Asked("Qui répare la margelle ?", "Before winter.", 7, ["Les voisins l’ont déjà réparée."])
    question = statements.open_consultation(commons.community, commons.address("Alice"), asked, NOON)
    statements.write(question, accounts.create("fr", NOON), "Une grue coûterait trop cher.", NOON, different=False)
    proposal = commons.community.proposals.get(number=1)
    bob = Writer(address=commons.address("Bob"))
    comments.write(
        proposal, bob, "> Non ?\n\nÉlargir la **margelle** serait dangereux: " + "there is so much ice. " * 9, NOON
    )
    comments.write(commons.draft(payload={"statement": "Yes."}), bob, "A margelle in secret.", NOON)
    search.refresh(NOON)


def hide_all(commons: Commons, *, again: bool) -> None:
    """Hide a statement and the comment, as their moderator; or show both again."""
    question, author = commons.community.consultations.get(), commons.address("Alice")
    proposal, names = commons.community.proposals.get(number=1), {commons.address("Alice"): "Alice"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("governance.deliberation.people.moderators", lambda *_: names)
        if again:
            moderation.take_back(proposal, 1, author, NOON)
            Statement.objects.filter(number=2).update(restored_at=NOON, appealed_at=NOON)
            said = {"consultation": question.number, "statement": 2, "restored": True, "answer": "Fine."}
            services.note("statement_appeal_answered", NOON, community=commons.community, actor=author, **said)
        else:
            moderation.hide(proposal, 1, author, "off_topic", "Elsewhere.", NOON)
            statement_moderation.hide(question, 2, author, "off_topic", "Elsewhere.", NOON)
    search.refresh(NOON)


def test_what_people_say_is_found_where_it_stands_and_not_while_it_is_hidden(gardens: Commons, client: Client) -> None:
    talked(gardens)
    found = search.search("margelle", NOON).hits
    assert {(hit.kind, hit.key) for hit in found} == {("consultation", "1"), ("comment", "1/1"), ("statement", "1/1"),
        ("statement", "1/2")}  # fmt: skip
    assert titles("elargir")[0].startswith("Élargir la margelle serait dangereux:")
    assert titles("deja reparee") == ["Les voisins l’ont déjà réparée."]
    text = client.get("/search/?q=elargir").content.decode()
    address = text.split('class="listing__link" href="', 1)[1].split('"', 1)[0]
    assert address == "/c/gardens/proposals/1/discussion/1/"
    assert client.get(address).status_code == 200
    assert "/c/gardens/consultations/1/#statement-2" in client.get("/search/?q=grue").content.decode()
    hide_all(gardens, again=False)
    assert titles("grue") == []
    assert titles("elargir") == []
    assert not SearchEntry.objects.filter(text_words__contains="elargir").exists()
    hide_all(gardens, again=True)
    assert titles("grue") == ["Une grue coûterait trop cher."]
    comments.erase(gardens.community.proposals.get(number=1), 1, Writer(address=gardens.address("Bob")), NOON)
    search.refresh(NOON)
    assert titles("elargir") == []
    before = set(SearchEntry.objects.values_list("kind", "key"))
    search.reindex(gardens.community)
    assert set(SearchEntry.objects.values_list("kind", "key")) == before


# --- how it stays fresh ---------------------------------------------------------------------------------------------


def test_each_look_reads_a_bounded_part_of_the_log_and_goes_on(
    gardens: Commons, monkeypatch: pytest.MonkeyPatch
) -> None:
    SearchEntry.objects.all().delete()
    SearchCursor.objects.all().delete()
    monkeypatch.setattr(index, "PLACES_PER_SWEEP", 3)
    size = Community.objects.get(pk=gardens.community.pk).log_size
    for _ in range(-(-size // 3)):
        search.refresh(NOON)
    assert SearchCursor.objects.get().position == size
    assert len(titles("wells")) == 2
    with CaptureQueriesContext(connection) as captured:
        assert search.refresh(NOON) == 0
    assert len(captured) == 1


def test_a_statement_is_found_after_it_was_made_and_a_name_after_a_reindex(gardens: Commons) -> None:
    services.state_oneself(gardens.community, gardens.address("Bob"), "I stand for hedgehogs.", NOON)
    search.refresh(NOON)
    assert titles("hedgehog") == ["Bob"]
    Member.objects.filter(name="Bob").update(name="Roberta")
    assert titles("roberta") == []
    call_command("reindex", community="gardens")
    assert titles("roberta") == ["Roberta"]
    with pytest.raises(CommandError, match="nowhere"):
        call_command("reindex", community="nowhere")


def test_the_sweeper_keeps_the_index(gardens: Commons, settings: Any) -> None:
    from config import sweeper

    titled(gardens, "Zebras")
    sweeper.keep_up()
    assert titles("zebras") == ["Zebras"]


# --- programs -------------------------------------------------------------------------------------------------------


def test_suggestions_match_titles_as_they_are_typed(gardens: Commons, client: Client) -> None:
    found = client.get("/search/suggest/?q=terr").json()["found"]
    assert [each["title"] for each in found] == ["Deeper wells for the upper terraces"]
    assert found[0]["address"] == "/c/gardens/proposals/1/"
    assert found[0]["kind"] == "Decision"
    assert client.get("/search/suggest/?q=pump").json() == {"found": []}
    assert client.get("/search/suggest/?q=t").json() == {"found": []}
    assert client.get("/search/suggest/?q=terr&community=nowhere").json() == {"found": []}


def test_the_api_finds_the_same_and_refuses_what_it_does_not_know(gardens: Commons, client: Client) -> None:
    found = client.get("/api/v1/search?q=wells").json()
    assert found["total"] == 2
    assert found["counts"] == {"decision": 2}
    assert found["results"][0]["key"] == "1"
    assert found["results"][0]["community"] == "gardens"
    for odd in ("", "q=x&kind=zzz", "q=x&state=zzz", "q=x&page=-1"):
        assert client.get(f"/api/v1/search?{odd}").status_code == 400, odd


def test_the_number_of_queries_does_not_grow_with_what_is_found(gardens: Commons, client: Client) -> None:
    def counted() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/search/?q=wells")
        return len(captured)

    before = counted()
    for number in range(10):
        titled(gardens, f"Wells {number}")
    search.refresh(NOON)
    assert counted() == before


# --- the other database ---------------------------------------------------------------------------------------------


@pytest.fixture
def on_postgresql(settings: Any, django_db_blocker: Any) -> Iterator[None]:
    """An empty PostgreSQL with all tables instead of the database of the other tests."""
    from tests.faults.test_fsck import using
    from tests.testbed import migrated

    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.OPEN_PROPOSALS_PER_AUTHOR = 100
    with django_db_blocker.unblock(), migrated.postgresql() as url, using(url):
        yield


@pytest.mark.postgres
@pytest.mark.skipif("NO_POSTGRES" in os.environ, reason="no PostgreSQL here")
def test_postgresql_finds_the_same_and_knows_the_stems_of_both_languages(on_postgresql: None) -> None:
    from tests.integration import commons

    garden = commons.found(NOON, {"Alice": 40, "Bob": 30})
    titled(garden, "Deeper wells for the upper terraces", "The pump of the village is old.")
    titled(garden, "Règles d’équité", "Une réponse égale dans les deux langues.")
    titled(garden, "Open the greenhouse", "It stands beside the wells, which nobody uses.")
    search.refresh(NOON)
    assert titles("wells") == ["Deeper wells for the upper terraces", "Open the greenhouse"]
    assert titles("TERRA") == ["Deeper wells for the upper terraces"]
    assert titles("regle equite") == ["Règles d’équité"]
    assert titles("égales langue ") == ["Règles d’équité"], "by the stems of French"
    assert titles("standing ") == ["Open the greenhouse"], "by the stems of English"
    assert titles('"beside the wells"') == ["Open the greenhouse"]
    assert titles('"wells beside"') == []
    assert titles("wells", state="pending") == titles("wells")
    assert [hit.title for hit in search.suggest("terr", NOON)] == ["Deeper wells for the upper terraces"]
    assert search.suggest("pump", NOON) == ()
    for odd in ("'", "a:*", "& | !", "<->", "\\", '"' * 50, "x" * 10_000, "the", "🌊"):
        search.search(odd, NOON)
        search.suggest(odd, NOON)
    talked(garden)
    assert titles("elargir", kind="comment")[0].startswith("Élargir la margelle")
    assert titles("voisin répare", kind="statement") == ["Les voisins l’ont déjà réparée."], "by the stems of French"
    hide_all(garden, again=False)
    assert titles("grue") == titles("elargir") == []
    search.reindex(garden.community)
    assert len(titles("wells")) == 2
    assert titles("grue") == []
