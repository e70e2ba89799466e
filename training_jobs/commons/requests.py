"""Requests of computing are made when a vote or a member asks, and end when what they asked for has: each told once.

A community shares computing as soon as it has let a site in. One that has none makes no requests, and its runs are for
whoever comes first. All is called inside the transaction of what causes it; asked again, nothing changes. What is not
even taken in raises `TurnedAway` with what was asked; once that transaction is undone, `commons.door` tells the log.
"""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from governance.errors import Conflict
from governance.models import Community, Proposal
from governance.services import note
from governance.services.common import charter_under
from training_jobs.commons import ceilings, data_rules, memory, naming, used
from training_jobs.commons.allotments import ENDED, UNLIMITED
from training_jobs.commons.policies import is_newcomer
from training_jobs.ledger import runs as books
from training_jobs.ledger.currencies import require_written
from training_jobs.models import Admission, Allotment, ComputeRequest, Preview, Run, Site
from training_jobs.previews import lifecycle as previews
from training_jobs.scheduling import events
from training_jobs.scheduling.events import Interruption, Outcome, Requester
from training_jobs.scheduling.values import Origin, Why
from training_jobs.spec import ON_ONE_SITE, TrainingSpec, decimal_text
from training_jobs.spec.shape import EXCHANGING

WEEK: Final = timedelta(days=7)
NO_SITES: Final = "no_sites"  # why a request is refused whose community has no site any more
# Why one ends that no site could compute for too long (`commons.uncomputable`): the codes of runs and previews as well.
UNCOMPUTABLE: Final = frozenset({str(Why.NO_SITE_FITS), str(Why.TOO_DEAR), str(Why.RESERVED)})
QUOTA, NO_MONEY, DAILY_LIMIT = "quota", "no_money", "daily_limit"  # why one is not even taken in
_SECONDS_MAX: Final = events.SECONDS_MAX


class TurnedAway(Conflict):
    """A request that is not taken in: the refusal that its asker sees, the reason for the log, and what was asked."""

    def __init__(self, refused: Conflict, reason: str, asked: ComputeRequest, proposal: Proposal | None = None) -> None:
        """Keep it. `proposal` is that of a voted run; `asked` is not stored, and has no name."""
        super().__init__(
            refused.code, refused.detail, field=refused.field, found=refused.found, allowed=refused.allowed
        )
        self.reason, self.asked, self.proposal = reason, asked, proposal


def shares(community: Community) -> bool:
    """Say whether a community has let a site in."""
    return Admission.objects.in_force().filter(community=community).exists()


# --- making -------------------------------------------------------------------------------------------------------


