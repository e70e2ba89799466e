"""Who uses what when: the sites of a community over a span of time, from allotments and from what sites are busy with.

Reads only; a row is frozen and knows no language. Bars are laid in lanes, so that two at one time stand below each
other. What is held for newcomers is a share of all open devices under one policy, whole devices of each kind, and not a
place at a site: `reserves`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from django.db.models import Q, QuerySet

from governance.errors import Malformed
from governance.models import Community
from training_jobs.commons import selectors as commons
from training_jobs.commons import world
from training_jobs.commons.policies import policy_of
from training_jobs.models import Admission, Allotment, Busy, ComputeRequest, Run, Site
from training_jobs.scheduling.reserve import reserved
from training_jobs.sites import lifecycle, selectors

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
# Of each kind in one week of one community; a page says when there were more.
SPANS_MAX = 2_000
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
_YEARS = (2020, 2200)


@dataclass(frozen=True)
class Week:
    """A week of ISO 8601, from Monday to Monday (UTC)."""

    since: datetime

    @property
    def until(self) -> datetime:
        """Return when the next one begins."""
        return self.since + WEEK

    @property
    def name(self) -> str:
        """Return it as the standard writes it: 2026-W47."""
        year, number, _day = self.since.isocalendar()
        return f"{year:04d}-W{number:02d}"

    @property
    def days(self) -> tuple[datetime, ...]:
        """Return when its days begin."""
        return tuple(self.since + DAY * number for number in range(7))

    @property
    def before(self) -> "Week":
        """Return the week before."""
        return Week(self.since - WEEK)

    @property
    def after(self) -> "Week":
        """Return the week after."""
        return Week(self.until)


class Use(StrEnum):
    """What devices of a site are used for."""

    VOTED = "voted"  # a run that a vote approved
    SANDBOX = "sandbox"  # a member's own quota
    BUSY = "busy"  # the site's own use


@dataclass(frozen=True)
class Bar:
    """Devices of a site that somebody has in [since, until). `ended`: how, empty while it lasts; lanes count from 0."""

    site: str
    site_name: str
    use: Use
    name: str  # of the request, or what the site calls its own use
    since: datetime
    until: datetime
    devices: int
    noted_at: datetime
    community: Community | None = None
    run_id: int | None = None
    proposal: int | None = None
    title: str = ""
    newcomer: bool = False
    lent: bool = False
    taken: bool = False
    ended: str = ""
    lane: int = 0


@dataclass(frozen=True)
class Line:
    """A site with what happens there: in the order of time, in so many lanes."""

    row: selectors.Row
    governed_by: Community
    bars: tuple[Bar, ...]
    lanes: int


@dataclass(frozen=True)
class KindReserve:
    """What is held for newcomers of one kind of devices, at all open sites that one community governs. Devices.

    Newcomers have of it what they are at work on, up to all that is held, as the figures count it.
    """

    kind: str
    devices: int  # of its open sites
    held: int
    newcomers: int  # that newcomers have now
    lent: int  # at work now on reserved devices, to be given back

    @property
    def idle(self) -> int:
        """Return how much of it nobody uses."""
        return max(0, self.held - self.newcomers - self.lent)


@dataclass(frozen=True)
class Reserve:
    """What is held for newcomers at the sites that one community governs: of each kind, and of these kinds. Devices."""

    governed_by: Community
    share_bps: int
    lends: bool
    kinds: tuple[KindReserve, ...]  # those of the sites that are looked at, in the order of their names

    @property
    def devices(self) -> int:
        """Return how many devices of these kinds are open at its sites."""
        return sum(each.devices for each in self.kinds)

    @property
    def held(self) -> int:
        """Return how many of them are held."""
        return sum(each.held for each in self.kinds)

    @property
    def newcomers(self) -> int:
        """Return how many newcomers use now."""
        return sum(each.newcomers for each in self.kinds)

    @property
    def lent(self) -> int:
        """Return how many are lent now."""
        return sum(each.lent for each in self.kinds)

    @property
    def idle(self) -> int:
        """Return how many of those that are held nobody uses."""
        return sum(each.idle for each in self.kinds)


@dataclass(frozen=True)
class Computing:
    """A request of a run with what it was given until now; its row says why it waits, if it does."""

    row: commons.Row
    bars: tuple[Bar, ...]  # the newest first

    @property
    def place(self) -> int:
        """Return which machine of the run it is for, from 1."""
        return int(self.row.request.slot) + 1


@dataclass(frozen=True)
class Timetable:
    """A week of a community's sites; `cut` where more happened than is shown."""

    lines: tuple[Line, ...]
    cut: bool


