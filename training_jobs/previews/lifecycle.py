"""The life of a preview as a pure function of stored facts and a clock; the first row that matches wins.

A preview may be ordered while its proposal is still before the decision (`BEFORE_DECISION`). It has a lease as a run
has, and neither pause nor waiting: whoever wants another one asks again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from governance.lifecycle import State as ProposalState


class State(StrEnum):
    """Where a preview stands."""

    DONE = "done"
    FAILED = "failed"
    RUNNING = "running"
    STALLED = "stalled"
    QUEUED = "queued"


CLAIMABLE = frozenset({State.QUEUED, State.STALLED})
UNFINISHED = CLAIMABLE | {State.RUNNING}
BEFORE_DECISION = frozenset({ProposalState.DRAFT, ProposalState.PENDING, ProposalState.ACTIVE})


@dataclass(frozen=True)
class Facts:
    """The facts that a state is computed from."""

    finished_at: datetime | None = None
    failed_at: datetime | None = None
    lease_owner: str = ""
    lease_expires_at: datetime | None = None


def state(facts: Facts, now: datetime) -> State:
    """Return the state at `now`."""
    for row, matches in _ROWS:
        if matches(facts, now):
            return row
    raise AssertionError("the last row matches everything")


def _leased(facts: Facts, now: datetime) -> bool:
    return bool(facts.lease_owner) and facts.lease_expires_at is not None and now < facts.lease_expires_at


_ROWS: tuple[tuple[State, Callable[[Facts, datetime], bool]], ...] = (
    (State.DONE, lambda facts, now: facts.finished_at is not None),
    (State.FAILED, lambda facts, now: facts.failed_at is not None),
    (State.RUNNING, _leased),
    (State.STALLED, lambda facts, now: bool(facts.lease_owner)),
    (State.QUEUED, lambda facts, now: True),
)
