"""How a proposal stands by what its Governor said: the facts of `governance.lifecycle` from its events. Pure.

A Governor counts votes of the seconds in (snapshot, deadline]; we say the same with the first second of voting and the
first one after it: opens_at = snapshot + 1, closes_at = deadline + 1. `lifecycle.state` of these facts is the
contract's `state()` at every second, with one state more: what a Governor calls queued is queued, then ready.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from governance.chain.governor import ABSTAIN, AGAINST, FOR
from governance.lifecycle import Facts, State, state

# What the contract calls each of our states; the others cannot come about by its events.
THEIRS: Final[dict[State, str]] = {
    State.PENDING: "pending",
    State.ACTIVE: "active",
    State.DEFEATED: "defeated",
    State.SUCCEEDED: "succeeded",
    State.QUEUED: "queued",
    State.READY: "queued",
    State.EXECUTED: "executed",
    State.CANCELED: "canceled",
}


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of one proposal, with the second of its block. `executed` is the timelock's word or the Governor's.

    `scheduled` and `unscheduled` are the timelock's of now: it took the proposal's operation in, or dropped it.
    """

    kind: str
    at: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """What the events of one proposal come to: when it opens and closes, and the votes against, for and abstaining."""

    submitted_at: int
    snapshot: int
    deadline: int
    votes: tuple[int, int, int]
    eta: int | None
    executed_at: int | None
    canceled_at: int | None

    def facts(self, quorum: int, now: int) -> Facts:
        """Return the facts at `now` (UNIX seconds); `quorum` is the contract's own, in units of power."""
        against, in_favour, abstain = self.votes
        closes_at = self.deadline + 1
        passed = in_favour + abstain >= quorum and in_favour > against
        return Facts(
            submitted_at=moment(self.submitted_at),
            census_at=moment(self.snapshot),
            opens_at=moment(self.snapshot + 1),
            closes_at=moment(closes_at),
            passed=passed if now >= closes_at else None,
            eta=moment(self.eta),
            executed_at=moment(self.executed_at),
            canceled_at=moment(self.canceled_at),
        )

    def state(self, quorum: int, now: int) -> str:
        """Return what the contract's `state()` says at `now`, by its name there."""
        return THEIRS[state(self.facts(quorum, now), datetime.fromtimestamp(now, UTC))]


def tell(events: Iterable[Happened]) -> Story:
    """Return what the events of a proposal, in the order of the chain, come to. The first must be its creation."""
    happened = list(events)
    created: Happened | None = None
    votes = {AGAINST: 0, FOR: 0, ABSTAIN: 0}
    deadline = 0
    for event in happened:
        if event.kind == "created":
            created, deadline = event, event.data["ends"]
        elif event.kind == "vote":
            votes[event.data["support"]] += int(event.data["weight"])
        elif event.kind == "extended":
            deadline = event.data["deadline"]
    if created is None:
        raise ValueError("the story of a proposal begins with its creation")
    counted = (votes[AGAINST], votes[FOR], votes[ABSTAIN])
    return Story(created.at, created.data["starts"], deadline, counted, *_end(happened))


def _end(events: Iterable[Happened]) -> tuple[int | None, int | None, int | None]:
    """Return from when it may be executed, and when it was executed or canceled.

    What the Governor canceled stays so. What only its timelock dropped can be taken in there again, and waits anew.
    """
    eta = executed_at = canceled_at = None
    for_good = False
    for event in events:
        if event.kind == "queued":
            eta = event.data["eta"]
        elif event.kind == "executed" and executed_at is None and canceled_at is None:
            executed_at = event.at
        elif event.kind == "canceled":
            canceled_at, for_good = event.at, True
        elif event.kind == "unscheduled" and eta is not None and canceled_at is None:
            canceled_at = event.at
        elif event.kind == "scheduled" and canceled_at is not None and not for_good:
            canceled_at, eta = None, event.at + int(event.data["delay"])
    return eta, executed_at, canceled_at


def moment(seconds: int | None) -> datetime | None:
    """Return a second of the chain as a moment."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
