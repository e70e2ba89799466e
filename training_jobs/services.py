"""Everything that changes a run. The lease in the database decides who works; every write names its fencing number.

A message that comes twice, a worker that wakes up after its lease, and two workers that claim at once all end here: the
conditional update lets one through, and the others are told `stale` or get nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from governance.clock import unix, whole_second
from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.models import Proposal, Record
from governance.records import keep
from governance.services import note, note_once
from models_registry import gates
from models_registry.models import Dataset, EthicsRule, Version
from models_registry.provenance import shapes
from training_jobs import lifecycle
from training_jobs import spec as specs
from training_jobs.lifecycle import Action
from training_jobs.models import Attempt, Run, RunEvent


@dataclass(frozen=True)
class Lease:
    """The right to work on a run, until somebody takes a higher fencing number."""

    run_id: int
    fence: int


class StaleLease(Conflict):
    """A write under a fencing number that is not the newest."""

    def __init__(self, lease: Lease) -> None:
        """Name the lease."""
        super().__init__("stale_lease", "another worker has taken this run over", found=lease.fence)


# --- from a decision to a run -------------------------------------------------------------------------------------


def create_run(proposal: Proposal, execution: Record, now: datetime) -> Run:
    """Make the run of an approved specification, inside the transaction of the execution.

    The rules in force now are frozen into the specification's record as parents: they are what will judge the result.
    """
    spec = specs.from_payload(proposal.payload["spec"])
    base = Version.objects.select_related("model").get(model__community=proposal.community, revision=spec.base.revision)
    datasets = [
        Dataset.objects.included()
        .select_related("inclusion_record")
        .get(community=proposal.community, digest=use.digest)
        for use in spec.datasets
    ]
    rules = list(EthicsRule.objects.in_force(proposal.community, base.model.name).select_related("record"))
    if not rules:
        raise Conflict("no_rules", "no ethics rule is in force; nothing could judge the result")
    spec_record = keep(
        "spec",
        f"spec:{proposal.record_id}",
        spec.to_dict(),
        [execution, *(dataset.inclusion_record for dataset in datasets), *(rule.record for rule in rules)],
    )
    run = Run.objects.create(
        community=proposal.community,
        proposal=proposal,
        model=base.model,
        base=base,
        spec_record=spec_record,
        created_at=now,
    )
    note("run_created", now, proposal=proposal, run=run.pk)
    return run


# --- the lease ----------------------------------------------------------------------------------------------------


def claim(run_id: int, owner: str, now: datetime) -> Lease | None:
    """Take the lease if the run is free; return None when somebody else has it or nothing is left to do.

    A run whose attempts are used up is given up here too: one that kills its workers must not go on for ever.
    """
    with transaction.atomic():
        run = _locked(run_id)
        if run.state(now) not in lifecycle.ALLOWED[Action.CLAIM]:
            return None
        run.attempts.filter(ended_at__isnull=True).update(
            ended_at=now, outcome="lost", detail="no heartbeat until the lease ran out"
        )
        if run.attempts.count() >= settings.RUN_ATTEMPTS_MAX:
            _give_up(run, "attempts_used_up", "every attempt was lost with its worker", now)
            return None
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
        Attempt.objects.create(run=run, number=lease.fence, owner=owner, started_at=now)
        _event(lease, "claimed", {"owner": owner}, now)
    return lease


def heartbeat(lease: Lease, now: datetime) -> str:
    """Prolong the lease; answer `continue`, `cancel` or `stale`. One that nobody took over may be prolonged late."""
    kept = Run.objects.filter(pk=lease.run_id, fence=lease.fence, verdict="", failed_at__isnull=True).exclude(
        lease_owner=""
    )
    if not kept.update(heartbeat_at=now, lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS)):
        return "stale"
    if Run.objects.filter(pk=lease.run_id, canceled_at__isnull=False).exists():
        return "cancel"
    return "continue"


def stream(lease: Lease, events: Iterable[dict[str, Any]], now: datetime) -> None:
    """Keep what the trainer reports; raise StaleLease when another worker has the run."""
    with transaction.atomic():
        _held(lease)
        RunEvent.objects.bulk_create(
            RunEvent(
                run_id=lease.run_id,
                attempt=lease.fence,
                at=now,
                kind=str(event.get("event", "log"))[:20],
                data={name: value for name, value in event.items() if name != "event"},
            )
            for event in events
        )


# --- results ------------------------------------------------------------------------------------------------------


def trained(lease: Lease, artifact: dict[str, Any], isolation: str, now: datetime) -> Run:
    """Keep the record of a finished training. Repeating it with the same artifact changes nothing."""
    with transaction.atomic():
        run = _held(lease)
        if run.run_record is not None:
            return run
        attempt = run.attempts.get(number=lease.fence)
        finished_at = whole_second(now)
        reported = ("steps", "tokens", "code_digest", "environment", "trace_sha256")
        body = {
            "run": run.pk,
            "attempt": lease.fence,
            "started_at": unix(attempt.started_at),
            "finished_at": unix(finished_at),
            "artifact": artifact.get("files"),
            "isolation": isolation,
            **{name: artifact.get(name) for name in reported},
        }
        _require_form("run", body)
        run.run_record = keep("run", f"run:{run.pk}", body, [run.spec_record])
        run.trained_at = finished_at
        run.save(update_fields=["run_record", "trained_at"])
        _event(lease, "trained", {"steps": body["steps"], "tokens": body["tokens"]}, now)
    return run


def judge(lease: Lease, report: dict[str, Any], now: datetime) -> Run:
    """Let the gates judge a measured model, and write the verdict with one reason per rule.

    A run that was canceled in the meantime gets no verdict: nothing of it is published.
    """
    with transaction.atomic():
        run = _held(lease)
        if run.canceled_at is not None:
            _end(run, lease, "canceled", now)
            return run
        rules = list(Record.objects.filter(pk__in=run.spec_record.value.parents, kind="rule"))
        try:
            verdict = gates.decide(
                [gates.Rule.from_record(rule.body) for rule in rules], gates.Report.from_record(report, run.model.name)
            )
        except gates.GateError as error:
            raise Conflict(error.code, str(error)) from error
        body = {
            **{name: report.get(name) for name in ("suite", "candidate", "parent", "samples", "samples_sha256")},
            "verdict": verdict.to_dict(),
        }
        _require_form("evaluation", body)
        if body["suite"] != run.spec_record.body["evaluation"]["suite"]:
            raise Conflict("suite_changed", "measured on another suite than the approved one", found=body["suite"])
        run.evaluation_record = keep(
            "evaluation", f"evaluation:run:{run.pk}", body, [_required(run.run_record), *rules]
        )
        run.verdict = "accepted" if verdict.accepted else "rejected"
        run.judged_at = whole_second(now)
        run.lease_owner, run.lease_expires_at = "", None
        run.save()
        run.attempts.filter(number=lease.fence).update(ended_at=now, outcome="finished")
        _event(lease, "judged", {"verdict": run.verdict}, now)
        note("run_judged", now, proposal=run.proposal, run=run.pk, verdict=run.verdict)
    return run


def fail(lease: Lease, code: str, detail: str, now: datetime, *, permanent: bool) -> Run:
    """End an attempt that did not work: try again later, or give up when trying again cannot help."""
    with transaction.atomic():
        run = _held(lease)
        run.attempts.filter(number=lease.fence).update(ended_at=now, outcome=code[:20], detail=detail[:4000])
        wait = lifecycle.retry_seconds(
            run.attempts.count(), attempts_max=settings.RUN_ATTEMPTS_MAX, permanent=permanent
        )
        run.lease_owner, run.lease_expires_at = "", None
        _event(lease, "failed", {"code": code, "detail": detail[:1000]}, now)
        if wait is None:
            _give_up(run, code, detail, now)
        else:
            run.retry_at = now + timedelta(seconds=wait)
            run.save()
    return run


def _give_up(run: Run, code: str, detail: str, now: datetime) -> None:
    run.lease_owner, run.lease_expires_at = "", None
    run.failed_at, run.failure, run.failure_detail = now, code[:60], detail[:4000]
    run.save()
    note("run_failed", now, proposal=run.proposal, run=run.pk, code=code[:60])


def stopped(lease: Lease, now: datetime) -> None:
    """Confirm that a canceled run's trainer is gone."""
    with transaction.atomic():
        _end(_held(lease), lease, "canceled", now)


