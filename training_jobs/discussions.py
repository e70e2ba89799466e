"""Following proposals for their discussions on another hub: sees what happened, and plans what is to be said of it.

The sweeper calls it; no request waits for it. It compares facts with what is planned already, so that nothing is lost
when it was away, and nothing is said twice. `models_registry.notices` keeps what is planned, and workers say it.
"""

from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import translation

from governance.lifecycle import TERMINAL, State
from governance.models import GuardianVoice, Proposal
from models_registry import notices
from models_registry.models import Model, Notice, Publication, Version
from models_registry.publishing import HuggingFaceTarget
from models_registry.publishing.discussion import ENDS, Stage
from training_jobs.failures import failure
from training_jobs.models import Run
from training_jobs.proposal_kinds import ModelUpdate

_STOPPED = {State.CANCELED: Stage.CANCELED, State.VETOED: Stage.VETOED, State.EXPIRED: Stage.EXPIRED}

Told = tuple[Stage, str]


def follow(now: datetime) -> int:
    """Plan what is to be said of every model update that is discussed on another hub; return how many are new."""
    if not settings.HUGGING_FACE_DISCUSSIONS or HuggingFaceTarget.name not in settings.PUBLICATION_TARGETS:
        return 0
    opened = sum(_open(proposal, now) for proposal in _undiscussed(now))
    return opened + sum(_go_on(proposal, now) for proposal in _discussed())


def _undiscussed(now: datetime) -> list[Proposal]:
    """Return the submitted model updates that are undecided, and have no discussion yet: the past stays untold."""
    running = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    found = Proposal.objects.submitted().filter(
        running, kind=ModelUpdate.name, notices__isnull=True, executed_at__isnull=True
    )
    return [proposal for proposal in found.order_by("pk") if proposal.state(now) not in TERMINAL]


def _discussed() -> list[Proposal]:
    """Return the proposals of which there may be more to say: no end was told, or a release came to be withdrawn."""
    told = Notice.objects.filter(proposal=OuterRef("pk"))
    ended = Exists(told.filter(stage__in=ENDS))
    withdrawn = Exists(Version.objects.filter(proposal=OuterRef("pk"), withdrawn_at__isnull=False))
    untold = ~Exists(told.filter(stage=Stage.WITHDRAWN))
    found = Proposal.objects.filter(Exists(told)).filter(~ended | withdrawn & untold)
    return list(found.select_related("run").order_by("pk"))


def _open(proposal: Proposal, now: datetime) -> int:
    revision = proposal.payload["spec"]["base"]["revision"]
    model = Model.objects.get(versions__revision=revision)
    return notices.plan(proposal, model, [(Stage.OPENED, "")], now)


def _go_on(proposal: Proposal, now: datetime) -> int:
    model = Model.objects.get(notices__proposal=proposal, notices__stage=Stage.OPENED)
    return notices.plan(proposal, model, _stages(proposal, now), now)


def _stages(proposal: Proposal, now: datetime) -> list[Told]:
    """Return what has happened to a proposal since it was submitted, in order, with the reasons that were given."""
    told: list[Told] = []
    if proposal.passed is not None:
        told.append((Stage.PASSED if proposal.passed else Stage.REJECTED, ""))
    stopped = _STOPPED.get(proposal.state(now))
    if stopped is not None:
        told.append((stopped, _stop_reason(proposal, stopped)))
    run = getattr(proposal, "run", None)
    if run is not None:
        told += _run_stages(run)
    return told


def _stop_reason(proposal: Proposal, stage: Stage) -> str:
    if stage is Stage.CANCELED:
        return proposal.cancel_reason
    if stage is Stage.VETOED:
        voice = proposal.guardian_voices.filter(action=GuardianVoice.VETO).first()
        return voice.reason if voice else ""
    return ""


def _run_stages(run: Run) -> list[Told]:
    """Return how a run ended, and what became of its release at the hub."""
    if run.verdict == "rejected" and run.overridden_at is None:
        return [(Stage.RUN_REJECTED, "")]
    if run.canceled_at is not None:
        return [(Stage.RUN_CANCELED, "")]
    if run.failed_at is not None:
        known = failure(run.failure)
        with translation.override("en"):
            return [(Stage.RUN_FAILED, str(known.says) if known else run.failure)]
    version = run.version
    if version is None:
        return []
    told: list[Told] = []
    if Publication.objects.filter(version=version, target=HuggingFaceTarget.name).exists():
        told.append((Stage.RELEASED, ""))
    if version.withdrawn_at is not None:
        told.append((Stage.WITHDRAWN, version.withdrawn_reason))
    return told
