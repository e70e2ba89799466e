"""What an allotment allows and when it ends: who may take a place, when work has to stop, what a site is paid.

The services of runs, seats and previews call it inside their transactions, holding the row of the run or preview. A
place without a request is anybody's: its community shares no sites, or the run is older than its sites.
"""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q, QuerySet

from governance.clock import unix
from governance.services import note
from training_jobs.budget import seconds_of
from training_jobs.commons import asking_more, used
from training_jobs.ledger import runs as books
from training_jobs.models import Allotment, Attempt, ComputeRequest, Run, Site
from training_jobs.scheduling import events
from training_jobs.scheduling.events import Interruption
from training_jobs.scheduling.prices import MONEY_MAX

UNLIMITED: Final = MONEY_MAX  # the ceiling of what costs its community no money
ENDED: Final = "ended"
_RUNNER: Final = "runner:"  # how `Runner.lease_name` begins


# --- who may take a place -----------------------------------------------------------------------------------------


def site_of(owner: str) -> Site | None:
    """Return where whoever holds leases under this name stands; a worker of this platform stands at HOME_SITE."""
    if is_runner(owner):
        return Site.objects.filter(runners=int(owner.removeprefix(_RUNNER))).first()
    return home()


def is_runner(owner: str) -> bool:
    """Say whether whoever holds leases under this name is a machine that somebody lends."""
    return owner.startswith(_RUNNER) and owner.removeprefix(_RUNNER).isdecimal()


def home() -> Site | None:
    """Return the site of the platform's own workers, where it is one of the commons."""
    return Site.objects.filter(slug=settings.HOME_SITE).first() if settings.HOME_SITE else None


def may_take(run: Run, slot: int, owner: str, now: datetime) -> bool:
    """Say whether a machine may take a place of a run: nobody is asked there, or its site was allotted to it."""
    request = _open(Q(run=run, slot=slot))
    return request is None or _is_for(request, owner, run, now)


def may_take_preview(preview_id: int, owner: str, now: datetime) -> bool:
    """Say the same of a preview."""
    request = _open(Q(preview=preview_id))
    return request is None or _is_for(request, owner, None, now)


def taken(run: Run, slot: int, now: datetime) -> None:
    """Write down that a machine has come: so there is a site that can begin it."""
    _in_force(Q(request__run=run, request__slot=slot)).filter(claimed_at__isnull=True).update(claimed_at=now)
    ComputeRequest.objects.open().filter(run=run, slot=slot).update(cannot_since=None)


def preview_taken(preview_id: int, now: datetime) -> None:
    """Write down the same of a preview."""
    _in_force(Q(request__preview=preview_id)).filter(claimed_at__isnull=True).update(claimed_at=now)
    ComputeRequest.objects.open().filter(preview=preview_id).update(cannot_since=None)


def kept_from(site: Site | None) -> set[tuple[int, int]]:
    """Return the places of runs (number, slot) that are not for the machines of a site now."""
    asked = ComputeRequest.objects.open().filter(run__isnull=False)
    if site is not None:
        asked = asked.exclude(pk__in=Allotment.objects.in_force().filter(site=site).values("request"))
    return set(asked.values_list("run_id", "slot"))


def previews_kept_from(site: Site | None) -> set[int]:
    """Return the previews that are not for the machines of a site now."""
    asked = ComputeRequest.objects.open().filter(preview__isnull=False)
    if site is not None:
        asked = asked.exclude(pk__in=Allotment.objects.in_force().filter(site=site).values("request"))
    return {int(number) for number in asked.values_list("preview_id", flat=True) if number is not None}


# --- when work has to stop ----------------------------------------------------------------------------------------


def has_to_go(run: Run, slot: int, now: datetime) -> Interruption | None:
    """Return why the work at a place of a run is to stop at a checkpoint; None: it may go on."""
    allotment = _in_force(Q(request__run=run, request__slot=slot)).first()
    return None if allotment is None else why_to_go(allotment, run, now)


