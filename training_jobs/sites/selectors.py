"""Questions about sites: lists for pages and the API, and what the scheduler looks at. Reads only, in few queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from governance.clock import unix
from governance.errors import NotFound
from governance.models import Community
from training_jobs.models import Admission, Attempt, Busy, Run, Runner, Seat, Site
from training_jobs.scheduling import values
from training_jobs.sites import declared, lifecycle, measured
from training_jobs.sites.busy import busy_together
from training_jobs.sites.calendar_out import Time


@dataclass(frozen=True)
class Row:
    """A site as it is shown: where it stands, what a device-hour costs, whom it serves."""

    site: Site
    standing: lifecycle.Standing
    price: int  # micro-units of money per device-hour
    devices: int  # that it gives, measured
    serves: tuple[str, ...]  # slugs of communities


def all_sites(community: Community | None = None) -> QuerySet[Site]:
    """Return sites with all that a row needs, in a fixed number of queries; those of a community, or all."""
    found = Site.objects.with_sight() if community is None else Site.objects.serving(community).with_sight()
    in_force = Admission.objects.in_force().select_related("community").order_by("community__slug")
    return found.prefetch_related(Prefetch("admissions", queryset=in_force, to_attr="in_force")).order_by("slug")


def site_named(slug: str) -> Site:
    """Return a site with all that a row needs, or raise NotFound."""
    site = all_sites().filter(slug=slug).first()
    if site is None:
        raise NotFound("unknown_site", "there is no such site", field="site", found=slug[:60])
    return site


def row(site: Site, now: datetime) -> Row:
    """Return a site as it is shown at `now`."""
    serves = tuple(each.community.slug for each in _in_force(site))
    return Row(site, site.standing(now), declared.price_of(site.inputs), given(site), serves)


def given(site: Site) -> int:
    """Return how many devices it gives to the commons: of those that were measured, its share of those it declared."""
    return min(site.devices_measured, declared.given_devices(site.devices, site.commons_share_bps))


def currency_of(site: Site) -> str:
    """Return the currency of its price: only requests with a ceiling in it, or with none, can be settled there."""
    return site.currency


def as_value(site: Site, now: datetime) -> values.Site:
    """Return a site as the scheduler sees it; one that has left is as if suspended. Nothing unmeasured is offered."""
    standing = site.standing(now)
    left = standing is lifecycle.Standing.LEFT
    return values.Site(
        id=site.slug,
        region=site.region,
        country=site.country,
        devices=given(site),
        memory_bytes=min(site.memory_bytes, site.memory_measured),
        watts=site.inputs["watts"]["value"],
        price=declared.price_of(site.inputs),
        speed_permille=measured.speed_permille(site.speed_measured),
        pue_permille=site.inputs["pue_permille"]["value"],
        hours_max=site.hours_max,
        data=None if site.data_in is None else frozenset(site.data_in),
        serves=frozenset(each.community.slug for each in _in_force(site)),
        standing=values.Standing.SUSPENDED if left else values.Standing(str(standing)),
        kind=site.device_kind,
    )


def as_values(now: datetime, community: Community | None = None) -> tuple[values.Site, ...]:
    """Return all sites that have not left, as the scheduler sees them: two queries."""
    return tuple(as_value(site, now) for site in all_sites(community).filter(left_at__isnull=True))


def bookings(slugs: Collection[str], since: datetime, until: datetime) -> tuple[values.Booking, ...]:
    """Return when these sites are busy between two moments, of the devices that they give: one query.

    A site that gives a share keeps the rest for itself: its own use, that of all events at one time together, takes of
    the rest first.
    """
    rows = Busy.objects.between(since, until).filter(site__slug__in=slugs).select_related("site")
    of_site: dict[Site, list[tuple[int, int, int]]] = defaultdict(list)
    for busy in rows.order_by("site__slug", "since", "uid"):
        # outwards, to whole seconds
        end = unix(busy.until) + bool(busy.until.microsecond)
        of_site[busy.site].append((unix(busy.since), end, busy.devices))
    found = []
    for site, spans in of_site.items():
        kept = max(site.devices_measured - given(site), 0)
        for begin, end, devices in busy_together(spans):
            taken = min(devices - kept, given(site))
            if taken > 0:
                found.append(values.Booking(site.slug, begin, end, taken))
    return tuple(found)


def reserved(site: Site) -> list[Time]:
    """Return what is reserved on a site: runs that its machines hold, each until its budget or its deadline is over."""
    machines = {runner.lease_name: runner for runner in Runner.objects.filter(site=site)}
    held = Run.objects.filter(lease_owner__in=machines).select_related("spec_record", "model")
    runs = {run.pk: (run, run.lease_owner) for run in held}
    seats = Seat.objects.filter(lease_owner__in=machines).select_related("run__spec_record", "run__model")
    places = [*runs.values(), *((seat.run, seat.lease_owner) for seat in seats)]
    began: dict[tuple[int, str], datetime] = {}
    at_work = Attempt.objects.filter(run__in={run.pk for run, _ in places}, owner__in=machines, ended_at__isnull=True)
    for attempt in at_work:
        began[(attempt.run_id, attempt.owner)] = attempt.started_at
    devices: dict[int, int] = defaultdict(int)
    for run, owner in places:
        if (run.pk, owner) in began:
            devices[run.pk] += max(1, len(machines[owner].capabilities.get("devices", ())))
    return [
        _time(run, min(_starts(began, run.pk)), devices[run.pk])
        for run in {run for run, _ in places}
        if devices[run.pk]
    ]


def _starts(began: dict[tuple[int, str], datetime], run_id: int) -> Iterable[datetime]:
    return (at for (found, _), at in began.items() if found == run_id)


def _time(run: Run, since: datetime, devices: int) -> Time:
    budget = timedelta(seconds=int(run.spec_record.body["budget"]["device_seconds"]))
    until = since + budget if run.deadline_at is None else max(min(since + budget, run.deadline_at), since)
    return Time(
        f"run-{run.pk}", since, max(until, since + timedelta(seconds=1)), devices, str(run.model), since, "RESERVED"
    )


def _in_force(site: Site) -> list[Admission]:
    if hasattr(site, "in_force"):
        found: list[Admission] = site.in_force
        return found
    return list(site.admissions.in_force().select_related("community").order_by("community__slug"))
