"""What the logs of communities are told of a site: each that has let it in, once for each thing that changed.

The events are those of `scheduling.events`, from which the figures are computed, and four with words of people:
`site_described` (declared values, old and new), `site_suspended` with its evidence, `site_restored`, and
`site_calendar_changed`. A site that nobody has let in is in the site-wide log alone. Whose policy holds at a site each
log is told with what it offers, and anew when that becomes another community.
"""

from datetime import datetime
from typing import Any

from governance.models import Community, Proposal
from governance.services import note
from training_jobs.models import Admission, Site
from training_jobs.scheduling import events
from training_jobs.scheduling.values import Standing
from training_jobs.sites import lifecycle
from training_jobs.sites.declared import given_devices

# Why a standing or an offer is another one, where time brought it and nobody did anything.
_BY_TIME = {lifecycle.Standing.SILENT: "silent"}


def standing(site: Site, why: str, now: datetime, actor: str = "") -> bool:
    """Tell each community what a site offers from now on, if it is not what they were told last; say whether it was.

    The caller holds the site's row. `why` is a code; without one, it is what time brought.
    """
    found = site.standing(now)
    if found is lifecycle.Standing.LEFT:
        return False
    offer = _offer(site, found)
    if offer == site.told:
        return False
    site.told = offer
    site.save(update_fields=["told"])
    for community in communities_of(site):
        _append(community, _standing(site, community, why or _brought(found)), now, actor)
    return True


def admitted(admission: Admission, now: datetime, actor: str) -> None:
    """Tell one community that a site is let in, and what it offers."""
    site, proposal = admission.site, admission.proposal
    if not site.told:
        site.told = _offer(site, site.standing(now))
        site.save(update_fields=["told"])
    let_in = events.SiteAdmitted(site=site.slug, proposal=proposal.number if proposal else None)
    _append(admission.community, let_in, now, actor, proposal)
    _append(admission.community, _standing(site, admission.community, "admitted"), now, actor)


def again(community: Community, site: Site, why: str, now: datetime) -> None:
    """Tell one community what a site offers, whose log was told otherwise."""
    _append(community, _standing(site, community, why), now, "")


def removed(admission: Admission, why: str, now: datetime, actor: str) -> None:
    """Tell one community that a site is no longer one of its own; and those that keep it, if it governed there."""
    site, number = admission.site, admission.removal.number if admission.removal else None
    gone = events.SiteRemoved(site=site.slug, why=why, proposal=number)
    keep = communities_of(site) if site.left_at is None and _was_first(admission) else []
    for community in sorted([admission.community, *keep], key=lambda each: each.pk):
        if community == admission.community:
            _append(community, gone, now, actor, admission.removal)
        else:
            _append(community, _standing(site, community, "governed"), now, actor)


def governed_by(site: Site, community: Community) -> str:
    """Return the short name of another community whose policy holds at a site that this one let in; empty: its own."""
    first = Admission.objects.in_force().filter(site=site).select_related("community").order_by("admitted_at", "pk")
    governs = first[0].community if first else community
    return "" if governs == community else governs.slug


def everywhere(kind: str, site: Site, now: datetime, actor: str = "", **data: Any) -> None:  # noqa: ANN401 - any JSON
    """Add a line to the log of each community that a site serves; to none of theirs where it serves none."""
    serves = communities_of(site)
    for community in serves:
        note(kind, now, community=community, actor=actor, site=site.slug, **data)
    if not serves:
        note(kind, now, actor=actor, site=site.slug, **data)


def communities_of(site: Site) -> list[Community]:
    """Return the communities that a site serves, always in one order: their logs are locked one after the other."""
    admissions = Admission.objects.in_force().filter(site=site).select_related("community")
    return [each.community for each in admissions.order_by("community_id")]


def _offer(site: Site, found: lifecycle.Standing) -> dict[str, Any]:
    """Return what a site offers, as the event has it but for its cause."""
    return {
        "standing": str(found),
        "devices": min(site.devices_measured, given_devices(site.devices, site.commons_share_bps)),
        "memory_bytes": site.memory_measured,
        "region": site.region,
        "country": site.country,
        "device_kind": site.device_kind,
    }


def _standing(site: Site, community: Community, why: str) -> events.SiteStanding:
    """Return the event of what a site offers, as the log of a community is told it."""
    told = site.told
    return events.SiteStanding(
        site=site.slug,
        standing=Standing(told["standing"]),
        why=why,
        devices=told["devices"],
        memory_bytes=told["memory_bytes"],
        region=told["region"],
        country=told["country"],
        device_kind=told.get("device_kind", ""),  # a site was told before kinds were
        governed_by=governed_by(site, community),
    )


def _was_first(gone: Admission) -> bool:
    """Say whether those that still let its site in all did so after this one."""
    first = Admission.objects.in_force().filter(site=gone.site).order_by("admitted_at", "pk").first()
    return first is not None and (gone.admitted_at, gone.pk) < (first.admitted_at, first.pk)


def _append(
    community: Community, event: events.Event, now: datetime, actor: str, proposal: Proposal | None = None
) -> None:
    """Add an event in its strict form to a community's log."""
    note(event.kind, now, community=community, proposal=proposal, actor=actor, **events.data_of(event))


def _brought(found: lifecycle.Standing) -> str:
    return _BY_TIME.get(found, "seen")
