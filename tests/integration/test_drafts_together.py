"""Drafts that several people write: who may change them, which versions who reads, what is like them; leaving with it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance import fsck, services
from governance.deliberation import co_authors, reading, versions
from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.lifecycle import NotAllowed
from governance.models import Community, DraftVersion, Proposal
from governance.portability import person
from governance.portability.rows import write as rows_out
from governance.portability.tables import tables
from tests.integration.conftest import NOON
from tests.integration.site_places import signed_in

HOUR = timedelta(hours=1)


@pytest.fixture
def gardens(list_community):
    return list_community()


def written(title: str, text: str = "Because.") -> services.Draft:
    return services.Draft("text_signal", title, text, {"statement": "Yes."}, {})


def edit(gardens, draft: Proposal, name: str, text: str, now=NOON) -> None:
    services.edit_draft(draft.pk, gardens.address(name), written("A text_signal", text), now)


def shown(gardens, draft: Proposal, name: str = "") -> list[str]:
    fresh = Proposal.objects.get(pk=draft.pk)
    by_author = name in {"Alice", "Bob"}
    return [row.text for row in versions.readable(fresh, by_author=by_author)]


def test_a_co_author_edits_once_they_accept_and_until_it_is_submitted(gardens):
    draft, alice, bob = gardens.draft(), gardens.address("Alice"), gardens.address("Bob")
    with pytest.raises(Forbidden):
        edit(gardens, draft, "Bob", "Ours.")
    co_authors.invite(draft.pk, alice, bob, NOON)
    with pytest.raises(Forbidden):
        edit(gardens, draft, "Bob", "Ours.")
    with pytest.raises(Invalid):
        co_authors.invite(draft.pk, alice, alice, NOON)
    with pytest.raises(Forbidden):
        co_authors.invite(draft.pk, bob, gardens.address("Chloé"), NOON)
    assert bob not in "".join(str(event.data) for event in draft.events.all()), "nobody is named before they accept"
    co_authors.answer(draft.pk, bob, NOON, accept=True)
    edit(gardens, draft, "Bob", "Ours.")
    with pytest.raises(Forbidden):
        services.submit(draft.pk, bob, NOON)
    services.submit(draft.pk, alice, NOON)
    with pytest.raises(NotAllowed):
        edit(gardens, draft, "Bob", "Mine.")
    page = Client().get("/c/gardens/proposals/1/").content.decode()
    assert bob in page
    assert not list(fsck.check_one(Community.objects.get()))


def test_others_read_the_versions_since_the_draft_was_shown(gardens):
    draft = gardens.draft()
    edit(gardens, draft, "Alice", "Second.", NOON + HOUR)
    edit(gardens, draft, "Alice", "Third.", NOON + 2 * HOUR)
    edit(gardens, draft, "Alice", "Third, typed on.", NOON + 2 * HOUR + timedelta(minutes=3))
    assert shown(gardens, draft) == []
    co_authors.share(draft.pk, gardens.address("Alice"), NOON + 3 * HOUR)
    edit(gardens, draft, "Alice", "Fourth.", NOON + 4 * HOUR)
    edit(gardens, draft, "Alice", "Fifth.", NOON + 4 * HOUR)
    assert shown(gardens, draft, "Alice") == ["Because.", "Second.", "Third, typed on.", "Fourth.", "Fifth."]
    assert shown(gardens, draft) == ["Third, typed on.", "Fourth.", "Fifth."]
    page = Client().get("/c/gardens/proposals/1/versions/?before=4&after=5").content.decode()
    assert "removed:" in page
    assert "Second." not in Client().get("/c/gardens/proposals/1/versions/?before=2&after=5").content.decode()
    compared = Client().get("/api/v1/communities/gardens/proposals/1/versions/compare?before=4&after=5").json()
    assert [piece["how"] for piece in compared["text"]] == ["removed", "added", "same"]
    missing = Client().get("/api/v1/communities/gardens/proposals/1/versions/compare?before=2&after=5")
    assert missing.json()["code"] == "version_not_found"
    person.erase_person(person.find(gardens.address("Alice")), NOON + 5 * HOUR)
    assert shown(gardens, draft, "Alice") == ["Third, typed on.", "Fourth.", "Fifth."]


def test_what_was_never_shown_becomes_public_with_the_submitted_version_alone(gardens):
    draft = gardens.draft()
    edit(gardens, draft, "Alice", "What I really think.", NOON + HOUR)
    edit(gardens, draft, "Alice", "What I propose.", NOON + 2 * HOUR)
    services.submit(draft.pk, gardens.address("Alice"), NOON + 3 * HOUR)
    assert shown(gardens, draft) == ["What I propose."]
    leaving = list(rows_out(tables()[DraftVersion], gardens.community))
    assert [row["text"] for row in leaving] == ["What I propose."]


def test_whoever_writes_is_shown_what_says_nearly_the_same(gardens):
    first = services.create_draft(gardens.community, gardens.address("Bob"), written("Include the river data"), NOON)
    mine = services.create_draft(
        gardens.community, gardens.address("Alice"), written("Include the river data now"), NOON
    )
    assert reading.similar_to(mine) == [], "a draft of somebody else that nobody was shown"
    services.submit(first.pk, gardens.address("Bob"), NOON)
    [(found, share)] = reading.similar_to(mine)
    assert (found.pk, share > 4_500) == (first.pk, True)
    page = signed_in(gardens, "Alice").get(f"/c/gardens/drafts/{mine.pk}/").content.decode()
    assert "Include the river data</a>" in page
    other = services.create_draft(gardens.community, gardens.address("Bob"), written("L’été à la forêt brûlée"), NOON)
    services.submit(other.pk, gardens.address("Bob"), NOON)
    mine = services.create_draft(gardens.community, gardens.address("Alice"), written("L'ETE a la foret brulee"), NOON)
    assert reading.similar_to(mine)[0] == (other, 10_000), "accents, apostrophes and capitals are no difference"


def test_the_pages_and_the_api_of_writing_together(gardens, at):
    at(NOON)
    draft = gardens.draft()
    alice, bob = signed_in(gardens, "Alice"), signed_in(gardens, "Bob")
    people = f"/c/gardens/drafts/{draft.pk}/authors/"
    assert bob.get(people).status_code == 404
    assert bob.get(f"/c/gardens/drafts/{draft.pk}/").status_code == 404
    wrong = alice.post(f"{people}ask/", {"address": "0x12"})
    assert wrong.status_code == 422
    assert alice.post(f"{people}ask/", {"address": gardens.address("Bob")}).status_code == 302
    assert "Accept" in bob.get(people).content.decode()
    accepted = bob.post(f"{people}accept/")
    assert accepted["Location"] == f"/c/gardens/drafts/{draft.pk}/"
    page = bob.get(accepted["Location"]).content.decode()
    assert "Submit to the vote" not in page
    api = f"/api/v1/drafts/{draft.pk}"
    assert bob.get(f"{api}/co-authors").json()[0]["address"] == gardens.address("Bob")
    assert alice.delete(f"{api}/co-authors/{gardens.address('Bob')}").status_code == 200
    assert bob.get(f"{api}/co-authors").status_code == 403
    again = alice.post(f"{api}/co-authors", json.dumps({"address": gardens.address("Bob")}), "application/json")
    assert again.json()[0]["accepted_at"] is None
    answer: Any = bob.post(f"{api}/co-authors/answer", json.dumps({"accept": False}), "application/json")
    assert answer.json()["ended_at"]
    with pytest.raises(NotFound):
        co_authors.answer(draft.pk, gardens.address("Bob"), NOON, accept=True)
    assert alice.post(f"{api}/share").status_code == 200
    assert alice.get(f"{api}/similar").json() == []
    assert "A text_signal" in Client().get("/c/gardens/proposals/1/discussion/").content.decode()
    for number in range(co_authors.CO_AUTHORS_MAX):
        co_authors.invite(draft.pk, gardens.address("Alice"), f"0x{number + 1:040x}", NOON)
    with pytest.raises(Conflict):
        co_authors.invite(draft.pk, gardens.address("Alice"), f"0x{99:040x}", NOON)
