"""Errands: work outside that is tried until it is done or given up; deliveries, notices, intakes of datasets.

Nothing here uses the network.

Whoever works on one has a lease with a fencing number: an answer that comes after somebody else took over changes
nothing.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from django.db.models import F, Q, QuerySet

from governance.errors import Conflict
from models_registry.models import DatasetIntake, Delivery, Notice
from models_registry.publishing import PublishError, delivery

LEASE_SECONDS = 120
_DETAIL_CHARACTERS = 1000

Row = TypeVar("Row", Delivery, Notice, DatasetIntake)


@dataclass(frozen=True)
class Claim(Generic[Row]):
    """The right to work on one errand, as long as nobody else holds a newer one."""

    row: Row
    fence: int
    attempt: int


class Outcome(StrEnum):
    """What the end of an attempt in vain means."""

    LOST = "lost"  # somebody else took over; nothing was written
    WAITING = "waiting"
    GIVEN_UP = "given_up"


def free(now: datetime) -> Q:
    """Return the condition that an errand is due and that nobody works on it."""
    return Q(next_at__lte=now) & (Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now))


def claim(row: Row, now: datetime) -> Claim[Row] | None:
    """Take an errand that is due, or return nothing: somebody else was faster.

    That it is free is asked again in the statement that takes it: the row may have been read after somebody took it.
    The next attempt is set already here, so that a worker that dies on it does not bring it back at once for ever.
    """
    attempt = row.attempts + 1
    taken = (
        type(row)
        .objects.filter(free(now), pk=row.pk, fence=row.fence)
        .update(
            fence=F("fence") + 1,
            attempts=attempt,
            tried_at=now,
            next_at=now + _rest(attempt),
            lease_expires_at=now + timedelta(seconds=LEASE_SECONDS),
        )
    )
    return Claim(row, row.fence + 1, attempt) if taken else None


def worn_out(row: Row) -> Claim[Row] | None:
    """Return the claim with which an errand is given up whose last attempts all ended without an answer."""
    return Claim(row, row.fence, row.attempts) if row.attempts >= delivery.ATTEMPTS_MAX else None


def renew(claim: Claim[Row], now: datetime) -> bool:
    """Hold the lease for longer; say whether it is still held."""
    until = now + timedelta(seconds=LEASE_SECONDS)
    return bool(held(claim).update(lease_expires_at=until))


def held(claim: Claim[Row]) -> "QuerySet[Row]":
    """Return the errand if the claim still counts."""
    return type(claim.row).objects.filter(pk=claim.row.pk, fence=claim.fence, next_at__isnull=False)


def failed(claim: Claim[Row], error: PublishError, now: datetime) -> Outcome:
    """Keep the reason; give up where trying again cannot help, or was tried often enough."""
    over = error.permanent or claim.attempt >= delivery.ATTEMPTS_MAX
    changed = held(claim).update(
        fence=F("fence") + 1,
        lease_expires_at=None,
        error_code=error.code,
        error_detail=error.detail[:_DETAIL_CHARACTERS],
        failed_at=now if over else None,
        next_at=None if over else now + _rest(claim.attempt, error.retry_after_seconds),
    )
    if not changed:
        return Outcome.LOST
    return Outcome.GIVEN_UP if over else Outcome.WAITING


def again(row: Row, now: datetime) -> None:
    """Let a failed or waiting errand be tried at once, as an operator asks; raise Conflict while a worker is at it."""
    if row.lease_expires_at is not None and now < row.lease_expires_at:
        raise Conflict("being_published", "a worker is at it just now; wait for its answer", found=str(row))
    # The fence goes on, so that an answer of before is not taken for one of these attempts.
    type(row).objects.filter(pk=row.pk, fence=row.fence).update(
        fence=F("fence") + 1, attempts=0, next_at=now, lease_expires_at=None, failed_at=None
    )
    row.refresh_from_db()


def state(row: Row, now: datetime) -> delivery.State:
    """Return what an errand is doing."""
    return delivery.state(row.facts(), now)


def _rest(attempts: int, asked_seconds: int = 0) -> timedelta:
    jitter = secrets.randbelow(delivery.JITTER_PERMILLE + 1)
    return timedelta(seconds=delivery.wait_seconds(attempts, jitter, asked_seconds))
