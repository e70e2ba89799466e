"""What holds of consultations and their statements: bounds, states, the policy of moderation, what is the same. Pure.

A consultation decides nothing; it shows a community what people think before it votes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from governance.deliberation import policy

AGREE, PASS, DISAGREE = 1, 0, -1
ANSWERS = {"agree": AGREE, "disagree": DISAGREE, "pass": PASS}

QUESTION_MAX, TEXT_MAX = 200, 4_000
STATEMENT_MIN, STATEMENT_MAX = 8, 200
NOTE_MAX = policy.REASON_MAX
DAYS_MIN, DAYS_MAX = 1, 90
SEEDS_MAX = 20
STATEMENTS_MAX = 200
STATEMENTS_PER_PARTICIPANT_MAX = 10
PARTICIPANTS_MAX = 10_000
OPEN_MAX = 10
# Nothing is shown of a consultation, a group or a house of fewer people, and no group speaks by fewer answers.
PEOPLE_MIN = 5
# Answers that make somebody part of a group of opinion, where there are as many statements (Polis asks for the same).
ANSWERS_MIN = 7

# What a statement may be hidden by: the policy of discussions, and two rules of statements.
HIDING_RULES = (*policy.RULES, "repeats", "several_in_one")


class State(StrEnum):
    """Where a consultation stands."""

    OPEN = "open"
    COUNTING = "counting"
    CLOSED = "closed"


def state(closes_at: datetime, closed_at: datetime | None, now: datetime) -> State:
    """Return the state: open until its end, closed once the last count is made."""
    if closed_at is not None:
        return State.CLOSED
    return State.OPEN if now < closes_at else State.COUNTING


def closes_at(opens_at: datetime, days: int) -> datetime:
    """Return when one that is open for so many days closes."""
    return opens_at + timedelta(days=days)


def similar(words: Iterable[str], others: Mapping[int, frozenset[str]]) -> list[int]:
    """Return which statements share at least half of all words of the two (Jaccard), the lowest number first."""
    own = frozenset(words)
    return [number for number, other in sorted(others.items()) if 2 * len(own & other) >= len(own | other) > 0]


def asking_order(numbers: Iterable[int], who: str) -> list[int]:
    """Return the order in which somebody is asked: another one for each, so that all statements get answers."""
    return sorted(numbers, key=lambda number: hashlib.sha256(f"{who}:{number}".encode()).digest())


def answers_needed(statements: int) -> int:
    """Return how many answers make somebody part of a group."""
    return max(1, min(ANSWERS_MIN, statements))


def is_worth_a_count(participants: int, changed: int) -> bool:
    """Say whether an open consultation is counted again: never for a single answer, so that none can be read off."""
    return participants >= PEOPLE_MIN and changed >= max(PEOPLE_MIN, participants // 50)
