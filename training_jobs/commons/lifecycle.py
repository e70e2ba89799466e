"""Where a request of computing stands, as a pure function of stored facts; and since when nobody works on an allotment.

The first row that matches wins. What a request waits for is the scheduler's to say (`scheduling.explain`), not a state.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a request stands."""

    REFUSED = "refused"
    ENDED = "ended"
    RUNNING = "running"  # a machine of the site has taken it
    ALLOTTED = "allotted"  # devices are held for it, and no machine has come yet
    WAITING = "waiting"


@dataclass(frozen=True)
class Facts:
    """The facts of a request, and of its allotment in force."""

    outcome: str = ""
    allotted_at: datetime | None = None
    claimed_at: datetime | None = None


@dataclass(frozen=True)
class Place:
    """The lease of the place that an allotment is for, and when the last attempt at it ended."""

    lease_owner: str = ""
    lease_expires_at: datetime | None = None
    left_at: datetime | None = None


def state(facts: Facts) -> State:
    """Return where a request stands."""
    if facts.outcome:
        return State.REFUSED if facts.outcome == State.REFUSED else State.ENDED
    if facts.allotted_at is None:
        return State.WAITING
    return State.ALLOTTED if facts.claimed_at is None else State.RUNNING


def idle_since(facts: Facts, place: Place, now: datetime) -> datetime | None:
    """Return since when no machine works on what was allotted; None: one does, or nothing is allotted."""
    if facts.allotted_at is None:
        return None
    if place.lease_owner and place.lease_expires_at is not None:
        return None if now < place.lease_expires_at else max(place.lease_expires_at, facts.allotted_at)
    moments = [moment for moment in (facts.claimed_at, place.left_at) if moment is not None]
    return max([facts.allotted_at, *moments])
