"""Everything that changes a preview: ordering one, the lease, the report, the end. As for runs, the lease decides.

A preview is evidence for voters. It makes no record, no version and no verdict: what it leaves is a report in its row,
whose SHA-256 stands in the community's log. Of a model update it is the first steps; of a dataset's inclusion it is a
trial, with the dataset and without, which its author can order, and whoever could have proposed it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from governance.errors import Conflict, Invalid, NotFound
from governance.evidence.canonical import digest
from governance.kinds import kind_named
from governance.models import Community, Proposal
from governance.services import note, require_standing, sponsors_of
from governance.services.common import get_proposal, lock_community, locked_proposal, require_author
from models_registry.models import Dataset
from training_jobs import leased, seats
from training_jobs import services as runs
from training_jobs.commons import allotments, data_rules, door, memory, requests
from training_jobs.commons.policies import is_newcomer
from training_jobs.leases import StaleLease
from training_jobs.models import Preview
from training_jobs.previews import lifecycle, trial_plan
from training_jobs.scheduling.events import Interruption

# Which proposals can be previewed, and as what.
KINDS = {"model_update": Preview.TRAINING, "dataset_inclusion": Preview.TRIAL}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lease:
    """The right to work on a preview, until somebody takes a higher fencing number."""

    preview_id: int
    fence: int


class StalePreviewLease(StaleLease):
    """A write under a fencing number that is not the newest, or for a preview that has ended."""

    def __init__(self, lease: Lease) -> None:
        """Name the lease."""
        Conflict.__init__(self, "stale_lease", "this preview has ended or was taken over", found=lease.fence)


# --- ordering one -------------------------------------------------------------------------------------------------


def order(proposal_id: int, actor: str, now: datetime) -> Preview:
    """Order a preview of a proposal as it is now; a worker finds it.

    1. only what trains or is learned from, only before the decision, one at a time, so many a day; a preview and the
       trial of a draft for its author only;
    2. whoever orders one has the power that such a proposal needs, an author with the sponsors; or is a newcomer for
       whom others vouch, and tries a training of their own;
    3. what was proposed could still be carried out;
    4. some machine may have the rows that it learns from;
    5. where the community shares computing, the member's own quota pays for it; the log is told of one that is turned
       away.
    """
    try:
        return _order(proposal_id, actor, now)
    except requests.TurnedAway as refused:
        door.tell(refused, now)
        raise


def _order(proposal_id: int, actor: str, now: datetime) -> Preview:
    proposal = get_proposal(proposal_id)
    _require_possible(proposal, actor, now)  # 1
    backers = tuple(backer.sponsor for backer in sponsors_of(proposal)) if actor == proposal.author else ()
    require_may_try(proposal.community, actor, proposal.kind, now, backers)  # 2
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        lock_community(proposal.community_id)
        _require_possible(proposal, actor, now)
        preview = _ordered(proposal, actor, now)
        if not (preview.is_trial and settings.TRIALS_BY_MEMBERS):  # the platform's own workers alone make it
            data_rules.require_may_be_here(proposal.community, _rows_of(preview))  # 4
        preview.save()
        _note("requested", preview, now, actor=actor, spec=preview.spec_digest)
        requests.of_preview(preview, now)  # 5
    return preview


def require_may_try(community: Community, actor: str, kind: str, now: datetime, backers: tuple[str, ...] = ()) -> None:
    """Refuse whoever has not the power that such a proposal needs, unless it is a newcomer's own training."""
    if KINDS[kind] != Preview.TRAINING or not is_newcomer(community, actor, now):
        require_standing(community, actor, kind, backers)


def _ordered(proposal: Proposal, actor: str, now: datetime) -> Preview:
    """Return a preview that is not stored yet: what is to be run, and within which bounds."""
    bounds = _bounds(proposal, now)
    return Preview(proposal=proposal, requested_by=actor, created_at=now, kind=KINDS[proposal.kind], **bounds)


def _bounds(proposal: Proposal, now: datetime) -> dict[str, Any]:
    payload = kind_named(proposal.kind).clean(proposal.community, proposal.payload)  # 3
    if KINDS[proposal.kind] == Preview.TRAINING:
        spec = payload["spec"]
        return {
            "spec": spec,
            "spec_digest": digest(spec),
            "steps_max": settings.PREVIEW_STEPS,
            "samples_max": settings.PREVIEW_SAMPLES,
            "seconds_max": settings.PREVIEW_SECONDS,
        }
    dataset = Dataset.objects.get(community=proposal.community, digest=payload["digest"])
    made = trial_plan.plan_of(proposal.community, dataset, now)
    return {
        "spec": made.spec,
        "spec_digest": digest(made.spec),
        "plan": made.plan,
        "steps_max": 2 * settings.TRIAL_STEPS,  # of both trainings together
        "samples_max": settings.TRIAL_SAMPLES,
        "seconds_max": settings.TRIAL_SECONDS,
    }


