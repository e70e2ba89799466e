"""The members' seats of a run of several machines: taken, held, left, and held against what the lead made.

A run of W workers has the seats 0 … W-1. Seat 0 is the lead's and is the run's own lease (`services`); it alone hands
over a checkpoint, a result and a report. The others have a lease each, under the same rules: a conditional update lets
one machine in, and every write names its fencing number. After every round all machines hold the same weights, so a
member that is lost costs its share of a round, and one that fails costs the run nothing: its seat is free again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from governance.clock import whole_second
from governance.errors import Conflict
from governance.evidence.canonical import canonical_bytes
from training_jobs import lifecycle
from training_jobs.assignments import require_relay
from training_jobs.commons import allotments, data_rules, memory, requests
from training_jobs.leases import SILENT, Lease, StaleLease, end_attempt, event, locked, over
from training_jobs.lifecycle import Action
from training_jobs.models import Attempt, Run, Seat
from training_jobs.results import REPORTED, require_whole, run_body
from training_jobs.scheduling.events import Interruption
from training_jobs.spec import TrainingSpec
from training_jobs.spec.shape import EXCHANGING

RUN_OVER = "run_over"
# How an attempt at a seat can end without telling anything against the machine.
HARMLESS = frozenset({"", "finished", "canceled", RUN_OVER, *lifecycle.UNCOUNTED})
# The workers of this site, which count as one machine: what one of them cannot do, the others beside it cannot either.
OF_THIS_SITE = ~Q(owner__startswith="runner:")


def make(run: Run, spec: TrainingSpec) -> None:
    """Make the members' seats of a new run, if its strategy has several machines."""
    workers = spec.workers if spec.strategy in EXCHANGING else 1
    Seat.objects.bulk_create(Seat(run=run, slot=slot) for slot in range(1, workers))


# --- the lease ----------------------------------------------------------------------------------------------------


def claim(run_id: int, owner: str, now: datetime) -> Lease | None:
    """Take the lowest free seat of a run whose lead trains; None when there is none, or `owner` has a place in it.

    Raises Unavailable while the site has no relay at which its machines could meet.
    """
    with transaction.atomic():
        run = locked(run_id)
        free = open_to(run, owner, now)
        if not free or over(run, now):
            return None
        require_relay(run)
        end_lost_of(run, owner, now)
        seat = free[0]
        _end_lost(run, seat, now)
        claimed = Seat.objects.filter(pk=seat.pk, fence=seat.fence).update(
            fence=F("fence") + 1,
            lease_owner=owner,
            lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS),
            heartbeat_at=now,
            retry_at=None,
        )
        if not claimed:
            return None
        lease = Lease(run_id, seat.fence + 1, seat.slot)
        allotments.taken(run, lease.slot, now)
        Attempt.objects.create(run=run, slot=lease.slot, number=lease.fence, owner=owner, started_at=now)
        event(lease, "claimed", {"owner": owner}, now)
    return lease


def free_seats(run: Run, now: datetime) -> list[Seat]:
    """Return the seats that a machine may take now, lowest first: none unless the run's lead is training."""
    if run.run_record_id is not None or run.state(now) not in lifecycle.ALLOWED[Action.JOIN]:
        return []
    return [seat for seat in run.seats.all() if seat.is_free(now)]


def open_to(run: Run, owner: str, now: datetime) -> list[Seat]:
    """Return the free seats for a machine without another place in the run; a silent lead still has the lead's.

    Where computing is shared, they are those that were allotted to its site. There are none where it may not have the
    rows.
    """
    if run.lease_owner == owner or held_by(run, owner, now):
        return []
    found = [seat for seat in free_seats(run, now) if allotments.may_take(run, seat.slot, owner, now)]
    return found if found and data_rules.may_have(owner, run.community, data_rules.of_run(run)) else []


def held_by(run: Run, owner: str, now: datetime) -> bool:
    """Say whether a machine has a member's seat of the run."""
    return any(seat.lease_owner == owner and seat.is_held(now) for seat in run.seats.all())


