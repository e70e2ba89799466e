"""What is stored of notices: what is to be said of a proposal in its discussion on another hub. No network here.

A notice is an errand (`errands`), one for each proposal and stage. They go out in the order in which things happened,
and not before the discussion was opened. `noticing` does the work; `training_jobs.discussions` sees what happened.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from governance.errors import Conflict, NotFound
from governance.models import Proposal
from governance.services import note
from models_registry import errands
from models_registry.delivery_words import STAGES, told_errand
from models_registry.errands import Claim, Outcome
from models_registry.models import REASON_CHARACTERS, Model, Notice
from models_registry.publishing import HuggingFaceTarget, PublishError
from models_registry.publishing.discussion import Place, Stage


def plan(proposal: Proposal, model: Model, stages: Iterable[tuple[Stage, str]], now: datetime) -> int:
    """Note what shall be said, each with the reason that was given; return how many of these are new."""
    rows = [
        Notice.objects.get_or_create(
            proposal=proposal,
            stage=stage,
            defaults={"model": model, "reason": reason[:REASON_CHARACTERS], "next_at": now},
        )
        for stage, reason in stages
    ]
    return sum(created for _, created in rows)


def due(now: datetime) -> list[int]:
    """Return the notices that somebody should work on: of each proposal the oldest, once its discussion is open."""
    of_it = Notice.objects.filter(proposal=OuterRef("proposal"))
    older = of_it.filter(pk__lt=OuterRef("pk"), next_at__isnull=False)
    opened = of_it.filter(stage=Stage.OPENED, done_at__isnull=False)
    found = Notice.objects.filter(errands.free(now), ~Exists(older)).filter(Q(stage=Stage.OPENED) | Exists(opened))
    return list(found.order_by("pk").values_list("pk", flat=True))


def claim(notice_id: int, now: datetime) -> Claim[Notice] | None:
    """Take a notice that is due, or return nothing: somebody else works on it, or there is nothing to do."""
    if notice_id not in due(now):
        return None
    row = Notice.objects.select_related("proposal__community", "model").get(pk=notice_id)
    worn_out = errands.worn_out(row)
    if worn_out is not None:
        failed(
            worn_out, PublishError("publisher_died", "the last attempts ended without an answer", permanent=True), now
        )
        return None
    return errands.claim(row, now)


def number_of(proposal: Proposal) -> int | None:
    """Return the number of the discussion that was opened for a proposal."""
    opened = Notice.objects.filter(proposal=proposal, stage=Stage.OPENED).first()
    return opened.number if opened else None


def said(held: Claim[Notice], place: Place, now: datetime) -> bool:
    """Write where it was said; say whether this claim was the one that counts."""
    changed = errands.held(held).update(
        number=place.number,
        location=place.location,
        done_at=now,
        next_at=None,
        lease_expires_at=None,
        error_code="",
        error_detail="",
    )
    return bool(changed)


def failed(held: Claim[Notice], error: PublishError, now: datetime) -> bool:
    """Write why an attempt did not work, and when the next one is; say whether this claim was the one that counts."""
    with transaction.atomic():
        outcome = errands.failed(held, error, now)
        if outcome is Outcome.GIVEN_UP:
            note("notice_failed", now, proposal=held.row.proposal, stage=held.row.stage, code=error.code)
    return outcome is not Outcome.LOST


def again(proposal: str, stage: str, now: datetime) -> Notice:
    """Let a failed or waiting notice be tried at once, as an operator asks; raise NotFound or Conflict."""
    row = Notice.objects.filter(proposal__record_id=proposal.removeprefix("0x"), stage=stage).first()
    if row is None:
        raise NotFound("notice_not_found", "nothing of the kind is planned", found=f"{proposal} {stage}")
    if row.done_at is not None:
        raise Conflict("already_said", "it stands in the discussion already", found=str(row))
    errands.again(row, now)
    return row


def told(row: Notice, now: datetime) -> dict[str, Any]:
    """Return a notice as pages and the API tell it."""
    return {
        "target": HuggingFaceTarget.name,
        "stage": row.stage,
        "stage_words": str(STAGES[Stage(row.stage)]),
        **told_errand(row, now),
        "location": row.location,
        "done_at": row.done_at,
    }


def told_of(proposal: Proposal, now: datetime) -> list[dict[str, Any]]:
    """Return everything that was or is to be said of a proposal, in order."""
    return [told(row, now) for row in proposal.notices.order_by("pk")]