def left_today(proposal: Proposal, actor: str, now: datetime) -> int:
    """Return how many previews a member may still order within this day, in the community of a proposal."""
    community = proposal.community_id
    ordered = Preview.objects.filter(proposal__community=community, requested_by=actor, created_at__gt=now - DAY)
    return max(0, settings.PREVIEWS_PER_DAY - ordered.count())


def is_for(proposal: Proposal, actor: str) -> bool:
    """Say whether somebody may order one, as far as it depends on who they are to the proposal."""
    is_published_trial = KINDS.get(proposal.kind) == Preview.TRIAL and proposal.submitted_at is not None
    return actor == proposal.author or (is_published_trial and bool(actor))


def is_offered(proposal: Proposal) -> bool:
    """Say whether there are machines for it: those of this site, or for trials those that members lend."""
    return settings.PREVIEWS or (KINDS.get(proposal.kind) == Preview.TRIAL and settings.TRIALS_BY_MEMBERS)


def _require_possible(proposal: Proposal, actor: str, now: datetime) -> None:
    if not is_for(proposal, actor):
        require_author(proposal, actor)
    if proposal.kind not in KINDS:
        raise Invalid(
            "nothing_to_preview",
            "only a training can be previewed, and only a dataset tried",
            field="kind",
            found=proposal.kind,
            allowed=sorted(KINDS),
        )
    if not is_offered(proposal):
        raise Conflict("previews_off", "the machines of this site make no previews")
    found = proposal.state(now)
    if found not in lifecycle.BEFORE_DECISION:
        allowed = sorted(lifecycle.BEFORE_DECISION)
        raise Conflict("wrong_state", "previews are for the time before a decision", found=str(found), allowed=allowed)
    if proposal.previews.unfinished().exists():
        raise Conflict("preview_at_work", "a preview of this proposal is in line or at work; wait for it")
    if not left_today(proposal, actor, now):
        detail = "so many previews in one day are enough"
        refused = Conflict("too_many_previews", detail, allowed=settings.PREVIEWS_PER_DAY)
        asked = requests.asked_for(_ordered(proposal, actor, now), now)
        raise refused if asked is None else requests.TurnedAway(refused, requests.DAILY_LIMIT, asked)


# --- the lease ----------------------------------------------------------------------------------------------------


def due(now: datetime) -> list[int]:
    """Return the previews that a worker should look at: none while a run waits for the machines of this site."""
    if not settings.PREVIEWS or run_waits(now):
        return []
    kept = allotments.previews_kept_from(allotments.home())
    waiting = Preview.objects.unfinished().exclude(pk__in=kept).select_related("proposal").order_by("pk")
    free = [preview for preview in waiting if _is_claimable(preview, now)]
    barred = data_rules.barred_here({each.pk: (each.proposal.community_id, _rows_of(each)) for each in free})
    return [preview.pk for preview in free if preview.pk not in barred]


def run_waits(now: datetime) -> bool:
    """Say whether a run that was voted for could be taken by this site's machines now: it comes first."""
    return settings.RUN_HERE and bool(runs.claimable_here(now) or seats.due(now))


def claim(preview_id: int, owner: str, now: datetime) -> Lease | None:
    """Take the lease if the preview is free; None when somebody else has it, or nothing is left to do.

    None as well where the owner may not have the rows.
    """
    with transaction.atomic():
        preview = _locked(preview_id)
        if not _is_claimable(preview, now) or not allotments.may_take_preview(preview_id, owner, now):
            return None
        if not data_rules.may_have(owner, preview.proposal.community, _rows_of(preview)):
            return None
        if _ended_early(preview, now):
            return None
        fence = leased.take(Preview.objects.all(), preview, owner, now, step=0)
        allotments.preview_taken(preview_id, now)
    return None if fence is None else Lease(preview_id, fence)


def heartbeat(lease: Lease, now: datetime) -> str:
    """Prolong the lease; answer `continue`, `stale`, or `cancel` when its time or its reason is over."""
    if not leased.prolong(Preview.objects.unfinished(), lease.preview_id, lease.fence, now):
        return "stale"
    preview = Preview.objects.select_related("proposal").get(pk=lease.preview_id)
    return "cancel" if _too_late(preview, now) or preview.seconds_used(now) > preview.seconds_max else "continue"


def stream(lease: Lease, events: Iterable[dict[str, Any]]) -> None:
    """Keep how far it is; raise StaleLease when another worker has it."""
    steps = [event.get("step") for event in events if event.get("event") == "step"]
    with transaction.atomic():
        preview = _held(lease)
        preview.step = max(step for step in (preview.step, *steps) if type(step) is int and step <= preview.steps_max)
        preview.save(update_fields=["step"])


# --- ends ---------------------------------------------------------------------------------------------------------


