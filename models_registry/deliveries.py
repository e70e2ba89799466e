"""What is stored of deliveries: releases on their way to the targets beside our own hub. No network here.

A delivery is planned in the transaction that makes the version. Who works on it holds a lease with a fencing number;
an answer that comes after somebody else took over changes nothing. `delivering` does the work.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from governance.errors import Conflict, NotFound
from governance.records import keep
from governance.services import note
from models_registry.delivery_words import REASONS, STATES
from models_registry.models import Delivery, Publication, Version
from models_registry.publishing import TARGETS, HubTarget, PublishError, delivery
from models_registry.publishing import Publication as Place

LEASE_SECONDS = 120
_DETAIL_CHARACTERS = 1000


@dataclass(frozen=True)
class Claim:
    """The right to publish one version at one target, as long as nobody else holds a newer one."""

    delivery_id: int
    fence: int
    attempt: int
    target: str
    version: Version


def other_targets() -> list[str]:
    """Return the configured targets beside our own hub, or raise PublishError for one that nobody knows."""
    names = list(dict.fromkeys(name for name in settings.PUBLICATION_TARGETS if name != HubTarget.name))
    for name in names:
        if name not in TARGETS:
            raise PublishError("unknown_target", f"{name}; known: {', '.join(sorted(TARGETS))}", permanent=True)
    return names


def plan(version: Version, targets: Iterable[str], now: datetime) -> int:
    """Note where a version shall go; return how many of these are new. Safe to repeat."""
    rows = [Delivery.objects.get_or_create(version=version, target=name, defaults={"next_at": now}) for name in targets]
    return sum(created for _, created in rows)


def due(now: datetime) -> list[int]:
    """Return the deliveries that somebody should work on, oldest version first.

    A version waits until the older ones of its model are done or given up at that target: what is newest there must
    not be followed by something older.
    """
    older = Delivery.objects.filter(
        target=OuterRef("target"),
        version__model=OuterRef("version__model"),
        version__number__lt=OuterRef("version__number"),
        next_at__isnull=False,
    )
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now)
    found = Delivery.objects.filter(free, ~Exists(older), next_at__lte=now)
    return list(found.order_by("version__number", "pk").values_list("pk", flat=True))


def claim(delivery_id: int, now: datetime) -> Claim | None:
    """Take a delivery that is due, or return nothing: somebody else works on it, or there is nothing to do.

    The next attempt is set already here, so that a worker that dies on it does not bring it back at once for ever.
    """
    if delivery_id not in due(now):
        return None
    row = Delivery.objects.select_related("version__model__community").get(pk=delivery_id)
    if row.attempts >= delivery.ATTEMPTS_MAX:
        # The last attempts ended without an answer: their worker died.
        last = PublishError("publisher_died", "the last attempts ended without an answer", permanent=True)
        _write_failure(row, row.fence, last, now)
        return None
    attempt = row.attempts + 1
    taken = Delivery.objects.filter(pk=row.pk, fence=row.fence, next_at=row.next_at).update(
        fence=F("fence") + 1,
        attempts=attempt,
        tried_at=now,
        next_at=now + _rest(attempt),
        lease_expires_at=now + timedelta(seconds=LEASE_SECONDS),
    )
    return Claim(row.pk, row.fence + 1, attempt, row.target, row.version) if taken else None


def renew(held: Claim, now: datetime) -> bool:
    """Hold the lease for longer; say whether it is still held."""
    until = now + timedelta(seconds=LEASE_SECONDS)
    return bool(_held(held).update(lease_expires_at=until))


def published(held: Claim, place: Place, now: datetime) -> bool:
    """Write that the target has the release; say whether this claim was the one that counts."""
    with transaction.atomic():
        row = _held(held).select_for_update().first()
        if row is None:
            return False
        body = {"target": held.target, "location": place.location, "revision": place.revision}
        release = held.version.release_record
        record = keep("publication", f"publication:{held.version.revision}/{held.target}", body, [release])
        row.publication = Publication.objects.create(version=held.version, **body, record=record, published_at=now)
        row.next_at, row.lease_expires_at, row.error_code, row.error_detail = None, None, "", ""
        row.save()
        note("release_delivered", now, proposal=held.version.proposal, target=held.target, location=place.location)
    return True


def failed(held: Claim, error: PublishError, now: datetime) -> bool:
    """Write why an attempt did not work, and when the next one is; say whether this claim was the one that counts."""
    with transaction.atomic():
        row = _held(held).select_for_update().first()
        return row is not None and _write_failure(row, held.fence, error, now)


def again(revision: str, target: str, now: datetime) -> Delivery:
    """Let a failed or waiting delivery be tried at once, as an operator asks; raise NotFound or Conflict."""
    row = Delivery.objects.filter(version__revision=revision, target=target).first()
    if row is None:
        raise NotFound(
            "delivery_not_found", "this release is not planned for this target", found=f"{revision} {target}"
        )
    if row.publication_id is not None:
        raise Conflict("already_published", "the target has this release already", found=str(row))
    if row.lease_expires_at is not None and now < row.lease_expires_at:
        raise Conflict("being_published", "a worker is at it just now; wait for its answer", found=str(row))
    # The fence goes on, so that an answer of before is not taken for one of these attempts.
    Delivery.objects.filter(pk=row.pk, fence=row.fence).update(
        fence=F("fence") + 1, attempts=0, next_at=now, lease_expires_at=None, failed_at=None
    )
    row.refresh_from_db()
    return row


def state(row: Delivery, now: datetime) -> delivery.State:
    """Return what a delivery is doing."""
    return delivery.state(row.facts(), now)


def told(row: Delivery, now: datetime) -> dict[str, Any]:
    """Return a delivery as pages and the API tell it; times as the database has them."""
    reason = REASONS.get(row.error_code)
    return {
        "target": row.target,
        "label": TARGETS[row.target].label if row.target in TARGETS else row.target,
        "state": state(row, now).value,
        "state_words": str(STATES[state(row, now)]),
        "attempts": row.attempts,
        "attempts_max": delivery.ATTEMPTS_MAX,
        "next_at": row.next_at,
        "location": row.publication.location if row.publication else "",
        "published_at": row.publication.published_at if row.publication else None,
        "error": {
            "code": row.error_code,
            "says": str(reason.says) if reason else row.error_code,
            "detail": row.error_detail,
            "suggestion": str(reason.suggestion) if reason else "",
        }
        if row.error_code
        else None,
    }


def _held(held: Claim) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=held.delivery_id, fence=held.fence, next_at__isnull=False)


def _write_failure(row: Delivery, fence: int, error: PublishError, now: datetime) -> bool:
    """Keep the reason; give up where trying again cannot help, or was tried often enough."""
    over = error.permanent or row.attempts >= delivery.ATTEMPTS_MAX
    changed = Delivery.objects.filter(pk=row.pk, fence=fence, next_at__isnull=False).update(
        fence=F("fence") + 1,
        lease_expires_at=None,
        error_code=error.code,
        error_detail=error.detail[:_DETAIL_CHARACTERS],
        failed_at=now if over else None,
        next_at=None if over else now + _rest(row.attempts, error.retry_after_seconds),
    )
    if changed and over:
        note("delivery_failed", now, proposal=row.version.proposal, target=row.target, code=error.code)
    return bool(changed)


def _rest(attempts: int, asked_seconds: int = 0) -> timedelta:
    jitter = secrets.randbelow(delivery.JITTER_PERMILLE + 1)
    return timedelta(seconds=delivery.wait_seconds(attempts, jitter, asked_seconds))
