"""Sites: registered, described, measured, drained, silent, suspended, gone; what the logs and the scheduler get of it."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from governance.clock import now as clock
from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from governance.models import Event
from tests.integration import commons
from tests.integration.conftest import NOON
from tests.integration.site_places import INPUTS, LAKE, PRICE, machine, measured_site, price_input, register
from training_jobs.models import Admission, Busy, Runner, Site
from training_jobs.runners import services as runners
from training_jobs.runners import tokens, work
from training_jobs.scheduling import events, values
from training_jobs.sites import admitting, calendars, selectors, services, telling
from training_jobs.sites.lifecycle import SILENT_AFTER, Standing

MINUTE = timedelta(minutes=1)
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{events}END:VCALENDAR\r\n"
EVENT = "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:{start}\r\nDURATION:PT2H\r\nSUMMARY:{said}\r\n{more}END:VEVENT\r\n"


@pytest.fixture
def gardens(list_community):
    return list_community()


@pytest.fixture
def later(gardens: commons.Commons) -> datetime:
    """Elect Alice and Bob; return a moment when they are in office."""
    return gardens.elect("Alice", "Bob", "Chloé", seats=2, now=NOON).elected_at + MINUTE


def ics(*told: tuple[str, str, str], more: str = "") -> bytes:
    """Return a calendar of (uid, start, summary)."""
    listed = "".join(EVENT.format(uid=uid, start=start, said=said, more=more) for uid, start, said in told)
    return CALENDAR.format(events=listed).encode()


def admit(gardens: commons.Commons, site: Site, now: datetime) -> Admission:
    return admitting.admit(site.slug, gardens.community, gardens.address("Alice"), "Close to the water.", now)


def said(kind: str) -> list[dict]:
    return [event.data for event in Event.objects.filter(kind=kind).order_by("pk")]


def test_a_site_is_registered_serves_nobody_and_is_silent_until_it_is_heard_of(gardens):
    site = register(gardens, "Mallory", NOON)
    assert site.standing(NOON) is Standing.OPEN
    assert site.standing(NOON + SILENT_AFTER) is Standing.SILENT
    row = selectors.row(selectors.site_named("lake"), NOON)
    assert (row.price, row.devices, row.serves) == (PRICE, 0, ())
    assert Event.objects.get(kind="site_registered").community_id is None


def test_names_are_taken_once_and_an_account_has_so_many_sites(gardens):
    register(gardens, "Mallory", NOON)
    with pytest.raises(Conflict) as taken:
        register(gardens, "Bob", NOON)
    assert (taken.value.code, taken.value.found) == ("name_taken", "lake")
    for number in range(4):
        register(gardens, "Mallory", NOON, slug=f"lake-{number}")
    with pytest.raises(Conflict) as many:
        register(gardens, "Mallory", NOON, slug="one-more")
    assert many.value.allowed == 5
    services.leave("lake", gardens.address("Mallory"), NOON)
    with pytest.raises(TooMany):
        register(gardens, "Mallory", NOON, slug="one-more")
    assert register(gardens, "Mallory", NOON + timedelta(days=2), slug="one-more").pk


def test_only_the_operator_changes_a_site_and_what_identifies_it_stays(gardens):
    register(gardens, "Mallory", NOON)
    with pytest.raises(Forbidden):
        services.describe("lake", gardens.address("Alice"), {"name": "Mine"}, NOON)
    with pytest.raises(NotFound):
        services.drain("ocean", gardens.address("Mallory"), NOON)
    with pytest.raises(Conflict) as fixed:
        services.describe("lake", gardens.address("Mallory"), {"country": "US"}, NOON)
    assert fixed.value.field == "country"


def test_every_change_of_a_declared_input_is_in_the_log_with_old_and_new(gardens, later):
    site = measured_site(gardens, "Daouda", later)
    admit(gardens, site, later)
    dearer = price_input(30_000_000, source="the bill of November")
    for _ in range(2):
        services.describe("lake", gardens.address("Daouda"), {"inputs": {"tariff": dearer}, "hours_max": 12}, later)
    (told,) = said("site_described")
    assert told["changes"]["hours_max"] == {"old": 0, "new": 12}
    assert told["changes"]["inputs"]["old"]["tariff"] == INPUTS["tariff"]
    assert told["changes"]["inputs"]["new"]["tariff"] == dearer
    assert Event.objects.get(kind="site_described").community == gardens.community
    assert selectors.row(selectors.site_named("lake"), later).price == PRICE * 3 // 2


def test_the_scheduler_sees_what_was_measured_and_no_more_than_was_offered(gardens, later):
    site = measured_site(gardens, "Daouda", later, devices=4, commons_share_bps=2_500, data_in=["text"], hours_max=24)
    admit(gardens, site, later)
    assert selectors.as_value(selectors.site_named("lake"), later) == values.Site(
        id="lake",
        region="FR",
        country="FR",
        devices=1,
        memory_bytes=8 * 2**30,
        watts=400,
        price=PRICE,
        speed_permille=2_000,
        pue_permille=1_250,
        hours_max=24,
        data=frozenset({"text"}),
        serves=frozenset({"gardens"}),
        standing=values.Standing.OPEN,
        kind="cpu",
    )


def test_all_sites_and_their_bookings_cost_a_fixed_number_of_queries(gardens, later, django_assert_num_queries):
    for number, operator in enumerate(("Alice", "Bob", "Chloé", "Daouda")):
        site = measured_site(gardens, operator, later, slug=f"lake-{number}")
        Busy.objects.create(site=site, uid="a", since=later, until=later + MINUTE, devices=4, noted_at=later)
        if operator != "Alice":
            admit(gardens, site, later)
    with django_assert_num_queries(2):
        assert len(selectors.as_values(later)) == 4
    with django_assert_num_queries(2):
        assert len(selectors.as_values(later, gardens.community)) == 3
    with django_assert_num_queries(1):
        found = selectors.bookings([f"lake-{number}" for number in range(4)], later, later + MINUTE)
    assert len(found) == 4
    assert selectors.bookings(["lake-0"], later + MINUTE, later + 2 * MINUTE) == ()


def test_a_sites_own_use_takes_of_what_it_keeps_first(gardens, later):
    measured = measured_site(gardens, "Daouda", later, devices=2, commons_share_bps=5_000)
    assert selectors.given(measured) == 1
    Busy.objects.create(site=measured, uid="one", since=later, until=later + MINUTE, devices=1, noted_at=later)
    assert selectors.bookings(["lake"], later, later + MINUTE) == ()
    Busy.objects.create(site=measured, uid="all", since=later, until=later + MINUTE, devices=2, noted_at=later)
    (booking,) = selectors.bookings(["lake"], later, later + MINUTE)
    assert (booking.devices, booking.until - booking.since) == (1, 60)


def test_events_at_one_time_take_together_what_a_site_keeps(gardens, later):
    measured = measured_site(gardens, "Daouda", later, devices=2, commons_share_bps=5_000)
    assert selectors.given(measured) == 1
    for uid, begins in (("course", later), ("exam", later + MINUTE)):
        Busy.objects.create(site=measured, uid=uid, since=begins, until=begins + 2 * MINUTE, devices=1, noted_at=later)
    (booking,) = selectors.bookings(["lake"], later, later + 3 * MINUTE)
    overlap = int((later + MINUTE).timestamp())
    assert (booking.since, booking.until, booking.devices) == (overlap, overlap + 60, 1)


# --- standing and the logs ----------------------------------------------------------------------------------------


def test_draining_silence_and_leaving_are_told_once_to_each_community_that_the_site_serves(gardens, later):
    site = measured_site(gardens, "Daouda", later)
    admit(gardens, site, later)
    operator = gardens.address("Daouda")
    for _ in range(2):
        services.drain("lake", operator, later)
    for _ in range(2):
        services.undrain("lake", operator, later)
    quiet = later + SILENT_AFTER
    assert [services.tell_what_time_brought(quiet) for _ in range(2)] == [1, 0]
    services.show_life("lake", operator, quiet + MINUTE)
    assert services.tell_what_time_brought(quiet + MINUTE) == 0
    services.leave("lake", operator, quiet + 2 * MINUTE)
    told = [(event["standing"], event["why"]) for event in said("site_standing")]
    assert told == [
        ("open", "admitted"),
        ("draining", "drained"),
        ("open", "undrained"),
        ("silent", "silent"),
        ("open", "seen"),
    ]
    assert said("site_removed") == [{"site": "lake", "why": "left", "proposal_number": None}]
    for event in Event.objects.filter(kind__in=events.KINDS):
        events.read(event.kind, event.data)
    assert not Admission.objects.in_force().exists()
    with pytest.raises(Conflict) as gone:
        services.undrain("lake", operator, quiet + 3 * MINUTE)
    assert (gone.value.code, gone.value.found) == ("site_moved_on", "left")
    assert selectors.as_values(quiet + 3 * MINUTE) == ()


def test_a_machine_that_is_seen_speaks_for_its_site_until_it_is_revoked(gardens, later):
    site = register(gardens, "Daouda", later)
    runner, _ = machine(gardens, "Daouda", site, later)
    quiet = later + SILENT_AFTER
    runner.last_seen_at = quiet
    runner.save()
    assert Site.objects.get().standing(quiet) is Standing.OPEN
    assert selectors.site_named("lake").standing(quiet) is Standing.OPEN
    runner.revoked_at = quiet
    runner.save()
    assert selectors.site_named("lake").standing(quiet) is Standing.SILENT


# --- calendars ----------------------------------------------------------------------------------------------------


def test_a_calendar_replaces_what_is_ahead_and_what_stays_is_the_same_bytes(gardens, later):
    site = register(gardens, "Daouda", later)
    operator = gardens.address("Daouda")
    start = [f"{later + timedelta(days=days):%Y%m%dT%H%M%SZ}" for days in (1, 2)]
    calendars.replace("lake", operator, ics(("a", start[0], "Upkeep"), ("b", start[1], "Exams")), later)
    first = calendars.feed(site, "example.org", later)
    calendars.replace("lake", operator, ics(("b", start[1], "Exams"), ("a", start[0], "Upkeep")), later + MINUTE)
    assert calendars.feed(site, "example.org", later + MINUTE) == first
    assert len(said("site_calendar_changed")) == 1
    calendars.replace("lake", operator, ics(("b", start[1], "Exams and more")), later + 2 * MINUTE)
    assert [busy.summary for busy in site.busy.all()] == ["Exams and more"]
    over = later + timedelta(days=3)
    calendars.replace("lake", operator, ics(), over)
    assert [busy.uid for busy in site.busy.all()] == ["b"], "what is over stays"


def test_a_calendar_that_cannot_be_read_changes_nothing(gardens, later):
    site = register(gardens, "Daouda", later)
    operator = gardens.address("Daouda")
    calendars.replace("lake", operator, ics(("a", f"{later + MINUTE:%Y%m%dT%H%M%SZ}", "Upkeep")), later)
    with pytest.raises(Invalid):
        calendars.replace("lake", operator, ics(("a", "tomorrow", "Upkeep")), later)
    with pytest.raises(Invalid) as many:
        too_many = ics(("a", "20261201T000000Z", "x"), more="X-COMMONWEIGHTS-DEVICES:5\r\n")
        calendars.replace("lake", operator, too_many, later)
    assert many.value.allowed == "1 to 4"
    assert site.busy.count() == 1


def test_a_run_that_a_machine_of_the_site_holds_is_reserved_in_its_feed(run, voters, settings, tmp_path):
    settings.RUNS_DIR = tmp_path
    now, alice = clock(), voters["Alice"].address
    site = services.register(alice, LAKE, now)
    made = runners.register(run.community, alice, "laptop", list(tokens.SCOPES), 90, now)
    services.attach("lake", alice, made.runner.pk, now)
    assert selectors.reserved(site) == []
    work.claim(Runner.objects.select_related("community").get(pk=made.runner.pk), run.pk, now)
    (time,) = selectors.reserved(site)
    budget = timedelta(seconds=run.spec_record.body["budget"]["device_seconds"])
    assert (time.name, time.devices, time.until - time.since) == (f"run-{run.pk}", 1, budget)
    assert b"CATEGORIES:RESERVED" in calendars.feed(site, "example.org", now, [time])


# --- what the database forbids ------------------------------------------------------------------------------------


def test_the_database_forbids_two_admissions_at_once_and_time_that_runs_backwards(gardens, later):
    site = register(gardens, "Daouda", later)
    admit(gardens, site, later)
    forbidden = [
        lambda: Admission.objects.create(site=site, community=gardens.community, admitted_at=later, admitted_by="0x"),
        lambda: Admission.objects.create(site=site, community=gardens.community, admitted_at=later, removed_at=later),
        lambda: Busy.objects.create(site=site, uid="a", since=later, until=later, devices=1, noted_at=later),
        lambda: Site.objects.filter(pk=site.pk).update(suspended_at=later),
        lambda: Site.objects.filter(pk=site.pk).update(devices_measured=1),
        lambda: Site.objects.filter(pk=site.pk).update(commons_share_bps=0),
    ]
    for attempt in forbidden:
        with pytest.raises(IntegrityError), transaction.atomic():
            attempt()


def test_what_is_registered_is_what_was_said(gardens):
    site = register(gardens, "Daouda", NOON, data_out=[], commons_share_bps=2_500)
    site.refresh_from_db()
    assert {name: getattr(site, name) for name in LAKE} == LAKE
    assert (site.data_in, site.data_out) == (None, [])


def test_the_log_is_told_the_kind_of_a_sites_devices(gardens, later):
    site = measured_site(gardens, "Daouda", later, device_kind="cuda")
    admit(gardens, site, later)
    assert [event["device_kind"] for event in said("site_standing")] == ["cuda"]


def test_a_site_that_was_told_before_kinds_were_is_told_anew(gardens, later):
    site = measured_site(gardens, "Daouda", later)
    admit(gardens, site, later)
    site.refresh_from_db()
    site.told.pop("device_kind")
    site.save(update_fields=["told"])
    assert telling.standing(site, "", later)
    assert not telling.standing(site, "", later)