def week_named(text: str, now: datetime) -> Week:
    """Return the week that an address names, or that of `now`; raise Malformed for what is none."""
    this = _week_of(now.astimezone(UTC).date())
    if not text:
        return this
    found = _WEEK.fullmatch(text)
    try:
        if found is None or not _YEARS[0] <= int(found[1]) <= _YEARS[1]:
            raise ValueError(text)
        return _week_of(date.fromisocalendar(int(found[1]), int(found[2]), 1))
    except ValueError as error:
        detail = "a week as ISO 8601 writes it"
        raise Malformed("malformed_week", detail, field="week", found=text[:20], allowed=this.name) from error


def timetable(community: Community, since: datetime, until: datetime, now: datetime) -> Timetable:
    """Return what every site of a community is used for in [since, until): by this community, by others, by itself."""
    sites = list(selectors.all_sites(community))
    busy = Busy.objects.between(since, until).filter(site__in=sites).select_related("site")
    used = list(allotments(sites).filter(overlaps(since, until, now)).order_by("allotted_at", "pk")[: SPANS_MAX + 1])
    blocked = list(busy.order_by("since", "uid")[: SPANS_MAX + 1])
    by_site: dict[str, list[Bar]] = defaultdict(list)
    for allotment in used[:SPANS_MAX]:
        by_site[allotment.site.slug].append(bar_of(allotment, now))
    for each in blocked[:SPANS_MAX]:
        by_site[each.site.slug].append(_busy_bar(each))
    governs = governing(sites)
    lines = [_line(selectors.row(site, now), governs[site.pk], by_site[site.slug]) for site in sites]
    return Timetable(tuple(lines), max(len(used), len(blocked)) > SPANS_MAX)


def allotments(sites: Collection[Site]) -> QuerySet[Allotment]:
    """Return what was allotted at these sites, with all that a bar needs."""
    found = Allotment.objects.filter(site__in=sites)
    return found.select_related("site", "request__community", "request__run__proposal", "request__preview__proposal")


def overlaps(since: datetime, until: datetime, now: datetime) -> Q:
    """Return which allotments last, or lasted, at some time in [since, until); one in force lasts to `now` at least."""
    lasts = Q(ended_at__gt=since) | Q(ended_at__isnull=True, until__gt=since)
    if now >= since:
        lasts |= Q(ended_at__isnull=True)
    return Q(allotted_at__lt=until) & lasts


def reserves(community: Community, now: datetime) -> tuple[Reserve, ...]:
    """Return what is held for newcomers of the kinds of devices that a community's open sites have, by who governs.

    Each reserve is that of all open sites of the governing community, as the scheduler keeps it, also of those that do
    not serve this one.
    """
    serving = set(Site.objects.serving(community).values_list("pk", flat=True))
    found = []
    for governed in world.governed():
        sites = [site for site in governed.sites if site.standing(now) is lifecycle.Standing.OPEN]
        shown = {site.device_kind for site in sites if site.pk in serving}
        if shown:
            policy = policy_of(governed.community)
            kinds = tuple(each for each in _reserved(sites, policy.reserved_bps) if each.kind in shown)
            found.append(Reserve(governed.community, policy.reserved_bps, policy.reserved_lent, kinds))
    return tuple(found)


def computing_of(run: Run, now: datetime) -> tuple[Computing, ...]:
    """Return the requests of a run, one for each of its machines; none where its community shares no sites."""
    asked = commons.requests_of(run.community).filter(run=run).order_by("slot")
    return tuple(
        Computing(row, tuple(bar_of(each, now) for each in row.request.allotments.all()))
        for row in commons.rows(asked, now)
    )


