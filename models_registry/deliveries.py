"""What is stored of deliveries: releases on their way to the targets beside our own hub. No network here.

A delivery is an errand (`errands`), planned in the transaction that makes the version. `delivering` does the work.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from governance.errors import Conflict, NotFound
from governance.records import keep
from governance.services import note
from models_registry import errands
from models_registry.delivery_words import told_errand
from models_registry.errands import Claim, Outcome
from models_registry.models import Delivery, Publication, Version
from models_registry.publishing import TARGETS, HubTarget, PublishError
from models_registry.publishing import Publication as Place


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
    found = Delivery.objects.filter(errands.free(now), ~Exists(older))
    return list(found.order_by("version__number", "pk").values_list("pk", flat=True))


def claim(delivery_id: int, now: datetime) -> Claim[Delivery] | None:
    """Take a delivery that is due, or return nothing: somebody else works on it, or there is nothing to do."""
    if delivery_id not in due(now):
        return None
    row = Delivery.objects.select_related("version__model__community").get(pk=delivery_id)
    worn_out = errands.worn_out(row)
    if worn_out is not None:
        # The last attempts ended without an answer: their worker died.
        failed(
            worn_out, PublishError("publisher_died", "the last attempts ended without an answer", permanent=True), now
        )
        return None
    return errands.claim(row, now)


def published(held: Claim[Delivery], place: Place, now: datetime) -> bool:
    """Write that the target has the release; say whether this claim was the one that counts."""
    version, target = held.row.version, held.row.target
    with transaction.atomic():
        row = errands.held(held).select_for_update().first()
        if row is None:
            return False
        body = {"target": target, "location": place.location, "revision": place.revision}
        record = keep("publication", f"publication:{version.revision}/{target}", body, [version.release_record])
        row.publication = Publication.objects.create(version=version, **body, record=record, published_at=now)
        row.next_at, row.lease_expires_at, row.error_code, row.error_detail = None, None, "", ""
        row.save()
        note("release_delivered", now, proposal=version.proposal, target=target, location=place.location)
    return True


def failed(held: Claim[Delivery], error: PublishError, now: datetime) -> bool:
    """Write why an attempt did not work, and when the next one is; say whether this claim was the one that counts."""
    with transaction.atomic():
        outcome = errands.failed(held, error, now)
        if outcome is Outcome.GIVEN_UP:
            row = held.row
            note("delivery_failed", now, proposal=row.version.proposal, target=row.target, code=error.code)
    return outcome is not Outcome.LOST


def again(revision: str, target: str, now: datetime) -> Delivery:
    """Let a failed or waiting delivery be tried at once, as an operator asks; raise NotFound or Conflict."""
    row = Delivery.objects.filter(version__revision=revision, target=target).first()
    if row is None:
        raise NotFound(
            "delivery_not_found", "this release is not planned for this target", found=f"{revision} {target}"
        )
    if row.publication_id is not None:
        raise Conflict("already_published", "the target has this release already", found=str(row))
    errands.again(row, now)
    return row


def told(row: Delivery, now: datetime) -> dict[str, Any]:
    """Return a delivery as pages and the API tell it; times as the database has them."""
    return {
        "target": row.target,
        "label": TARGETS[row.target].label if row.target in TARGETS else row.target,
        **told_errand(row, now),
        "location": row.publication.location if row.publication else "",
        "published_at": row.publication.published_at if row.publication else None,
    }
