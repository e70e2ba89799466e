"""Everything that changes a run. The lease in the database decides who works; every write names its fencing number.

A message that comes twice, a worker that wakes up after its lease, and two workers that claim at once all end here: the
conditional update lets one through, and the others are told `stale` or get nothing.

Why a running attempt has to end (canceled, paused, past its deadline, budget used up) is decided here too: the answer
to a heartbeat is "cancel" or "pause", and when the trainer is gone, `stopped` writes down what it was.

A run of several machines has a lead, whose lease is the run's own, and members: what is asked under the lease of a
member goes on to `seats`. Only the lead hands over a result.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from governance.clock import unix, whole_second
from governance.errors import Conflict, Forbidden, Invalid
from governance.models import Proposal, Record
from governance.records import keep
from governance.services import council_in_office, note, note_once
from governance.services.common import charter_under
from models_registry.models import Dataset, EthicsRule, Version
from models_registry.rights.services import require_standing_dataset
from training_jobs import judging, lifecycle, openings, seats
from training_jobs import spec as specs
from training_jobs.assignments import require_relay
from training_jobs.commons import allotments, data_rules, memory, requests
from training_jobs.leases import SILENT, Lease, StaleLease, end_attempt, event, locked, over
from training_jobs.lifecycle import Action, State
from training_jobs.models import Attempt, Run, RunEvent
from training_jobs.results import require_whole, run_body
from training_jobs.reviews import services as reviews
from training_jobs.scheduling.events import Interruption

REASON_MAX = 500


# --- from a decision to a run -------------------------------------------------------------------------------------


def create_run(proposal: Proposal, execution: Record, now: datetime) -> Run:
    """Make the run of an approved specification, inside the transaction of the execution.

    The rules in force now are frozen into the specification's record as parents: they are what will judge the result.
    Where its community shares computing, it asks for devices, and its ceiling in money is set aside.
    """
    spec = specs.from_payload(proposal.payload["spec"])
    base = Version.objects.select_related("model").get(model__community=proposal.community, revision=spec.base.revision)
    datasets = [
        Dataset.objects.included()
        .select_related("inclusion_record")
        .get(community=proposal.community, digest=use.digest)
        for use in spec.datasets
    ]
    for dataset in datasets:
        require_standing_dataset(dataset, "payload.spec.datasets")
    rules = list(EthicsRule.objects.in_force(proposal.community, base.model.name).select_related("record"))
    if not EthicsRule.objects.binding(proposal.community, base.model.name, unix(now)).exists():
        raise Conflict("no_rules", "no ethics rule binds; nothing could judge the result")
    spec_record = keep(
        "spec",
        f"spec:{proposal.record_id}",
        proposal.payload["spec"],  # word for word what was voted on: every verifier compares the two
        [execution, *(dataset.inclusion_record for dataset in datasets), *(rule.record for rule in rules)],
    )
    deadline = None if spec.deadline_seconds is None else now + timedelta(seconds=spec.deadline_seconds)
    run = Run.objects.create(
        community=proposal.community,
        proposal=proposal,
        model=base.model,
        base=base,
        spec_record=spec_record,
        created_at=now,
        deadline_at=deadline,
    )
    seats.make(run, spec)
    note("run_created", now, proposal=proposal, run=run.pk)
    requests.of_run(run, spec, now)
    return run


# --- the lease ----------------------------------------------------------------------------------------------------


def claim(run_id: int, owner: str, now: datetime) -> Lease | None:
    """Take the lead's lease if the run is free; return None when somebody else has it or nothing is left to do.

    Where computing is shared, only a machine of the site that was allotted to it gets it; and none gets it that may not
    have the rows. A run that has used up its
    attempts, its budget or its time is given up here too: one that kills its workers must not go on for ever. Raises
    Unavailable for a run of several machines while the site has no relay.
    """
    with transaction.atomic():
        run = locked(run_id)
        found = run.state(now)
        if found not in lifecycle.ALLOWED[Action.CLAIM] and found is not State.OVERDUE:
            return None
        if seats.held_by(run, owner, now) or not allotments.may_take(run, 0, owner, now):
            return None
        if not data_rules.may_have(owner, run.community, data_rules.of_run(run)):
            return None
        _end_lost(run, now)
        if _used_up(run, now):
            return None
        require_relay(run)
        seats.end_lost_of(run, owner, now)
        claimed = Run.objects.filter(pk=run_id, fence=run.fence).update(
            fence=F("fence") + 1,
            lease_owner=owner,
            lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS),
            heartbeat_at=now,
            retry_at=None,
        )
        if not claimed:
            return None
        lease = Lease(run_id, run.fence + 1)
        allotments.taken(run, 0, now)
        Attempt.objects.create(run=run, number=lease.fence, owner=owner, started_at=now)
        event(lease, "claimed", {"owner": owner}, now)
    return lease


def heartbeat(lease: Lease, now: datetime) -> str:
    """Prolong the lease; answer `continue`, `cancel`, `pause` or `stale`.

    A lease that nobody took over may be prolonged late. Past the deadline or without budget the answer is `cancel`.
    """
    if lease.slot:
        return seats.heartbeat(lease, now)
    kept = Run.objects.filter(pk=lease.run_id, fence=lease.fence, verdict="", failed_at__isnull=True).exclude(
        lease_owner=""
    )
    if not kept.update(heartbeat_at=now, lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS)):
        return "stale"
    run = Run.objects.select_related("spec_record").get(pk=lease.run_id)
    found = run.state(now)
    if found is State.STOPPING or over(run, now):
        return "cancel"
    return "pause" if found is State.PAUSING or allotments.has_to_go(run, 0, now) else "continue"


def stream(lease: Lease, events: Iterable[dict[str, Any]], now: datetime) -> None:
    """Keep what the trainer reports; raise StaleLease when another worker has the run."""
    with transaction.atomic():
        if lease.slot:
            seats.held(lease)
        else:
            _held(lease)
        RunEvent.objects.bulk_create(
            RunEvent(
                run_id=lease.run_id,
                slot=lease.slot,
                attempt=lease.fence,
                at=now,
                kind=str(line.get("event", "log"))[:20],
                data={name: value for name, value in line.items() if name != "event"},
            )
            for line in events
        )


# --- results ------------------------------------------------------------------------------------------------------


def trained(lease: Lease, artifact: dict[str, Any], isolation: str, now: datetime) -> Run:
    """Keep the record of a finished training. Repeating it with the same artifact changes nothing."""
    require_whole(artifact)
    with transaction.atomic():
        run = _held(lease)
        attempt = run.attempts.get(slot=0, number=lease.fence)
        finished_at = whole_second(now)
        body = run_body(attempt, artifact, isolation, finished_at)
        if run.run_record is not None:
            if run.run_record.body["artifact"] != body["artifact"]:
                raise Conflict("already_trained", "this run has its model already, and it is another one")
            return run
        run.run_record = keep("run", f"run:{run.pk}", body, [run.spec_record])
        run.trained_at = finished_at
        run.opening_until = openings.until(run)
        run.save(update_fields=["run_record", "trained_at", "opening_until"])
        event(lease, "trained", {"steps": body["steps"], "tokens": body["tokens"]}, now)
        seats.compare(run, now)
        openings.ask(run, now)
    return run


def judge(lease: Lease, report: dict[str, Any], now: datetime, keep_samples: Callable[[], None] = lambda: None) -> Run:
    """Let the gates judge a measured model, and write the verdict with one reason per rule; or ask people first.

    Where a rule asks people to look at the result, the run waits for them (`reviews`), and no machine has a part in it
    any more. `keep_samples` is called once nothing is wrong with the report, before anything is written.

    A run that was canceled in the meantime gets no verdict: nothing of it is published. Said again after its answer was
    lost, the same changes nothing.
    """
    require_whole(report)
    with transaction.atomic():
        run = locked(lease.run_id)
        is_reported = run.evaluation_record_id is not None or run.reviewing_since is not None
        if run.fence == lease.fence and is_reported:
            return run
        run = _held(lease)
        if run.canceled_at is not None:
            _end(run, lease, "canceled", now)
            requests.close(run, now)
            return run
        openings.require_over(run, now)
        rules = judging.rules_of(run)
        said = judging.measured(run, rules, report)
        asks_people = reviews.opens(run, rules, said)
        keep_samples()
        if asks_people:
            reviews.open_review(run, rules, said, now)
        else:
            judging.conclude(run, rules, said, None, now)
        run.lease_owner, run.lease_expires_at = "", None
        run.save()
        end_attempt(run, lease, "finished", now)
        seats.end_all(run, now)
        requests.close(run, now)
    return run


def fail(lease: Lease, code: str, detail: str, now: datetime, *, permanent: bool) -> Run:
    """End an attempt that did not work: try again later, or give up when trying again cannot help."""
    if lease.slot:
        return seats.fail(lease, code, detail, now)
    with transaction.atomic():
        run = _held(lease)
        end_attempt(run, lease, code, now, detail=detail)
        run.lease_owner, run.lease_expires_at = "", None
        event(lease, "failed", {"code": code, "detail": detail[:1000]}, now)
        wait = lifecycle.retry_seconds(_counted(run), attempts_max=settings.RUN_ATTEMPTS_MAX, permanent=permanent)
        forbidden = over(run, now)
        if wait is None or forbidden:
            _give_up(run, forbidden or code, detail, now)
        else:
            run.retry_at = now + timedelta(seconds=wait)
            run.save()
            memory.after(run, 0, code, now)
            allotments.interrupt(run, 0, Interruption.ATTEMPT_FAILED, now)
    return run


def stopped(lease: Lease, now: datetime) -> Run:
    """Hear that the trainer is gone, and write down why: canceled, paused, given up, or back in the line."""
    if lease.slot:
        return seats.stopped(lease, now)
    with transaction.atomic():
        run = _held(lease)
        forbidden = over(run, now)
        why = allotments.has_to_go(run, 0, now)
        if run.canceled_at is not None:
            _end(run, lease, "canceled", now)
            requests.close(run, now)
        elif forbidden:
            _end(run, lease, forbidden, now)
            _give_up(run, forbidden, "", now)
        else:
            asked = "paused" if run.state(now) is State.PAUSING else "released"
            _end(run, lease, lifecycle.INTERRUPTED if why else asked, now)
            allotments.interrupt(run, 0, why or Interruption.CHECKPOINT, now)
    return run


def leave_silent(run: Run, slot: int, now: datetime) -> None:
    """End what a silent machine left at a place of a locked run: nobody prolongs its lease any more."""
    if slot:
        seats.leave_silent(run, slot, now)
        return
    _end_lost(run, now)
    run.lease_owner, run.lease_expires_at = "", None
    run.save(update_fields=["lease_owner", "lease_expires_at"])


def _end(run: Run, lease: Lease, outcome: str, now: datetime) -> None:
    run.lease_owner, run.lease_expires_at = "", None
    run.save(update_fields=["lease_owner", "lease_expires_at"])
    end_attempt(run, lease, outcome, now)
    event(lease, "stopped", {"outcome": outcome}, now)


def _end_lost(run: Run, now: datetime) -> None:
    """End the lead's attempt whose lease has run out; it has worked until its last sign of life."""
    for number in run.attempts.filter(slot=0, ended_at__isnull=True).values_list("number", flat=True):
        end_attempt(run, Lease(run.pk, number), "lost", now, detail=SILENT, until=run.heartbeat_at)