def waiting_requests(community: Community) -> QuerySet[ComputeRequest]:
    """Return the requests of a community that no site was given yet, those that wait longest first."""
    at_work = Allotment.objects.in_force().values("request_id")
    return commons.open_requests(community).exclude(pk__in=at_work).order_by("waiting_since", "pk")


def site_names(community: Community) -> dict[str, str]:
    """Return the names of the sites that serve a community, by their short names."""
    return dict(Site.objects.serving(community).values_list("slug", "name"))


def sites_named(community: Community) -> dict[str, tuple[str, str]]:
    """Return names and currencies of the sites that serve a community, by their short names."""
    found = Site.objects.serving(community).values_list("slug", "name", "currency")
    return {slug: (name, currency) for slug, name, currency in found}


def governing(sites: Iterable[Site]) -> dict[int, Community]:
    """Return by site whose policy holds there: that of the community which let it in first, of those that still do."""
    found = Admission.objects.in_force().filter(site__in=list(sites)).select_related("community")
    governs: dict[int, Community] = {}
    for admission in found.order_by("admitted_at", "pk"):
        governs.setdefault(admission.site_id, admission.community)
    return governs


def bar_of(allotment: Allotment, now: datetime) -> Bar:
    """Return an allotment as it is shown; one in force lasts to its latest end, or to `now` where that is over."""
    request = allotment.request
    end = allotment.ended_at or max(allotment.until, now)
    proposal = request.run.proposal if request.run is not None else None
    return Bar(
        site=allotment.site.slug,
        site_name=allotment.site.name,
        use=Use.VOTED if request.origin == ComputeRequest.VOTED else Use.SANDBOX,
        name=request.name,
        since=allotment.allotted_at,
        until=max(end, allotment.allotted_at + timedelta(seconds=1)),
        devices=request.devices,
        noted_at=allotment.ended_at or allotment.claimed_at or allotment.allotted_at,
        community=request.community,
        run_id=request.run_id,
        proposal=proposal.number if proposal is not None else None,
        title=proposal.title if proposal is not None else "",
        newcomer=request.newcomer,
        lent=allotment.lent,
        taken=allotment.claimed_at is not None,
        ended=allotment.how,
    )


def in_lanes(bars: Iterable[Bar]) -> tuple[tuple[Bar, ...], int]:
    """Return bars in the order of time, each in the first lane that is free, and how many lanes there are."""
    free: list[datetime] = []  # by lane: since when
    laid = []
    for bar in sorted(bars, key=lambda each: (each.since, each.until, each.name)):
        lane = next((number for number, since in enumerate(free) if since <= bar.since), len(free))
        if lane == len(free):
            free.append(bar.until)
        else:
            free[lane] = bar.until
        laid.append(replace(bar, lane=lane))
    return tuple(laid), len(free)


def _reserved(sites: Collection[Site], share_bps: int) -> Iterable[KindReserve]:
    """Yield what is held at the open sites of one governing community, of each kind."""
    devices: Counter[str] = Counter()
    for site in sites:
        devices[site.device_kind] += selectors.given(site)
    at_work: Counter[str] = Counter()
    lent: Counter[str] = Counter()
    for allotment in Allotment.objects.in_force().filter(site__in=sites).select_related("request", "site"):
        if allotment.request.newcomer:
            at_work[allotment.site.device_kind] += allotment.request.devices
        elif allotment.lent:
            lent[allotment.site.device_kind] += allotment.request.devices
    held = reserved(devices, share_bps)
    for kind in sorted(devices):
        yield KindReserve(kind, devices[kind], held[kind], min(at_work[kind], held[kind]), lent[kind])


def _line(row: selectors.Row, governed_by: Community, bars: list[Bar]) -> Line:
    laid, lanes = in_lanes(bars)
    return Line(row, governed_by, laid, lanes)


def _busy_bar(busy: Busy) -> Bar:
    return Bar(
        site=busy.site.slug,
        site_name=busy.site.name,
        use=Use.BUSY,
        name=busy.uid,
        since=busy.since,
        until=busy.until,
        devices=busy.devices,
        noted_at=busy.noted_at,
        title=busy.summary,
        taken=True,
    )


def _week_of(day: date) -> Week:
    monday = day - timedelta(days=day.weekday())
    return Week(datetime(monday.year, monday.month, monday.day, tzinfo=UTC))
