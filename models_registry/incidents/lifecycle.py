"""The life of an incident: categories, severities with their deadlines, outcomes, and the state at a moment. Pure.

An incident is received, then triaged by a steward, then has one outcome. Both deadlines count from the report, so that
a late triage does not buy time for the answer. Until the triage the severity is the one that the reporter named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from governance.errors import Conflict

DAY_SECONDS = 24 * 3600

CATEGORIES = (
    "falsehood",
    "dangerous_advice",
    "discrimination",
    "abuse",
    "personal_data",
    "copied_text",
    "hidden_trigger",
    "wrong_refusal",
    "other",
)


@dataclass(frozen=True)
class Severity:
    """Within how long stewards triage and answer, and whether a guardian may pause the release because of it."""

    triage_seconds: int
    answer_seconds: int
    may_pause: bool


# The table of deadlines, worst first.
SEVERITIES: Mapping[str, Severity] = MappingProxyType(
    {
        "critical": Severity(1 * DAY_SECONDS, 3 * DAY_SECONDS, may_pause=True),
        "high": Severity(2 * DAY_SECONDS, 7 * DAY_SECONDS, may_pause=True),
        "medium": Severity(5 * DAY_SECONDS, 14 * DAY_SECONDS, may_pause=False),
        "low": Severity(10 * DAY_SECONDS, 30 * DAY_SECONDS, may_pause=False),
    }
)


class State(StrEnum):
    """Where an incident stands. Those after TRIAGED are its outcomes."""

    RECEIVED = "received"
    TRIAGED = "triaged"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    NOT_REPRODUCIBLE = "not_reproducible"
    DUPLICATE = "duplicate"
    DECLINED = "declined"


OUTCOMES = tuple(state for state in State if state not in {State.RECEIVED, State.TRIAGED})


class Action(StrEnum):
    """What can be done with an incident."""

    TRIAGE = "triage"
    ANSWER = "answer"
    PAUSE = "pause"
    MAKE_CASE = "make_case"


ALLOWED: Mapping[Action, frozenset[State]] = MappingProxyType(
    {
        Action.TRIAGE: frozenset({State.RECEIVED}),
        Action.ANSWER: frozenset({State.TRIAGED}),
        Action.PAUSE: frozenset({State.TRIAGED, State.CONFIRMED}),
        Action.MAKE_CASE: frozenset({State.CONFIRMED}),
    }
)


@dataclass(frozen=True)
class Facts:
    """What is stored of an incident and decides its state. `outcome` is empty until it has one."""

    reported_at: datetime
    severity: str
    triaged_at: datetime | None = None
    outcome: str = ""


def state(facts: Facts) -> State:
    """Return the state; the first that fits."""
    if facts.outcome:
        return State(facts.outcome)
    return State.RECEIVED if facts.triaged_at is None else State.TRIAGED


def due_at(facts: Facts) -> datetime | None:
    """Return until when the next step is due, or None when nothing more is."""
    limits = SEVERITIES[facts.severity]
    found = state(facts)
    if found is State.RECEIVED:
        return facts.reported_at + timedelta(seconds=limits.triage_seconds)
    return facts.reported_at + timedelta(seconds=limits.answer_seconds) if found is State.TRIAGED else None


def overdue(facts: Facts, now: datetime) -> bool:
    """Say whether a step should have been made by `now`."""
    due = due_at(facts)
    return due is not None and due <= now


def require(action: Action, facts: Facts) -> None:
    """Raise Conflict with the state and the allowed ones unless this may be done now."""
    found, allowed = state(facts), ALLOWED[action]
    if found not in allowed:
        detail = f"this incident is {found}; it must be {' or '.join(sorted(allowed))}"
        raise Conflict("incident_moved_on", detail, found=str(found), allowed=sorted(map(str, allowed)))
