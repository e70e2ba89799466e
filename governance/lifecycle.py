"""The life of a proposal as a pure function of stored facts and a clock: no column holds a state, no job flips one.

The first row of the table in `state` that matches wins. `require` is the first line of every service. Semantics follow
OpenZeppelin's Governor where it has the state, with `ready`, `paused` and `expired` told apart from `queued`. A vote
does not open before its census is taken, so that nobody's power is unknown while votes are cast.

That voting has closed is a fact (`passed` is known), not only a comparison of times: a clock that jumps back, or a
request that waited longer than it knows, cannot add a ballot to a count that has been made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a proposal stands."""

    DRAFT = "draft"
    PENDING = "pending"
    ACTIVE = "active"
    CLOSING = "closing"
    DEFEATED = "defeated"
    SUCCEEDED = "succeeded"
    QUEUED = "queued"
    PAUSED = "paused"
    READY = "ready"
    EXPIRED = "expired"
    EXECUTED = "executed"
    CANCELED = "canceled"
    VETOED = "vetoed"


class Action(StrEnum):
    """What somebody may try to do with a proposal."""

    EDIT = "edit"
    SPONSOR = "sponsor"
    SUBMIT = "submit"
    TAKE_CENSUS = "take_census"
    VOTE = "vote"
    CLOSE_EARLY = "close_early"
    CLOSE_VOTING = "close_voting"
    QUEUE = "queue"
    EXECUTE = "execute"
    CANCEL = "cancel"
    VETO = "veto"
    PAUSE = "pause"


# What nobody can change any more.
TERMINAL: frozenset[State] = frozenset({State.DEFEATED, State.EXPIRED, State.EXECUTED, State.CANCELED, State.VETOED})
# The timelock and what follows it: where a council may step in. It can stop or delay, never approve or shorten.
WAITING: frozenset[State] = frozenset({State.QUEUED, State.PAUSED, State.READY})

ALLOWED: dict[Action, frozenset[State]] = {
    Action.EDIT: frozenset({State.DRAFT}),
    Action.SPONSOR: frozenset({State.DRAFT}),
    Action.SUBMIT: frozenset({State.DRAFT}),
    Action.TAKE_CENSUS: frozenset({State.PENDING}),
    Action.VOTE: frozenset({State.ACTIVE}),
    Action.CLOSE_EARLY: frozenset({State.ACTIVE}),
    Action.CLOSE_VOTING: frozenset({State.CLOSING}),
    Action.QUEUE: frozenset({State.SUCCEEDED}),
    Action.EXECUTE: frozenset({State.READY}),
    Action.CANCEL: frozenset(State) - TERMINAL,
    Action.VETO: WAITING,
    Action.PAUSE: WAITING - {State.PAUSED},
}


@dataclass(frozen=True)
class Facts:
    """The facts that a state is computed from. All times are aware; None means that it has not happened."""

    submitted_at: datetime | None = None
    census_at: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    passed: bool | None = None
    eta: datetime | None = None
    expires_at: datetime | None = None
    paused_until: datetime | None = None
    executed_at: datetime | None = None
    canceled_at: datetime | None = None
    vetoed_at: datetime | None = None


class NotAllowed(Exception):
    """An action that the current state forbids; carries the state found and the states allowed."""

    def __init__(self, action: Action, found: State, facts: Facts) -> None:
        """Keep everything that an answer to the user needs."""
        self.action = action
        self.found = found
        self.allowed = tuple(sorted(ALLOWED[action]))
        self.facts = facts
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
        raise NotAllowed(action, found, facts)
    return found


def _before(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now < moment


_ROWS: tuple[tuple[State, Callable[[Facts, datetime], bool]], ...] = (
    (State.EXECUTED, lambda facts, now: facts.executed_at is not None),
    (State.VETOED, lambda facts, now: facts.vetoed_at is not None),
    (State.CANCELED, lambda facts, now: facts.canceled_at is not None),
    (State.DRAFT, lambda facts, now: facts.submitted_at is None),
    (
        State.PENDING,
        lambda facts, now: facts.passed is None and (facts.census_at is None or _before(facts.opens_at, now)),
    ),
    (State.ACTIVE, lambda facts, now: facts.passed is None and _before(facts.closes_at, now)),
    (State.CLOSING, lambda facts, now: facts.passed is None),
    (State.DEFEATED, lambda facts, now: facts.passed is False),
    (State.SUCCEEDED, lambda facts, now: facts.eta is None),
    (State.QUEUED, lambda facts, now: _before(facts.eta, now)),
    (State.EXPIRED, lambda facts, now: facts.expires_at is not None and now >= facts.expires_at),
    (State.PAUSED, lambda facts, now: _before(facts.paused_until, now)),
    (State.READY, lambda facts, now: True),
)