def of_run(run: Run, spec: TrainingSpec, now: datetime) -> None:
    """Ask for devices for each place of an approved run, and set its ceiling in money aside.

    Raises TurnedAway where the community's budget has not got so much.
    """
    if not shares(run.community):
        return
    places = spec.workers if spec.strategy in EXCHANGING else 1
    devices = spec.workers if spec.strategy in ON_ONE_SITE else spec.stages
    seconds = min(max(1, -(-spec.device_seconds // (places * devices))), _SECONDS_MAX)
    ceiling = _ceiling(spec)
    author = run.proposal.author
    needed = memory.of_run(run, spec)
    data = data_rules.kinds_of(run.community, [use.digest for use in spec.datasets])
    asked = [
        ComputeRequest(
            community=run.community,
            origin=ComputeRequest.VOTED,
            member=author,
            run=run,
            slot=slot,
            requested_at=now,
            waiting_since=now,
            devices=devices,
            memory_bytes=needed,
            seconds=seconds,
            data=data,
            ceiling=ceiling if ceiling >= UNLIMITED else ceilings.shares(ceiling, places)[slot],
            slack=0 if spec.deadline_seconds is None else max(0, min(spec.deadline_seconds, _SECONDS_MAX) - seconds),
            tier=_tier(run.proposal),
            checkpoints=True,
            newcomer=is_newcomer(run.community, author, now),
        )
        for slot in range(places)
    ]
    try:
        books.hold_ceiling(run, now)
    except Conflict as refused:
        if refused.code != "account_exhausted":
            raise
        raise TurnedAway(refused, NO_MONEY, asked[0], run.proposal) from refused
    for request in asked:
        request.name = naming.of_run(run, request.slot)
        request.save()
        tell_requested(request, run.proposal.number, now)


def of_preview(preview: Preview, now: datetime) -> None:
    """Ask for a device for a preview, from its member's own quota. Raises TurnedAway where the quota is used."""
    request = asked_for(preview, now)
    if request is None:
        return
    community, member = request.community, request.member
    quota, spoken_for = settings.SANDBOX_SECONDS_PER_WEEK, quota_used(community, member, now)
    if spoken_for + preview.seconds_max > quota:
        detail = "so many device-seconds in a week are enough for one member; wait until older ones no longer count"
        refused = Conflict("sandbox_quota_used", detail, found=spoken_for, allowed=quota)
        raise TurnedAway(refused, QUOTA, request)
    request.name = naming.of_preview(preview)
    request.save()
    tell_requested(request, None, now)


def asked_for(preview: Preview, now: datetime) -> ComputeRequest | None:
    """Return what a preview would ask for, without a name and not stored; None where nobody shares computing for it.

    The first steps of a training are for this platform's own workers alone: where their site is none that the community
    let in, they are as before.
    """
    community = preview.proposal.community
    if not shares(community) or not (preview.is_trial or draws_on_quota(community)):
        return None
    return ComputeRequest(
        community=community,
        origin=ComputeRequest.SANDBOX,
        member=preview.requested_by,
        preview=preview,
        requested_at=now,
        waiting_since=now,
        devices=1,
        memory_bytes=memory.of_preview(preview),
        seconds=max(1, preview.seconds_max),
        data=data_rules.kinds_of(community, [use["digest"] for use in preview.spec["datasets"]]),
        ceiling=UNLIMITED,
        newcomer=is_newcomer(community, preview.requested_by, now),
    )


def draws_on_quota(community: Community) -> bool:
    """Say whether first steps of trainings draw on a member's weekly quota: where this platform's site is let in."""
    return Site.objects.serving(community).filter(slug=settings.HOME_SITE).exists()


def quota_used(community: Community, member: str, now: datetime) -> int:
    """Return the device-seconds of the last week that count against a member: what was used, and what may yet be."""
    asked = ComputeRequest.objects.filter(
        community=community, member=member, origin=ComputeRequest.SANDBOX, requested_at__gt=now - WEEK
    )
    open_ones = sum(request.devices * request.seconds for request in asked if request.ended_at is None)
    return open_ones + sum(used.of(request).device_seconds for request in asked if request.ended_at is not None)


# --- ending -------------------------------------------------------------------------------------------------------


def close(run: Run, now: datetime) -> None:
    """End the requests of a locked run that is over, each as soon as nobody works at its place; then give money back.

    Where no site could compute it, those that never had devices were refused.
    1. a place at which a machine still stops ends later; 2. the log is told what each used; 3. the rest is released.
    """
    outcome = _outcome_of_run(run)
    asked = ComputeRequest.objects.open().filter(run=run).select_related("community").order_by("slot")
    if outcome is None:
        return
    left = 0
    for request in asked:
        if run.attempts.filter(slot=request.slot, ended_at__isnull=True).exists():  # 1
            left += 1
        else:
            _over(request, outcome, run.failure, now)  # 2
    if not left:
        books.release_rest(run, now)  # 3


def close_place(run: Run, slot: int, now: datetime) -> None:
    """End the request of a member's place whose share is done, while the others go on."""
    for request in ComputeRequest.objects.open().filter(run=run, slot=slot).select_related("community"):
        _end(request, Outcome.DONE, now)


def close_preview(preview: Preview, now: datetime) -> None:
    """End the request of a locked preview that is over."""
    if preview.state(now) in previews.UNFINISHED:
        return
    outcome = Outcome.DONE if preview.finished_at is not None else Outcome.FAILED
    for request in ComputeRequest.objects.open().filter(preview=preview).select_related("community"):
        _over(request, outcome, preview.failure, now)


def withdraw(request: ComputeRequest, now: datetime) -> None:
    """End a request that nobody is asked for any more, because its community has no sites: whoever comes takes it.

    Once that is so of all places of its run, which is locked, nobody is paid for it any more: its money goes back.
    """
    if request.allotments.exists():
        _end(request, Outcome.CANCELED, now)
    else:
        _refuse(request, NO_SITES, now)
    run = request.run
    if run is not None and not run.requests.filter(ended_at__isnull=True).exists():
        books.release_rest(run, now)


def _over(request: ComputeRequest, outcome: Outcome, failure: str, now: datetime) -> None:
    if outcome is Outcome.FAILED and failure in UNCOMPUTABLE and not request.allotments.exists():
        _refuse(request, failure, now)
    else:
        _end(request, outcome, now)


def _refuse(request: ComputeRequest, reason: str, now: datetime) -> None:
    """End a request that never had devices: nobody computes it, for a reason that has a code."""
    request.ended_at, request.outcome, request.reason = now, ComputeRequest.REFUSED, reason
    request.save(update_fields=["ended_at", "outcome", "reason"])
    said = events.ComputeRefused(request=request.name, reason=reason)
    note(said.kind, now, community=request.community, **events.data_of(said))


def _outcome_of_run(run: Run) -> Outcome | None:
    if run.verdict or run.reviewing_since is not None:
        return Outcome.DONE
    if run.failed_at is not None:
        return Outcome.FAILED
    return Outcome.CANCELED if run.canceled_at is not None else None


def _end(request: ComputeRequest, outcome: Outcome, now: datetime) -> None:
    """End a request with what it used, and its allotment in force."""
    last = request.allotments.select_related("site").order_by("-allotted_at", "-pk").first()
    if outcome is Outcome.CANCELED and last is not None and last.how == str(Interruption.CEILING):
        outcome = Outcome.STOPPED
    Allotment.objects.in_force().filter(request=request).update(ended_at=now, how=ENDED)
    request.ended_at, request.outcome = now, str(outcome)
    request.save(update_fields=["ended_at", "outcome"])
    whole = used.of(request)
    said = events.ComputeEnded(
        request=request.name,
        site=None if last is None else last.site.slug,
        outcome=outcome,
        device_seconds=whole.device_seconds,
        joules=whole.joules,
        energy=whole.energy,
        grams=None if whole.joules else 0,  # `commons.emitted` tells it when the grid's history is known
        cost=whole.cost,
    )
    note(said.kind, now, community=request.community, **events.data_of(said))


def tell_requested(request: ComputeRequest, proposal: int | None, now: datetime) -> None:
    """Tell the log of a request under its name; `proposal` is the number of the vote on a run."""
    said = events.ComputeRequested(
        request=request.name,
        origin=Origin(request.origin),
        requester=Requester.NEWCOMER if request.newcomer else Requester.MEMBER,
        devices=request.devices,
        memory_bytes=request.memory_bytes,
        seconds=request.seconds,
        ceiling=request.ceiling,
        slack=request.slack,
        proposal=proposal,
    )
    note(said.kind, now, community=request.community, actor=request.member, **events.data_of(said))


def _ceiling(spec: TrainingSpec) -> int:
    """Return the voted ceiling in micro-units; without one, as much as can be counted."""
    if spec.money is None:
        return UNLIMITED
    field = "payload.spec.budget.money.amount"
    return require_written(decimal_text(spec.money.amount), spec.money.currency, field)


def _tier(proposal: Proposal) -> int:
    """Return the rank of the tier of risk under which was voted: how much of a majority it asks, among all tiers."""
    tiers = charter_under(proposal).tiers
    ranked = sorted({(rules.threshold_bps, rules.quorum_bps) for rules in tiers.values()})
    mine = tiers.get(proposal.tier)
    return ranked.index((mine.threshold_bps, mine.quorum_bps)) if mine is not None else 0
