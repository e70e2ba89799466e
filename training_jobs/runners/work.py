"""What a runner does to runs: it takes one, shows signs of life, hands results over, gives it back. The lease decides.

Every step checks that this runner took this attempt, and then calls the service that the platform's own worker calls.
Nothing that a runner says is believed: files are hashed again, names stand on an allow-list, and its word that trying
again is useless keeps only itself away from the run.

A runner has one place of a run at most: the lead's, or a member's seat. Checkpoints, results and reports are for the
lead to hand over.
"""

import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.db.models import Q, QuerySet

from governance.errors import Conflict, Invalid, NotFound
from governance.evidence.canonical import canonical_bytes
from models_registry import services as registry
from models_registry.provenance.manifest import check_entries
from models_registry.publishing.check import ArtifactError, check_artifact
from training_jobs import folders, kept_samples, lifecycle, seats, services
from training_jobs.assignments import assignment, can_meet
from training_jobs.commons import allotments, data_rules
from training_jobs.lifecycle import Action
from training_jobs.models import Attempt, ComputeRequest, Run, RunEvent, Runner, Seat
from training_jobs.results import REPORTED, require_form
from training_jobs.runners import inputs, kept, uploads
from training_jobs.runners.kept import GIVEN_UP
from training_jobs.runners.uploads import attempt_folder
from training_jobs.services import Lease, StaleLease

EVENTS_PER_ATTEMPT_MAX = 200_000
LEFT_ALONE = timedelta(hours=1)  # an attempt without a lease for so long is cleared away even if nobody took over
# What only the platform says; a machine that could say it would keep others away, or pretend a verdict.
RESERVED = frozenset(
    {"claimed", "trained", "took_part", "agrees", "differs", "judged", "reviewing", "release_refused", GIVEN_UP}
)
_NO_VERDICT: Mapping[str, Any] = {"accepted": False, "reasons": []}
_MEASURED = ("suite", "candidate", "parent", "difference", "samples", "samples_sha256", "further")


@dataclass(frozen=True)
class Offer:
    """A run that a runner may take, and the place in it that it would get."""

    run: Run
    seat: Literal["lead", "member"]


def open_runs(runner: Runner, now: datetime) -> list[Offer]:
    """Return the runs that this runner may take now, oldest first.

    Where computing is shared, they are those that were allotted to its site, of whatever community.
    """
    found = Run.objects.unfinished().filter(_of(runner)).order_by("pk").prefetch_related("seats")
    with_records = ("community", "proposal__record", "proposal__decision_record", "spec_record", "model", "base")
    joined = found.select_related(*with_records)
    others = allotments.kept_from(runner.site)
    offers = []
    for run in joined:
        if seats.held_by(run, runner.lease_name, now) or not can_meet(run):
            continue
        if data_rules.why_not(runner.site, run.community, data_rules.of_run(run)) is not None:
            continue
        is_free = (run.pk, 0) not in others and run.state(now) in lifecycle.ALLOWED[Action.CLAIM]
        if is_free and not kept.from_lead(runner, run.pk):
            offers.append(Offer(run, "lead"))
        elif seats.open_to(run, runner.lease_name, now) and not kept.from_seats(runner, run.pk):
            offers.append(Offer(run, "member"))
    return offers


def run_for(runner: Runner, run_id: int) -> Run:
    """Return a run of the runner's community, or one that was allotted to its site; raise NotFound for others."""
    joined = Run.objects.select_related("base", "spec_record", "run_record", "evaluation_record", "model")
    run = joined.filter(_of(runner), pk=run_id).first()
    if run is None:
        raise NotFound("unknown_run", "this community has no such run", found=run_id)
    return run


def claim(runner: Runner, run_id: int, now: datetime) -> dict[str, Any]:
    """Take the lead of a run, or else its lowest free seat; return the assignment, or raise Conflict.

    Raises Forbidden where the rows that it learns from may not go to this machine.
    """
    run = run_for(runner, run_id)
    data_rules.require_may_have(runner.site, run.community, data_rules.of_run(run))
    lease, why = None, ""
    for kept_away, take in ((kept.from_lead, services.claim), (kept.from_seats, seats.claim)):
        forbids = kept_away(runner, run_id)
        why = why or forbids
        lease = None if forbids else take(run_id, runner.lease_name, now)
        if lease is not None:
            break
    if lease is None and why:
        raise Conflict(why, "this is left to the machines of others")
    if lease is None:
        raise Conflict("not_claimable", "somebody else has this run, or it needs nobody", found=str(run.state(now)))
    clear_ended(run_id, now)
    run = run_for(runner, run_id)
    if lease.slot:
        folders.hand_to_member(run, lease)
    return asdict(assignment(run, lease, now))


