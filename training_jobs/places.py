"""Questions about the machines of a run: who has which place in it, since when, and how far it is. Reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from training_jobs import seats
from training_jobs.models import Attempt, Run, Runner, Seat


@dataclass(frozen=True)
class Try:
    """An attempt, and the name of the machine that made it."""

    attempt: Attempt
    machine: str


@dataclass(frozen=True)
class Place:
    """One place of a run of several machines. `state`: open, working, silent, done or over; `agrees`: with the lead.

    `since` is when the machine that has it, or had it last, took it. Zero steps or tokens: none are known.
    """

    slot: int
    state: str
    machine: str
    since: datetime | None
    step: int
    steps: int
    tokens: int
    agrees: bool | None


def machine_names(owners: Iterable[str]) -> dict[str, str]:
    """Return what people call the machines with these lease names: a lent one by its name, a worker as it is."""
    found = set(owners)
    numbers = [owner.removeprefix("runner:") for owner in found if owner.startswith("runner:")]
    lent = Runner.objects.filter(pk__in=[number for number in numbers if number.isdecimal()])
    return {owner: owner for owner in found} | {runner.lease_name: runner.name for runner in lent}


def tries_of(run: Run, names: Mapping[str, str]) -> tuple[Try, ...]:
    """Return the attempts of a run with the names of their machines."""
    return tuple(Try(attempt, names.get(attempt.owner, attempt.owner)) for attempt in run.attempts.all())


def places_of(run: Run, tries: Iterable[Try], now: datetime, *, unfinished: bool) -> tuple[Place, ...]:
    """Return the places of a run, the lead's first; none for a run of one machine."""
    members = list(run.seats.all())
    if not members:
        return ()
    newest = {each.attempt.slot: each for each in tries}
    return tuple(_place(run, place, newest, now, unfinished=unfinished) for place in (run, *members))


def _place(run: Run, place: Run | Seat, newest: Mapping[int, Try], now: datetime, *, unfinished: bool) -> Place:
    slot = place.slot if isinstance(place, Seat) else 0
    made = place.description if isinstance(place, Seat) else (run.run_record.body if run.run_record else {})
    last, step = newest.get(slot), _last_step(run, slot)
    state = _state(place, now, unfinished=unfinished)
    return Place(
        slot=slot,
        state=state,
        machine=last.machine if last and state != "open" else "",
        since=last.attempt.started_at if last and state != "open" else None,
        step=_whole(step.get("step")),
        steps=_whole(step.get("steps")),
        tokens=_whole(made.get("tokens")),
        agrees=seats.agrees(run, place) if isinstance(place, Seat) else None,
    )


def _state(place: Run | Seat, now: datetime, *, unfinished: bool) -> str:
    is_done = place.took_part_at is not None if isinstance(place, Seat) else place.judged_at is not None
    if is_done:
        return "done"
    if not place.lease_owner:
        return "open" if unfinished else "over"
    held = place.lease_expires_at is not None and now < place.lease_expires_at
    return "working" if held else "silent"


def _last_step(run: Run, slot: int) -> Mapping[str, Any]:
    """Return the last step that was heard of from a place."""
    newest = run.events.filter(slot=slot, kind="step").order_by("-id").first()
    return newest.data if newest else {}


def _whole(value: object) -> int:
    return value if type(value) is int else 0
