"""Delivering: publishes one claimed version at its target while keeping the lease. Called by workers only.

The targets know neither Django nor the database. One of them runs in a thread of its own here, so that this thread can
renew the lease meanwhile. Whoever loses the lease leaves its target alone: every target finds what it already did, so
that two publishers at once still make one publication.
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWorking
from datetime import datetime

from django.conf import settings

from governance import clock
from models_registry import deliveries
from models_registry.deliveries import Claim
from models_registry.models import Version
from models_registry.publishing import (
    FolderTarget,
    HuggingFaceTarget,
    Publication,
    PublishError,
    S3Target,
    Target,
)
from models_registry.services import version_folder
from models_registry.withdrawals import stop_of

logger = logging.getLogger(__name__)

RENEW_SECONDS = deliveries.LEASE_SECONDS / 4


class LeaseLost(Exception):
    """Somebody else took over, because this worker was away for too long."""


def deliver(delivery_id: int) -> None:
    """Work on one delivery if it is due and free. Safe to call twice, at once, or for nothing.

    1. Claim it.  2. Publish, keeping the lease.  3. Write what came of it, if the claim still counts.
    """
    # 1.
    now = clock.now()
    claim = deliveries.claim(delivery_id, now)
    if claim is None:
        return
    try:
        # 2.
        _require_not_stopped(claim.version, now)
        place = _publish(claim)
    except LeaseLost:
        logger.warning("delivery %s, attempt %s: somebody else took over", delivery_id, claim.attempt)
        return
    except PublishError as error:
        logger.warning("delivery %s, attempt %s: %s", delivery_id, claim.attempt, error)
        # 3.
        deliveries.failed(claim, error, clock.now())
        return
    deliveries.published(claim, place, clock.now())


def configured(name: str) -> Target:
    """Return a target as the settings configure it, or raise PublishError where they do not."""
    if name not in settings.PUBLICATION_TARGETS:
        raise PublishError("target_not_configured", f"{name} is no target of this site any more", permanent=True)
    if name == HuggingFaceTarget.name:
        return HuggingFaceTarget(settings.HUGGING_FACE_TOKEN, endpoint=settings.HUGGING_FACE_ENDPOINT)
    if name == FolderTarget.name:
        return FolderTarget(settings.PUBLICATION_FOLDER)
    return S3Target(
        settings.PUBLICATION_S3_BUCKET,
        prefix=settings.PUBLICATION_S3_PREFIX,
        endpoint=settings.PUBLICATION_S3_ENDPOINT,
        region=settings.PUBLICATION_S3_REGION,
    )


def _require_not_stopped(version: Version, now: datetime) -> None:
    """Refuse to hand out elsewhere what our own hub does not hand out."""
    stop = stop_of(version, now)
    if stop is None:
        return
    if stop.until is None:
        raise PublishError("release_withdrawn", stop.sentence, permanent=True)
    rest = int((stop.until - now).total_seconds())
    raise PublishError("release_paused", stop.sentence, permanent=False, retry_after_seconds=rest)


def _publish(claim: Claim) -> Publication:
    version = claim.version
    target = configured(claim.target)
    # Not a `with`: leaving it would wait for a publisher that has lost its lease.
    pool = ThreadPoolExecutor(1, thread_name_prefix="publisher")
    try:
        return _keeping_the_lease(
            claim,
            pool.submit(
                target.publish,
                version_folder(version),
                str(version.model),
                version.number,
                version.revision,
                version.manifest_sha256,
            ),
        )
    except OSError as error:
        raise PublishError("storage_failed", error.strerror or type(error).__name__, permanent=False) from error
    finally:
        pool.shutdown(wait=False)


def _keeping_the_lease(claim: Claim, working: "Future[Publication]") -> Publication:
    while True:
        try:
            return working.result(timeout=RENEW_SECONDS)
        except StillWorking as error:
            if working.done():  # the target's own error, not ours
                raise PublishError("storage_failed", error.strerror or "no answer in time", permanent=False) from error
            if not deliveries.renew(claim, clock.now()):
                raise LeaseLost from error
