"""What the scheduler looks at, from the database: the queue, the sites of one governing community, the calendar.

A site is governed by the community that let it in first, of those that still do: its policy holds there, for the
requests of every community that the site serves. Reads only; `now` is a parameter. What the grid will be is handed in,
because asking for it may take a network (`carbon.configured`).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q

from governance.clock import unix
from governance.models import Community
from training_jobs import budget, seats
from training_jobs.commons import data_rules, naming, used
from training_jobs.commons.allotments import UNLIMITED
from training_jobs.commons.policies import policy_of
from training_jobs.lifecycle import State
from training_jobs.models import Admission, Allotment, ComputeRequest, Runner, Site, SiteMeasurement
from training_jobs.previews import lifecycle as previews
from training_jobs.runners import kept
from training_jobs.scheduling import fair_share, fitting, values
from training_jobs.scheduling.events import Interruption
from training_jobs.sites import measured, selectors

# So long a site is not tried again where a request was not taken, or did not work, if there is another one.
AVOIDED: Final = timedelta(hours=1)
# So far ahead the calendars of sites are looked at, and so far back past use, in half-lives: what is older is 1/4096.
AHEAD: Final = timedelta(days=400)
HALF_LIVES: Final = 12
# No stay is shorter: a machine has to fetch what it works on, whatever its speed, and lent work is to get somewhere.
STAY_MIN: Final = timedelta(minutes=15)
SECONDS_LEFT_MIN: Final = 60  # what is left of a budget is at least a minute's work
_AVOIDED_IF_OTHERS = (str(Interruption.SITE_SILENT), str(Interruption.ATTEMPT_FAILED))
_FOR_GOOD = frozenset({values.Why.NO_SITE_FITS, values.Why.TOO_DEAR})
# Where a run stands when a machine may take its lead, at once or after a short rest.
_ASKS = frozenset({State.QUEUED, State.WAITING, State.STALLED})


@dataclass(frozen=True)
class World:
    """The arguments of `choose`, but for `now`. `resting`: whom a site could do that is left out only for a while."""

    queue: tuple[values.Request, ...]
    sites: tuple[values.Site, ...]
    calendar: values.Calendar
    policy: values.Policy
    resting: frozenset[str] = frozenset()

    def reason(self, identifier: str, why: values.Why) -> values.Why:
        """Return why a request waits, of which the scheduler gave a reason: what holds for a while is not for good."""
        return values.Why.TRIED_AGAIN if identifier in self.resting and why in _FOR_GOOD else why

    def told(self, identifier: str, wait: values.Wait) -> values.Wait:
        """Return an explanation with that reason."""
        why = self.reason(identifier, wait.why)
        return wait if why is wait.why else replace(wait, why=why)


@dataclass
class Machines:
    """The machines of a site that were measured: how many, and the devices of the largest. None: as many as needed."""

    count: int | None = 0
    devices_max: int = 0
    runners: list[Runner] = field(default_factory=list)


@dataclass(frozen=True)
class Governed:
    """The sites that one community governs, with all that a row needs."""

    community: Community
    sites: tuple[Site, ...] = field(default_factory=tuple)

    @property
    def regions(self) -> list[str]:
        """Return the regions of their grids."""
        return sorted({site.region for site in self.sites})

    @property
    def served(self) -> set[str]:
        """Return the communities that they serve, by slug."""
        return {admission.community.slug for site in self.sites for admission in site.in_force}


def governed() -> list[Governed]:
    """Return every community that governs sites, in order of slug: the order in which is decided."""
    first: dict[int, Community] = {}
    for admission in Admission.objects.in_force().select_related("community").order_by("admitted_at", "pk"):
        first.setdefault(admission.site_id, admission.community)
    by_community: dict[Community, list[Site]] = defaultdict(list)
    for site in selectors.all_sites().filter(pk__in=first, left_at__isnull=True):
        by_community[first[site.pk]].append(site)
    return [Governed(each, tuple(by_community[each])) for each in sorted(by_community, key=lambda each: each.slug)]


def world_of(governing: Governed, now: datetime, forecast: Mapping[str, values.Series] | None = None) -> World:
    """Return what `choose` decides on for the sites that a community governs."""
    policy = policy_of(governing.community)
    sites = [selectors.as_value(site, now) for site in governing.sites]
    served = {slug for site in sites for slug in site.serves or ()}
    machines = machines_at(governing.sites)
    running = _running(governing.sites, now)
    slugs = [site.id for site in sites]
    bookings = selectors.bookings(slugs, now, now + AHEAD) if slugs else ()
    calendar = values.Calendar(
        running=tuple(each for each, _ in running),
        bookings=(*bookings, *_without_a_machine(sites, machines, [each for each, _ in running], now)),
        forecast=dict(forecast or {}),
        usage=usage_of(governing.sites, policy.half_life, now),
    )
    currencies = {site.slug: selectors.currency_of(site) for site in governing.sites}
    asked = list(_queue(served, governing, sites, machines, currencies, now))
    resting = frozenset(value.id for value, could in asked if could)
    return World(tuple(value for value, _ in asked), tuple(sites), calendar, policy, resting)


def waiting(now: datetime, which: Q) -> list[ComputeRequest]:
    """Return requests that could begin now, if there were devices: open, without an allotment, and not held up."""
    asked = ComputeRequest.objects.open().filter(which)
    asked = asked.exclude(pk__in=Allotment.objects.in_force().values("request"))
    joined = asked.select_related("community", "run__spec_record", "preview__proposal").order_by("requested_at", "pk")
    return [request for request in joined.prefetch_related("run__seats") if asks(request, now)]


def asks(request: ComputeRequest, now: datetime) -> bool:
    """Say whether a machine could work on a request now: its run is not paused, its lead has begun, and so on."""
    if request.preview is not None:
        return request.preview.state(now) in previews.CLAIMABLE
    run = request.run
    assert run is not None
    if request.slot == 0:
        return run.state(now) in _ASKS
    return any(seat.slot == request.slot for seat in seats.free_seats(run, now))


def value_of(
    request: ComputeRequest, now: datetime, not_at: Iterable[str] = (), total: used.Total | None = None
) -> values.Request:
    """Return a request as the scheduler sees it: with what is left of its time and of its ceiling.

    `total` is what it has used (`used.totals_of`), where that is known already.
    """
    seconds, ceiling = request.seconds, request.ceiling
    run = request.run
    if run is not None and run.trained_at is None and request.waiting_since > request.requested_at:
        total = total or used.totals_of([request])[request.pk]
        left = min(seconds - total.seconds, budget.seconds_left(run, now))
        seconds = max(left, min(seconds, SECONDS_LEFT_MIN))
        if ceiling < UNLIMITED:
            ceiling = max(0, ceiling - total.cost)
    elif run is not None and run.trained_at is not None:  # measuring costs its community nothing
        ceiling = UNLIMITED
    return values.Request(
        id=naming.id_of(request),
        community=request.community.slug,
        member=request.member,
        origin=values.Origin(request.origin),
        need=values.Need(request.devices, request.memory_bytes, seconds, frozenset(request.data)),
        submitted_at=unix(request.requested_at),
        ceiling=ceiling,
        newcomer=request.newcomer,
        tier=request.tier,
        slack=request.slack,
        checkpoints=request.checkpoints,
        not_at=frozenset(not_at),
    )


def currency_of(request: ComputeRequest) -> str | None:
    """Return the currency of a request's ceiling in money; None where its community pays none."""
    money = request.run and request.run.spec_record.body["budget"].get("money")
    return money["currency"] if money else None