def member_has_to_go(run: Run, slot: int, now: datetime) -> Interruption | None:
    """Return the same for a member's seat, which also waits no longer than its lead has a machine."""
    allotment = _in_force(Q(request__run=run, request__slot=slot)).first()
    if allotment is None:
        return None
    return why_to_go(allotment, run, now) or (None if run.lease_owner else Interruption.CHECKPOINT)


def why_to_go(allotment: Allotment, run: Run | None, now: datetime) -> Interruption | None:
    """Return why what runs under an allotment is to stop; None: it may go on.

    Measuring is not paid and leaves no checkpoint: it may take as long again as the whole was allotted for.
    """
    if allotment.recalled_at is not None:
        return Interruption.RECALLED
    site = allotment.site
    if site.left_at is not None or site.suspended_at is not None:
        return Interruption.CHECKPOINT
    measures = run is not None and run.trained_at is not None
    grace = allotment.until - allotment.allotted_at if measures else timedelta(0)
    if now >= allotment.until + grace:
        return Interruption.CHECKPOINT
    if run is not None and not measures and money_left(run, allotment, now) <= 0:
        return Interruption.CEILING
    return None


def money_left(run: Run, allotment: Allotment, now: datetime) -> int:
    """Return what is left of the ceiling of a place, with the work that is under way."""
    request = allotment.request
    if request.ceiling >= UNLIMITED or allotment.price == 0:
        return UNLIMITED
    spent = used.cost_of(request)
    for attempt in run.attempts.filter(slot=request.slot, ended_at__isnull=True):
        if allotment.covers(attempt.started_at):
            spent += used.price_for(allotment, request, seconds_of(run, attempt, now))
    return int(request.ceiling) - spent


# --- how it ends --------------------------------------------------------------------------------------------------


def settle(run: Run, attempt: Attempt, now: datetime) -> None:
    """Pay a site for an attempt that has just ended, where something is held for its run."""
    allotment = _in_force(Q(request__run=run, request__slot=attempt.slot)).first()
    if allotment is not None and attempt.device_seconds and allotment.covers(attempt.started_at):
        books.settle_attempt(attempt, allotment.site, allotment.price, now, devices=allotment.request.devices)


def interrupt(run: Run, slot: int, why: Interruption, now: datetime) -> None:
    """End the allotment of a place of a run that goes on later, and tell the log."""
    for allotment in _in_force(Q(request__run=run, request__slot=slot)):
        end(allotment, str(why), why, now)


def interrupt_preview(preview_id: int, why: Interruption, now: datetime) -> None:
    """Do the same for a preview."""
    for allotment in _in_force(Q(request__preview=preview_id)):
        end(allotment, str(why), why, now)


def end(allotment: Allotment, how: str, why: Interruption, now: datetime) -> None:
    """End an allotment in force whose request waits again."""
    request = allotment.request
    if not Allotment.objects.in_force().filter(pk=allotment.pk).update(ended_at=now, how=how):
        return
    request.waiting_since = now
    request.save(update_fields=["waiting_since"])
    said = events.ComputeInterrupted(request=request.name, site=allotment.site.slug, why=why)
    note(said.kind, now, community=request.community, **events.data_of(said))
    if why is Interruption.CEILING:
        asking_more.tell(request, now)


def started(allotment: Allotment, now: datetime) -> None:
    """Tell the log of the request's community what was allotted to it."""
    request = allotment.request
    said = events.ComputeStarted(
        request=request.name,
        site=allotment.site.slug,
        why=events.Why(allotment.why),
        waited=max(0, unix(now) - unix(request.waiting_since)),
        price=allotment.price,
        until=unix(allotment.until),
    )
    note(said.kind, now, community=request.community, **events.data_of(said))


def _open(which: Q) -> ComputeRequest | None:
    return ComputeRequest.objects.open().filter(which).first()


def _in_force(which: Q) -> QuerySet[Allotment]:
    return Allotment.objects.in_force().filter(which).select_related("site", "request__community")


def _is_for(request: ComputeRequest, owner: str, run: Run | None, now: datetime) -> bool:
    allotment = _in_force(Q(request=request)).first()
    site = site_of(owner)
    if allotment is None or site is None or allotment.site_id != site.pk:
        return False
    return why_to_go(allotment, run, now) is None
