"""A site's calendar as it is sent (iCalendar, RFC 5545), read into times when its devices are not to be had.

Every VEVENT blocks all devices of the site, or as many as its property `X-COMMONWEIGHTS-DEVICES` says. One that is
cancelled or that its calendar calls transparent (TRANSP) blocks none; of one that is private the words are not kept.
Unfolding and parameters are the library's; what is read is bounded here, and refused where it is not clear:

- Time zones are those of the IANA database, by their names (those of Windows are translated). A VTIMEZONE is not used:
  it can say anything under any name. Times and days without a zone are in X-WR-TIMEZONE, or else in UTC.
- A local time that the clocks leave out is read with the offset before them, one that comes twice is the first
  (section 3.3.5). What a rule makes of a local time that is left out is no occurrence (section 3.3.10).
- An event with DTEND lasts as many seconds each time; days of a DURATION are days of the calendar (section 3.8.5.3).
- RECURRENCE-ID replaces one occurrence; of several events with one UID, the highest SEQUENCE counts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from governance.errors import Invalid
from training_jobs.sites import recurrence
from training_jobs.sites.ics import Line, When, absolute, components, is_left_out, lines_of, refusal, when
from training_jobs.sites.recurrence import Budget

ENTRIES_MAX = 5_000
EXCEPTIONS_MAX = 2_000  # of EXDATE and RDATE, for one event
DAYS_MAX = 200_000  # that rules may look at, all together
HORIZON = timedelta(days=400)
# Nothing lasts longer: a calendar that blocks a site for ever is a site that drains.
LENGTH_MAX = timedelta(days=400)
SUMMARY_MAX, UID_MAX = 200, 255
DEVICES = "X-COMMONWEIGHTS-DEVICES"
_DURATION = re.compile(
    r"\+?P(?:([0-9]{1,4})W|(?:([0-9]{1,4})D)?(?:T(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,7})S)?)?)"
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)  # of texts (section 3.3.11)
_DIGITS = re.compile(r"[0-9]{1,6}")
_OF_TIME = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID"})
_ONCE = _OF_TIME | {"UID", "STATUS", "TRANSP", "SEQUENCE", "CLASS", DEVICES}


@dataclass(frozen=True)
class Entry:
    """Devices that are not to be had in [since, until), both aware and in UTC: one occurrence of an event."""

    uid: str
    since: datetime
    until: datetime
    devices: int
    summary: str = ""


@dataclass(frozen=True)
class _Event:
    """One VEVENT that was read."""

    uid: str
    start: When
    lasts: tuple[int, timedelta]  # days of the calendar, and time after them
    rule: recurrence.Rule | None
    added: tuple[When, ...]
    left_out: tuple[When, ...]
    replaces: When | None
    sequence: int
    blocks: bool
    devices: int
    summary: str


def read(data: bytes, *, devices: int, now: datetime) -> tuple[Entry, ...]:
    """Return what a calendar blocks from `now` on for HORIZON, in order of time; `devices` are those of the site.

    1. The bytes are text of bounded size. 2. Lines make one VCALENDAR with VEVENTs. 3. Each event is read. 4. Rules are
    expanded within a budget. 5. What was replaced, left out or cancelled goes. Raises TooLarge, or Invalid with what
    was found and what is allowed; `field` names the event by its place and the property.
    """
    zone, found_events = components(lines_of(data))  # 1, 2
    events = [_event(number, lines, devices) for number, lines in enumerate(found_events, 1)]  # 3
    budget = Budget(DAYS_MAX)
    found: dict[tuple[str, datetime], Entry] = {}
    for event in _newest(events):
        for each in _occurrences(event, zone, now, budget):  # 4, 5
            found[(each.uid, each.since)] = each
            if len(found) > ENTRIES_MAX:
                detail = f"the calendar has too many occurrences in the next {HORIZON.days} days"
                raise Invalid("too_many_entries", detail, field="calendar", allowed=ENTRIES_MAX)
    return tuple(sorted(found.values(), key=lambda each: (each.since, each.uid)))


# --- from properties to events ---------------------------------------------------------------------------------------


def _event(number: int, lines: list[Line], devices: int) -> _Event:
    place = f"VEVENT {number}"
    one: dict[str, Line] = {}
    many: dict[str, list[When]] = {"EXDATE": [], "RDATE": []}
    summary = ""
    for line in lines:
        if line.name in many:
            many[line.name] += _whens(line, f"{place} {line.name}")
            if len(many[line.name]) > EXCEPTIONS_MAX:
                detail = "so many dates of one event are not read"
                raise refusal("too_many_dates", detail, f"{place} {line.name}", allowed=EXCEPTIONS_MAX)
        elif line.name in _ONCE:
            if line.name in one:
                raise refusal("malformed_event", "this property stands there once", f"{place} {line.name}")
            one[line.name] = line
        elif line.name == "SUMMARY":
            summary = _one_line(_ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], line.value))
    if "DTSTART" not in one:
        raise refusal("malformed_event", "an event begins at some time", f"{place} DTSTART")
    uid = one["UID"].value.strip() if "UID" in one else ""
    if not 1 <= len(uid) <= UID_MAX or not uid.isprintable():
        raise refusal("malformed_event", "an event has a name that stays (section 3.8.4.7)", f"{place} UID")
    start = when(one["DTSTART"], f"{place} DTSTART")
    return _Event(
        uid=uid,
        start=start,
        lasts=_lasts(one, start, place),
        rule=_rule(one, start, place),
        added=tuple(many["RDATE"]),
        left_out=tuple(many["EXDATE"]),
        replaces=_replaced(one, place),
        sequence=_whole(one.get("SEQUENCE"), 0, 999_999, 0, f"{place} SEQUENCE"),
        blocks=_text(one, "STATUS") != "CANCELLED" and _text(one, "TRANSP") != "TRANSPARENT",
        devices=_whole(one.get(DEVICES), 1, devices, devices, f"{place} {DEVICES}"),
        summary="" if _text(one, "CLASS") in {"PRIVATE", "CONFIDENTIAL"} else summary,
    )


def _lasts(one: Mapping[str, Line], start: When, place: str) -> tuple[int, timedelta]:
    """Return for how long an event lasts: days of the calendar, and time after them."""
    if "DTEND" in one and "DURATION" in one:
        raise refusal("malformed_event", "DTEND or DURATION, not both (section 3.6.1)", f"{place} DURATION")
    if "DURATION" in one:
        field, match = f"{place} DURATION", _DURATION.fullmatch(one["DURATION"].value.strip().upper())
        if match is None or not any(match.groups()):
            raise refusal("malformed_duration", "a duration such as PT2H", field, one["DURATION"].value[:40])
        weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
        whole, rest = weeks * 7 + days, timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if start.is_date and rest:
            raise refusal("malformed_duration", "whole days last whole days", field, one["DURATION"].value[:40])
    elif "DTEND" in one:
        field, end = f"{place} DTEND", when(one["DTEND"], f"{place} DTEND")
        if end.is_date != start.is_date or (end.zone is None) != (start.zone is None):
            raise refusal("malformed_event", "begin and end are of one kind", field, one["DTEND"].value[:40])
        if start.is_date:
            whole, rest = (end.at - start.at).days, timedelta()
        else:
            whole, rest = 0, end.moment(UTC) - start.moment(UTC)
    else:
        # A moment without a length blocks nothing (section 3.6.1); a day without an end is that day.
        field, whole, rest = f"{place} DTEND", 1 if start.is_date else 0, timedelta()
        if not start.is_date:
            return 0, rest
    if not timedelta() < timedelta(days=whole) + rest <= LENGTH_MAX:
        detail = f"an event ends after it begins, and within {LENGTH_MAX.days} days"
        raise refusal("malformed_event", detail, field)
    return whole, rest


def _rule(one: Mapping[str, Line], start: When, place: str) -> recurrence.Rule | None:
    if "RRULE" not in one:
        return None
    try:
        rule = recurrence.parse(one["RRULE"].value)
    except Invalid as error:
        raise Invalid(
            error.code, error.detail, field=f"{place} RRULE", found=error.found, allowed=error.allowed
        ) from error
    if rule.until:
        until = when(Line("UNTIL", {}, rule.until), f"{place} RRULE UNTIL")
        if until.is_date and not start.is_date:  # written so by many; it means that day with all its hours
            rule = replace(rule, until=f"{until.at:%Y%m%d}T235959")
    return rule


def _replaced(one: Mapping[str, Line], place: str) -> When | None:
    if "RECURRENCE-ID" not in one:
        return None
    if "RANGE" in one["RECURRENCE-ID"].parameters:
        detail = "a change from one occurrence on is not read; end the rule and begin another"
        raise refusal("recurrence_not_read", detail, f"{place} RECURRENCE-ID", "RANGE")
    return when(one["RECURRENCE-ID"], f"{place} RECURRENCE-ID")


def _whens(line: Line, field: str) -> Iterator[When]:
    if line.parameters.get("VALUE", "").upper() == "PERIOD":
        raise refusal("malformed_moment", "periods are not read here", field, line.value[:40], ["DATE", "DATE-TIME"])
    for value in line.value.split(","):
        yield when(replace(line, value=value), field)


# --- from events to occurrences --------------------------------------------------------------------------------------


def _newest(events: list[_Event]) -> list[_Event]:
    """Return the events that count, those that are replaced before what replaces one of their occurrences.

    Of two with one UID (and one RECURRENCE-ID) the higher SEQUENCE counts, of equal ones the later. An occurrence that
    another event replaces is left out of the rule that made it.
    """
    kept: dict[tuple[str, When | None], _Event] = {}
    for event in events:
        key = (event.uid, event.replaces)
        if key not in kept or event.sequence >= kept[key].sequence:
            kept[key] = event
    replaced: dict[str, list[When]] = {}
    for uid, which in kept:
        if which is not None:
            replaced.setdefault(uid, []).append(which)
    return [
        replace(event, left_out=(*event.left_out, *replaced.get(event.uid, ()))) if event.replaces is None else event
        for event in kept.values()
    ]


def _occurrences(event: _Event, zone: tzinfo, now: datetime, budget: Budget) -> Iterator[Entry]:
    """Yield what an event blocks between `now` and the horizon."""
    if not event.blocks or event.lasts == (0, timedelta()):
        return
    local = event.start.zone or zone
    days_out = {each.at.date() for each in event.left_out if each.is_date}
    moments_out = {each.moment(zone) for each in event.left_out if not each.is_date}
    for at in _local_starts(event, local, now, budget):
        since = absolute(at, local)
        if since in moments_out or (at.date() in days_out):
            continue
        whole, rest = event.lasts
        until = absolute(at + timedelta(days=whole), local) + rest
        if now < until and since < now + HORIZON:
            yield Entry(event.uid, since, until, event.devices, event.summary)


def _local_starts(event: _Event, local: tzinfo, now: datetime, budget: Budget) -> set[datetime]:
    """Return when an event begins, in its own wall time: at its DTSTART, by its rule, and where RDATE says so."""
    starts = {event.start.at}
    starts |= {_wall(each, event.start.at, local) for each in event.added}
    if event.rule is None:
        return starts
    first = event.start.at
    whole, rest = event.lasts
    since = (now - rest).date() - recurrence.DAY * (whole + 2)
    last = (now + HORIZON).date() + recurrence.DAY * 2
    end = _end_of(event.rule, event.start, local)

    def has_hour(day: date) -> bool:
        return not is_left_out(datetime.combine(day, first.time()), local)

    for day in recurrence.days_of(event.rule, first.date(), max(since, first.date()), last, budget, has_hour):
        at = datetime.combine(day, first.time())
        if end is not None and absolute(at, local) > end:
            break
        starts.add(at)
    return starts


def _end_of(rule: recurrence.Rule, start: When, local: tzinfo) -> datetime | None:
    """Return the moment of a rule's UNTIL, which belongs to it (section 3.3.10)."""
    if not rule.until:
        return None
    until = when(Line("UNTIL", {}, rule.until), "UNTIL")
    if start.is_date:
        return absolute(datetime.combine(until.at.date(), time(23, 59, 59)), local)
    return until.moment(local)


def _wall(when: When, first: datetime, local: tzinfo) -> datetime:
    """Return a date or a moment in the wall time of an event; a date has the hour of its DTSTART."""
    if when.is_date:
        return datetime.combine(when.at.date(), first.time())
    return when.at if when.zone in {None, local} else when.moment(local).astimezone(local).replace(tzinfo=None, fold=0)


def _whole(line: Line | None, least: int, most: int, usual: int, field: str) -> int:
    if line is None:
        return usual
    text = line.value.strip()
    if not _DIGITS.fullmatch(text) or not text.isascii() or not least <= int(text) <= most:
        raise refusal("malformed_event", "a whole number", field, text[:40], f"{least} to {most}")
    return int(text)


def _text(one: Mapping[str, Line], name: str) -> str:
    return one[name].value.strip().upper() if name in one else ""


def _one_line(text: str) -> str:
    """Return what can be seen of a text, on one line."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= SUMMARY_MAX else line[: SUMMARY_MAX - 1] + "…"
