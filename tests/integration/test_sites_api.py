"""The API of sites: who may do what, what is refused and how, and that nothing sent ends in a defect."""

from datetime import timedelta

import pytest
from django.test import Client
from icalendar import Calendar

from governance.clock import now as clock
from governance.models import Event
from tests.integration.conftest import NOON
from tests.integration.site_places import INPUTS, LAKE, PRICE, machine, measured_site, register, signed_in
from training_jobs.models import Site
from training_jobs.sites.calendar_in import DEVICES

DAY = timedelta(days=1)


@pytest.fixture
def gardens(list_community):
    return list_community()


@pytest.fixture
def operator(gardens):
    return signed_in(gardens, "Daouda")


@pytest.fixture
def steward(gardens):
    """Alice, in office."""
    gardens.elect("Alice", "Bob", "Chloé", seats=2, now=clock() - timedelta(minutes=30))
    return signed_in(gardens, "Alice")


def post(client, path, body=None):
    return client.post(f"/api/v1/{path}", {} if body is None else body, content_type="application/json")


def patch(client, path, body):
    return client.patch(f"/api/v1/{path}", body, content_type="application/json")


def put(client, data: bytes, path="sites/lake/calendar.ics", kind="text/calendar"):
    return client.put(f"/api/v1/{path}", data, content_type=kind)


def calendar(start, more="") -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:exams", f"DTSTART:{start:%Y%m%dT%H%M%SZ}"]
    lines += ["DURATION:PT2H", "SUMMARY:Exams", *([more] if more else []), "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def test_an_operator_registers_a_site_and_everybody_reads_it(operator):
    made = post(operator, "sites", LAKE)
    assert made.status_code == 201, made.content
    said = made.json()
    assert (said["slug"], said["standing"], said["serves"], said["price"]) == ("lake", "open", [], PRICE)
    assert (said["measured"]["devices"], said["devices_given"], said["suspended"]) == (0, 0, None)
    assert said["inputs"] == INPUTS
    stranger = Client()
    assert stranger.get("/api/v1/sites/lake").json() == said
    listed = stranger.get("/api/v1/sites").json()
    assert (listed["count"], listed["results"]) == (1, [said])
    assert stranger.get("/api/v1/sites?community=gardens").json()["count"] == 0
    assert {row["input"] for row in stranger.get("/api/v1/site-price-inputs").json()} == set(INPUTS)
    assert stranger.get("/api/v1/sites/ocean").json()["code"] == "unknown_site"
    assert stranger.get("/api/v1/sites?community=nowhere").status_code == 404


def test_who_is_not_signed_in_or_not_the_operator_changes_nothing(gardens, operator):
    post(operator, "sites", LAKE)
    other = signed_in(gardens, "Mallory")
    for path, body in (
        ("heartbeat", {}), ("drain", {}), ("undrain", {}), ("leave", {}), ("runners", {"runner": 1}),
        ("admissions", {"community": "gardens", "reason": "x"}), ("remove", {"community": "gardens", "reason": "x"}),
        ("suspend", {"reason": "x", "evidence": {"a": 1}}), ("restore", {"reason": "x"}),
    ):  # fmt: skip
        assert post(Client(), f"sites/lake/{path}", body).status_code == 401, path
        assert post(other, f"sites/lake/{path}", body).status_code == 403, path
    assert patch(Client(), "sites/lake", {"name": "Mine"}).status_code == 401
    assert patch(other, "sites/lake", {"name": "Mine"}).json()["code"] == "not_the_operator"
    assert put(Client(), calendar(NOON)).status_code == 401
    assert put(other, calendar(NOON)).status_code == 403
    assert other.delete("/api/v1/sites/lake/runners/1").status_code == 403
    assert Site.objects.get().name == LAKE["name"]


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"devices": "4"}, 400, "devices"),
        ({"devices": True}, 400, "devices"),
        ({"devices": 0}, 422, "devices"),
        ({"devices": 10**40}, 400, "devices"),
        ({"country": "ZZ"}, 422, "country"),
        ({"name": "a\u0000b"}, 400, ""),
        ({"name": "\u202e"}, 422, "name"),
        ({"slug": "../etc"}, 422, "slug"),
        ({"slug": "all"}, 422, "slug"),
        ({"data_in": ["text", 7]}, 400, "data_in"),
        ({"data_in": "text"}, 400, "data_in"),
        ({"inputs": {**INPUTS, "watts": 400}}, 422, "inputs.watts"),
        ({"inputs": {}}, 422, "inputs.watts"),
        ({"inputs": [INPUTS]}, 400, "inputs"),
        ({"operator": "0x0"}, 400, "operator"),
        ({"standing": "open"}, 400, "standing"),
    ],
)
def test_what_no_site_is_is_refused_with_the_field(operator, changes, status, field):
    answer = post(operator, "sites", {**LAKE, **changes})
    assert answer.status_code == status, answer.content
    assert answer.json().get("field", "") == field
    assert not Site.objects.exists()


