"""From the page of a version to a draft about it in one step: go back to it, pause it, withdraw it."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from governance.models import Account, Proposal
from models_registry.models import Version
from tests.integration import commons
from tests.integration.hub_site import DRAFT, FIRST, MODEL, SECOND, artifacts
from tests.integration.test_release_standing import REASON, site, voted

PAGE = f"/models/{MODEL}/"


def member(site: commons.Commons, name: str = "Alice") -> Client:
    client = Client()
    client.force_login(Account.objects.get_or_create(address=site.address(name))[0])
    return client


def propose(client: Client, revision: str, kind: str = "release_rollback", reason: str = REASON) -> Any:
    return client.post(f"/releases/{revision}/propose/", {"kind": kind, "reason": reason})


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_one_post_makes_a_draft_that_is_ready_to_submit(site: commons.Commons) -> None:
    client = member(site)
    assert f"/releases/{FIRST}/propose/" in client.get(PAGE).content.decode()
    answer = propose(client, FIRST)
    made = Proposal.objects.get(kind="release_rollback")
    assert (answer.status_code, answer["Location"]) == (302, f"/c/gardens/drafts/{made.pk}/")
    assert made.submitted_at is None
    assert made.title == f"Go back to version 1 of {MODEL}"
    assert made.payload == {"model": MODEL, "version": 1, "revision": FIRST, "reason": REASON}
    draft = client.get(answer["Location"])
    assert "is handed out again as the current one" in text(draft)
    submitted = client.post(f"/c/gardens/drafts/{made.pk}/submit/")
    assert submitted.status_code == 302, text(submitted)
    made.refresh_from_db()
    assert made.submitted_at is not None


@pytest.mark.parametrize("language", ["en", "fr"])
def test_one_click_on_either_page_is_enough_and_its_reason_is_in_the_readers_language(
    site: commons.Commons, language: str
) -> None:
    client = member(site)
    with translation.override(language):
        reason = gettext("Go back from version %(from)s to %(to)s") % {"from": 2, "to": 1}
    if language == "en":
        assert reason == "Go back from version 2 to 1"
    for number, page in enumerate((PAGE, f"/releases/{FIRST}/")):
        text = client.get(page, headers={"accept-language": language}).content.decode()
        forms = re.findall(r"<form.*?</form>", text, re.DOTALL)
        form = next(each for each in forms if f"/releases/{FIRST}/propose/" in each and "release_rollback" in each)
        assert form.index("<button") < form.index("<details"), "the button stands there without unfolding"
        fields = dict(re.findall(r'name="(kind|reason)"[^>]*? value="([^"]*)"', form))
        assert fields == {"kind": "release_rollback", "reason": reason}
        answer = client.post(f"/releases/{FIRST}/propose/", fields, headers={"accept-language": language})
        assert answer.status_code == 302
        made = Proposal.objects.get(kind="release_rollback")
        assert made.payload["reason"] == reason, number


def test_a_second_click_changes_the_draft_and_makes_no_other(site: commons.Commons) -> None:
    client = member(site)
    first, second = propose(client, FIRST), propose(client, FIRST, reason="A better reason.")
    assert first["Location"] == second["Location"]
    assert Proposal.objects.get(kind="release_rollback").payload["reason"] == "A better reason."
    propose(member(site, "Bob"), FIRST)
    assert Proposal.objects.filter(kind="release_rollback").count() == 2, "somebody else's draft is their own"


@pytest.mark.parametrize(("kind", "says"), [("release_pause", "until another vote"), ("release_withdrawal", "no longer handed out")])  # fmt: skip
def test_a_pause_and_a_withdrawal_are_as_near(site: commons.Commons, kind: str, says: str) -> None:
    client = member(site)
    answer = propose(client, SECOND, kind)
    assert says in text(client.get(answer["Location"]))


@pytest.mark.parametrize(
    ("revision", "kind", "reason", "status", "words"),
    [
        (SECOND, "release_rollback", REASON, 409, "This version is in use already; no newer one is."),
        (DRAFT, "release_rollback", REASON, 409, "not published"),
        (FIRST, "release_rollback", " ", 422, "This is empty, or longer than is possible"),
        (FIRST, "release_rollback", "x" * 501, 422, "This is empty, or longer than is possible"),
        (FIRST, "charter_change", REASON, 422, "kind"),
    ],
)
def test_what_cannot_be_proposed_is_refused_in_words(
    site: commons.Commons, revision: str, kind: str, reason: str, status: int, words: str
) -> None:
    answer = propose(member(site), revision, kind, reason)
    assert answer.status_code == status
    assert words in text(answer)
    assert not Proposal.objects.exists()


def test_a_withdrawn_version_cannot_be_gone_back_to_and_offers_no_button(site: commons.Commons) -> None:
    voted(site, "release_withdrawal", FIRST)
    client = member(site)
    assert f"/releases/{FIRST}/propose/" not in client.get(PAGE).content.decode()
    answer = propose(client, FIRST)
    assert answer.status_code == 409
    assert "withdrawn already" in text(answer)
    assert propose(client, "9" * 40).status_code == 404


def test_a_visitor_is_led_to_the_sign_in_and_back(site: commons.Commons) -> None:
    page = Client().get(PAGE).content.decode()
    assert f"/releases/{FIRST}/propose/" not in page
    assert f"/sign-in/?next={PAGE.replace('/', '%2F')}" in page or f"/sign-in/?next={PAGE}" in page
    answer = propose(Client(), FIRST)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")
    assert not Proposal.objects.exists()
    assert Client().get(f"/releases/{FIRST}/propose/").status_code in {302, 405}


def test_after_the_vote_the_map_bends_back_to_the_version(site: commons.Commons) -> None:
    voted(site, "release_rollback", FIRST)
    found = Client().get(f"{PAGE}map.json").json()
    turned = [edge for edge in found["edges"] if edge["kind"] == "turned"]
    assert [edge["to"] for edge in turned] == [f"version:{FIRST}"]
    assert [edge["from"] for edge in found["edges"] if edge["kind"] == "left"] == [f"version:{SECOND}"]
    status = {node["reference"]: node["status"] for node in found["nodes"] if node["kind"] == "version"}
    assert (status[FIRST], status[SECOND]) == ("current", "set_back")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", Client().get(PAGE).content.decode()))
    assert "Version 1 is in use again, because the community went back to it" in page
    assert Version.objects.get(revision=SECOND).set_back_at is not None