def _counted(run: Run) -> int:
    """Return how many attempts of leads were a try, and not stopped because somebody asked."""
    return run.attempts.filter(slot=0).exclude(outcome__in=lifecycle.UNCOUNTED).count()


def _used_up(run: Run, now: datetime) -> bool:
    """Give the run up if it has no attempt, no time or no budget left; say whether it was."""
    code, detail = over(run, now), ""
    tried = run.attempts.filter(slot=0).exclude(outcome=lifecycle.INTERRUPTED).count()
    if not code and (_counted(run) >= settings.RUN_ATTEMPTS_MAX or tried >= lifecycle.UNCOUNTED_MAX):
        code, detail = "attempts_used_up", "every attempt was lost with its worker"
    if code:
        _give_up(run, code, detail, now)
    return bool(code)


def _give_up(run: Run, code: str, detail: str, now: datetime) -> None:
    run.lease_owner, run.lease_expires_at = "", None
    run.failed_at, run.failure, run.failure_detail = now, code[:60], detail[:4000]
    run.save()
    seats.end_all(run, now)
    note("run_failed", now, proposal=run.proposal, run=run.pk, code=code[:60])
    requests.close(run, now)


def cancel(run_id: int, actor: str, now: datetime) -> Run:
    """Ask a run to stop; its worker learns of it with the next heartbeat. Only the proposal's author may ask."""
    with transaction.atomic():
        run = locked(run_id)
        if run.proposal.author != actor:
            raise Forbidden("not_the_author", "only the author of the proposal may stop its run", found=actor)
        lifecycle.require(Action.CANCEL, run.facts, now)
        run.canceled_at, run.canceled_by = now, actor
        run.save(update_fields=["canceled_at", "canceled_by"])
        note("run_canceled", now, proposal=run.proposal, actor=actor, run=run.pk)
        requests.close(run, now)
    return run


