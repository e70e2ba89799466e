"""What became of a request to take data out, and whether what follows from a removal is done. Pure.

Facts are stored, states are computed: the first row that matches wins.

    request     when                                                      allowed
    removed     a removal answers it
    declined    somebody declined it, or its vote failed
    proposed    a vote on it is under way
    overdue     now >= due_at                                             decline, propose
    received    otherwise                                                 decline, propose

    follow-up   when
    settled     nothing that learnt is handed out, or the newest version handed out did not learn
    none        the community decided that nothing follows
    overdue     now >= due_at
    due         otherwise
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from governance.errors import Conflict


class Asked(StrEnum):
    """What became of a request."""

    RECEIVED = "received"
    OVERDUE = "overdue"
    PROPOSED = "proposed"
    REMOVED = "removed"
    DECLINED = "declined"


class Vote(StrEnum):
    """How the newest vote on a request stands."""

    NONE = ""
    UNDER_WAY = "under_way"
    FAILED = "failed"


class Owed(StrEnum):
    """Whether what must follow from a removal is done."""

    SETTLED = "settled"
    NONE = "none"
    OVERDUE = "overdue"
    DUE = "due"


# What can follow from a removal, as the voters are told.
FOLLOW_UPS: Final = ("retrain", "rollback", "none")
OPEN: Final = (Asked.RECEIVED, Asked.OVERDUE)


@dataclass(frozen=True)
class RequestFacts:
    """What is stored of a request, and how its vote stands."""

    due_at: datetime
    declined_at: datetime | None
    removed: bool
    vote: Vote


def state_of(facts: RequestFacts, now: datetime) -> Asked:
    """Return the state of a request at `now`."""
    if facts.removed:
        return Asked.REMOVED
    if facts.declined_at is not None or facts.vote is Vote.FAILED:
        return Asked.DECLINED
    if facts.vote is Vote.UNDER_WAY:
        return Asked.PROPOSED
    return Asked.OVERDUE if now >= facts.due_at else Asked.RECEIVED


def require_open(facts: RequestFacts, now: datetime) -> None:
    """Raise Conflict for a request that was answered already."""
    found = state_of(facts, now)
    if found not in OPEN:
        detail = f"the request is {found}; it is answered once"
        raise Conflict("request_answered", detail, found=str(found), allowed=[str(state) for state in OPEN])


def owed(
    action: str, due_at: datetime | None, learnt: Collection[str], handed_out: Sequence[str], now: datetime
) -> Owed:
    """Return whether a model still owes what must follow from a removal.

    `learnt` are the revisions that learnt from the removed data, `handed_out` those of the model that are handed out,
    newest first.
    """
    if not handed_out or handed_out[0] not in learnt:
        return Owed.SETTLED
    if action == "none" or due_at is None:
        return Owed.NONE
    return Owed.OVERDUE if now >= due_at else Owed.DUE
