"""What the sweeper does after the work: it counts what each part of a request emitted, and tells the log, once.

    count(now)

Energy x PUE x what the grid really was in those hours, so it waits until the history of the region covers them: hours
after the end with most sources. What starting at once would have emitted is counted with the same history: all parts
begin as much earlier as the first one waited. After PATIENCE nothing is asked any more, and the carbon stays unknown.

It may ask over the network, so it is not to be called within a transaction. Safe to repeat, and for two sweepers at
once: the request is locked, and what was told is not told again.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from governance.clock import unix
from governance.errors import Refusal
from governance.models import Event
from governance.services import note
from training_jobs.carbon import configured
from training_jobs.carbon.cache import Cache
from training_jobs.carbon.sources.base import HISTORY_SECONDS_MAX
from training_jobs.commons import used
from training_jobs.models import Allotment, Attempt, ComputeRequest
from training_jobs.scheduling import events
from training_jobs.scheduling.carbon import covers, gram_seconds
from training_jobs.scheduling.events import ComputeEmitted, Signal

logger = logging.getLogger(__name__)

PATIENCE: Final = timedelta(days=14)
# A source that does not know these hours yet is asked again after as long.
ASK_AGAIN: Final = timedelta(minutes=15)
_Key = tuple[int, int, int]  # number of the request, part, the moment it ended
_asked: dict[_Key, datetime] = {}  # of this process: forgotten, it costs a question more


def count(now: datetime) -> int:
    """Tell what the parts emitted of which the history is known by now; return how many."""
    try:
        cache = configured.intensity()
    except Refusal as error:  # a source that the settings name, and that cannot be used
        logger.warning("carbon is not counted: %s", error)
        return 0
    if cache is None:
        return 0
    for key in [key for key, at in _asked.items() if not timedelta() <= now - at < ASK_AGAIN]:
        del _asked[key]
    told = 0
    for request, part, waited in _untold(now):
        key = (request.pk, part.number, unix(part.until))
        if key in _asked:
            continue
        said = _counted(cache, request, part, waited, now)
        if said is None:
            _asked[key] = now
        else:
            told += _tell(request, said, now)
    return told


def _untold(now: datetime) -> Iterator[tuple[ComputeRequest, used.Part, int]]:
    """Yield the parts that ended lately and were not told, and how many seconds their request waited at first."""
    since = now - PATIENCE
    said = Event.objects.filter(kind=ComputeEmitted.kind, at__gte=since)
    told = set(said.values_list("community", "data__request", "data__part"))
    asked_for = [f"run__requests{column}" for column in ("", "__community", "__name")]
    lately = Attempt.objects.filter(ended_at__gt=since, run__requests__slot=F("slot"))
    untold = {pk for pk, *part in lately.values_list(*asked_for, "number") if tuple(part) not in told}
    sandbox = Allotment.objects.filter(request__run__isnull=True, claimed_at__isnull=False, ended_at__gt=since)
    asked = ComputeRequest.objects.filter(Q(pk__in=untold) | Q(pk__in=sandbox.values("request")))
    for request in asked.select_related("community").order_by("pk"):
        parts = used.parts_of(request)
        first = min((part.since for part in parts), default=request.requested_at)
        waited = max(0, unix(first) - unix(request.requested_at))
        for part in parts:
            if since < part.until and (request.community_id, request.name, part.number) not in told:
                yield request, part, waited


def _counted(
    cache: Cache, request: ComputeRequest, part: used.Part, waited: int, now: datetime
) -> ComputeEmitted | None:
    """Return what a part emitted; None where the history of its hours is not known."""
    site = part.allotment.site
    since = unix(part.since)
    until = max(unix(part.until), since + 1)  # what was metered in less than a second counts as of one
    here = _sum_of(cache, site.region, since, until, now)
    if here is None:
        return None
    total, signal = here
    at_once = here if not waited else _sum_of(cache, site.region, since - waited, until - waited, now)
    return ComputeEmitted.of(
        request=request.name,
        part=part.number,
        site=site.slug,
        since=since,
        until=until,
        joules=part.joules,
        pue_permille=int(site.inputs["pue_permille"]["value"]),
        source=cache.source.name,
        signal=Signal(signal),
        gram_seconds=total,
        at_once_gram_seconds=None if at_once is None or at_once[1] != signal else at_once[0],
    )


def _sum_of(cache: Cache, region: str, since: int, until: int, now: datetime) -> tuple[int, str] | None:
    """Return the sum of a region's intensity over [since, until), and its signal; None where some of it is unknown."""
    total, signals = 0, set()
    if until > unix(now):
        return None
    for begin in range(since, until, HISTORY_SECONDS_MAX):
        end = min(begin + HISTORY_SECONDS_MAX, until)
        reading = None
        with suppress(Refusal):
            reading = cache.history(region, begin, end, unix(now)).reading
        if reading is None or not covers(reading.series, begin, end):
            return None
        total += gram_seconds(reading.series, begin, end)
        signals.add(reading.signal)
    return (total, signals.pop()) if len(signals) == 1 else None


@transaction.atomic
def _tell(request: ComputeRequest, said: ComputeEmitted, now: datetime) -> bool:
    """Tell the log what a part emitted, unless it was told."""
    ComputeRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
    mine = request.community.events.filter(kind=said.kind, data__request=said.request, data__part=said.part)
    if mine.exists():
        return False
    note(said.kind, now, community=request.community, **events.data_of(said))
    return True