def tried_enough(run_id: int, whose: Q) -> bool:
    """Say whether attempts of these owners at members' seats have failed, or were given back, often enough."""
    tried = Attempt.objects.filter(whose, run=run_id, slot__gt=0)
    failed = tried.exclude(outcome__in=HARMLESS).count()
    return failed >= max(1, settings.RUN_ATTEMPTS_MAX - 1) or tried.count() >= lifecycle.UNCOUNTED_MAX // 2


def heartbeat(lease: Lease, now: datetime) -> str:
    """Prolong a member's lease; answer `continue`, `cancel`, `pause` or `stale`.

    A canceled run says `cancel` until the member has confirmed it, also when its lead was faster.
    """
    kept = Seat.objects.filter(
        run=lease.run_id, slot=lease.slot, fence=lease.fence, run__verdict="", run__failed_at__isnull=True
    ).exclude(lease_owner="")
    if not kept.update(heartbeat_at=now, lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS)):
        return "stale"
    run = Run.objects.select_related("spec_record").get(pk=lease.run_id)
    if run.canceled_at is not None or over(run, now):
        return "cancel"
    return "pause" if _is_paused(run, now) or allotments.member_has_to_go(run, lease.slot, now) else "continue"


def held(lease: Lease) -> tuple[Run, Seat]:
    """Return the locked run and the seat if this is still its newest lease; raise StaleLease otherwise."""
    run = locked(lease.run_id)
    seat = run.seats.filter(slot=lease.slot, fence=lease.fence).exclude(lease_owner="").first()
    if seat is None:
        raise StaleLease(lease)
    return run, seat


# --- how an attempt at a seat ends --------------------------------------------------------------------------------


def took_part(lease: Lease, description: Mapping[str, Any], now: datetime) -> Run:
    """Keep what a member says that it made: its share is done. Said again the same changes nothing.

    Whether its files are those of the lead is written into the log as soon as both are known. Where they are not, that
    is a finding for people to look at; what is judged and published is the lead's alone.
    """
    told = canonical_bytes(dict(description))
    with transaction.atomic():
        run = locked(lease.run_id)
        done = run.seats.filter(slot=lease.slot, fence=lease.fence, took_part_at__isnull=False).first()
        if done is not None:
            if canonical_bytes(done.description) != told:
                raise Conflict("already_took_part", "this share is done already, with another result")
            return run
        run, seat = held(lease)
        require_whole(description)
        finished_at = whole_second(now)
        run_body(run.attempts.get(slot=lease.slot, number=lease.fence), description, "none", finished_at)
        end_attempt(run, lease, "finished", now)
        _leave(seat, took_part_at=finished_at, description=dict(description))
        requests.close_place(run, lease.slot, now)
        event(lease, "took_part", {name: description[name] for name in REPORTED[:2]}, now)
        _compare(run, [seat], now)
    return run


def fail(lease: Lease, code: str, detail: str, now: datetime) -> Run:
    """End an attempt that did not work, and free the seat after a rest. The run goes on, whatever the code."""
    with transaction.atomic():
        run, seat = held(lease)
        end_attempt(run, lease, code, now, detail=detail)
        failures = run.attempts.filter(slot=lease.slot).exclude(outcome__in=HARMLESS).count()
        _leave(seat, retry_at=now + timedelta(seconds=lifecycle.rest_seconds(max(1, failures))))
        event(lease, "failed", {"code": code, "detail": detail[:1000]}, now)
        memory.after(run, lease.slot, code, now)
        allotments.interrupt(run, lease.slot, Interruption.ATTEMPT_FAILED, now)
    return run


def stopped(lease: Lease, now: datetime) -> Run:
    """Hear that the trainer is gone, and write down why; the seat is free."""
    with transaction.atomic():
        run, seat = held(lease)
        why = allotments.member_has_to_go(run, lease.slot, now)
        if run.canceled_at is not None:
            outcome = "canceled"
        else:
            asked = "paused" if _is_paused(run, now) else "released"
            outcome = over(run, now) or (lifecycle.INTERRUPTED if why else asked)
        end_attempt(run, lease, outcome, now)
        _leave(seat)
        event(lease, "stopped", {"outcome": outcome}, now)
        requests.close(run, now)
        allotments.interrupt(run, lease.slot, why or Interruption.CHECKPOINT, now)
    return run


