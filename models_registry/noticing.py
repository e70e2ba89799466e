"""Noticing: says one claimed notice in its proposal's discussion while keeping the lease. Called by workers only."""

import logging

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from governance import clock
from governance.kinds import kind_named
from governance.models import Proposal
from models_registry import notices
from models_registry.delivering import configured, hugging_face
from models_registry.errand_work import LeaseLost, work
from models_registry.models import Notice, Publication
from models_registry.publishing import HuggingFaceTarget, PublishError
from models_registry.publishing.discussion import Discussion, Stage, Subject, discussion, one_sentence

logger = logging.getLogger(__name__)


def say(notice_id: int) -> None:
    """Work on one notice if it is due and free. Safe to call twice, at once, or for nothing.

    1. Claim it.  2. Say it, keeping the lease.  3. Write what came of it, if the claim still counts.
    """
    claim = notices.claim(notice_id, clock.now())  # 1
    if claim is None:
        return
    try:
        _require_configured()
        wanted = _wanted(claim.row)
        model_id, target = str(claim.row.model), hugging_face()
        place = work(claim, lambda permit: target.discuss(model_id, wanted, permit), _require_configured)  # 2
    except LeaseLost:
        logger.warning("notice %s, attempt %s: somebody else took over", notice_id, claim.attempt)
        return
    except PublishError as error:
        logger.warning("notice %s, attempt %s: %s", notice_id, claim.attempt, error)
        notices.failed(claim, error, clock.now())  # 3
        return
    notices.said(claim, place, clock.now())


def _require_configured() -> None:
    """Refuse to write where this site does not publish any more, or shall not talk any more."""
    configured(HuggingFaceTarget.name)
    if not settings.HUGGING_FACE_DISCUSSIONS:
        raise PublishError("target_not_configured", "this site holds no discussions any more", permanent=True)


def _wanted(row: Notice) -> Discussion:
    """Return what the discussion has to be after this notice."""
    stage = Stage(row.stage)
    version, commit = 0, ""
    if stage is Stage.RELEASED:
        place = Publication.objects.select_related("version").get(
            version__proposal=row.proposal, target=HuggingFaceTarget.name
        )
        version, commit = place.version.number, place.revision
    return discussion(
        _subject(row.proposal, str(row.model)),
        stage,
        number=notices.number_of(row.proposal),
        reason=row.reason,
        version=version,
        commit=commit,
    )


def _subject(proposal: Proposal, model: str) -> Subject:
    """Return the proposal as the hub's readers are told of it: in English, like the hub."""
    with translation.override("en"):
        address = reverse("site:proposal", args=[proposal.community.slug, proposal.number])
        summary = one_sentence(proposal.text) or kind_named(proposal.kind).describe(proposal.payload)
    return Subject(
        proposal=proposal.public_id,
        number=proposal.number,
        title=proposal.title,
        community=proposal.community.name_en,
        model=model,
        summary=summary,
        address=f"{settings.ORIGIN}{address}",
    )
