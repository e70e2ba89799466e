"""Questions that pages and the API ask about previews. Reads only.

Previews of a draft are seen by whoever may see the draft: its author, and the members once it seeks sponsors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from governance.errors import NotFound
from governance.evidence.canonical import digest
from governance.models import Proposal
from models_registry.selectors import Measure, measures_of
from training_jobs.failures import Failure, failure
from training_jobs.models import Preview
from training_jobs.previews import lifecycle
from training_jobs.previews.services import KINDS, is_for, is_offered, left_today
from training_jobs.previews.trial_shown import TrialShown, shown
from training_jobs.series import StepPoint

SHOWN_MAX = 6


@dataclass(frozen=True)
class Shown:
    """A preview as pages show it. `current`: the proposal is still what was previewed."""

    preview: Preview
    state: lifecycle.State
    current: bool
    failure: Failure | None

    @property
    def unfinished(self) -> bool:
        """Say whether more is to come."""
        return self.state in lifecycle.UNFINISHED

    @property
    def report(self) -> Mapping[str, Any]:
        """Return what was reported, or nothing."""
        return self.preview.report or {}

    @property
    def trial(self) -> TrialShown | None:
        """Return the tables of a trial that is done."""
        return shown(self.preview.report) if self.preview.is_trial and self.preview.report else None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Return the metrics of the base and of the preview."""
        return measures_of({"parent": self.report.get("base", {}), "candidate": self.report.get("result", {})})

    @property
    def points(self) -> tuple[StepPoint, ...]:
        """Return the loss curve."""
        return tuple(StepPoint(point["step"], Decimal(point["loss"])) for point in self.report.get("curve", ()))


@dataclass(frozen=True)
class Previews:
    """The previews of a proposal, newest first; the one to show in full; and what the viewer may order.

    `trial`: what is ordered here is a trial.
    """

    proposal: Proposal
    trial: bool
    rows: tuple[Shown, ...]
    featured: Shown | None
    may_order: bool
    left: int

    @property
    def unfinished(self) -> Shown | None:
        """Return the one that is in line or at work."""
        return next((row for row in self.rows if row.unfinished), None)


def previews_of(proposal: Proposal, viewer: str, now: datetime) -> Previews | None:
    """Return the previews of a proposal; None where there are none. A query, and one more for who may order."""
    if proposal.kind not in KINDS:
        return None
    rows = tuple(_shown(preview, proposal, now) for preview in proposal.previews.all()[:SHOWN_MAX])
    done = [row for row in rows if row.state is lifecycle.State.DONE]
    featured = next((row for row in done if row.current), done[0] if done else None)
    idle = not any(row.unfinished for row in rows)
    timely = is_offered(proposal) and proposal.state(now) in lifecycle.BEFORE_DECISION
    left = left_today(proposal, viewer, now) if timely and is_for(proposal, viewer) else 0
    is_trial = KINDS[proposal.kind] == Preview.TRIAL
    return Previews(proposal, is_trial, rows, featured, may_order=idle and left > 0, left=left)


def preview_numbered(preview_id: int, viewer: str, now: datetime) -> Shown:
    """Return a preview that the viewer may see; raise NotFound for any other."""
    found = Preview.objects.select_related("proposal__community", "proposal__record").filter(_visible(viewer))
    preview = found.filter(pk=preview_id).first()
    if preview is None:
        raise NotFound("unknown_preview", "there is no preview with this number to see", found=preview_id)
    return _shown(preview, preview.proposal, now)


def shown_of(preview: Preview, now: datetime) -> Shown:
    """Return a preview with what pages show of it."""
    return _shown(preview, preview.proposal, now)


def draft_numbered(draft_id: int, viewer: str) -> Proposal:
    """Return a draft that the viewer may see; raise NotFound for any other."""
    found = Proposal.objects.select_related("community").filter(pk=draft_id, submitted_at__isnull=True)
    draft = found.filter(Q(author=viewer) | Q(seeks_sponsors=True, canceled_at__isnull=True)).first()
    if draft is None:
        raise NotFound("unknown_draft", "there is no draft with this number to see", found=draft_id)
    return draft


def proposal_numbered(slug: str, number: int, viewer: str) -> Proposal:
    """Return a proposal or the viewer's own draft by its number; raise NotFound for any other."""
    found = Proposal.objects.filter(community__slug=slug, number=number)
    proposal = found.filter(Q(submitted_at__isnull=False) | Q(author=viewer)).first()
    if proposal is None:
        raise NotFound("unknown_proposal", "there is no such proposal", found=number)
    return proposal


def is_current(preview: Preview, proposal: Proposal) -> bool:
    """Say whether a proposal is still what was previewed or tried; the digest says it."""
    if KINDS.get(proposal.kind) != preview.kind:
        return False
    if preview.is_trial:
        return bool(preview.plan["dataset"] == proposal.payload["digest"])
    return preview.spec_digest == digest(proposal.payload["spec"])


def _visible(viewer: str) -> Q:
    shared = Q(proposal__seeks_sponsors=True, proposal__canceled_at__isnull=True)
    return Q(proposal__submitted_at__isnull=False) | Q(proposal__author=viewer) | shared


def _shown(preview: Preview, proposal: Proposal, now: datetime) -> Shown:
    found = failure(preview.failure) if preview.failure else None
    return Shown(preview, preview.state(now), is_current(preview, proposal), found)
