"""A site's times as a feed (iCalendar, RFC 5545): when it is busy by its own word, and what is reserved on it.

Moments are in UTC, names (UID) never change, and what did not change is the same bytes again. Read back by
`calendar_in`, the feed blocks the same devices in the same times.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from icalendar import Calendar, Event

from training_jobs.sites.calendar_in import DEVICES

# How often a program may come back (RFC 7986).
REFRESH = timedelta(minutes=15)
_UID_CHARACTERS = 32


@dataclass(frozen=True)
class Time:
    """One line of the feed: devices that are not to be had in [since, until). `noted_at` is when it came to stand so.

    `name` distinguishes it from all others of the site; `category` says what it is: BUSY or RESERVED.
    """

    name: str
    since: datetime
    until: datetime
    devices: int
    summary: str
    noted_at: datetime
    category: str = "BUSY"


def write(name: str, host: str, times: Iterable[Time]) -> bytes:
    """Return the feed of a site. `host` is whose names the UIDs are (section 3.8.4.7)."""
    made = Calendar()
    made.add("prodid", "-//Commonweights//Sites//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("name", name)
    made.add("x-wr-calname", name)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for each in sorted(times, key=lambda time: (time.since, time.category, time.name)):
        made.add_component(_event(host, each))
    return bytes(made.to_ical())


def _event(host: str, time: Time) -> Event:
    named = hashlib.sha256(f"{time.category}:{time.name}:{time.since.isoformat()}".encode()).hexdigest()
    event = Event()
    event.add("uid", f"{named[:_UID_CHARACTERS]}@{host}")
    # Without a METHOD the stamp is when what is said here changed last (section 3.8.7.2).
    event.add("dtstamp", time.noted_at.replace(microsecond=0))
    event.add("dtstart", time.since)
    event.add("dtend", time.until)
    event.add("summary", time.summary)
    event.add("categories", [time.category])
    event.add("transp", "OPAQUE")
    event.add("status", "CONFIRMED")
    event.add(DEVICES, str(time.devices))
    return event
