"""Room for reports: one loud network is told to wait, everybody else is heard, and what is too much waits in line."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from governance.errors import NotFound, TooMany
from governance.models import Event
from governance.networks import network_of
from models_registry import fsck, networks
from models_registry.incidents import room, services, waiting
from models_registry.incidents.services import Report
from models_registry.models import Incident, WaitingReport
from tests.integration import commons
from tests.integration.hub_site import SECOND, artifacts
from tests.integration.test_incidents import DAY, FORM, TOLD, api, later, signed_in, site, sound
from tests.integration.test_registry_fsck import undone

HOUR = timedelta(hours=1)


def sent(number: int, address: str = "203.0.113.7", **more: str) -> Any:
    body = {**FORM, "prompt": f"Question {number}?", **more}
    return Client(REMOTE_ADDR=address).post(api(), body, content_type="application/json")


def report_of(number: int) -> Report:
    return Report(**{**TOLD.__dict__, "prompt": f"Question {number}?"})


def test_one_loud_network_does_not_silence_the_others(site: commons.Commons, later: datetime) -> None:
    """Neighbours of one /24 share; another network, an IPv6 one and a member are heard."""
    for number in range(room.PER_NETWORK_PER_DAY_MAX):
        assert sent(number, f"203.0.113.{number}").status_code == 201
    refused = sent(99, "203.0.113.200")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_incidents")
    assert 0 < int(refused["Retry-After"]) <= 24 * 3600
    assert refused.json()["allowed"] == room.PER_NETWORK_PER_DAY_MAX
    form = Client(REMOTE_ADDR="203.0.113.9").post(f"/releases/{SECOND}/report/", {**FORM, "prompt": "Mine?"})
    assert (form.status_code, "Mine?" in form.content.decode()) == (429, True), "what was written is not lost"
    assert form["Retry-After"] == refused["Retry-After"]

    assert sent(100, "203.0.114.1").status_code == 201
    assert sent(101, "2001:db8:1:2::3").status_code == 201
    assert sent(102, "2001:db8:2:2::3").status_code == 201
    assert sent(103, "::ffff:203.0.113.7").status_code == 429, "the same network in another spelling"
    assert sent(0, "203.0.113.1").status_code == 200, "the same report again is no new one"
    client = signed_in(site, "Daouda")
    answer = client.post(api(), {**FORM, "prompt": "A member's?"}, content_type="application/json")
    assert answer.status_code == 201
    assert Incident.objects.count() == room.PER_NETWORK_PER_DAY_MAX + 4


def test_no_address_is_kept_and_the_name_of_a_network_is_forgotten_the_next_day(
    site: commons.Commons, later: datetime
) -> None:
    sent(1, "203.0.113.77")
    incident = Incident.objects.get()
    kept = json.dumps([list(Incident.objects.values_list()), list(Event.objects.values_list("leaf"))], default=str)
    assert "203.0.113" not in kept
    assert len(incident.network) == 32
    request = Client().get("/").wsgi_request
    request.META["REMOTE_ADDR"] = "203.0.113.1"
    assert network_of(request, later) == incident.network
    assert network_of(request, later + DAY) != incident.network, "it has another name the next day"

    assert networks.forget(later) == 0
    assert networks.forget(later + DAY) == 1
    incident.refresh_from_db()
    assert incident.network == ""


def test_behind_the_proxy_of_the_site_its_word_counts_and_not_what_a_client_adds(
    site: commons.Commons, settings: Any, later: datetime
) -> None:
    request = Client().get("/").wsgi_request
    request.META |= {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1, 203.0.113.7"}
    alone = network_of(request, later)
    settings.PROXIED = True
    forwarded = network_of(request, later)
    assert forwarded != alone
    request.META["HTTP_X_FORWARDED_FOR"] = "192.0.2.99, 203.0.113.8"
    assert network_of(request, later) == forwarded
    for strange in ("", "unix:", "fe80::1%eth0", "999.1.1.1", "x" * 5_000):
        request.META["HTTP_X_FORWARDED_FOR"] = strange
        assert len(network_of(request, later)) == 32


@pytest.fixture
def full(site: commons.Commons, later: datetime) -> datetime:
    """As many strangers of as many networks as one day has room for; return the moment."""
    for number in range(room.OF_STRANGERS_PER_DAY_MAX):
        services.report(SECOND, "", report_of(number), later + number * HOUR / 60, f"network {number}")
    return later + HOUR


def test_what_is_too_much_for_a_day_waits_in_line_and_comes_in_by_itself(
    site: commons.Commons, full: datetime, at: Any
) -> None:
    at(full)
    answer = sent(1_000, contact="me@example.org")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert sent(1_000).json() == answer.json()
    form = Client(REMOTE_ADDR="192.0.2.1").post(f"/releases/{SECOND}/report/", {**FORM, "prompt": "Second in line?"})
    assert (form.status_code, "Your report waits in line." in form.content.decode()) == (202, True)
    assert WaitingReport.objects.count() == 2
    assert Incident.objects.count() == room.OF_STRANGERS_PER_DAY_MAX
    assert "Question 1000?" not in json.dumps(list(Event.objects.values_list("leaf", flat=True)))
    assert sound(site)

    # Everybody reads how many wait; only stewards read what.
    for client, readable in ((Client(), False), (signed_in(site, "Daouda"), False), (signed_in(site, "Alice"), True)):
        page = client.get("/c/gardens/incidents/").content.decode()
        assert "2 reports" in page
        assert ("Question 1000?" in page) is readable
        line = client.get("/api/v1/communities/gardens/incidents/waiting")
        assert (line.status_code == 200) is readable

    assert waiting.settle(full) == 0, "there is no room yet"
    tomorrow = full + DAY - HOUR + timedelta(seconds=1)
    assert waiting.settle(tomorrow) == 1, "the oldest has made room for one"
    first = Incident.objects.latest("number")
    assert (first.prompt, first.reported_at, first.contact) == ("Question 1000?", tomorrow, "me@example.org")
    assert waiting.settle(full + DAY) == 1
    assert not WaitingReport.objects.exists()
    assert sound(site)


def test_stewards_take_a_waiting_report_in_sooner_or_turn_it_away_with_a_reason(
    site: commons.Commons, full: datetime, at: Any
) -> None:
    at(full)
    sent(1_000)
    sent(1_001, "192.0.2.1")
    first, second = (row.pk for row in WaitingReport.objects.all())
    path = "/api/v1/communities/gardens/incidents/waiting"
    for client, status in ((Client(), 401), (signed_in(site, "Daouda"), 403)):
        assert client.post(f"{path}/{first}/take-in").status_code == status
        assert client.post(f"/c/gardens/incidents/waiting/{first}/take-in/").status_code in {302, status}
    alice = signed_in(site, "Alice")
    taken = alice.post(f"{path}/{first}/take-in")
    assert (taken.status_code, taken.json()["number"]) == (201, room.OF_STRANGERS_PER_DAY_MAX + 1)
    assert alice.post(f"{path}/{first}/take-in").status_code == 404

    away = f"/c/gardens/incidents/waiting/{second}/turn-away/"
    for reason in ("", "  ", "x" * 1_001):
        assert alice.post(away, {"reason": reason}).status_code == 422
    assert WaitingReport.objects.count() == 1
    digest = WaitingReport.objects.get().digest
    assert alice.post(away, {"reason": "An advertisement."}).status_code == 302
    event = Event.objects.get(kind="incident_turned_away")
    assert (event.data["reason"], event.data["report"]) == ("An advertisement.", digest)
    assert not WaitingReport.objects.exists()
    assert sound(site)


def test_fsck_names_a_waiting_report_that_is_not_what_came(site: commons.Commons, full: datetime, at: Any) -> None:
    at(full)
    sent(1_000)
    row = WaitingReport.objects.get()

    def told() -> set[str]:
        found = [each for each in fsck.check_one(site.community) if "waiting" in each.table or "event" in each.table]
        assert all(each.todo for each in found)
        return {each.what for each in found}

    assert told() == set()
    for changes, what in (
        ({"told": {**row.told, "prompt": "Buy this?"}}, "digest"),
        ({"told": {}}, "cannot be read"),
        ({"came_at": full + DAY}, "came_at"),
    ):
        with undone():
            WaitingReport.objects.update(**changes)
            assert told() == {what}
    with undone():
        row.delete()
        assert told() == {"incident_waits"}


def test_a_line_has_an_end_and_says_when_there_is_room(
    site: commons.Commons, full: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "WAITING_MAX", 1)
    services.report(SECOND, "", report_of(1_000), full, "one")
    with pytest.raises(TooMany) as refused:
        services.report(SECOND, "", report_of(1_001), full, "two")
    assert refused.value.retry_after_seconds == 23 * 3600 + 1, "until the oldest of the day is a day old"
    assert WaitingReport.objects.count() == 1
    with pytest.raises(NotFound):
        waiting.take_in("orchards", WaitingReport.objects.get().pk, site.address("Alice"), full)


def test_members_have_their_own_part(site: commons.Commons, full: datetime) -> None:
    member = site.address("Daouda")
    for number in range(room.PER_ACCOUNT_PER_DAY_MAX):
        services.report(SECOND, member, report_of(2_000 + number), full)
    with pytest.raises(TooMany, match="too_many_incidents") as refused:
        services.report(SECOND, member, report_of(3_000), full + HOUR)
    assert refused.value.retry_after_seconds == 23 * 3600 + 1
    assert services.report(SECOND, member, report_of(3_000), full + DAY)[1]
