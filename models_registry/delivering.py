"""Delivering: publishes one claimed version at its target while keeping the lease. Called by workers only.

Every target finds what it already did, so that two publishers at once still make one publication. What the community
withdraws, or a guardian pauses, while it is on its way is not shown there: each target asks before it shows anything.
"""

import logging

from django.conf import settings

from governance import clock
from models_registry import deliveries
from models_registry.errand_work import LeaseLost, work
from models_registry.models import Version
from models_registry.publishing import FolderTarget, HuggingFaceTarget, PublishError, S3Target, Target
from models_registry.services import version_folder
from models_registry.withdrawals import stop_of

# How long to wait where a vote has paused a release until another vote.
LOOK_AGAIN_SECONDS = 24 * 3600

logger = logging.getLogger(__name__)


def deliver(delivery_id: int) -> None:
    """Work on one delivery if it is due and free. Safe to call twice, at once, or for nothing.

    1. Claim it.  2. Publish, keeping the lease.  3. Write what came of it, if the claim still counts.
    """
    # 1.
    claim = deliveries.claim(delivery_id, clock.now())
    if claim is None:
        return
    version = claim.row.version
    try:
        # 2.
        _require_not_stopped(version.pk)
        target = configured(claim.row.target)
        release = (version_folder(version), str(version.model), version.number, version.revision)
        place = work(
            claim,
            lambda permit: target.publish(*release, version.manifest_sha256, permit),
            lambda: _require_not_stopped(version.pk),
        )
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
        return hugging_face()
    if name == FolderTarget.name:
        return FolderTarget(settings.PUBLICATION_FOLDER)
    return S3Target(
        settings.PUBLICATION_S3_BUCKET,
        prefix=settings.PUBLICATION_S3_PREFIX,
        endpoint=settings.PUBLICATION_S3_ENDPOINT,
        region=settings.PUBLICATION_S3_REGION,
    )


def hugging_face() -> HuggingFaceTarget:
    """Return the Hugging Face Hub as the settings configure it."""
    return HuggingFaceTarget(settings.HUGGING_FACE_TOKEN, endpoint=settings.HUGGING_FACE_ENDPOINT)


def _require_not_stopped(version_id: int) -> None:
    """Refuse to hand out elsewhere what our own hub does not hand out by now."""
    now = clock.now()
    stop = stop_of(Version.objects.get(pk=version_id), now)
    if stop is None:
        return
    if stop.withdrawn:
        raise PublishError("release_withdrawn", stop.sentence, permanent=True)
    rest = LOOK_AGAIN_SECONDS if stop.until is None else int((stop.until - now).total_seconds())
    raise PublishError("release_paused", stop.sentence, permanent=False, retry_after_seconds=rest)
