"""What a delivery is doing, and when it is tried again: a release on its way to one target. Pure.

Facts are stored and the state is computed, as for proposals and runs; the clock and the jitter come in as parameters.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ATTEMPTS_MAX = 30
WAIT_SECONDS_MIN = 30
WAIT_SECONDS_MAX = 6 * 3600
# A target may ask for a longer rest than ours (Retry-After), but not for ever.
ASKED_SECONDS_MAX = 24 * 3600
JITTER_PERMILLE = 1000


class State(StrEnum):
    """What a person is told. The first that fits is the one."""

    PUBLISHED = "published"
    FAILED = "failed"
    PUBLISHING = "publishing"
    PLANNED = "planned"
    WAITING = "waiting"


@dataclass(frozen=True)
class Facts:
    """What is known of a delivery."""

    attempts: int
    next_at: datetime | None
    lease_expires_at: datetime | None
    failed_at: datetime | None
    published_at: datetime | None


def state(facts: Facts, now: datetime) -> State:
    """Return the state at a moment: waiting means that it was tried in vain and is tried again at `next_at`."""
    if facts.published_at is not None:
        return State.PUBLISHED
    if facts.failed_at is not None:
        return State.FAILED
    if facts.lease_expires_at is not None and now < facts.lease_expires_at:
        return State.PUBLISHING
    return State.WAITING if facts.attempts else State.PLANNED


def wait_seconds(attempts: int, jitter_permille: int, asked_seconds: int = 0) -> int:
    """Return how long to rest after the n-th attempt: doubling, half of it at random, at least what the target asked.

    The random half keeps many installations from coming back to a target in the same second after it was down.
    """
    whole = min(WAIT_SECONDS_MIN << min(attempts - 1, 20), WAIT_SECONDS_MAX)
    ours = whole // 2 + whole * jitter_permille // (2 * JITTER_PERMILLE)
    return max(ours, min(asked_seconds, ASKED_SECONDS_MAX))
