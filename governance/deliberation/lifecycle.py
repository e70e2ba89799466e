"""Where a comment and its hiding stand, and what may be done with them. Pure: computed from facts, never stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from governance.errors import Conflict


class State(StrEnum):
    """How a comment stands."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    APPEALED = "appealed"
    UPHELD = "upheld"  # hidden, and somebody else agreed
    ERASED = "erased"


class Action(StrEnum):
    """What can be done."""

    EDIT = "edit"
    ERASE = "erase"
    ANSWER = "answer"
    REPORT = "report"
    HIDE = "hide"
    APPEAL = "appeal"
    JUDGE = "judge"
    TAKE_BACK = "take_back"


ALLOWED: Final = {
    Action.EDIT: frozenset({State.VISIBLE}),
    Action.ERASE: frozenset({State.VISIBLE, State.HIDDEN, State.APPEALED, State.UPHELD}),
    Action.ANSWER: frozenset({State.VISIBLE}),
    Action.REPORT: frozenset({State.VISIBLE}),
    Action.HIDE: frozenset({State.VISIBLE}),
    Action.APPEAL: frozenset({State.HIDDEN}),
    Action.JUDGE: frozenset({State.APPEALED}),
    Action.TAKE_BACK: frozenset({State.HIDDEN, State.APPEALED}),
}


@dataclass(frozen=True)
class Hiding:
    """The facts of a hiding that is not over."""

    appealed_at: datetime | None = None
    upheld: bool | None = None


@dataclass(frozen=True)
class Past:
    """The facts of a hiding that is over."""

    by: str
    appealed_at: datetime | None
    lifted_at: datetime


def state(erased_at: datetime | None, hiding: Hiding | None) -> State:
    """Return the state; the first row that matches wins. `hiding` is the one that is not over."""
    if erased_at is not None:
        return State.ERASED
    if hiding is None:
        return State.VISIBLE
    if hiding.upheld:
        return State.UPHELD
    return State.HIDDEN if hiding.appealed_at is None else State.APPEALED


def gave_way(actor: str, past: Iterable[Past], edited_at: datetime | None) -> bool:
    """Say whether this moderator hid what now stands there, and its author appealed, before it was shown again.

    Whether somebody granted the appeal or the moderator gave in before the answer: hiding it again would make the
    appeal void. An edit since then is a new text.
    """
    return any(
        each.by == actor and each.appealed_at is not None and (edited_at is None or edited_at <= each.lifted_at)
        for each in past
    )


def require(action: Action, found: State) -> None:
    """Raise Conflict unless the action is allowed in this state."""
    if found not in ALLOWED[action]:
        raise Conflict(
            "comment_moved_on",
            f"this cannot be done with a comment that is {found}",
            found=str(found),
            allowed=sorted(map(str, ALLOWED[action])),
        )
