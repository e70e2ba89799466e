"""The right to work on a run, and what every change under it begins and ends with: the lead's and the members' alike.

Whoever changes a run locks its row first, also for a seat: so the changes of one run come one after the other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.errors import Conflict, NotFound
from training_jobs.budget import seconds_left, seconds_of
from training_jobs.commons import allotments
from training_jobs.models import Run, RunEvent

SILENT = "no heartbeat until the lease ran out"


@dataclass(frozen=True)
class Lease:
    """The right to work at one place of a run, until somebody takes a higher fencing number. Slot 0: the lead's."""

    run_id: int
    fence: int
    slot: int = 0


class StaleLease(Conflict):
    """A write under a fencing number that is not the newest."""

    def __init__(self, lease: Lease) -> None:
        """Name the lease."""
        super().__init__("stale_lease", "another worker has taken this run over", found=lease.fence)


def locked(run_id: int) -> Run:
    """Return the locked row of a run, or raise NotFound."""
    run = (
        Run.objects.select_for_update(of=("self",))
        .select_related("spec_record", "run_record", "proposal__community")
        .filter(pk=run_id)
        .first()
    )
    if run is None:
        raise NotFound("unknown_run", "there is no such run", found=run_id)
    return run


def event(lease: Lease, kind: str, data: dict[str, Any], now: datetime) -> None:
    """Write a line into the run's log."""
    RunEvent.objects.create(run_id=lease.run_id, slot=lease.slot, attempt=lease.fence, at=now, kind=kind, data=data)


def end_attempt(
    run: Run, lease: Lease, outcome: str, now: datetime, *, detail: str = "", until: datetime | None = None
) -> None:
    """End the attempt of a lease, write down what it has used (until now, or its last sign of life), pay its site."""
    attempt = run.attempts.get(slot=lease.slot, number=lease.fence)
    attempt.device_seconds = seconds_of(run, attempt, until or now)
    attempt.ended_at, attempt.outcome, attempt.detail = now, outcome[:20], detail[:4000]
    attempt.save()
    allotments.settle(run, attempt, now)


def over(run: Run, now: datetime) -> str:
    """Return the code of what forbids to go on training, whatever a machine could still do; empty: nothing."""
    if run.deadline_at is not None and now >= run.deadline_at:
        return "deadline_passed"
    if run.run_record_id is None and seconds_left(run, now) <= 0:
        return "budget_used_up"
    return ""
