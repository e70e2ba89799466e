"""Calendars of sites, in and out: what they block, in every zone and through every change of the clocks, and refusals."""

import datetime as dt
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from dateutil import rrule as other
from hypothesis import given, settings
from hypothesis import strategies as some

from governance.errors import Invalid, Refusal
from training_jobs.sites import calendar_in, calendar_out, ics, recurrence
from training_jobs.sites.busy import busy_together
from training_jobs.sites.calendar_in import Entry
from training_jobs.sites.calendar_out import Time

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def calendar(*events: str, head: str = "") -> bytes:
    """Return a calendar of these events, each written as lines between its BEGIN and its END, without a UID."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *filter(None, [head])]
    for number, event in enumerate(events):
        named = [] if "UID:" in event else [f"UID:{number}@example.org"]
        lines += ["BEGIN:VEVENT", *named, *event.split("|"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def read(*events: str, head: str = "", devices: int = 8, now: datetime = NOW) -> tuple[Entry, ...]:
    return calendar_in.read(calendar(*events, head=head), devices=devices, now=now)


def spans(*events: str, head: str = "") -> list[str]:
    return [f"{each.since:%m-%d %H:%M} {each.until:%m-%d %H:%M}" for each in read(*events, head=head)]


# --- what blocks --------------------------------------------------------------------------------------------------


def test_an_event_blocks_all_devices_or_as_many_as_it_says():
    whole, some_of_them = read(
        "DTSTART:20260302T080000Z|DTEND:20260302T100000Z|SUMMARY:Upkeep\\, of all",
        "DTSTART:20260303T080000Z|DURATION:PT90M|X-COMMONWEIGHTS-DEVICES:3",
    )
    assert (whole.devices, some_of_them.devices) == (8, 3)
    assert (whole.until - whole.since, some_of_them.until - some_of_them.since) == (2 * HOUR, 1.5 * HOUR)
    assert whole.summary == "Upkeep, of all"


def test_a_day_is_a_day_of_its_zone_and_two_days_are_two():
    assert spans("DTSTART;VALUE=DATE:20260310") == ["03-10 00:00 03-11 00:00"]
    paris = "X-WR-TIMEZONE:Europe/Paris"
    assert spans("DTSTART;VALUE=DATE:20260310|DTEND;VALUE=DATE:20260312", head=paris) == ["03-09 23:00 03-11 23:00"]
    assert spans("DTSTART;VALUE=DATE:20260328|DURATION:P2D", head=paris) == ["03-27 23:00 03-29 22:00"], "23 hours"


@pytest.mark.parametrize(
    "zone",
    ["Europe/Paris", "Romance Standard Time", "/citadel.org/20250101_1/Europe/Paris", '"Europe/Paris"'],
)
def test_a_zone_is_known_by_the_names_that_programs_have_for_it(zone):
    assert spans(f"DTSTART;TZID={zone}:20260302T090000|DURATION:PT1H") == ["03-02 08:00 03-02 09:00"]


def test_a_zone_that_the_calendar_defines_itself_is_not_believed():
    lies = "BEGIN:VTIMEZONE\r\nTZID:Europe/Paris\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+1200\r\n"
    lies += "TZOFFSETTO:+1200\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE"
    assert spans("DTSTART;TZID=Europe/Paris:20260302T090000|DURATION:PT1H", head=lies) == ["03-02 08:00 03-02 09:00"]


def test_what_is_cancelled_or_transparent_blocks_nothing_and_what_is_private_says_nothing():
    found = read(
        "DTSTART:20260302T080000Z|DURATION:PT1H|STATUS:CANCELLED",
        "DTSTART:20260303T080000Z|DURATION:PT1H|TRANSP:TRANSPARENT",
        "DTSTART:20260304T080000Z|DURATION:PT1H|SUMMARY:Chemotherapy|CLASS:PRIVATE",
        "DTSTART:20260305T080000Z|SUMMARY:A moment has no length",
    )
    assert [(each.since.day, each.summary) for each in found] == [(4, "")]


def test_what_is_over_and_what_is_beyond_the_horizon_is_left_out():
    assert len(read("DTSTART:20260228T230000Z|DTEND:20260301T000000Z")) == 0
    assert len(read("DTSTART:20260228T230000Z|DTEND:20260301T000100Z")) == 1
    assert len(read("DTSTART:20280101T000000Z|DURATION:PT1H")) == 0
    assert len(read("DTSTART:20200101T000000Z|DURATION:PT1H|RRULE:FREQ=DAILY")) == calendar_in.HORIZON.days


# --- recurrence ---------------------------------------------------------------------------------------------------


def test_a_weekly_event_keeps_its_local_hour_when_the_clocks_change():
    weekly = (
        "DTSTART;TZID=Europe/Paris:20260318T090000|DTEND;TZID=Europe/Paris:20260318T100000|RRULE:FREQ=WEEKLY;COUNT=3"
    )
    assert spans(weekly) == ["03-18 08:00 03-18 09:00", "03-25 08:00 03-25 09:00", "04-01 07:00 04-01 08:00"]


def test_an_hour_that_the_clocks_leave_out_is_no_occurrence_and_as_a_beginning_it_has_the_offset_before():
    daily = "DTSTART;TZID=Europe/Paris:20260328T023000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3"
    assert spans(daily) == ["03-28 01:30 03-28 02:30", "03-30 00:30 03-30 01:30", "03-31 00:30 03-31 01:30"]
    assert spans("DTSTART;TZID=Europe/Paris:20260329T023000|DURATION:PT1H") == ["03-29 01:30 03-29 02:30"]


def test_an_hour_that_comes_twice_is_the_first_and_lasts_as_long_as_it_lasts():
    twice = "DTSTART;TZID=Europe/Paris:20261025T023000|DTEND;TZID=Europe/Paris:20261025T033000"
    assert spans(twice) == ["10-25 00:30 10-25 02:30"], "from half past two to half past three are two hours that night"


def test_exceptions_additions_and_replaced_occurrences():
    rule = "UID:w|DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;UNTIL=20260306T080000Z"
    without = f"{rule}|EXDATE:20260303T080000Z|RDATE:20260320T120000Z"
    moved = "UID:w|RECURRENCE-ID:20260304T080000Z|DTSTART:20260304T150000Z|DURATION:PT2H"
    gone = (
        "UID:w|RECURRENCE-ID;TZID=Europe/Paris:20260305T090000|DTSTART:20260305T080000Z|DURATION:PT1H|STATUS:CANCELLED"
    )
    assert [span[:11] for span in spans(without, moved, gone)] == [
        "03-02 08:00", "03-04 15:00", "03-06 08:00", "03-20 12:00",
    ]  # fmt: skip


def test_of_two_events_of_one_name_the_higher_sequence_counts():
    old = "UID:w|SEQUENCE:1|DTSTART:20260302T080000Z|DURATION:PT1H"
    new = "UID:w|SEQUENCE:2|DTSTART:20260303T080000Z|DURATION:PT1H"
    assert spans(old, new) == spans(new, old) == ["03-03 08:00 03-03 09:00"]


def test_a_day_without_the_hour_of_the_event_is_not_one_of_its_count():
    """RFC 5545, section 3.3.10: such a time is ignored, and not counted as part of the recurrence set."""
    paris = "DTSTART;TZID=Europe/Paris:20260327T023000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=4"
    assert [each[:5] for each in spans(paris)] == ["03-27", "03-28", "03-30", "03-31"]


@given(some.lists(some.tuples(some.integers(0, 20), some.integers(0, 20), some.integers(1, 5)), max_size=8))
def test_spans_that_overlap_take_the_sum_of_their_devices(given_spans):
    found = list(busy_together(given_spans))
    for moment in range(21):
        expected = sum(devices for since, until, devices in given_spans if since <= moment < until)
        assert sum(devices for since, until, devices in found if since <= moment < until) == expected
    assert all(one[1] <= other[0] and one[1:] != other[::2] for one, other in pairwise(found)), "disjoint, and joined"


rules = some.builds(
    lambda frequency, interval, count, **parts: ";".join(
        [f"FREQ={frequency}", f"INTERVAL={interval}", *([f"COUNT={count}"] if count else [])]
        + [f"{name}={','.join(map(str, sorted(set(values), key=str)))}" for name, values in parts.items() if values]
    ),
    some.sampled_from(recurrence.FREQUENCIES),
    some.integers(1, 5),
    some.none() | some.integers(1, 30),
    BYMONTH=some.lists(some.integers(1, 12), max_size=2),
    BYMONTHDAY=some.lists(some.integers(-31, 31).filter(bool), max_size=3),
    # not both in one rule: the other implementation takes what both name, RFC 5545 what either names
    BYDAY=some.lists(some.sampled_from(recurrence.WEEKDAYS), max_size=3)
    | some.lists(some.sampled_from(["1MO", "-1FR", "2WE", "-2SU"]), max_size=3),
    WKST=some.lists(some.sampled_from(["MO", "SU"]), max_size=1),
    BYSETPOS=some.lists(some.sampled_from([1, 2, -1]), max_size=2),
)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    rule=rules,
    first=some.dates(date(2022, 6, 1), date(2025, 12, 31)),
    since=some.dates(date(2023, 1, 1), date(2026, 1, 1)),
)
def test_rules_give_the_days_that_another_implementation_gives(rule, first, since):
    """The other one is that of dateutil."""
    try:
        parsed = recurrence.parse(rule)
    except Invalid:
        return
    begin = datetime.combine(first, datetime.min.time())
    last = since + timedelta(days=200)
    if parsed.positions and parsed.frequency == recurrence.DAILY:
        return  # of one day there is nothing to choose
    expected = []
    with pytest.MonkeyPatch.context() as patched:
        # it looks for a day that there is not until this year
        patched.setattr(other, "datetime", SimpleNamespace(**{**vars(dt), "MAXYEAR": 2027}))
        for found in other.rrulestr(rule, dtstart=begin):
            if found.date() > last:
                break
            if found.date() >= since:
                expected.append(found.date())
    budget = recurrence.Budget(1_000_000)
    assert list(recurrence.days_of(parsed, first, max(since, first), last, budget)) == expected


def test_a_rule_that_matches_no_day_costs_no_more_than_the_window():
    never = "DTSTART:19700130T000000Z|DURATION:PT1H|RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"
    assert read(never) == ()


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("SUMMARY:without a beginning", "malformed_event"),
        ("DTSTART:20260302", "ok"),
        ("DTSTART:tomorrow", "malformed_moment"),
        ("DTSTART:20260230T080000Z", "malformed_moment"),
        ("DTSTART:00010101T000000Z|DURATION:PT1H", "malformed_moment"),
        ("DTSTART:20260302T080000Z|DTEND:20260302T080000Z", "malformed_event"),
        ("DTSTART:20260302T080000Z|DTEND:20260302T070000Z", "malformed_event"),
        ("DTSTART:20260302T080000Z|DTEND:20360302T070000Z", "malformed_event"),
        ("DTSTART:20260302T080000Z|DTEND;VALUE=DATE:20260303", "malformed_event"),
        ("DTSTART:20260302T080000Z|DTEND:20260302T090000", "malformed_event"),
        ("DTSTART:20260302T080000Z|DTEND:20260302T090000Z|DURATION:PT1H", "malformed_event"),
        ("DTSTART:20260302T080000Z|DURATION:-PT1H", "malformed_duration"),
        ("DTSTART:20260302T080000Z|DURATION:P", "malformed_duration"),
        ("DTSTART:20260302T080000Z|DURATION:PT99999999S", "malformed_duration"),
        ("DTSTART;VALUE=DATE:20260302|DURATION:PT1H", "malformed_duration"),
        ("DTSTART;TZID=Europe/Atlantis:20260302T080000|DURATION:PT1H", "unknown_time_zone"),
        ("DTSTART;TZID=../../etc/passwd:20260302T080000|DURATION:PT1H", "unknown_time_zone"),
        ("DTSTART;TZID=Europe:20260302T080000|DURATION:PT1H", "unknown_time_zone"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=SECONDLY", "recurrence_not_read"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=YEARLY;BYWEEKNO=20", "recurrence_not_read"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260404", "recurrence_not_read"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;INTERVAL=0", "recurrence_not_read"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=99999999999999999999", "recurrence_not_read"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=٣", "recurrence_not_read"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY|RRULE:FREQ=WEEKLY", "malformed_event"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RECURRENCE-ID;RANGE=THISANDFUTURE:20260302T080000Z", "recurrence_not_read"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|RDATE;VALUE=PERIOD:20260302T080000Z/PT1H", "malformed_moment"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|X-COMMONWEIGHTS-DEVICES:9", "malformed_event"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|X-COMMONWEIGHTS-DEVICES:0", "malformed_event"),
        ("DTSTART:20260302T080000Z|DURATION:PT1H|SEQUENCE:-1", "malformed_event"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_refused_by_name_and_place(event, code):
    if code == "ok":
        assert len(read(event)) == 1
        return
    with pytest.raises(Invalid) as refused:
        read(event)
    assert refused.value.code == code
    assert refused.value.field.startswith("VEVENT 1")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformed_calendar"),
        (b"\xff\xfe", "not_utf8"),
        (b"BEGIN:VCALENDAR\x00", "forbidden_character"),
        (b"BEGIN:VCALENDAR\r\n", "malformed_calendar"),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", "malformed_calendar"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", "malformed_calendar"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "malformed_calendar"),
        (b"BEGIN:VCALENDAR\r\nwhat is this\r\nEND:VCALENDAR\r\n", "malformed_calendar"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n", "component_not_read"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\n" * 20, "malformed_calendar"),
        (b"BEGIN:VCALENDAR\r\nX-A:" + b"a" * 50_000 + b"\r\nEND:VCALENDAR\r\n", "line_too_long"),
        (b"a" * 1_000_001, "too_large"),
        (b"\n" * 60_000, "too_many_lines"),
        (calendar(*["DTSTART:20260302T080000Z"] * 2_001), "too_many_events"),
        (calendar(*["DTSTART:20260302T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY"] * 13), "too_many_entries"),
        (
            calendar(*["DTSTART:19700101T000000Z|DURATION:PT1H|RRULE:FREQ=YEARLY;COUNT=1"] * 600),
            "recurrence_too_long",
        ),
    ],
)
def test_what_is_no_calendar_or_too_much_of_one_is_refused(data, code):
    with pytest.raises(Refusal) as refused:
        calendar_in.read(data, devices=8, now=NOW)
    assert refused.value.code == code


pieces = some.sampled_from(
    [
        "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "UID:a", "DTSTART:20260302T080000Z", "DTEND:",
        "DTSTART;TZID=Europe/Paris:20260329T023000", "DTSTART;VALUE=DATE:20260302", "DURATION:P1D", "DURATION:PT1H",
        "RRULE:FREQ=MONTHLY;BYDAY=-1MO", "RRULE:FREQ=YEARLY;INTERVAL=1000", "RRULE:;;==", "EXDATE:,,", "RDATE:20260401",
        "RECURRENCE-ID:20260302T080000Z", "X-WR-TIMEZONE:", " folded", "\tfolded", ";:=", '"', "STATUS:", 'A;B="C;:":D',
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(lines=some.lists(pieces | some.text(max_size=12), max_size=25), framed=some.booleans())
def test_whatever_is_sent_is_read_or_refused(lines, framed):
    body = "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"] if framed else lines)
    try:
        found = calendar_in.read(body.encode("utf-8", "surrogatepass"), devices=2, now=NOW)
    except Refusal:
        return
    assert all(each.since < each.until and 1 <= each.devices <= 2 for each in found)


# --- out ----------------------------------------------------------------------------------------------------------

moments = some.integers(0, 300 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
times = some.builds(
    lambda name, since, minutes, devices, summary: Time(
        name, since, since + timedelta(minutes=minutes), devices, summary, NOW
    ),
    some.text(max_size=20),
    moments,
    some.integers(1, 10_000),
    some.integers(1, 8),
    some.text(some.characters(exclude_categories=["C", "Z"]), max_size=40),
)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(known=some.lists(times, max_size=6, unique_by=lambda time: (time.name, time.since)))
def test_what_is_written_blocks_the_same_when_it_is_read_back(known):
    feed = calendar_out.write("Lake, the site; of \\ all", "example.org", known)
    assert feed == calendar_out.write("Lake, the site; of \\ all", "example.org", reversed(known)), (
        "the same bytes again"
    )
    assert all(len(line) <= 75 for line in feed.split(b"\r\n"))
    back = calendar_in.read(feed, devices=8, now=NOW - HOUR)
    assert sorted((each.since, each.until, each.devices) for each in back) == sorted(
        (time.since, time.until, time.devices) for time in known
    )


def test_names_of_zones_are_those_of_the_database_and_nothing_else():
    for name in ("", " ", "Europe/Paris/", "x" * 10_000, "Europe/Paris\x00"):
        with pytest.raises(Invalid):
            ics.zone_named(name, "TZID")