def test_what_is_left_out_is_named_and_a_name_that_is_taken_is_a_conflict(operator):
    incomplete = {name: value for name, value in LAKE.items() if name != "region"}
    assert post(operator, "sites", incomplete).json()["field"] == "region"
    assert post(operator, "sites", {}).json()["field"] == "slug"
    assert post(operator, "sites", []).status_code == 400
    assert post(operator, "sites", LAKE).status_code == 201
    again = post(operator, "sites", LAKE)
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    for number in range(4):
        assert post(operator, "sites", {**LAKE, "slug": f"lake-{number}"}).status_code == 201
    assert post(operator, "sites", {**LAKE, "slug": "lake-9"}).json()["code"] == "too_many_sites"
    assert post(operator, "sites/lake/leave").status_code == 200
    limited = post(operator, "sites", {**LAKE, "slug": "lake-9"})
    assert (limited.status_code, bool(limited["Retry-After"])) == (429, True)


def test_an_operator_describes_drains_and_leaves(operator):
    post(operator, "sites", LAKE)
    changed = patch(operator, "sites/lake", {"hours_max": 48, "inputs": {"watts": {**INPUTS["watts"], "value": 800}}})
    assert (changed.status_code, changed.json()["hours_max"], changed.json()["price"]) == (200, 48, 2 * PRICE)
    assert patch(operator, "sites/lake", {"country": "US"}).json()["code"] == "field_is_fixed"
    assert patch(operator, "sites/lake", {"slug": "pond"}).json()["code"] == "unknown_field"
    assert [post(operator, f"sites/lake/{step}").json()["standing"] for step in ("drain", "drain", "undrain")] == [
        "draining", "draining", "open",
    ]  # fmt: skip
    assert post(operator, "sites/lake/heartbeat").status_code == 200
    assert post(operator, "sites/lake/leave").json()["standing"] == "left"
    refused = post(operator, "sites/lake/drain")
    assert (refused.status_code, refused.json()["code"], refused.json()["found"]) == (409, "site_moved_on", "left")


def test_a_calendar_goes_in_and_comes_out(operator):
    post(operator, "sites", LAKE)
    start = (clock() + DAY).replace(microsecond=0)
    answer = put(operator, calendar(start, f"{DEVICES}:3"))
    assert answer.status_code == 200, answer.content
    (busy,) = answer.json()
    assert (busy["uid"], busy["devices"], busy["summary"]) == ("exams", 3, "Exams")
    feed = Client().get("/api/v1/sites/lake/calendar.ics")
    assert feed["Content-Type"] == "text/calendar; charset=utf-8"
    (event,) = Calendar.from_ical(feed.content).walk("VEVENT")
    assert (event["DTSTART"].dt, str(event["SUMMARY"]), str(event[DEVICES])) == (start, "Exams", "3")
    assert Client().get("/api/v1/sites/lake/calendar.ics").content == feed.content
    subscribed = Client().get("/api/v1/sites/lake/calendar.ics", headers={"Accept": "text/calendar"})
    assert subscribed.content == feed.content
    assert put(operator, b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n").json() == []


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"", "text/calendar", 422),
        (b"\xff", "text/calendar", 422),
        (b"BEGIN:VCALENDAR\r\n", "text/calendar; charset=utf-8", 422),
        (b"x" * 1_000_001, "text/calendar", 413),
        (b"{}", "application/json", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
    ],
)
def test_what_is_no_calendar_is_refused(operator, data, kind, status):
    post(operator, "sites", LAKE)
    answer = put(operator, data, kind=kind)
    assert answer.status_code == status, answer.content
    assert answer.json()["code"]