def held(runner: Runner, lease: Lease) -> Run:
    """Return the run if this runner holds this lease; raise StaleLease if it is over, or was never this runner's."""
    run = run_for(runner, lease.run_id)
    place = _place(run, lease.slot)
    if (place.fence, place.lease_owner) != (lease.fence, runner.lease_name):
        raise StaleLease(lease)
    return run


def files(runner: Runner, lease: Lease) -> dict[str, Path]:
    """Return path in RUN_DIR → file of what a place needs; raise Forbidden where rows may not go to this machine."""
    run = held(runner, lease)
    data_rules.require_may_have(runner.site, run.community, data_rules.of_run(run))
    return inputs.files_of(run, lease)


def heartbeat(runner: Runner, lease: Lease, now: datetime) -> str:
    """Prolong the lease; answer what the runner is to do. A lease of somebody else is `stale`, without more words."""
    try:
        held(runner, lease)
    except StaleLease:
        return "stale"
    return services.heartbeat(lease, now)


def stream(runner: Runner, lease: Lease, events: list[dict[str, Any]], now: datetime) -> None:
    """Keep what the trainer says. A line may come twice when an answer was lost; a step is known by its number."""
    run = held(runner, lease)
    taken = [name for event in events if (name := str(event.get("event"))) in RESERVED]
    if taken:
        raise Invalid("event_reserved", "only the site says this", field="events", found=taken[0])
    if run.events.filter(slot=lease.slot, attempt=lease.fence).count() + len(events) > EVENTS_PER_ATTEMPT_MAX:
        raise Invalid("too_many_events", "this attempt has said enough", allowed=EVENTS_PER_ATTEMPT_MAX)
    services.stream(lease, events, now)


def trained(
    runner: Runner, run_id: int, fence: int, description: Mapping[str, Any], isolation: str, now: datetime
) -> Run:
    """Take a finished model over. The same description again changes nothing; another one is refused.

    1. Was it handed over before? 2. The names may be released, and every file was uploaded. 3. The bytes are those of
    the description, and nothing in them may harm whoever loads them. 4. The record is written. A refusal leaves no
    file but the uploads, and those end with the attempt.
    """
    run = run_for(runner, run_id)
    if run.run_record is not None:  # 1
        _require_same(runner, run, fence, description)
        return run
    lease = Lease(run_id, fence)
    held(runner, lease)
    problems = check_entries(description.get("files"), "files")  # 2
    if problems:
        raise Invalid(problems[0].code, f"{problems[0].place}: {problems[0].detail}", field="description.files")
    folder = attempt_folder(run_id, fence)
    with uploads.only_one(folder):
        made = _assembled(folder, description["files"])
        artifact = folder / "artifact"
        shutil.rmtree(artifact, ignore_errors=True)
        made.rename(artifact)
        try:
            return services.trained(lease, dict(description), f"remote: {isolation}", now)  # 4
        except BaseException:
            shutil.rmtree(artifact, ignore_errors=True)
            raise


def evaluated(runner: Runner, run_id: int, fence: int, report: Mapping[str, Any], now: datetime) -> Run:
    """Let the rules judge what was measured, and keep the samples that were uploaded, which must give this report.

    The same report again changes nothing; another one is refused.
    """
    run = run_for(runner, run_id)
    body = run.evaluation_record.body if run.evaluation_record else run.report
    if body is not None:
        mine = _attempts(runner, run, Lease(run_id, fence)).filter(outcome="finished").exists()
        if mine and _same({name: body[name] for name in _MEASURED}, {name: report.get(name) for name in _MEASURED}):
            return run
        raise Conflict("already_judged", "another report was judged")
    lease = Lease(run_id, fence)
    held(runner, lease)
    said = {name: report.get(name) for name in _MEASURED}
    require_form("evaluation", {**said, "review": None, "verdict": _NO_VERDICT})
    staged = attempt_folder(run_id, fence) / uploads.UPLOADS
    samples = {part["samples_sha256"]: staged / part["samples_sha256"] for _, part in kept_samples.parts_of(report)}
    kept_samples.require_true(report, samples)
    judged = services.judge(lease, dict(report), now, lambda: kept_samples.keep(report, samples))
    clear_ended(run_id, now)
    return judged


def took_part(runner: Runner, lease: Lease, description: Mapping[str, Any], now: datetime) -> Run:
    """Hear that a member's share is done. The same description again changes nothing; another one is refused."""
    run = run_for(runner, lease.run_id)
    if not _attempts(runner, run, lease).filter(outcome="finished").exists():
        held(runner, lease)
    run = seats.took_part(lease, description, now)
    clear_ended(lease.run_id, now)
    return run


