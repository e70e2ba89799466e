"""What a lease is worth: the assignment of an attempt, and what a run has used of its approved budget.

One device-second is one second of one machine, from the trainer's first word to the end of the training. It is counted
here, by the platform's clock, whatever a machine says of itself. Measuring afterwards is not training and not counted.
"""

from datetime import datetime, timedelta

from django.conf import settings

from models_registry.metrics import METRICS
from training_jobs.models import Attempt, Run
from training_jobs.supervisor import Assignment

FIRST_WORDS = ("started", "resumed")


def assignment(run: Run, now: datetime) -> Assignment:
    """Return what the holder of the newest lease of a run is to do, and with how much."""
    spec = run.spec_record.body
    return Assignment(
        run_id=run.pk,
        fence=run.fence,
        spec=spec,
        phase="train" if run.run_record_id is None else "evaluate",
        metrics=sorted(METRICS),
        suite=spec["evaluation"]["suite"],
        device_seconds=max(1, seconds_left(run, now)),
        lease_seconds=settings.LEASE_SECONDS,
        heartbeat_seconds=settings.HEARTBEAT_SECONDS,
    )


def seconds_left(run: Run, now: datetime) -> int:
    """Return what is left of the approved device-seconds; zero or less when they are used up."""
    used = 0
    for attempt in run.attempts.all():
        used += attempt.device_seconds if attempt.ended_at is not None else seconds_of(run, attempt, now)
    return int(run.spec_record.body["budget"]["device_seconds"]) - used


def seconds_of(run: Run, attempt: Attempt, until: datetime) -> int:
    """Return the device-seconds that an attempt has used by `until`.

    An attempt that never spoke counts from its claim: silence is not free.
    """
    if run.trained_at is not None:
        if attempt.started_at >= run.trained_at:
            return 0
        until = min(until, run.trained_at)
    word = run.events.filter(attempt=attempt.number, kind__in=FIRST_WORDS).order_by("pk").first()
    return max(0, (until - (word.at if word else attempt.started_at)) // timedelta(seconds=1))
