"""The life of a training run as a pure function of stored facts and a clock.

The first row of the table in `state` that matches wins. The lease in the database decides who works; a message is only
a nudge. A lease that has run out means `stalled`: any worker may take the run over with the next fencing number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a run stands."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    STOPPING = "stopping"
    CANCELED = "canceled"
    FAILED = "failed"
    RUNNING = "running"
    EVALUATING = "evaluating"
    STALLED = "stalled"
    WAITING = "waiting"
    QUEUED = "queued"


class Action(StrEnum):
    """What somebody may try to do with a run."""

    CLAIM = "claim"
    CANCEL = "cancel"


ALLOWED: dict[Action, frozenset[State]] = {
    Action.CLAIM: frozenset({State.QUEUED, State.STALLED}),
    Action.CANCEL: frozenset({State.QUEUED, State.WAITING, State.RUNNING, State.EVALUATING, State.STALLED}),
}


@dataclass(frozen=True)
class Facts:
    """The facts that a state is computed from."""

    verdict: str = ""
    canceled_at: datetime | None = None
    failed_at: datetime | None = None
    lease_expires_at: datetime | None = None
    lease_owner: str = ""
    heartbeat_at: datetime | None = None
    retry_at: datetime | None = None
    trained_at: datetime | None = None


class NotAllowed(Exception):
    """An action that the current state of a run forbids."""

    def __init__(self, action: Action, found: State) -> None:
        """Keep the state found and the states allowed."""
        self.action = action
        self.found = found
        self.allowed = tuple(sorted(ALLOWED[action]))
        super().__init__(f"{action} is not allowed while {found}; allowed: {', '.join(self.allowed)}")


def state(facts: Facts, now: datetime) -> State:
    """Return the state at `now`: the first row that matches."""
    for row, matches in _ROWS:
        if matches(facts, now):
            return row
    raise AssertionError("the last row matches everything")


def require(action: Action, facts: Facts, now: datetime) -> State:
    """Return the state if it allows `action`; raise NotAllowed otherwise."""
    found = state(facts, now)
    if found not in ALLOWED[action]:
        raise NotAllowed(action, found)
    return found


def retry_seconds(attempts: int, *, attempts_max: int, permanent: bool) -> int | None:
    """Return how long to wait before the next attempt, or None when there is none: doubling from 5 seconds."""
    if permanent or attempts >= attempts_max:
        return None
    return int(5 * 2 ** (attempts - 1))


def _leased(facts: Facts, now: datetime) -> bool:
    return bool(facts.lease_owner) and facts.lease_expires_at is not None and now < facts.lease_expires_at


_ROWS: tuple[tuple[State, Callable[[Facts, datetime], bool]], ...] = (
    (State.ACCEPTED, lambda facts, now: facts.verdict == "accepted"),
    (State.REJECTED, lambda facts, now: facts.verdict == "rejected"),
    (State.STOPPING, lambda facts, now: facts.canceled_at is not None and _leased(facts, now)),
    (State.CANCELED, lambda facts, now: facts.canceled_at is not None),
    (State.FAILED, lambda facts, now: facts.failed_at is not None),
    (State.EVALUATING, lambda facts, now: facts.trained_at is not None and _leased(facts, now)),
    (State.RUNNING, _leased),
    (State.STALLED, lambda facts, now: bool(facts.lease_owner)),
    (State.WAITING, lambda facts, now: facts.retry_at is not None and now < facts.retry_at),
    (State.QUEUED, lambda facts, now: True),
)
