"""Recurrence rules of calendars (RFC 5545, section 3.3.10): the dates of a rule inside a window, in bounded work.

A rule that matches no day can keep a general implementation busy to the year 9999; here a window is looked at and
nothing beyond it, and every day that is looked at is paid for out of a `Budget`. Rules of hours, minutes and seconds,
of week numbers and days of the year are refused, not guessed at.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from governance.errors import Invalid

DAILY, WEEKLY, MONTHLY, YEARLY = "DAILY", "WEEKLY", "MONTHLY", "YEARLY"
FREQUENCIES = (DAILY, WEEKLY, MONTHLY, YEARLY)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST")
COUNT_MAX, INTERVAL_MAX, LIST_MAX = 10_000, 1_000, 40
DAY = timedelta(days=1)
_BYDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER = re.compile(r"[+-]?[0-9]{1,5}")
_UNTIL = re.compile(r"[0-9]{8}(?:T[0-9]{6}Z?)?")
_DAYS_OF_WEEK, _DECEMBER = 7, 12


class Budget:
    """How many days may still be looked at, for all rules of a calendar together."""

    def __init__(self, days: int) -> None:
        """Start with so many."""
        self._days = days

    def spend(self, days: int) -> None:
        """Take days out; raise Invalid when there are none left."""
        self._days -= days
        if self._days < 0:
            detail = "its recurrences reach too far back or are too many; write them with a later DTSTART or an UNTIL"
            raise Invalid("recurrence_too_long", detail, field="RRULE")


@dataclass(frozen=True)
class Rule:
    """A rule as it is written. `until` is text of the form of a date or a moment; who reads it knows the time zone."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: str = ""
    weekdays: tuple[tuple[int, int], ...] = ()  # (ordinal or 0, weekday with Monday 0)
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


def parse(text: str) -> Rule:
    """Return the rule; raise Invalid for one that is not read here, with what was found and what is allowed."""
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        name = name.strip().upper()
        if name not in PARTS or name in parts or not value:
            raise _refusal("this part of a rule is not read here, or stands there twice", name, list(PARTS))
        parts[name] = value.strip().upper()
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        raise _refusal("so often no site is booked", frequency, list(FREQUENCIES))
    if "COUNT" in parts and "UNTIL" in parts:
        raise _refusal("a rule has COUNT or UNTIL, not both (section 3.3.10)", "COUNT;UNTIL", ["COUNT", "UNTIL"])
    if "UNTIL" in parts and not _UNTIL.fullmatch(parts["UNTIL"]):
        raise _refusal("UNTIL is a date or a moment", parts["UNTIL"], "YYYYMMDD or YYYYMMDDThhmmssZ")
    rule = Rule(
        frequency,
        _number("INTERVAL", parts.get("INTERVAL", "1"), 1, INTERVAL_MAX),
        _number("COUNT", parts["COUNT"], 1, COUNT_MAX) if "COUNT" in parts else None,
        parts.get("UNTIL", ""),
        tuple(_weekday(each) for each in _listed(parts, "BYDAY")),
        _numbers(parts, "BYMONTHDAY", 31),
        _numbers(parts, "BYMONTH", _DECEMBER, least=1),
        _numbers(parts, "BYSETPOS", 366),
        _week_start(parts.get("WKST", "MO")),
    )
    if any(ordinal for ordinal, _ in rule.weekdays) and (frequency not in {MONTHLY, YEARLY} or rule.month_days):
        raise _refusal("a numbered weekday is one of a month or a year", parts["BYDAY"], [MONTHLY, YEARLY])
    if rule.month_days and frequency == WEEKLY:
        raise _refusal("a week has no days of the month (section 3.3.10)", "BYMONTHDAY", "BYDAY")
    if rule.positions and not (rule.weekdays or rule.month_days or rule.months):
        raise _refusal(
            "BYSETPOS chooses from what another BY part gives", "BYSETPOS", ["BYDAY", "BYMONTHDAY", "BYMONTH"]
        )
    return rule


def _every_day(_: date) -> bool:
    return True


def days_of(
    rule: Rule,
    first: date,
    since: date,
    last: date,
    budget: Budget,
    has_hour: Callable[[date], bool] = _every_day,
) -> Iterator[date]:
    """Yield the days of a rule that began on `first`, in order, from `since` to `last`, both included.

    With COUNT all days before `since` are counted, too; without it, periods that end before `since` are passed over.
    A day on which the clocks leave the event's hour out (`has_hour`) is no occurrence, and none of COUNT.
    """
    number = 0 if rule.count is not None else _periods_before(rule, first, since)
    counted = 0
    while (begin := _period(rule, first, number)) is not None and begin[0] <= last:
        days = [day for day in _chosen(rule, first, begin, budget, has_hour) if day >= first]
        for day in days:
            counted += 1
            if day > last or (rule.count is not None and counted > rule.count):
                return
            if day >= since:
                yield day
        number += 1