def _end(run: Run, lease: Lease, outcome: str, now: datetime) -> None:
    run.lease_owner, run.lease_expires_at = "", None
    run.save(update_fields=["lease_owner", "lease_expires_at"])
    run.attempts.filter(number=lease.fence).update(ended_at=now, outcome=outcome)
    _event(lease, "stopped", {}, now)


def cancel(run_id: int, actor: str, now: datetime) -> Run:
    """Ask a run to stop; its worker learns of it with the next heartbeat. Only the proposal's author may ask."""
    with transaction.atomic():
        run = _locked(run_id)
        if run.proposal.author != actor:
            raise Forbidden("not_the_author", "only the author of the proposal may stop its run", found=actor)
        lifecycle.require(Action.CANCEL, run.facts, now)
        run.canceled_at, run.canceled_by = now, actor
        run.save(update_fields=["canceled_at", "canceled_by"])
        note("run_canceled", now, proposal=run.proposal, actor=actor, run=run.pk)
    return run


def not_released(run: Run, code: str, now: datetime) -> None:
    """Say once, in the log of the run and of its proposal, why an accepted run is not published yet."""
    newest = run.events.order_by("-pk").first()
    if newest is None or (newest.kind, newest.data.get("code")) != ("release_refused", code):
        _event(Lease(run.pk, run.fence), "release_refused", {"code": code}, now)
    note_once(run.proposal_id, "release_refused", now, run=run.pk, code=code)


def due(now: datetime) -> list[int]:
    """Return the runs that a worker should look at: free ones, and accepted ones that are not published yet."""
    claimable = [
        run.pk for run in Run.objects.unfinished().order_by("pk") if run.state(now) in lifecycle.ALLOWED[Action.CLAIM]
    ]
    unpublished = Run.objects.filter(Q(verdict="accepted") & Q(version__isnull=True)).values_list("pk", flat=True)
    return [*claimable, *unpublished]


def _locked(run_id: int) -> Run:
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise NotFound("unknown_run", "there is no such run", found=run_id)
    return run


def _held(lease: Lease) -> Run:
    """Return the locked run if this lease is still the newest; raise StaleLease otherwise."""
    run = _locked(lease.run_id)
    if run.fence != lease.fence or not run.lease_owner:
        raise StaleLease(lease)
    return run


def _event(lease: Lease, kind: str, data: dict[str, Any], now: datetime) -> None:
    RunEvent.objects.create(run_id=lease.run_id, attempt=lease.fence, at=now, kind=kind, data=data)


def _require_form(kind: str, body: dict[str, Any]) -> None:
    """Refuse what a child reported in another form than its record has: no verifier would read it."""
    wrong = shapes.BODIES[kind](body)
    if wrong:
        raise Invalid("malformed_result", f"what was reported for the {kind} cannot be read: {wrong}")


def _required(record: Record | None) -> Record:
    if record is None:
        raise Conflict("record_missing", "the record of the step before is missing; nothing was changed")
    return record