def pause(run_id: int, actor: str, reason: str, now: datetime) -> Run:
    """Hold a run up as a guardian: once, with a reason, for as long as the charter allows a pause.

    Its worker learns of it with the next heartbeat and leaves a checkpoint; afterwards the run goes on by itself. A
    deadline stays where it is, and half of the time to it is left.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise Invalid("length_out_of_range", f"a reason has 1 to {REASON_MAX} characters", field="reason")
    with transaction.atomic():
        run = locked(run_id)
        council = council_in_office(run.proposal.community, now)
        if council is None:
            raise Conflict("no_council", "no council is in office; a council is elected by a proposal")
        if actor not in {member["address"] for member in council.members}:
            raise Forbidden("not_a_guardian", "only members of the council may do this", found=actor)
        lifecycle.require(Action.PAUSE, run.facts, now)
        if run.paused_until is not None:
            raise Conflict("already_paused", "a run is paused at most once")
        until = now + timedelta(seconds=charter_under(run.proposal).pause_seconds_max)
        if run.deadline_at is not None:
            until = min(until, now + (run.deadline_at - now) / 2)
        until = whole_second(until)
        if until <= now:
            raise Conflict("pause_not_possible", "the charter allows no pause, or too little time is left for one")
        run.paused_until, run.paused_by, run.pause_reason = until, actor, reason
        run.save(update_fields=["paused_until", "paused_by", "pause_reason"])
        note("run_paused", now, proposal=run.proposal, actor=actor, run=run.pk, reason=reason, until=unix(until))
    return run


def settle(now: datetime) -> list[int]:
    """End what no worker will end any more: runs past their deadline, attempts of canceled runs whose worker is gone.

    Returns the runs that were ended.
    """
    at_work = Q(canceled_at__isnull=True, failed_at__isnull=True, reviewing_since__isnull=True, verdict="")
    overdue = at_work & Q(deadline_at__lte=now)
    silent = Q(attempts__ended_at__isnull=True, attempts__slot=0, lease_expires_at__lte=now)
    canceled = Q(canceled_at__isnull=False) & silent
    ended = seats.settle(now)
    for run_id in Run.objects.filter(overdue | canceled).distinct().values_list("pk", flat=True):
        with transaction.atomic():
            run = locked(run_id)
            found = run.state(now)
            if found not in {State.OVERDUE, State.CANCELED}:
                continue
            _end_lost(run, now)
            if found is State.OVERDUE:
                _give_up(run, "deadline_passed", "", now)
            requests.close(run, now)
            ended.append(run_id)
    return ended


def uncomputable(run: Run, code: str, now: datetime) -> None:
    """Give a locked run up of which no site could compute a place for too long; whoever works at another one stops."""
    for attempt in run.attempts.filter(slot=0, ended_at__isnull=True):
        silent = run.lease_expires_at is not None and run.lease_expires_at <= now
        until = run.heartbeat_at if silent else now
        end_attempt(run, Lease(run.pk, attempt.number), seats.RUN_OVER, now, until=until)
    _give_up(run, code, "", now)


def not_released(run: Run, code: str, now: datetime) -> None:
    """Say once, in the log of the run and of its proposal, why an accepted run is not published yet."""
    newest = run.events.order_by("-pk").first()
    if newest is None or (newest.kind, newest.data.get("code")) != ("release_refused", code):
        event(Lease(run.pk, run.fence), "release_refused", {"code": code}, now)
    note_once(run.proposal_id, "release_refused", now, run=run.pk, code=code)


def due(now: datetime) -> list[int]:
    """Return the runs that a worker should look at: with a seat to take, free, or to be released and not published yet.

    A run that has begun gets its members before another one begins: its machines wait for each other.
    """
    unpublished = Run.objects.unpublished().values_list("pk", flat=True)
    return [*seats.due(now), *claimable_here(now), *unpublished]


def claimable_here(now: datetime) -> list[int]:
    """Return the runs whose lead a worker of this platform may take now."""
    kept = allotments.kept_from(allotments.home())
    unfinished = Run.objects.unfinished().select_related("spec_record").order_by("pk")
    free = [run for run in unfinished if (run.pk, 0) not in kept and run.state(now) in lifecycle.ALLOWED[Action.CLAIM]]
    barred = data_rules.barred_here({run.pk: (run.community_id, data_rules.of_run(run)) for run in free})
    return [run.pk for run in free if run.pk not in barred]


def next_moment(now: datetime) -> datetime | None:
    """Return when the next run becomes free or has to be ended: a lease, a wait, a pause or a deadline is over."""
    names = ("lease_expires_at", "retry_at", "paused_until", "deadline_at", "opening_until")
    moments = [moment for row in Run.objects.unfinished().values_list(*names) for moment in row if moment is not None]
    moments += seats.moments()
    return min((moment for moment in moments if moment > now), default=None)


def _held(lease: Lease) -> Run:
    """Return the locked run if this is still the newest lease of its lead; raise StaleLease otherwise."""
    run = locked(lease.run_id)
    if lease.slot or run.fence != lease.fence or not run.lease_owner:
        raise StaleLease(lease)
    return run
