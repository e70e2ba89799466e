"""What somebody who is signed in does with what is kept about them, without an operator: take it, erase it, read why."""

import html
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils.module_loading import import_string

from frontend.words import personal as words
from governance.models import Account, Ballot, Member, Reader
from governance.portability import person as people
from tests.integration import readers_told
from tests.integration.commons import Commons
from tests.integration.conftest import NOON

PAGE, FILE = "/me/data/", "/me/data/file/"
API, ERASE = "/api/v1/me/data", "/api/v1/me/data/erase"
LEA, FOR = "lea@example.org", 1


@pytest.fixture
def alice(list_community: Callable[..., Commons]) -> Commons:
    """Alice: a member who voted and said who she is, and a reader with an e-mail address linked to her wallet."""
    commons = list_community()
    address = commons.address("Alice")
    readers_told.reader(NOON, address=address, email=LEA)
    Account.objects.create(address=address)
    Member.objects.filter(address=address).update(name="Alice A.", statement="I read everything.")
    commons.vote(commons.propose(), "Alice", FOR)
    return commons


def with_wallet(commons: Commons, **more: Any) -> Client:
    client = Client(**more)
    client.force_login(Account.objects.get(address=commons.address("Alice")))
    return client


def with_email() -> Client:
    """Sign in as the reader alone, as a link in a letter does."""
    client, reader = Client(), Reader.objects.get(email=LEA)
    session = client.session
    session["reader"] = [reader.pk, reader.stamp]
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client


def post(client: Client, body: dict[str, Any], **more: Any) -> Any:
    return client.post(ERASE, json.dumps(body), content_type="application/json", **more)


def test_a_member_takes_everything_and_sees_in_words_what_stays_and_why(alice: Commons) -> None:
    client = with_wallet(alice)
    text = html.unescape(client.get(PAGE).content.decode())
    for said in ("Ballots", "the log", "It was signed in public, and the results rest on it.", "Your machines", LEA):
        assert said in text, said
    file = client.get(FILE)
    assert "attachment" in file["Content-Disposition"]
    kept = file.json()
    assert (kept["address"], kept["email"]) == (alice.address("Alice"), LEA)
    assert kept["private"]["SaysOfThemselves"]["members"][0]["statement"] == "I read everything."
    assert client.get(API).json().keys() == kept.keys()
    assert client.get(API).json()["stays"] == kept["stays"]
    assert Reader.objects.exists(), "looking erases nothing"


def test_nothing_goes_before_it_is_confirmed_and_then_all_that_is_private_does(alice: Commons) -> None:
    client, elsewhere = with_wallet(alice), with_email()
    unconfirmed = client.post(PAGE, {})
    assert unconfirmed.status_code == 422
    assert "Nothing was erased" in unconfirmed.content.decode()
    assert Reader.objects.exists()
    assert Account.objects.exists()
    assert client.post(PAGE, {"understood": "1"})["Location"] == "/"
    assert not Reader.objects.exists()
    assert not Account.objects.exists()
    assert not Member.objects.exclude(statement="").exists()
    assert Ballot.objects.filter(voter=alice.address("Alice")).exists(), "what was signed stays"
    for left in (client, elsewhere):
        assert left.get(PAGE).status_code == 302, "signed out everywhere"
        assert left.get(API).status_code == 401


def test_attack_whoever_reads_the_letters_reaches_nothing_that_the_wallet_keeps(alice: Commons) -> None:
    client = with_email()
    text = client.get(PAGE).content.decode()
    assert "when you are signed in with it" in text
    assert "Your drafts" not in text
    kept = client.get(FILE).json()
    assert (kept["address"], kept["email"], kept["stays"]) == ("", LEA, [])
    assert kept["private"]["SaysOfThemselves"] == {"members": [], "drafts": []}
    assert client.post(PAGE, {"understood": "1"}).status_code == 302
    assert not Reader.objects.exists()
    assert Account.objects.exists()
    assert Member.objects.get(address=alice.address("Alice")).statement == "I read everything."


def test_a_wallet_and_an_account_side_by_side_are_not_one_person_until_somebody_says_so(alice: Commons) -> None:
    Reader.objects.update(address=None)
    client = with_email()
    client.force_login(Account.objects.get())
    session, reader = client.session, Reader.objects.get()
    session["reader"] = [reader.pk, reader.stamp]
    session.save()
    assert client.get(API).json()["address"] == ""
    client.post(PAGE, {"understood": "1"})
    assert Account.objects.exists()
    assert not Reader.objects.exists()


def test_a_visitor_is_asked_to_sign_in_and_the_api_refuses(db: None) -> None:
    for path in (PAGE, FILE):
        assert Client().get(path)["Location"].startswith("/join/?next=")
    assert Client().post(PAGE, {"understood": "1"}).status_code == 302
    assert Client().get(API).json()["code"] == "not_signed_in"
    assert post(Client(), {"confirm": "erase"}).status_code == 401


def test_programs_say_that_they_mean_it_and_another_site_cannot(alice: Commons) -> None:
    client = with_wallet(alice)
    for body, code in (
        ({}, "missing_field"),
        ({"confirm": "yes"}, "not_confirmed"),
        ({"confirm": True}, "malformed_field"),
    ):
        answer = post(client, body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    forged = post(with_wallet(alice, enforce_csrf_checks=True), {"confirm": "erase"})
    assert (forged.status_code, forged.json()["code"]) == (403, "csrf_failed")
    assert Reader.objects.exists()
    done = post(client, {"confirm": "erase"})
    assert done.status_code == 200
    assert done.json()["erased"]["Follows"]["readers"] == 1
    assert "ballots" in {each["what"] for each in done.json()["stays"]}
    assert client.get(API).status_code == 401


def test_whatever_stays_has_words_in_both_languages(alice: Commons) -> None:
    somebody = people.find(alice.address("Alice"))
    holders = [import_string(path)() for path in settings.PERSONAL]
    every = [each for holder in holders for each in holder.stays(somebody)]
    assert every
    for each in every:
        assert each.what in words.WHAT, each.what
        assert each.where in words.WHERE, each.where
        assert each.why in words.WHY, each.why
