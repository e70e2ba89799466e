"""Search over a community with everything in it: each thing leads to its page, and what must not be found is not."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.test import Client

from governance import search, services
from governance.models import SearchEntry
from models_registry.incidents import services as incidents
from models_registry.models import Incident
from tests.integration.pages_story import Story, get, story, told

__all__ = ["get", "story", "told"]


def test_every_kind_of_thing_is_found_at_its_own_page(story: Story, get: Callable[..., str], client: Client) -> None:
    search.refresh(datetime.now(UTC))
    for typed, kind in (
        ("river", "community"),
        ("teach the assistant", "decision"),
        ("water assistant", "model"),
        ("water assistant", "release"),
        ("questions valley", "dataset"),
        ("equally well", "rule"),
        ("cheaper", "run"),
        ("daouda", "delegate"),
    ):
        hits = search.search(typed, datetime.now(UTC), kind=kind).hits
        assert hits, (typed, kind)
        shown = client.get("/search/", {"q": typed, "kind": kind}).content.decode()
        address = shown.split('class="listing__link" href="', 1)[1].split('"', 1)[0]
        assert client.get(address).status_code == 200, address


def test_a_question_in_french_finds_what_has_a_french_name(story: Story, get: Callable[..., str]) -> None:
    search.refresh(datetime.now(UTC))
    french = get("/search/?q=communs+de+l%27eau", **{"accept-language": "fr"})
    assert "<mark>Communs</mark>" in french
    assert 'lang="fr"' in french
    assert "Assistant de l’<mark>eau</mark>" in get("/search/?q=eau&kind=model", **{"accept-language": "fr"})
    # In English the same question finds it by its French name, and shows what was found.
    assert "<mark>Communs</mark>" in get("/search/?q=communs")


def test_what_is_withheld_leaves_the_index_with_its_words(story: Story) -> None:
    now = datetime.now(UTC)
    told = incidents.Report("other", "high", "Which zebras drink here?", "None", "All of them", "me@example.org")
    incident, _new = incidents.report(story.version.revision, "", told, now)
    assert isinstance(incident, Incident)
    search.refresh(now)
    assert not SearchEntry.objects.filter(text_words__contains="zebra").exists(), "before the triage it is for stewards"
    incident.triaged_at, incident.triaged_by, incident.severity, incident.triage_reason = now, "0x1", "high", "Seen."
    incident.save()
    search.reindex(story.community)
    assert [hit.kind for hit in search.search("zebras", now).hits] == ["incident"]
    assert not SearchEntry.objects.filter(text_words__contains="me@example").exists(), "contacts are never in it"
    incident.withheld_at, incident.withheld_reason = now, "Personal."
    incident.save()
    services.note("incident_withheld", now, community=story.community, incident=incident.number)
    search.refresh(now)
    assert not search.search("zebras", now).hits
    assert not SearchEntry.objects.filter(text_words__contains="zebra").exists()


def test_what_was_removed_or_withdrawn_leaves_the_index(story: Story) -> None:
    now = datetime.now(UTC)
    search.refresh(now)
    assert search.search("water assistant", now, kind="release").hits
    story.version.withdrawn_at, story.version.withdrawal = now, story.proposals["queued"]
    story.version.save()
    services.note("release_withdrawn", now, community=story.community, revision=story.version.revision)
    search.refresh(now)
    assert not search.search("water assistant", now, kind="release").hits
    assert search.search("water assistant", now, kind="model").hits