def test_a_refusal_of_a_calendar_names_event_and_property(operator):
    post(operator, "sites", LAKE)
    refused = put(operator, calendar(NOON, "RRULE:FREQ=SECONDLY")).json()
    assert (refused["code"], refused["field"], refused["found"]) == (
        "recurrence_not_read",
        "VEVENT 1 RRULE",
        "SECONDLY",
    )
    assert refused["allowed"] == ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]


def test_machines_are_attached_and_their_measurements_are_public(gardens, operator):
    now = clock()
    site = register(gardens, "Daouda", now)
    runner, _ = machine(gardens, "Daouda", None, now)
    assert post(operator, "sites/lake/runners", {"runner": runner.pk}).status_code == 200
    assert post(operator, "sites/lake/runners", {"runner": 10**15}).json()["code"] == "unknown_runner"
    assert post(operator, "sites/lake/runners", {"runner": str(runner.pk)}).status_code == 400
    assert operator.delete(f"/api/v1/sites/lake/runners/{runner.pk}").status_code == 200
    assert operator.delete(f"/api/v1/sites/lake/runners/{2**63}").status_code in {200, 404}
    site.delete()
    measured_site(gardens, "Daouda", now, slug="pond")
    (row,) = Client().get("/api/v1/sites/pond/measurements").json()["results"]
    assert (row["tokens_per_second"], row["devices"], row["repeats"]) == (2_000, 2, [1_900, 2_000, 2_100])
    assert Client().get("/api/v1/sites/ocean/measurements").status_code == 404


def test_stewards_admit_suspend_restore_and_remove(gardens, operator, steward):
    post(operator, "sites", LAKE)
    said = {"community": "gardens", "reason": "Near the river."}
    made = post(steward, "sites/lake/admissions", said)
    assert made.status_code == 201, made.content
    assert (made.json()["admitted_by"], made.json()["proposal"]) == (gardens.address("Alice"), None)
    assert post(steward, "sites/lake/admissions", said).json()["code"] == "already_admitted"
    assert Client().get("/api/v1/sites?community=gardens").json()["results"][0]["serves"] == ["gardens"]
    evidence = {"step": 3, "found": "other weights"}
    suspended = post(steward, "sites/lake/suspend", {"reason": "It lies.", "evidence": evidence}).json()
    assert (suspended["standing"], suspended["suspended"]["evidence"]) == ("suspended", evidence)
    assert post(steward, "sites/lake/suspend", {"reason": "x", "evidence": {"a": 0.5}}).status_code == 400
    assert post(steward, "sites/lake/restore", {"reason": "Repaired."}).json()["standing"] == "open"
    removed = post(steward, "sites/lake/remove", {"community": "gardens", "reason": "Too slow."}).json()
    assert (removed["removed_by"], removed["removed_reason"]) == (gardens.address("Alice"), "Too slow.")
    (row,) = Client().get("/api/v1/sites/lake/admissions").json()["results"]
    assert row == removed
    assert post(steward, "sites/lake/admissions", {"community": "nowhere", "reason": "x"}).status_code == 404
    kinds = set(Event.objects.filter(community=gardens.community).values_list("kind", flat=True))
    assert {"site_admitted", "site_standing", "site_suspended", "site_restored", "site_removed"} <= kinds


def test_a_body_that_is_broken_off_or_too_large_is_refused(operator):
    for body in (b"{", b'{"slug": NaN}', b'{"devices": 1e400}', b"[" * 100, b'{"a": "' + b"x" * 70_000 + b'"}'):
        answer = operator.post("/api/v1/sites", body, content_type="application/json")
        assert answer.status_code in {400, 413}, body[:20]