def done(lease: Lease, report: dict[str, Any], now: datetime) -> Preview:
    """Keep the report, and put its digest into the log. Said again after its answer was lost, it changes nothing."""
    with transaction.atomic():
        preview = _locked(lease.preview_id)
        if (preview.fence, preview.report_digest) == (lease.fence, digest(report)):
            return preview
        preview = _held(lease)
        preview.report, preview.report_digest = report, digest(report)
        preview.step, preview.finished_at = preview.steps_max if preview.is_trial else report["steps"], now
        _free(preview)
        _note("done", preview, now, report=preview.report_digest, spec=preview.spec_digest)
        requests.close_preview(preview, now)
    return preview


def fail(lease: Lease, code: str, detail: str, now: datetime, *, permanent: bool) -> Preview:
    """End an attempt that did not work: give up, or let another worker try while there are attempts left."""
    with transaction.atomic():
        preview = _held(lease)
        if permanent or preview.fence >= settings.RUN_ATTEMPTS_MAX:
            _give_up(preview, code, detail, now)
        else:
            _free(preview)
            memory.after_preview(preview, code, now)
            allotments.interrupt_preview(preview.pk, Interruption.ATTEMPT_FAILED, now)
    return preview


def stopped(lease: Lease, now: datetime) -> Preview:
    """Hear that the child is gone because somebody asked: its time or its reason was over, or the machine left."""
    with transaction.atomic():
        preview = _held(lease)
        if preview.seconds_used(now) > preview.seconds_max:
            _give_up(preview, _named(preview, "too_long"), "", now)
        elif not _ended_early(preview, now):
            _free(preview)
            allotments.interrupt_preview(preview.pk, Interruption.CHECKPOINT, now)
    return preview


def leave_silent(preview: Preview, now: datetime) -> None:
    """End what a silent machine left of a locked preview: nobody prolongs its lease any more."""
    if _is_claimable(preview, now):
        _free(preview)


def uncomputable(preview: Preview, code: str, now: datetime) -> None:
    """Give a locked preview up that no site could compute for too long."""
    if _is_claimable(preview, now):
        _give_up(preview, code, "", now)


def settle(now: datetime) -> list[int]:
    """End the previews that nobody will work on any more; return all that have ended and still have files."""
    for preview_id in Preview.objects.unfinished().values_list("pk", flat=True):
        with transaction.atomic():
            preview = _locked(preview_id)
            if _is_claimable(preview, now):
                _ended_early(preview, now)
    return list(Preview.objects.ended().filter(removed_at__isnull=True).values_list("pk", flat=True))


def removed(preview_id: int, now: datetime) -> None:
    """Write down that nothing that could be used as a model is left of a preview that has ended."""
    Preview.objects.ended().filter(pk=preview_id, removed_at__isnull=True).update(removed_at=now)


def _rows_of(preview: Preview) -> list[str]:
    return data_rules.named(preview.spec)


def _is_claimable(preview: Preview, now: datetime) -> bool:
    return preview.state(now) in lifecycle.CLAIMABLE


def _too_late(preview: Preview, now: datetime) -> bool:
    return preview.proposal.state(now) not in lifecycle.BEFORE_DECISION


def _ended_early(preview: Preview, now: datetime) -> bool:
    """Give a preview up that has no reason or no attempts left; say whether it was."""
    if _too_late(preview, now):
        _give_up(preview, _named(preview, "too_late"), "", now)
    elif preview.fence >= settings.RUN_ATTEMPTS_MAX:
        _give_up(preview, "attempts_used_up", "every attempt was lost with its worker", now)
    else:
        return False
    return True


def _give_up(preview: Preview, code: str, detail: str, now: datetime) -> None:
    preview.failed_at, preview.failure, preview.failure_detail = now, code[:60], detail[:4000]
    _free(preview)
    _note("failed", preview, now, code=code[:60], spec=preview.spec_digest)
    requests.close_preview(preview, now)


def _free(preview: Preview) -> None:
    preview.lease_owner, preview.lease_expires_at = "", None
    preview.save()


def _locked(preview_id: int) -> Preview:
    found = Preview.objects.select_for_update(of=("self",)).select_related("proposal__community")
    preview = found.filter(pk=preview_id).first()
    if preview is None:
        raise NotFound("unknown_preview", "there is no such preview", found=preview_id)
    return preview


def _held(lease: Lease) -> Preview:
    """Return the locked preview if this lease is still the newest; raise StaleLease otherwise."""
    preview = _locked(lease.preview_id)
    if preview.fence != lease.fence or not preview.lease_owner:
        raise StalePreviewLease(lease)
    return preview


def _named(preview: Preview, what: str) -> str:
    return f"{'trial' if preview.is_trial else 'preview'}_{what}"


def _note(what: str, preview: Preview, now: datetime, *, actor: str = "", **data: Any) -> None:  # noqa: ANN401 - any JSON
    """Add a line to the log. The proposal is locked: a draft has no digest that its line could name, until it has."""
    proposal = locked_proposal(preview.proposal_id)
    prefix = "" if proposal.record_id else "draft_"
    note(prefix + _named(preview, what), now, proposal=proposal, actor=actor, preview=preview.pk, **data)
