"""What really happened at the sites that a community governs, as the history that a policy is replayed over.

    told = told_of(community, now)
    side_by_side(told.history, policy_of(community), proposed)

It is made from the tables of requests, allotments and sites, and from the community's public log, which says when a
site came, changed and went. `Told.left_out` counts what a history cannot hold; pages say it in words. Reads only; it
may ask the configured source of carbon intensity over the network, so it is for workers alone, outside transactions.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Prefetch, Q

from governance.clock import unix
from governance.errors import Refusal
from governance.models import Community, Event
from training_jobs.carbon.configured import intensity
from training_jobs.commons import naming, policies, timetable
from training_jobs.federation.replay import History
from training_jobs.federation.values import Asked, Ended, Fate, Left, SiteLife, Stay, Turn
from training_jobs.federation.values import Community as Member
from training_jobs.models import Admission, Allotment, ComputeRequest, Site
from training_jobs.scheduling.carbon import covers
from training_jobs.scheduling.values import Need, Origin, Request, Series, Standing
from training_jobs.sites import selectors

MONTHS: Final = timedelta(days=180)
REQUESTS_MAX: Final = 4_000  # the newest of them: a replay is a matter of minutes
SITES_MAX: Final = 300
FORECAST_ERROR_BPS: Final = 1_500  # how far a forecast for a day ahead is off, where nobody kept the real ones
_SITE_EVENTS: Final = ("site_admitted", "site_removed", "site_standing")
_LEFT: Final[Mapping[str, Left]] = {
    "": Left.STILL_THERE,
    "ended": Left.DONE,
    "recalled": Left.RECALLED,
    "site_silent": Left.SITE_LOST,
    "ceiling": Left.CEILING_REACHED,
}
_FATES: Final[Mapping[str, Fate]] = {"": Fate.OPEN, "stopped": Fate.STOPPED, "refused": Fate.REFUSED}


@dataclass(frozen=True)
class Told:
    """A history, and how much of what is not in it: codes with counts, those alone that are not 0."""

    history: History
    left_out: Mapping[str, int]


def told_of(community: Community, now: datetime) -> Told:
    """Return the last months at the sites that a community governs.

    1. its sites, with what became of them; 2. who asked for them, and what came of it; 3. who shares, and the grid.
    """
    since = now - MONTHS
    sites = _sites(community, since, now)  # 1
    lives = _lives(community, sites, since, now)
    known = {life.site.id for life in lives}
    served = {slug for life in lives for slug in life.site.serves or ()}
    left_out: dict[str, int] = defaultdict(int)
    past = _past(known, served, since, now, left_out)  # 2
    series = _intensity({life.site.region for life in lives}, unix(since), unix(now), left_out)  # 3
    history = History(
        since=unix(since),
        until=unix(now),
        past=past,
        sites=lives,
        communities=_members(community, past),
        bookings=selectors.bookings(known, since, now),
        intensity=series,
        forecast_error_bps=FORECAST_ERROR_BPS,
    )
    return Told(history, {code: count for code, count in sorted(left_out.items()) if count})


# --- sites --------------------------------------------------------------------------------------------------------


def _sites(community: Community, since: datetime, now: datetime) -> list[Site]:
    """Return those that it governs now, and those that it had let in within the time and that nobody else governs."""
    lately = Q(removed_at__isnull=True) | Q(removed_at__gt=since)
    own = Admission.objects.filter(lately, community=community, admitted_at__lte=now)
    sites = list(selectors.all_sites().filter(pk__in=own.values("site")))
    governs = timetable.governing(sites)
    return [site for site in sites if governs.get(site.pk, community) == community][:SITES_MAX]


def _lives(community: Community, sites: list[Site], since: datetime, now: datetime) -> tuple[SiteLife, ...]:
    """Return each site with its turns. It counts with the most devices it offered, and otherwise as it is today."""
    lately = Q(removed_at__isnull=True) | Q(removed_at__gt=since)
    serves: dict[int, set[str]] = defaultdict(set)
    for site, slug in Admission.objects.filter(lately, site__in=sites).values_list("site", "community__slug"):
        serves[site].add(slug)
    told = _told_of_sites(community, {site.slug for site in sites})
    lives = []
    for site in sites:
        turns, devices, memory = _turns(told[site.slug], unix(since), unix(now))
        value = selectors.as_value(site, now)
        value = replace(
            value,
            devices=max(value.devices, devices),
            memory_bytes=max(value.memory_bytes, memory),
            serves=frozenset(serves[site.pk]),
            standing=Standing.OPEN,
        )
        if value.devices and turns:
            lives.append(SiteLife(value, turns))
    return tuple(lives)


def _told_of_sites(
    community: Community, slugs: Collection[str]
) -> dict[str, list[tuple[int, str, Mapping[str, object]]]]:
    """Return what the community's log says of its sites, in the order of the log."""
    found: dict[str, list[tuple[int, str, Mapping[str, object]]]] = defaultdict(list)
    told = Event.objects.filter(community=community, kind__in=_SITE_EVENTS, position__isnull=False)
    for at, kind, data in told.order_by("position").values_list("at", "kind", "data").iterator(chunk_size=2_000):
        if data.get("site") in slugs:
            found[data["site"]].append((unix(at), kind, data))
    return found


