"""The life of a training run as a pure function of stored facts and a clock.

The first row of the table in `state` that matches wins. The lease in the database decides who works; a message is only
a nudge. A lease that has run out means `stalled`: any worker may take the run over with the next fencing number.

A guardian's pause and the specification's deadline are facts like the others. An attempt that was stopped because
somebody asked (`UNCOUNTED`) is none of those that a run may use up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a run stands."""

    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"
    REJECTED = "rejected"
    STOPPING = "stopping"
    CANCELED = "canceled"
    FAILED = "failed"
    REVIEWING = "reviewing"
    PAUSING = "pausing"
    PAUSED = "paused"
    OVERDUE = "overdue"
    AWAITING = "awaiting"
    RUNNING = "running"
    EVALUATING = "evaluating"
    STALLED = "stalled"
    WAITING = "waiting"
    QUEUED = "queued"


class Action(StrEnum):
    """What somebody may try to do with a run."""

    CLAIM = "claim"
    JOIN = "join"
    CANCEL = "cancel"
    PAUSE = "pause"


_AT_WORK = frozenset({State.QUEUED, State.WAITING, State.AWAITING, State.RUNNING, State.EVALUATING, State.STALLED})
ALLOWED: dict[Action, frozenset[State]] = {
    Action.CLAIM: frozenset({State.QUEUED, State.STALLED}),
    # a member's seat: its lead has begun; one that went silent is waited for together
    Action.JOIN: frozenset({State.RUNNING, State.STALLED}),
    Action.CANCEL: _AT_WORK | {State.PAUSING, State.PAUSED, State.REVIEWING},
    Action.PAUSE: _AT_WORK,
}

# The outcome of an attempt whose devices were called back, or whose site, hours or ceiling did not allow more.
INTERRUPTED = "interrupted"
# Outcomes of attempts that were stopped because somebody asked: the next attempt is not a second chance.
UNCOUNTED = frozenset({"paused", "released", INTERRUPTED})
# So long a member's seat is left alone at most after its machine failed.
REST_SECONDS_MAX = 300
# A machine that takes a run and gives it back for ever must end too.
UNCOUNTED_MAX = 50


@dataclass(frozen=True)
class Facts:
    """The facts that a state is computed from."""

    verdict: str = ""
    overridden_at: datetime | None = None
    canceled_at: datetime | None = None
    failed_at: datetime | None = None
    lease_expires_at: datetime | None = None
    lease_owner: str = ""
    heartbeat_at: datetime | None = None
    retry_at: datetime | None = None
    trained_at: datetime | None = None
    opening_until: datetime | None = None
    reviewing_since: datetime | None = None
    paused_until: datetime | None = None
    deadline_at: datetime | None = None


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


def rest_seconds(failures: int) -> int:
    """Return how long a member's seat rests after its n-th failure: doubling from 5 seconds, up to a bound."""
    return int(min(5 * 2 ** min(failures - 1, 10), REST_SECONDS_MAX))


def _before(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now < moment


def _leased(facts: Facts, now: datetime) -> bool:
    return bool(facts.lease_owner) and facts.lease_expires_at is not None and now < facts.lease_expires_at


_ROWS: tuple[tuple[State, Callable[[Facts, datetime], bool]], ...] = (
    (State.ACCEPTED, lambda facts, now: facts.verdict == "accepted"),
    (State.OVERRIDDEN, lambda facts, now: facts.verdict == "rejected" and facts.overridden_at is not None),
    (State.REJECTED, lambda facts, now: facts.verdict == "rejected"),
    (State.STOPPING, lambda facts, now: facts.canceled_at is not None and _leased(facts, now)),
    (State.CANCELED, lambda facts, now: facts.canceled_at is not None),
    (State.FAILED, lambda facts, now: facts.failed_at is not None),
    # it was measured, and people whom rules ask have so long to look; no machine has a part in it any more
    (State.REVIEWING, lambda facts, now: facts.reviewing_since is not None),
    (State.PAUSING, lambda facts, now: _before(facts.paused_until, now) and _leased(facts, now)),
    (State.PAUSED, lambda facts, now: _before(facts.paused_until, now)),
    (State.EVALUATING, lambda facts, now: facts.trained_at is not None and _leased(facts, now)),
    (State.RUNNING, _leased),
    (State.OVERDUE, lambda facts, now: facts.deadline_at is not None and now >= facts.deadline_at),
    # the model is fixed, and the keepers of hidden suites have so long to open them
    (State.AWAITING, lambda facts, now: _before(facts.opening_until, now)),
    (State.STALLED, lambda facts, now: bool(facts.lease_owner)),
    (State.WAITING, lambda facts, now: _before(facts.retry_at, now)),
    (State.QUEUED, lambda facts, now: True),
)