def fail(runner: Runner, lease: Lease, code: str, detail: str, now: datetime, *, permanent: bool) -> Run:
    """End an attempt that did not work. Others may try: one machine's word does not end what was voted for."""
    if _ended(runner, lease, (code, code[:20])):
        return run_for(runner, lease.run_id)
    held(runner, lease)
    run = services.fail(lease, code, detail, now, permanent=False)
    if permanent:
        data = {"runner": runner.pk, "name": runner.name, "code": code}
        RunEvent.objects.create(run=run, slot=lease.slot, attempt=lease.fence, at=now, kind=GIVEN_UP, data=data)
    clear_ended(lease.run_id, now)
    return run


def stopped(runner: Runner, lease: Lease, now: datetime) -> None:
    """Confirm that the trainer is gone: after a cancel, a pause, or because the machine is needed elsewhere."""
    if _ended(runner, lease, ("canceled", *lifecycle.UNCOUNTED)):
        return
    held(runner, lease)
    services.stopped(lease, now)
    clear_ended(lease.run_id, now)


def clear_ended(run_id: int, now: datetime) -> int:
    """Remove what ended attempts of a run have staged, and whatever of theirs no row speaks of; return how many."""
    run = Run.objects.get(pk=run_id)
    cleared = 0
    for attempt in run.attempts.filter(slot=0, owner__startswith="runner:"):
        folder = attempt_folder(run_id, attempt.number)
        if not folder.exists() or not _is_over(run, attempt, now):
            continue
        uploads.clear(folder)
        cleared += 1
    folders.clean(run_id)
    return cleared


def clear_all(now: datetime) -> int:
    """Clear what lost runners left behind, for the sweeper: every run that has a folder of an attempt with uploads."""
    found = {path.parent.parent.name for path in settings.RUNS_DIR.glob(f"*/*/{uploads.UPLOADS}")}
    ids = [int(name) for name in found if name.isdecimal()]
    return sum(clear_ended(run_id, now) for run_id in Run.objects.filter(pk__in=ids).values_list("pk", flat=True))


def _of(runner: Runner) -> Q:
    """Return which runs concern a runner: those of its community, and those that its site has or had."""
    own = Q(community=runner.community_id)
    if runner.site_id is None:
        return own
    return own | Q(pk__in=ComputeRequest.objects.filter(allotments__site=runner.site_id).values("run"))


def _is_over(run: Run, attempt: Attempt, now: datetime) -> bool:
    if attempt.ended_at is not None or attempt.number != run.fence or not run.lease_owner:
        return True
    return run.lease_expires_at is not None and run.lease_expires_at + LEFT_ALONE <= now


def _assembled(folder: Path, files: list[Mapping[str, Any]]) -> Path:
    """Return a folder with exactly these files, checked; nothing stays of one that is refused."""
    made = folder / f".artifact-{secrets.token_hex(8)}"
    try:
        uploads.assemble(folder, files, made)
        registry.require_files(files, made)  # 3
        check_artifact(made, release=False)
    except ArtifactError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise Invalid(error.code, error.detail, field=error.path) from error
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return made


def _require_same(runner: Runner, run: Run, fence: int, description: Mapping[str, Any]) -> None:
    body = run.run_record.body if run.run_record else {}
    mine = _attempts(runner, run, Lease(run.pk, fence)).exists()
    told = {"attempt": fence, "artifact": description.get("files"), **{n: description.get(n) for n in REPORTED}}
    if not mine or not _same({name: body.get(name) for name in told}, told):
        raise Conflict("already_trained", "this run has its model already, and it is another one")


def _same(left: object, right: object) -> bool:
    return canonical_bytes(left) == canonical_bytes(right)


def _place(run: Run, slot: int) -> Run | Seat:
    """Return where the lease of a place stands: in the run for the lead's, in its seat for a member's."""
    place = run.seats.filter(slot=slot).first() if slot else run
    if place is None:
        raise NotFound("unknown_seat", "this run has no such seat", field="slot", found=slot)
    return place


def _attempts(runner: Runner, run: Run, lease: Lease) -> QuerySet[Attempt]:
    """Return the attempt of a lease, if it is this runner's."""
    _place(run, lease.slot)
    return run.attempts.filter(slot=lease.slot, number=lease.fence, owner=runner.lease_name)


def _ended(runner: Runner, lease: Lease, outcomes: Iterable[str]) -> bool:
    """Say whether this runner has ended this attempt so before: its first answer was lost."""
    mine = _attempts(runner, run_for(runner, lease.run_id), lease).filter(ended_at__isnull=False)
    return bool(mine.filter(outcome__in=outcomes).exists())