def _turns(
    told: Iterable[tuple[int, str, Mapping[str, object]]], since: int, until: int
) -> tuple[tuple[Turn, ...], int, int]:
    """Return the turns of a site, and the most devices and memory that it offered meanwhile.

    A site that is removed ends what it has, as one that drains does. Its first turn is how it stood at the beginning.
    """
    admitted, standing, devices, memory = False, Standing.SILENT, 0, 0
    turns: list[Turn] = []
    for at, kind, data in told:
        if kind == "site_standing":
            standing = Standing(str(data["standing"]))
            devices = max(devices, int(str(data["devices"])))
            memory = max(memory, int(str(data["memory_bytes"])))
        else:
            admitted = kind == "site_admitted"
        now = standing if admitted else Standing.DRAINING
        moment = min(max(at, since), until)
        if turns and turns[-1].at == moment:
            turns.pop()
        if (admitted or turns) and (not turns or turns[-1].standing is not now):
            turns.append(Turn(moment, now))
    return tuple(turns), devices, memory


# --- requests -----------------------------------------------------------------------------------------------------


def _past(
    known: Collection[str], served: Collection[str], since: datetime, now: datetime, left_out: dict[str, int]
) -> tuple[Ended, ...]:
    """Return who asked within the time and could have had these sites; count what is left out."""
    stays = Allotment.objects.select_related("site").order_by("allotted_at", "pk")
    asked = ComputeRequest.objects.filter(community__slug__in=served, requested_at__lte=now)
    within = asked.filter(requested_at__gt=since).select_related("community")
    left_out["before"] = (
        asked.filter(requested_at__lte=since).filter(Q(ended_at__isnull=True) | Q(ended_at__gt=since)).count()
    )
    newest = within.prefetch_related(Prefetch("allotments", queryset=stays)).order_by("-requested_at", "-pk")
    left_out["too_many"] = max(0, within.count() - REQUESTS_MAX)
    past = []
    for request in newest[:REQUESTS_MAX]:
        why, ended = _ended(request, known, now)
        if ended is None:
            left_out[why] += 1
        else:
            past.append(ended)
    return tuple(sorted(past, key=lambda each: (each.asked.request.submitted_at, each.asked.request.id)))


def _ended(request: ComputeRequest, known: Collection[str], now: datetime) -> tuple[str, Ended | None]:
    """Return what became of a request; or None, and why it is left out."""
    taken = [each for each in request.allotments.all() if each.claimed_at is not None]
    if any(each.site.slug not in known for each in taken):
        return "elsewhere", None
    if not taken and request.outcome not in ("", "refused"):
        return "never_began", None
    end = request.ended_at or now
    ended = Ended(
        asked=Asked(_request(request), 0, 0),
        fate=_FATES.get(request.outcome, Fate.DONE),
        why=Left.DONE if taken else Left.STILL_THERE,
        at=unix(end),
        stays=tuple(_stay(each, request.devices, end) for each in taken),
    )
    return "", ended


def _request(row: ComputeRequest) -> Request:
    """Return a request as the scheduler had it when it was asked; sites that failed with it are tried again."""
    return Request(
        id=naming.id_of(row),
        community=row.community.slug,
        member=row.member,
        origin=Origin(row.origin),
        need=Need(row.devices, row.memory_bytes, row.seconds, frozenset(row.data)),
        submitted_at=unix(row.requested_at),
        ceiling=row.ceiling,
        newcomer=row.newcomer,
        tier=row.tier,
        slack=row.slack,
        checkpoints=row.checkpoints,
    )


def _stay(allotment: Allotment, devices: int, end: datetime) -> Stay:
    since = unix(allotment.claimed_at or allotment.allotted_at)
    until = max(since + 1, unix(allotment.ended_at or end))
    left = _LEFT.get(allotment.how, Left.RECALLED)
    return Stay(allotment.site.slug, since, until, until, devices, 0, left, lent=allotment.lent)


# --- who shares, and the grid ---------------------------------------------------------------------------------------


def _members(community: Community, past: Iterable[Ended]) -> tuple[Member, ...]:
    """Return the communities that asked. Each can pay what it asked for: votes have set it aside already."""
    shares = policies.policy_of(community).shares
    budgets: dict[str, int] = defaultdict(int)
    for each in past:
        budgets[each.asked.request.community] += each.asked.request.ceiling
    return tuple(Member(slug, budget, shares.get(slug, 1)) for slug, budget in sorted(budgets.items()))


def _intensity(regions: Collection[str], since: int, until: int, left_out: dict[str, int]) -> dict[str, Series]:
    """Return what the grids did in all of the time; regions of which that is not known count no carbon."""
    cache = intensity()
    known: dict[str, Series] = {}
    for region in sorted(regions):
        try:
            series = None if cache is None else cache.history(region, since, until, until).reading.series
        except Refusal:
            series = None
        if series is not None and covers(series, since, until):
            known[region] = series
        else:
            left_out["grids"] += 1
    return known
