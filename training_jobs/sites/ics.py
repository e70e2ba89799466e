"""The text of a calendar (iCalendar, RFC 5545): bytes, lines, components, moments, time zones; refused where not clear.

Unfolding and parameters are the library's. Here is what bounds them: how large, how many, how deep. Time
zones are those of the IANA database by their names (those of Windows are translated); a VTIMEZONE is not used, as it
can say anything under any name, and rules inside it can keep a reader busy for ever.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar.parser import Contentline, Contentlines
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from governance.errors import Invalid, TooLarge

BYTES_MAX = 1_000_000
LINES_MAX = 50_000
LINE_CHARACTERS_MAX = 40_000
EVENTS_MAX = 2_000
NESTING_MAX = 8
YEARS = (1970, 9000)  # what every database and every zone can add to and take from
_MOMENT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")
_LEAP_SECOND = 60


@dataclass(frozen=True)
class Line:
    """One property: its name, its parameters, its value as it is written."""

    name: str
    parameters: Mapping[str, str]
    value: str


@dataclass(frozen=True)
class When:
    """A date, or a local or absolute time, as written: `at` is naive, `zone` None for a date or a floating time."""

    at: datetime
    is_date: bool
    zone: tzinfo | None

    def moment(self, default: tzinfo) -> datetime:
        """Return it in UTC; `default` is the zone where it names none."""
        return absolute(self.at, self.zone or default)


def lines_of(data: bytes) -> list[Line]:
    """Return the lines of a calendar; raise TooLarge or Invalid for what is not text of bounded size."""
    if len(data) > BYTES_MAX:
        raise TooLarge("too_large", f"a calendar has at most {BYTES_MAX} bytes", allowed=BYTES_MAX)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal("not_utf8", "a calendar is text in UTF-8", "calendar") from error
    if "\x00" in text:
        raise refusal("forbidden_character", "the NUL character is not allowed", "calendar")
    if text.count("\n") > LINES_MAX:
        raise refusal("too_many_lines", "a calendar of so many lines is not read", "calendar", allowed=LINES_MAX)
    try:
        unfolded = Contentlines.from_ical(text)  # type: ignore[no-untyped-call]  # the library's
        if any(len(line) > LINE_CHARACTERS_MAX for line in unfolded):
            detail = "so long a line is not read"
            raise refusal("line_too_long", detail, "calendar", allowed=LINE_CHARACTERS_MAX)
        return [_line(line) for line in unfolded if line]
    except (ValueError, KeyError, IndexError) as error:
        raise refusal("malformed_calendar", f"a line cannot be read: {str(error)[:120]}", "calendar") from error


def _line(line: Contentline) -> Line:
    name, parameters, value = line.raw_parts()
    flat = {
        str(key).upper(): str(each[0] if isinstance(each, list) and each else each) for key, each in parameters.items()
    }
    return Line(str(name).upper(), flat, str(value))


def components(lines: list[Line]) -> tuple[tzinfo, list[list[Line]]]:
    """Return the zone of times that name none, and the properties of each VEVENT; what they hold inside is not ours."""
    if not lines or (lines[0].name, lines[0].value.upper()) != ("BEGIN", "VCALENDAR"):
        raise refusal("malformed_calendar", "it begins with BEGIN:VCALENDAR", "calendar")
    zone: tzinfo = UTC
    open_ones: list[str] = []
    found: list[list[Line]] = []
    for place, line in enumerate(lines):
        if line.name == "BEGIN":
            _begin(open_ones, line.value.strip().upper(), found)
        elif line.name == "END":
            if not open_ones or open_ones.pop() != line.value.strip().upper():
                raise refusal("malformed_calendar", "END does not close what was begun", "calendar", line.value[:40])
            if not open_ones and place + 1 < len(lines):
                raise refusal("malformed_calendar", "one calendar at a time; there is more after its end", "calendar")
        elif open_ones == ["VCALENDAR", "VEVENT"]:
            found[-1].append(line)
        elif open_ones == ["VCALENDAR"] and line.name == "X-WR-TIMEZONE":
            zone = zone_named(line.value.strip(), "X-WR-TIMEZONE")
    if open_ones:
        raise refusal("malformed_calendar", f"END:{open_ones[-1][:40]} is missing", "calendar")
    return zone, found


def _begin(open_ones: list[str], name: str, found: list[list[Line]]) -> None:
    if name == "VFREEBUSY":
        detail = "busy times are read from VEVENT; export the calendar with its events"
        raise refusal("component_not_read", detail, "calendar", name, ["VEVENT"])
    if len(open_ones) >= NESTING_MAX or (name == "VCALENDAR") != (not open_ones):
        raise refusal("malformed_calendar", "components lie inside each other as none do", "calendar", name[:40])
    open_ones.append(name)
    if open_ones == ["VCALENDAR", "VEVENT"]:
        if len(found) >= EVENTS_MAX:
            raise refusal("too_many_events", "so many events are not read", "calendar", allowed=EVENTS_MAX)
        found.append([])


def when(line: Line, field: str) -> When:
    """Return the date or time of a property; raise Invalid for what is none, or in a zone that nobody knows."""
    match = _MOMENT.fullmatch(line.value.strip().upper())
    if match is None:
        raise refusal("malformed_moment", "a date or a time of RFC 5545", field, line.value[:40], "20261231T235959Z")
    year, month, day, hour, minute, second, utc = match.groups()
    # the leap second is read as the one before it: no clock here has it
    seconds = _LEAP_SECOND - 1 if int(second or 0) == _LEAP_SECOND else int(second or 0)
    try:
        at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), seconds)  # noqa: DTZ001 - local
    except ValueError as error:
        raise refusal("malformed_moment", f"there is no such time: {error}", field, line.value[:40]) from error
    if not YEARS[0] <= at.year <= YEARS[1]:
        raise refusal("malformed_moment", "nobody books that", field, line.value[:40], f"{YEARS[0]} to {YEARS[1]}")
    if hour is None:
        return When(at, is_date=True, zone=None)
    if utc:
        return When(at, is_date=False, zone=UTC)
    named = line.parameters.get("TZID", "")
    return When(at, is_date=False, zone=zone_named(named, field) if named else None)


def zone_named(name: str, field: str) -> tzinfo:
    """Return a time zone by the name that a calendar has for it; raise Invalid for one that nobody knows."""
    # Some programs put their own path before the name of the database (section 3.2.19 leaves that to them).
    known = _zones()
    candidates = [name, WINDOWS_TO_OLSON.get(name, "")]
    parts = name.split("/")[:NESTING_MAX]
    candidates += ["/".join(parts[first:]) for first in range(1, len(parts))]
    for candidate in candidates:
        if candidate in known:
            return ZoneInfo(candidate)
    detail = "no such time zone in the IANA database; write times in UTC, or name the zone as it does"
    raise refusal("unknown_time_zone", detail, field, name[:60], "such as Europe/Paris")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def absolute(wall: datetime, zone: tzinfo) -> datetime:
    """Return a wall time in UTC: of two the first, and what is left out with the offset before (section 3.3.5)."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def is_left_out(wall: datetime, zone: tzinfo) -> bool:
    """Say whether the clocks leave this wall time out."""
    return absolute(wall, zone).astimezone(zone).replace(tzinfo=None, fold=0) != wall


def refusal(code: str, detail: str, field: str, found: object = None, allowed: object = None) -> Invalid:
    """Return the refusal of a calendar; `field` is the event by its place and the property."""
    return Invalid(code, detail, field=field, found=found, allowed=allowed)
