"""More money for a run that is under way: which runs may get it, and what a vote for it changes.

The specification that the run's records name stays what was voted first; the raise is a decision of its own, with its
own ballots. Device-seconds and deadline are other limits, and no vote about money moves them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from governance.errors import Conflict, Invalid
from governance.evidence.canonical import INTEGER_MAX
from governance.models import Community, Proposal
from governance.services import note
from training_jobs.budget import seconds_left
from training_jobs.commons import ceilings, used
from training_jobs.commons.ceilings import Money
from training_jobs.leases import over
from training_jobs.ledger import runs as books
from training_jobs.ledger import services as ledger
from training_jobs.ledger.booking import budget_named, require_covered
from training_jobs.ledger.currencies import require_written
from training_jobs.models import RaisedCeiling, Run

RAISED = "run_ceiling_raised"
_RUN, _AMOUNT = "payload.proposal", "payload.amount"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: money in micro-units, steps (0: not known), and device-seconds that are left."""

    used: int
    step: int
    steps: int
    checkpoint: int
    seconds_left: int


@transaction.atomic
def raise_ceiling(proposal: Proposal, now: datetime) -> RaisedCeiling:
    """Give a run the ceiling that a vote decided, once for each vote. Inside the execution of the vote.

    1. the run is locked, and is still one that can go on; 2. the raise is written down; 3. what it is more goes from
    the budget to what is held for the run; 4. each place that is open gets its share; 5. the log is told. Raises
    Conflict where the run ended meanwhile, and where the budget has not got so much any more.
    """
    run = _locked(proposal)  # 1
    known = RaisedCeiling.objects.filter(proposal=proposal).first()
    if known is not None:
        return known
    before = require_raisable(run, now)
    after = require_more(run, before, proposal.payload["amount"])
    made = RaisedCeiling.objects.create(run=run, proposal=proposal, raised_at=now, ceiling=after.units)  # 2
    if books.held_for(run) is not None:
        ledger.hold_more(run.community, books.request_of(run), after.units, proposal, now)  # 3
    parts = ceilings.shares(after.units, run.requests.count())
    for request in run.requests.filter(ended_at__isnull=True):  # 4
        # Whoever waited for a site that it can pay for begins to wait anew.
        request.ceiling, request.cannot_since = parts[request.slot], None
        request.save(update_fields=["ceiling", "cannot_since"])
    said = {"amount": after.text, "before": before.text, "currency": after.currency}
    note(RAISED, now, proposal=run.proposal, run=run.pk, decision=proposal.number, **said)  # 5
    return made


def run_of(community: Community, number: object) -> Run:
    """Return the run that a proposal of this number approved; raise Invalid where there is none."""
    is_number = type(number) is int and 0 < number <= INTEGER_MAX
    found = _runs().filter(community=community, proposal__number=number) if is_number else Run.objects.none()
    run = found.first()
    if run is None:
        detail = "no run was approved by a proposal of this number"
        raise Invalid("unknown_run", detail, field=_RUN, found=number if is_number else str(number)[:40])
    return run


def run_by_record(record: str) -> Run | None:
    """Return the run that was approved by the proposal of a record."""
    return _runs().filter(proposal__record_id=record).first()


def raisable(community: Community, now: datetime) -> list[tuple[Run, Money]]:
    """Return the runs that may get more money, the newest first, each with its ceiling."""
    found = []
    for run in _runs().filter(community=community, requests__ended_at__isnull=True).distinct().order_by("-pk"):
        try:
            found.append((run, require_raisable(run, now)))
        except Conflict:
            continue
    return found


def require_raisable(run: Run, now: datetime) -> Money:
    """Return the ceiling of a run; raise Conflict where more money would not let it go on."""
    if run.verdict or run.reviewing_since or run.failed_at or run.canceled_at:
        detail = "this run is over; propose its training again"
        raise Conflict("run_is_over", detail, field=_RUN, found=str(run.state(now)))
    if run.trained_at is not None:
        raise Conflict("run_is_trained", "its training is done, and measuring costs nothing", field=_RUN)
    ends = over(run, now)
    if ends:
        detail = "more money does not let it go on: the time that was voted for it is used up"
        raise Conflict(ends, detail, field=_RUN)
    ceiling = ceilings.of(run)
    if ceiling is None or not run.requests.filter(ended_at__isnull=True).exists():
        raise Conflict("no_ceiling", "no ceiling in money limits this run", field=_RUN)
    return ceiling


def require_more(run: Run, before: Money, amount: object) -> Money:
    """Return the new ceiling; raise Invalid where it is not above the present one, Conflict beyond the budget."""
    after = Money(require_written(amount, before.currency, _AMOUNT), before.currency)
    if after.units <= before.units:
        detail = "ask for more than the run may cost already"
        raise Invalid("not_more", detail, field=_AMOUNT, found=str(after), allowed=f"above {before}")
    held = books.held_for(run)
    if held is not None:
        purse = budget_named(held.budget.owner)
        require_covered(run.community, purse, before.currency, after.units - held.ceiling, _AMOUNT)
    return after


def progress_of(run: Run, now: datetime) -> Progress:
    """Return how far a run has come, by the parts that ended and what its machines said last."""
    said, saved = _last(run, "step"), _last(run, "checkpoint")
    return Progress(
        used=sum(used.cost_of(request) for request in run.requests.select_related("run")),
        step=_whole(said.get("step")),
        steps=_whole(said.get("steps")),
        checkpoint=_whole(saved.get("step")),
        seconds_left=max(0, seconds_left(run, now)),
    )


def _last(run: Run, kind: str) -> dict[str, Any]:
    newest = run.events.filter(kind=kind, slot=0).order_by("-id").first()
    found: dict[str, Any] = newest.data if newest else {}
    return found


def _whole(value: object) -> int:
    return value if type(value) is int else 0


def _locked(proposal: Proposal) -> Run:
    """Return the locked row of the run that a vote is about.

    Whoever works at a run locks it first and its community afterwards, an execution the other way round: so it does not
    wait for the run, and is tried again.
    """
    record = proposal.payload["record"]
    found = _runs().filter(community=proposal.community_id, proposal__record_id=record)
    run = found.select_for_update(of=("self",), skip_locked=True).first()
    if run is None and found.exists():
        raise Conflict("run_is_busy", "a machine is just reporting on this run; it is tried again", field=_RUN)
    if run is None:
        raise Conflict("unknown_run", "the run that was voted on is not here", field=_RUN, found=record)
    return run


def _runs() -> "QuerySet[Run]":
    return Run.objects.select_related("community", "proposal__community", "spec_record")
