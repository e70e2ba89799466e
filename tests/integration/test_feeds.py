"""Feeds of a community: strict Atom (RFC 4287) that any program can read, in both languages, without drafts."""

import re
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from governance import services
from governance.models import Event, Proposal
from tests.integration.commons import SECOND, end_of
from tests.integration.conftest import FOR, NOON

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def commons(list_community):
    return list_community()


def read(path="/c/gardens/feed/", **headers):
    """Return a feed, after the checks that every Atom document must pass."""
    answer = Client().get(path, headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.content)
    assert feed.tag == f"{ATOM}feed"
    for parent in (feed, *feed.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            (only,) = parent.findall(f"{ATOM}{name}")
            assert only.text, name
        assert datetime.fromisoformat(parent.find(f"{ATOM}updated").text).tzinfo is not None
    assert feed.find(f"{ATOM}author/{ATOM}name").text
    ids = [entry.find(f"{ATOM}id").text for entry in feed.findall(f"{ATOM}entry")]
    assert len(ids) == len(set(ids))
    return feed


def titles(feed):
    return [entry.find(f"{ATOM}title").text for entry in feed.findall(f"{ATOM}entry")]


def test_the_feed_tells_what_was_put_to_the_vote_and_what_became_of_it_and_why(commons):
    proposal = commons.propose()
    commons.vote(proposal, "Bob", FOR)
    commons.executed(proposal)
    feed = read()
    assert titles(feed) == ["Carried out: A text_signal", "Passed: A text_signal", "Up for a vote: A text_signal"]
    passed = feed.findall(f"{ATOM}entry")[1]
    assert passed.find(f"{ATOM}summary").text.endswith("Quorum: 30 votes took part, 20 were needed.")
    assert passed.find(f"{ATOM}link").get("href") == "http://testserver/c/gardens/proposals/1/"
    closed = Event.objects.get(kind="voting_closed")
    assert passed.find(f"{ATOM}id").text == f"http://testserver/c/gardens/log/#{closed.position}"


def test_a_program_asks_for_a_language_in_the_address(commons):
    commons.propose()
    assert read("/c/gardens/feed/?lang=fr").find(f"{ATOM}title").text == "Jardins"
    assert read("/c/gardens/feed/?lang=fr").get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"
    assert read("/c/gardens/feed/?lang=tlh").find(f"{ATOM}title").text == "Gardens"
    french = read("/c/gardens/feed/", **{"accept-language": "fr"})
    assert french.find(f"{ATOM}title").text == "Jardins"


def test_a_new_community_has_a_feed_too_and_an_unknown_one_has_none(commons):
    assert titles(read()) == []
    assert Client().get("/c/nowhere/feed/").status_code == 404


def test_drafts_and_their_ends_are_in_no_feed(commons):
    draft = commons.draft()
    services.cancel(draft.pk, commons.address("Alice"), "Secret.", NOON + SECOND)
    assert titles(read()) == []


def test_attack_a_title_with_control_characters_and_markup_leaves_the_feed_well_formed(commons):
    proposal = commons.propose()
    Proposal.objects.filter(pk=proposal.pk).update(title="A\x0b\x00</title>\x1b[31m<b>\ud7ff\ufffe".replace("\x00", ""))
    feed = read()
    assert titles(feed) == ["Up for a vote: A </title>[31m<b>\ud7ff"] or "</title>" in titles(feed)[0]
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", titles(feed)[0])


def test_the_newest_come_first_and_a_feed_has_an_end(commons):
    proposal = commons.propose()
    commons.vote(proposal, "Bob", FOR)
    commons.queued(proposal)
    for number in range(60):
        services.note("run_failed", end_of(proposal) + number * SECOND, proposal=proposal, run=1, code="oom")
    feed = read()
    assert len(titles(feed)) == 50
    moments = [entry.find(f"{ATOM}updated").text for entry in feed.findall(f"{ATOM}entry")]
    assert moments == sorted(moments, reverse=True)


def test_the_page_of_a_decision_offers_its_dates(commons):
    proposal = commons.propose()
    page = Client().get(f"/c/gardens/proposals/{proposal.number}/").content.decode()
    assert f'href="/c/gardens/proposals/{proposal.number}/calendar.ics?lang=en"' in page


def test_the_page_of_a_community_names_its_feed_and_its_calendar(commons):
    page = Client().get("/c/gardens/").content.decode()
    assert re.search(r'<link rel="alternate" type="application/atom\+xml"[^>]*href="/c/gardens/feed/', page)
    assert re.search(r'<link rel="alternate" type="text/calendar"[^>]*href="/c/gardens/calendar.ics', page)
    assert re.search(r'<a [^>]*href="/c/gardens/feed/', page)
    assert re.search(r'<a [^>]*href="/c/gardens/calendar.ics', page)
