"""A site's calendar is replaced by the one that its operator sends, and written out again for everybody.

What did not change stays as it is, with the moment since which it is known: a feed that says the same is the same
bytes.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from training_jobs.models import Busy, Site
from training_jobs.sites import calendar_in, calendar_out, lifecycle, telling
from training_jobs.sites.calendar_in import Entry
from training_jobs.sites.calendar_out import Time
from training_jobs.sites.lifecycle import Action
from training_jobs.sites.services import owned

# What is over stays in the feed for so long.
SHOWN_BACK = timedelta(days=30)
TIMES_MAX = 10_000


def replace(slug: str, actor: str, data: bytes, now: datetime) -> Site:
    """Let a calendar say from now on when one's own site is busy. Raises TooLarge or Invalid for what cannot be read.

    1. Read it, as far as the horizon. 2. Keep what is over, and what stands there as it did. 3. The logs get the digest
    of what is new, if anything is.
    """
    with transaction.atomic():
        site = owned(slug, actor)
        lifecycle.require(Action.DESCRIBE, site.facts, now)
        wanted = {_key(each): each for each in calendar_in.read(data, devices=site.devices, now=now)}  # 1
        known = {_key(row): row for row in site.busy.filter(until__gt=now)}  # 2
        gone = [row.pk for key, row in known.items() if key not in wanted]
        new = [each for key, each in wanted.items() if key not in known]
        site.busy.filter(pk__in=gone).delete()
        # An entry that is over may stand under the same name and beginning as one that now ends later.
        for each in new:
            site.busy.filter(uid=each.uid, since=each.since).delete()
        Busy.objects.bulk_create(
            Busy(
                site=site,
                uid=each.uid,
                since=each.since,
                until=each.until,
                devices=each.devices,
                summary=each.summary,
                noted_at=now,
            )
            for each in new
        )
        if gone or new:  # 3
            digest = hashlib.sha256(data).hexdigest()
            telling.everywhere("site_calendar_changed", site, now, actor, entries=len(wanted), sha256=digest)
    return site


def feed(site: Site, host: str, now: datetime, reserved: Iterable[Time] = ()) -> bytes:
    """Return a site's times as iCalendar: busy by its own word, and what is reserved on it."""
    busy = site.busy.filter(until__gt=now - SHOWN_BACK)[:TIMES_MAX]
    times = [Time(row.uid, row.since, row.until, row.devices, row.summary, row.noted_at) for row in busy]
    return calendar_out.write(site.name, host, [*times, *reserved])


def _key(each: Busy | Entry) -> tuple[str, datetime, datetime, int, str]:
    return each.uid, each.since, each.until, each.devices, each.summary
