"""Has a run changed: its state and its newest line, in two small queries, so that one can ask every second."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from governance.errors import NotFound
from training_jobs import lifecycle
from training_jobs.models import Run, RunEvent

ENDED = frozenset(
    {
        lifecycle.State.ACCEPTED,
        lifecycle.State.OVERRIDDEN,
        lifecycle.State.REJECTED,
        lifecycle.State.FAILED,
        lifecycle.State.CANCELED,
    }
)


@dataclass(frozen=True)
class Pulse:
    """What changes when a run does. `over`: it will not change by itself any more."""

    state: lifecycle.State
    newest_event: int
    version: int
    over: bool

    def __str__(self) -> str:
        """Return it as one word: the id of a message in a stream."""
        return f"{self.state}-{self.newest_event}-{self.version}"


def pulse_of(run_id: int, now: datetime) -> Pulse:
    """Return the pulse of a run, or raise NotFound."""
    run = Run.objects.defer("report", "failure_detail", "pause_reason").filter(pk=run_id).first()
    if run is None:
        raise NotFound("run_not_found", "there is no run with this number", field="id", found=run_id)
    newest = RunEvent.objects.filter(run=run_id).order_by("-pk").values_list("pk", flat=True).first()
    state = run.state(now)
    return Pulse(state, newest or 0, run.version_id or 0, is_over(run, state))


def is_over(run: Run, state: lifecycle.State) -> bool:
    """Say whether a run changes no more; a result that may be released changes until it is."""
    waits = state in {lifecycle.State.ACCEPTED, lifecycle.State.OVERRIDDEN} and run.version_id is None
    return state in ENDED and not waits


def rest() -> None:
    """Give the connection back before a pause, where connections are few; SQLite's is a file, and stays open."""
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()