def _chosen(
    rule: Rule, first: date, period: tuple[date, date], budget: Budget, has_hour: Callable[[date], bool]
) -> list[date]:
    """Return the days of a period (its first and its last day) that the rule names, in order."""
    begin, end = period
    length = (end - begin).days + 1
    budget.spend(length)
    days = (begin + DAY * number for number in range(length))
    found = [day for day in days if _matches(rule, first, day) and (day == first or has_hour(day))]
    if not rule.positions:
        return found
    places = {place - 1 if place > 0 else len(found) + place for place in rule.positions}
    return [found[place] for place in sorted(places) if 0 <= place < len(found)]


def _matches(rule: Rule, first: date, day: date) -> bool:
    """Say whether a day is one of the rule's: each BY part limits, and where none says the day, DTSTART does."""
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days or rule.weekdays:
        of_month = not rule.month_days or bool({day.day, day.day - _month_length(day) - 1} & set(rule.month_days))
        return of_month and (not rule.weekdays or any(_is_weekday(rule, day, *each) for each in rule.weekdays))
    if rule.frequency in {DAILY, WEEKLY}:
        return rule.frequency == DAILY or day.weekday() == first.weekday()
    same_month = rule.frequency == MONTHLY or bool(rule.months) or day.month == first.month
    return same_month and day.day == first.day


def _is_weekday(rule: Rule, day: date, ordinal: int, weekday: int) -> bool:
    if day.weekday() != weekday:
        return False
    if ordinal == 0:
        return True
    if rule.frequency == YEARLY and not rule.months:
        place, length = day.timetuple().tm_yday, 366 if _is_leap(day.year) else 365
    else:
        place, length = day.day, _month_length(day)
    if ordinal > 0:
        return (place - 1) // _DAYS_OF_WEEK + 1 == ordinal
    return (length - place) // _DAYS_OF_WEEK + 1 == -ordinal


def _period(rule: Rule, first: date, number: int) -> tuple[date, date] | None:
    """Return first and last day of the n-th period, or None beyond the last year that there is."""
    steps = number * rule.interval
    try:
        if rule.frequency == DAILY:
            day = first + DAY * steps
            return day, day
        if rule.frequency == WEEKLY:
            begin = _week(rule, first) + DAY * _DAYS_OF_WEEK * steps
            return begin, begin + DAY * (_DAYS_OF_WEEK - 1)
        if rule.frequency == MONTHLY:
            month = first.year * _DECEMBER + first.month - 1 + steps
            begin = date(month // _DECEMBER, month % _DECEMBER + 1, 1)
            return begin, begin + DAY * (_month_length(begin) - 1)
        return date(first.year + steps, 1, 1), date(first.year + steps, _DECEMBER, 31)
    except (ValueError, OverflowError):
        return None


def _periods_before(rule: Rule, first: date, since: date) -> int:
    """Return how many periods certainly end before `since`."""
    if since <= first:
        return 0
    whole = {
        DAILY: (since - first).days,
        WEEKLY: (since - _week(rule, first)).days // _DAYS_OF_WEEK,
        MONTHLY: (since.year - first.year) * _DECEMBER + since.month - first.month,
        YEARLY: since.year - first.year,
    }[rule.frequency]
    return max(0, whole // rule.interval)


def _week(rule: Rule, day: date) -> date:
    """Return the first day of a day's week; there is none before the year 1."""
    back = (day.weekday() - rule.week_start) % _DAYS_OF_WEEK
    return day - DAY * back


def _month_length(day: date) -> int:
    if day.month == _DECEMBER:
        return 31
    return (date(day.year, day.month + 1, 1) - DAY).day


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _listed(parts: dict[str, str], name: str) -> list[str]:
    listed = parts[name].split(",") if name in parts else []
    if len(listed) > LIST_MAX:
        raise _refusal(f"{name} is longer than is read here", len(listed), LIST_MAX)
    return listed


def _numbers(parts: dict[str, str], name: str, most: int, least: int | None = None) -> tuple[int, ...]:
    found = tuple(_number(name, each, -most if least is None else least, most) for each in _listed(parts, name))
    if 0 in found:
        raise _refusal(f"{name} counts from 1, or from -1 backwards", 0, f"-{most} to {most}")
    return found


def _number(name: str, text: str, least: int, most: int) -> int:
    if not _NUMBER.fullmatch(text) or not text.isascii() or not least <= int(text) <= most:
        raise _refusal(f"{name} is a whole number", text, f"{least} to {most}")
    return int(text)


def _weekday(text: str) -> tuple[int, int]:
    match = _BYDAY.fullmatch(text)
    ordinal = int(match[1] or 0) if match else 0
    if match is None or (match[1] and not 1 <= abs(ordinal) <= 53):  # noqa: PLR2004 - weeks that a year can have
        raise _refusal("BYDAY is weekdays, numbered or not", text, "such as MO, 1MO or -1FR")
    return ordinal, WEEKDAYS.index(match[2])


def _week_start(text: str) -> int:
    if text not in WEEKDAYS:
        raise _refusal("WKST is a weekday", text, list(WEEKDAYS))
    return WEEKDAYS.index(text)


def _refusal(detail: str, found: object, allowed: object) -> Invalid:
    shown = found[:80] if isinstance(found, str) else found
    return Invalid("recurrence_not_read", detail, field="RRULE", found=shown, allowed=allowed)
