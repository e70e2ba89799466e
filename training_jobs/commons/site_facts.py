"""What the page of one site shows beside what it says of itself: since when it stands so, whom it serves, what failed.

Reads only, in a fixed number of queries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from governance.models import Community, Event
from training_jobs.commons import timetable
from training_jobs.models import Admission, Doubt, Runner, Site, SpotCheck
from training_jobs.scheduling import prices
from training_jobs.sites import admitting, lifecycle, selectors, telling
from training_jobs.spot_checks.selectors import checks_of

ALLOTMENTS_SHOWN_MAX = 20
ADMISSIONS_SHOWN_MAX = 50
CHECKS_SHOWN_MAX = 20
OFFERED_SHOWN_MAX = 200
_EVENTS_LOOKED_AT_MAX = 200


@dataclass(frozen=True)
class SiteFacts:
    """All that the page of a site shows. `governed_by` is whose policy holds there: nobody's where it serves nobody."""

    row: selectors.Row
    since: datetime  # when its standing began, as far as it is known
    price: prices.Parts
    inputs: prices.Inputs
    admissions: tuple[Admission, ...]
    governed_by: Community | None
    ends: Mapping[str, int]  # allotments by how they ended
    newest: tuple[timetable.Bar, ...]
    checks: tuple[SpotCheck, ...]
    doubts: tuple[Doubt, ...]
    machines: tuple[Runner, ...]


@dataclass(frozen=True)
class May:
    """What somebody who is signed in may do with a site. `admits` and `removes` are communities."""

    operates: bool
    admits: tuple[Community, ...] = ()
    removes: tuple[Community, ...] = ()
    suspends: bool = False
    restores: bool = False
    own_machines: tuple[Runner, ...] = ()

    @property
    def stewards(self) -> bool:
        """Say whether there is anything that they decide as a steward."""
        return bool(self.admits or self.removes or self.suspends or self.restores)


def facts(slug: str, now: datetime) -> SiteFacts:
    """Return a site as its page shows it; raise NotFound."""
    site = selectors.site_named(slug)
    row = selectors.row(site, now)
    inputs = prices.read(site.inputs)
    admissions = site.admissions.select_related("community", "proposal", "removal").order_by("-admitted_at", "-pk")
    counted = site.allotments.exclude(how="").order_by("how").values_list("how").annotate(n=Count("pk"))
    newest = timetable.allotments([site]).order_by("-allotted_at", "-pk")[:ALLOTMENTS_SHOWN_MAX]
    checks = checks_of(site).filter(finished_at__isnull=False)
    return SiteFacts(
        row=row,
        since=_since(site, row.standing),
        price=prices.parts(inputs),
        inputs=inputs,
        admissions=tuple(admissions[:ADMISSIONS_SHOWN_MAX]),
        governed_by=timetable.governing([site]).get(site.pk),
        ends=dict(counted),
        newest=tuple(timetable.bar_of(each, now) for each in newest),
        checks=tuple(checks.order_by("-finished_at", "-pk")[:CHECKS_SHOWN_MAX]),
        doubts=tuple(site.doubts.select_related("attempt")[:CHECKS_SHOWN_MAX]),
        machines=tuple(site.runners.filter(revoked_at__isnull=True).order_by("name", "pk")),
    )


def may(site: Site, actor: str, now: datetime) -> May:
    """Return what somebody may do with a site now; the services refuse the rest, whatever a page offers."""
    if not actor:
        return May(operates=False)
    standing = site.standing(now)
    if site.operator == actor:
        free = Runner.objects.filter(owner=actor, site__isnull=True, revoked_at__isnull=True).order_by("name", "pk")
        return May(operates=standing is not lifecycle.Standing.LEFT, own_machines=tuple(free))
    serves = telling.communities_of(site)
    steward_of = [each for each in Community.objects.order_by("slug") if admitting.is_steward(each, actor, now)]
    return May(
        operates=False,
        admits=tuple(each for each in steward_of if each not in serves)
        if standing in lifecycle.ALLOWED[lifecycle.Action.ADMIT]
        else (),
        removes=tuple(each for each in steward_of if each in serves),
        suspends=any(each in serves for each in steward_of) and standing in lifecycle.ALLOWED[lifecycle.Action.SUSPEND],
        restores=any(each in serves for each in steward_of) and standing in lifecycle.ALLOWED[lifecycle.Action.RESTORE],
    )


def offered(community: Community, now: datetime) -> list[selectors.Row]:
    """Return the sites that are registered here, have not left, and do not serve a community."""
    serving = Site.objects.serving(community).values("pk")
    found = selectors.all_sites().filter(left_at__isnull=True).exclude(pk__in=serving)
    return [selectors.row(site, now) for site in found[:OFFERED_SHOWN_MAX]]


def _since(site: Site, standing: lifecycle.Standing) -> datetime:
    """Return when a standing began: from the facts where they say it, else from what the logs were told."""
    if standing is lifecycle.Standing.LEFT and site.left_at is not None:
        return site.left_at
    if standing is lifecycle.Standing.SUSPENDED and site.suspended_at is not None:
        return site.suspended_at
    if standing is lifecycle.Standing.SILENT:
        return site.created_at if site.seen_at is None else site.seen_at + lifecycle.SILENT_AFTER
    if standing is lifecycle.Standing.DRAINING and site.drained_at is not None:
        return site.drained_at
    return _told_since(site, standing)


def _told_since(site: Site, standing: lifecycle.Standing) -> datetime:
    """Return since when the logs of its communities were told this standing and no other; else when it registered."""
    told = Event.objects.filter(kind="site_standing", data__site=site.slug).order_by("-id")
    since = site.created_at
    for at, said in told.values_list("at", "data__standing")[:_EVENTS_LOOKED_AT_MAX]:
        if said != str(standing):
            break
        since = at
    return since