def machines_at(sites: Iterable[Site]) -> dict[str, Machines]:
    """Return the machines of sites. A machine takes one piece of work at a time; this platform's workers are many."""
    found = {site.slug: Machines() for site in sites}
    newest: dict[int, SiteMeasurement] = {}
    rows = SiteMeasurement.objects.filter(
        site__slug__in=found,
        runner__revoked_at__isnull=True,
        benchmark=measured.BENCHMARK,
    ).select_related("site", "runner")
    for row in rows.order_by("measured_at", "pk"):
        if row.runner.site_id == row.site_id:
            newest[row.runner_id] = row
    for row in newest.values():
        machines = found[row.site.slug]
        machines.count = (machines.count or 0) + 1
        machines.runners.append(row.runner)
        machines.devices_max = max(machines.devices_max, row.devices)
    if settings.HOME_SITE in found:
        found[settings.HOME_SITE].count = None
    return found


def usage_of(sites: Iterable[Site], half_life: int, now: datetime) -> values.Usage:
    """Return the past use of these sites by community and member, as fair share weighs it."""
    since = now - timedelta(seconds=min(half_life * HALF_LIVES, AHEAD // timedelta(seconds=1)))
    rows = Allotment.objects.filter(
        site__in=list(sites), claimed_at__isnull=False, ended_at__gt=since, ended_at__lte=now
    ).select_related("request__community")
    usage = values.Usage(unix(since))
    for row in rows.order_by("ended_at", "pk"):
        assert row.claimed_at is not None
        assert row.ended_at is not None
        device_seconds = row.request.devices * max(0, unix(row.ended_at) - unix(row.claimed_at))
        community, member = row.request.community.slug, row.request.member
        usage = fair_share.add(usage, community, member, device_seconds, unix(row.ended_at), half_life)
    return usage


def _queue(
    served: Collection[str],
    governing: Governed,
    sites: list[values.Site],
    machines: Mapping[str, Machines],
    currencies: Mapping[str, str],
    now: datetime,
) -> Iterable[tuple[values.Request, bool]]:
    """Yield what waits, and whether a site could do it that is left out only for a while."""
    asked = waiting(now, Q(community__slug__in=served))
    avoided = _avoided(asked, now)
    closed = data_rules.closed_to(asked, governing.sites)
    totals = used.totals_of(asked)
    taken = _places_at(asked)
    tried = kept.perhaps_from({request.run_id for request in asked if request.run_id is not None})
    for request in asked:
        here = {site.id for site in sites if request.community.slug in (site.serves or ())}
        untaken, rather_not = avoided[request.pk]
        never = closed[request.pk] | {slug for slug in here if request.devices > machines[slug].devices_max}
        # a ceiling is paid in its own currency alone
        money = currency_of(request)
        never |= {slug for slug in here if money not in {None, currencies[slug]}}
        if request.preview is not None and not request.preview.is_trial:
            never |= here - {settings.HOME_SITE}  # machines that members lend make trials alone
        elif request.preview is not None or request.run_id in tried:
            never |= {slug for slug in here - never if _nobody_may(request, machines[slug])}
        # a machine has one place of a run at most
        for_now = untaken | {slug for slug in here if not has_room(machines[slug], taken[(request.run_id, slug)])}
        out = never | for_now
        value = value_of(request, now, out | rather_not if here - out - rather_not else out, totals[request.pk])
        yield value, _could_later(value, never, [site for site in sites if site.id in for_now])


def has_room(machines: Machines, at_work: int) -> bool:
    """Say whether one machine more of a site could take something."""
    return machines.count is None or at_work < machines.count


def _avoided(asked: Collection[ComputeRequest], now: datetime) -> dict[int, tuple[set[str], set[str]]]:
    """Return by request the sites that are not tried for a while, and those that are only where no other is left."""
    found: dict[int, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    untaken = str(Interruption.UNTAKEN)
    lately = Allotment.objects.filter(request__in=[each.pk for each in asked], ended_at__gt=now - AVOIDED)
    rows = lately.filter(how__in=(untaken, *_AVOIDED_IF_OTHERS))
    for request, slug, how in rows.values_list("request_id", "site__slug", "how"):
        found[request][0 if how == untaken else 1].add(slug)
    return found


def _could_later(value: values.Request, never: Iterable[str], resting: Iterable[values.Site]) -> bool:
    """Say whether one of these sites, which are left out for now, could do a request within its ceiling."""
    asked = replace(value, not_at=frozenset(never))
    return any(fitting.could_run(asked, site) and fitting.affordable(asked, site) for site in resting)


def _nobody_may(request: ComputeRequest, machines: Machines) -> bool:
    """Say whether all machines of a site are kept away from a run or trial; this platform's workers never are."""
    if machines.count is None:
        return False
    if request.preview is not None:
        trial = request.preview
        own = [runner for runner in machines.runners if runner.community_id == request.community_id]
        return all(kept.from_trial(runner, trial) for runner in own)  # machines make those of their community alone
    assert request.run_id is not None
    kept_away = kept.from_seats if request.slot else kept.from_lead
    return all(kept_away(runner, request.run_id) for runner in machines.runners)


def _places_at(asked: Iterable[ComputeRequest]) -> Counter[tuple[int | None, str]]:
    """Return how many places of each run are allotted at each site."""
    runs = {request.run_id for request in asked if request.run_id is not None}
    rows = Allotment.objects.in_force().filter(request__run__in=runs)
    return Counter(rows.values_list("request__run_id", "site__slug"))


def _running(sites: Iterable[Site], now: datetime) -> list[tuple[values.Running, Allotment]]:
    rows = Allotment.objects.in_force().filter(site__in=list(sites))
    joined = rows.select_related("site", "request__community", "request__run__spec_record", "request__preview")
    found = list(joined.order_by("allotted_at", "pk"))
    totals = used.totals_of([row.request for row in found])
    return [(_running_of(row, now, totals[row.request_id]), row) for row in found]


def _running_of(allotment: Allotment, now: datetime, total: used.Total) -> values.Running:
    # a heartbeat tells it to stop, and it leaves a checkpoint then; until it has got somewhere it is left alone
    checkpoint = max(now, (allotment.claimed_at or now) + STAY_MIN)
    return values.Running(
        request=value_of(allotment.request, now, total=total),
        site=allotment.site.slug,
        since=unix(allotment.allotted_at),
        until=unix(allotment.until),
        lent=allotment.lent,
        checkpoint_at=unix(checkpoint) if allotment.request.checkpoints else 0,
    )


def _without_a_machine(
    sites: Iterable[values.Site], machines: Mapping[str, Machines], running: Collection[values.Running], now: datetime
) -> Iterable[values.Booking]:
    """Yield what is free of sites whose machines all have something: not to be had until one of them is done."""
    for site in sites:
        here = [run for run in running if run.site == site.id]
        free = site.devices - sum(run.request.need.devices for run in here)
        if free > 0 and not has_room(machines[site.id], len(here)):
            since = unix(now)
            until = max(since + 1, min((run.until for run in here), default=since + 1))
            yield values.Booking(site.id, since, until, free)