def end_all(run: Run, now: datetime) -> None:
    """End the attempts of the members of a locked run that is judged or failed: nobody needs them any more."""
    for seat in run.seats.exclude(lease_owner=""):
        until = now if seat.is_held(now) else seat.heartbeat_at
        end_attempt(run, Lease(run.pk, seat.fence, seat.slot), RUN_OVER, now, until=until)
        _leave(seat)


def end_lost_of(run: Run, owner: str, now: datetime) -> None:
    """End the attempt of a machine that went silent and comes back for another place of the locked run."""
    for seat in run.seats.filter(lease_owner=owner):
        _end_lost(run, seat, now)
        _leave(seat)


def leave_silent(run: Run, slot: int, now: datetime) -> None:
    """End what a silent machine left at a seat of a locked run: nobody prolongs its lease any more."""
    seat = run.seats.get(slot=slot)
    _end_lost(run, seat, now)
    _leave(seat)


def settle(now: datetime) -> list[int]:
    """End the attempts of members of canceled runs who went silent; return the runs."""
    silent = Seat.objects.filter(run__canceled_at__isnull=False, lease_expires_at__lte=now).exclude(lease_owner="")
    ended = list(silent.order_by("run").values_list("run", flat=True).distinct())
    for run_id in ended:
        with transaction.atomic():
            run = locked(run_id)
            for seat in run.seats.exclude(lease_owner=""):
                if not seat.is_held(now):
                    _end_lost(run, seat, now)
                    _leave(seat)
    return ended


# --- what the members made ----------------------------------------------------------------------------------------


def compare(run: Run, now: datetime) -> None:
    """Write into the log whether those who are done made what the lead of a locked run has just handed over."""
    _compare(run, run.seats.filter(took_part_at__isnull=False), now)


def agrees(run: Run, seat: Seat) -> bool | None:
    """Say whether a member made the same files as the lead; None while one of them is not done."""
    if run.run_record is None or seat.took_part_at is None:
        return None
    return canonical_bytes(seat.description["files"]) == canonical_bytes(run.run_record.body["artifact"])


# --- what time brings ---------------------------------------------------------------------------------------------


def due(now: datetime) -> list[int]:
    """Return the runs with a free seat that a worker of this site may take."""
    if not settings.RUN_HERE:
        return []
    open_runs = Run.objects.unfinished().filter(run_record__isnull=True, seats__took_part_at__isnull=True)
    kept = allotments.kept_from(allotments.home())
    found = [
        run
        for run in open_runs.select_related("spec_record").order_by("pk").distinct()
        if any((run.pk, seat.slot) not in kept for seat in free_seats(run, now))
    ]
    barred = data_rules.barred_here({run.pk: (run.community_id, data_rules.of_run(run)) for run in found})
    return [run.pk for run in found if run.pk not in barred and not tried_enough(run.pk, OF_THIS_SITE)]


def moments() -> list[datetime]:
    """Return when leases of members and the rests after failures are over, in runs that go on."""
    seats = Seat.objects.filter(run__in=Run.objects.unfinished(), took_part_at__isnull=True)
    rows = seats.values_list("lease_expires_at", "retry_at")
    return [moment for row in rows for moment in row if moment is not None]


def _compare(run: Run, done: Any, now: datetime) -> None:  # noqa: ANN401 - a list or a query of seats
    for seat in done:
        same = agrees(run, seat)
        if same is not None:
            event(Lease(run.pk, seat.fence, seat.slot), "agrees" if same else "differs", {}, now)


def _end_lost(run: Run, seat: Seat, now: datetime) -> None:
    """End the attempt of a seat whose lease has run out, if nobody has; it has worked until its last sign of life."""
    if run.attempts.filter(slot=seat.slot, number=seat.fence, ended_at__isnull=True).exists():
        lease = Lease(run.pk, seat.fence, seat.slot)
        end_attempt(run, lease, "lost", now, detail=SILENT, until=seat.heartbeat_at)


def _leave(seat: Seat, **facts: Any) -> None:  # noqa: ANN401 - columns of the table
    Seat.objects.filter(pk=seat.pk).update(lease_owner="", lease_expires_at=None, **facts)
    seat.refresh_from_db()


def _is_paused(run: Run, now: datetime) -> bool:
    return run.paused_until is not None and now < run.paused_until
