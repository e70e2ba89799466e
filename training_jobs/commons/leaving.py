"""What of shared computing leaves with a community, and what has to follow where it arrives.

A site belongs to its operator and may serve several communities: it comes along as the community knew it, unless it is
there already; then the row there stays, and the log of the community is told what differs. Machines and devices do not
move: a site that came along is silent until its operator attaches machines again.
"""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from governance.models import Community
from governance.services import note
from training_jobs.models import Admission, Allotment, ComputeRequest, Preview, Site, Slice, SpotCheck
from training_jobs.sites import measuring, telling
from training_jobs.sites.fsck import described
from training_jobs.spot_checks import services as checking

MOVED = "moved"  # why a log is told of a site anew, or a check came to nothing


def sites(community: Community) -> "QuerySet[Site]":
    """Return the sites that a community ever let in, and those that its machines and its runs name."""
    named = (
        Q(pk__in=Admission.objects.filter(community=community).values("site"))
        | Q(pk__in=allotments(community).values("site"))
        | Q(runners__community=community)
        | Q(measurements__runner__community=community)
        | Q(slices__attempt__run__community=community)
        | Q(doubts__attempt__run__community=community)
    )
    return Site.objects.filter(pk__in=Site.objects.filter(named).values("pk")).order_by("pk")


def previews(community: Community) -> "QuerySet[Preview]":
    """Return the previews of what was shown: those of a draft that nobody has seen would show it."""
    shown = Q(proposal__submitted_at__isnull=False) | Q(proposal__seeks_sponsors=True)
    return Preview.objects.filter(shown, proposal__community=community).order_by("pk")


def requests(community: Community) -> "QuerySet[ComputeRequest]":
    """Return the requests, but for previews of what nobody has seen."""
    shown = Q(preview__isnull=True) | Q(preview__in=previews(community).order_by())
    return ComputeRequest.objects.filter(shown, community=community).order_by("pk")


def allotments(community: Community) -> "QuerySet[Allotment]":
    """Return what was allotted to these requests."""
    return Allotment.objects.filter(request__in=requests(community).order_by()).order_by("pk")


def follow(community: Community, now: datetime) -> None:
    """Do what has to follow once all rows are in.

    1. What a site measures is that of the machines that came along, and of those that were there. 2. The log of the
    community is told what a site offers here, where it was told otherwise. 3. Slices have no files here: checks that
    were open come to nothing, and what was not drawn yet is not checked.
    """
    admissions = Admission.objects.in_force().filter(community=community, site__left_at__isnull=True)
    for admission in admissions.select_related("site").order_by("site__slug"):
        _add_up(admission.site, now)  # 1
        _tell(community, admission.site, now)  # 2
    slices = Slice.objects.filter(attempt__run__community=community)  # 3
    for check in SpotCheck.objects.unfinished().filter(slice__in=slices).order_by("pk"):
        checking.give_up(check.pk, MOVED, now)
    slices.filter(removed_at__isnull=True).update(removed_at=now)


def _add_up(site: Site, now: datetime) -> None:
    before = _measured(site)
    measuring.add_up(site)
    if _measured(site) != before:
        telling.standing(site, MOVED, now)


def _measured(site: Site) -> tuple[Any, ...]:
    return site.devices_measured, site.memory_measured, site.speed_measured


def _tell(community: Community, site: Site, now: datetime) -> None:
    told = community.events.filter(kind="site_standing", data__site=site.slug).order_by("-position").first()
    offers = {**site.told, "governed_by": telling.governed_by(site, community)}
    knows = {"governed_by": "", **told.data} if told is not None and site.told else offers
    if any(knows.get(name) != value for name, value in offers.items()):
        telling.again(community, site, MOVED, now)
    if not offers["governed_by"]:  # those that let it in here later have another one that governs now
        for other in telling.communities_of(site):
            if other != community:
                telling.again(other, site, MOVED, now)
    said = described(community.events.filter(kind="site_described", data__site=site.slug).order_by("position"))
    changes = {
        name: {"old": value, "new": getattr(site, name)} for name, value in said.items() if getattr(site, name) != value
    }
    if changes:
        note("site_described", now, community=community, site=site.slug, changes=changes)
