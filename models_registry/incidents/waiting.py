"""Reports that wait in line: taken in as room comes, the first that came first, or by a steward; or turned away.

Stewards see the line. What they turn away is deleted; its digest and their reason stay in the log.
"""

from datetime import datetime

from django.db import transaction

from governance.errors import Forbidden, NotFound
from governance.models import Community
from governance.services import note
from governance.services.common import lock_community
from models_registry.incidents import room, services
from models_registry.incidents.services import Report
from models_registry.models import Incident, WaitingReport


def in_line(community: Community, actor: str, now: datetime) -> list[WaitingReport]:
    """Return the line, for a steward of the community alone."""
    _require_steward(community, actor, now)
    return list(community.waiting_reports.select_related("version__model"))


def settle(now: datetime) -> int:
    """Take waiting reports in while there is room, the first that came first; return how many. For the sweeper."""
    taken = 0
    for community in Community.objects.filter(waiting_reports__isnull=False).distinct():
        with transaction.atomic():
            lock_community(community.pk)
            for waiting in community.waiting_reports.select_related("version__model__community"):
                if not room.has_room(community, now):
                    break
                _take_in(waiting, now)
                taken += 1
    return taken


def take_in(slug: str, number: int, actor: str, now: datetime) -> Incident:
    """Take a waiting report in now, as a steward; the deadlines begin."""
    with transaction.atomic():
        return _take_in(_held(slug, number, actor, now), now)


def turn_away(slug: str, number: int, actor: str, reason: str, now: datetime) -> None:
    """Delete a waiting report, as a steward, with a reason that everybody reads; its digest stays in the log."""
    reason = services.line(reason, "reason", services.REASON_MAX)
    with transaction.atomic():
        waiting = _held(slug, number, actor, now)
        what = {"revision": waiting.version.revision, "report": waiting.digest, "reason": reason}
        note("incident_turned_away", now, community=waiting.community, actor=actor, **what)
        waiting.delete()


def _take_in(waiting: WaitingReport, now: datetime) -> Incident:
    """Make an incident of a waiting report; a member may have reported the same meanwhile."""
    kept = Incident.objects.filter(version=waiting.version, digest=waiting.digest).first()
    incident = kept or services.keep_report(
        waiting.version, "", Report(**waiting.told), waiting.digest, waiting.network, now
    )
    waiting.delete()
    return incident


def _held(slug: str, number: int, actor: str, now: datetime) -> WaitingReport:
    """Return the waiting report, with its community locked, for a steward."""
    found = WaitingReport.objects.select_related("community", "version__model__community")
    waiting = found.filter(community__slug=slug, pk=number).first()
    if waiting is None:
        raise NotFound("unknown_incident", "no report with this number waits", found=number)
    _require_steward(waiting.community, actor, now)
    lock_community(waiting.community_id)
    return waiting


def _require_steward(community: Community, actor: str, now: datetime) -> None:
    if not services.is_steward(community, actor, now):
        raise Forbidden("not_a_steward", "only the stewards of this community may do this", found=actor)
