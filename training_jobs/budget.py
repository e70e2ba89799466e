"""What a run has used of its approved budget: the device-seconds of all its attempts, at every seat.

One device-second is one second of one machine, from the trainer's first word to the end of the training. It is counted
here, by the platform's clock, whatever a machine says of itself. Measuring afterwards is not training and not counted.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from training_jobs.models import Attempt, Run, Seat

FIRST_WORDS = ("started", "resumed")


def seconds_left(run: Run, now: datetime) -> int:
    """Return what is left of the approved device-seconds; zero or less when they are used up.

    A machine that went silent is counted until its last sign of life, as it will be when its attempt is ended.
    """
    said = _first_words(run)
    seats = {seat.slot: seat for seat in run.seats.all()}
    used = 0
    for attempt in run.attempts.all():
        if attempt.ended_at is not None:
            used += attempt.device_seconds
        else:
            used += _seconds(run, attempt, said, _until(seats.get(attempt.slot, run), now))
    return int(run.spec_record.body["budget"]["device_seconds"]) - used


def seconds_of(run: Run, attempt: Attempt, until: datetime) -> int:
    """Return the device-seconds that an attempt has used by `until`.

    An attempt that never spoke counts from its claim: silence is not free.
    """
    return _seconds(run, attempt, _first_words(run), until)


def _seconds(run: Run, attempt: Attempt, said: Mapping[tuple[int, int], datetime], until: datetime) -> int:
    if run.trained_at is not None:
        if attempt.started_at >= run.trained_at:
            return 0
        until = min(until, run.trained_at)
    began = said.get((attempt.slot, attempt.number), attempt.started_at)
    return max(0, (until - began) // timedelta(seconds=1))


def _first_words(run: Run) -> dict[tuple[int, int], datetime]:
    """Return when each attempt, by slot and number, said its first word."""
    said: dict[tuple[int, int], datetime] = {}
    lines = run.events.filter(kind__in=FIRST_WORDS).order_by("pk").values_list("slot", "attempt", "at")
    for slot, number, at in lines:
        said.setdefault((slot, number), at)
    return said


def _until(place: Run | Seat, now: datetime) -> datetime:
    """Return until when whoever holds this lease is known to have worked."""
    over = place.lease_expires_at is not None and place.lease_expires_at <= now
    return place.heartbeat_at if over and place.heartbeat_at is not None else now
