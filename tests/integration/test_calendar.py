"""Calendars of decisions (RFC 5545), read back by the library and line by line: names that stay, dates that move."""

from datetime import timedelta

import pytest
from django.test import Client
from icalendar import Calendar

from governance import services
from governance.models import Proposal
from governance.statements import services as statements
from tests.integration.commons import SECOND, end_of
from tests.integration.conftest import FOR, NOON

LINE_BYTES_MAX = 75


@pytest.fixture
def commons(list_community):
    return list_community()


def read(path="/c/gardens/calendar.ics"):
    """Return the dates by the last part of their names, after the checks that every calendar must pass."""
    answer = Client().get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    content = answer.content
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert all(len(line) <= LINE_BYTES_MAX for line in content.split(b"\r\n"))
    calendar = Calendar.from_ical(content)
    assert (calendar["VERSION"], bool(calendar["PRODID"])) == ("2.0", True)
    events = calendar.walk("VEVENT")
    uids = [str(event["UID"]) for event in events]
    assert len(uids) == len(set(uids))
    for event in events:
        assert event.errors == []
        assert event["DTSTAMP"].dt.tzinfo is not None
        assert event["DTSTART"].dt.tzinfo is not None
    return {str(event["UID"]).split("@")[0].rsplit("-")[-1]: event for event in events}


def test_an_open_decision_has_its_four_dates(commons, at):
    at(NOON)
    proposal = commons.propose()
    dates = read()
    assert set(dates) == {"opens", "closes", "effect", "lapses"}
    assert dates["opens"]["DTSTART"].dt == proposal.opens_at
    assert dates["closes"]["DTSTART"].dt == proposal.closes_at
    assert dates["effect"]["DTSTART"].dt == proposal.closes_at + 20 * SECOND
    assert [str(dates[what]["STATUS"]) for what in ("closes", "effect")] == ["CONFIRMED", "TENTATIVE"]
    assert str(dates["closes"]["SUMMARY"]) == "Voting closes: A text_signal"
    assert str(dates["closes"]["URL"]) == "http://testserver/c/gardens/proposals/1/"
    assert str(dates["opens"]["UID"]) == f"{proposal.record_id}-opens@testserver"


def test_the_end_of_a_consultation_is_a_date_until_a_month_later(commons, at):
    at(NOON)
    asked = statements.Asked("Quel puits\r\nBEGIN:VEVENT ?", "", 7, ["Le plus haut."])
    consultation = statements.open_consultation(commons.community, commons.address("Alice"), asked, NOON)
    date = read()["answers"]
    assert date["DTSTART"].dt == consultation.closes_at
    assert str(date["SUMMARY"]) == "Answers until: Quel puits BEGIN:VEVENT ?"
    assert str(date["URL"]) == "http://testserver/c/gardens/consultations/1/"
    at(consultation.closes_at + timedelta(days=31))
    assert read() == {}


def test_the_same_state_gives_the_same_bytes(commons, at):
    at(NOON)
    commons.propose()
    assert Client().get("/c/gardens/calendar.ics").content == Client().get("/c/gardens/calendar.ics").content


def test_a_date_that_moves_keeps_its_name_and_gets_a_higher_number(list_community, at):
    commons = list_community(tiers={"standard": {"late_quorum_seconds": 50}})
    at(NOON)
    proposal = commons.propose()
    before = read()["closes"]
    now = end_of(proposal) - SECOND
    commons.vote(proposal, "Bob", FOR, now)
    at(now)
    after = read()["closes"]
    assert end_of(proposal) == now + 50 * SECOND
    assert after["DTSTART"].dt == end_of(proposal)
    assert (after["UID"], after["SEQUENCE"] > before["SEQUENCE"]) == (before["UID"], True)
    assert after["DTSTAMP"].dt > before["DTSTAMP"].dt
    at(now + SECOND)
    assert read()["closes"]["DTSTAMP"].dt == after["DTSTAMP"].dt


def test_what_was_withdrawn_is_called_off_and_what_failed_has_no_effect(commons, at):
    at(NOON)
    withdrawn, failed = commons.propose(), commons.propose()
    services.cancel(withdrawn.pk, commons.address("Alice"), "No.", NOON + SECOND)
    dates = read(f"/c/gardens/proposals/{withdrawn.number}/calendar.ics")
    assert {str(event["STATUS"]) for event in dates.values()} == {"CANCELLED"}
    commons.queued(failed)
    assert set(read(f"/c/gardens/proposals/{failed.number}/calendar.ics")) == {"opens", "closes"}
    at(NOON + timedelta(days=40))
    assert read() == {}


def test_a_decision_that_passed_says_when_it_takes_effect_and_when_it_lapses(commons, at):
    proposal = commons.propose()
    commons.vote(proposal, "Bob", FOR)
    queued = commons.queued(proposal)
    at(queued.eta)
    dates = read()
    assert (dates["effect"]["DTSTART"].dt, dates["lapses"]["DTSTART"].dt) == (queued.eta, queued.expires_at)
    assert str(dates["effect"]["STATUS"]) == "CONFIRMED"
    done = services.execute(proposal.pk, queued.eta + SECOND)[0]
    dates = read()
    assert set(dates) == {"opens", "closes", "effect"}
    assert dates["effect"]["DTSTART"].dt == done.executed_at


def test_attack_a_title_cannot_break_out_of_its_line(commons, at):
    at(NOON)
    proposal = commons.propose()
    evil = "Wells\r\nEND:VEVENT\nBEGIN:VALARM\x07\x1b;,\\n" + "é" * 90
    Proposal.objects.filter(pk=proposal.pk).update(title=evil)
    dates = read()
    assert len(dates) == 4
    summary = str(dates["closes"]["SUMMARY"])
    assert summary.startswith("Voting closes: Wells END:VEVENT BEGIN:VALARM;,\\n")
    assert b"\x07" not in Client().get("/c/gardens/calendar.ics").content


def test_a_calendar_speaks_the_language_of_its_address(commons, at):
    at(NOON)
    commons.propose()
    answer = Client().get("/c/gardens/calendar.ics?lang=fr")
    assert answer["Content-Language"] == "fr"
    assert "X-WR-CALNAME:Jardins" in answer.content.decode()


def test_what_does_not_exist_has_no_calendar(commons):
    draft = commons.draft()
    for path in ("/c/nowhere/calendar.ics", f"/c/gardens/proposals/{draft.number}/calendar.ics"):
        assert Client().get(path).status_code == 404
    assert read() == {}
