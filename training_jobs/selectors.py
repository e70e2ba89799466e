"""Questions that pages and the API ask about training runs. Reads only; what judges a run stands in its records."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.errors import NotFound
from governance.models import Community, Member, Proposal
from governance.services import council_in_office
from models_registry.datasets.selectors import datasets_named
from models_registry.models import Dataset, EthicsRule, HiddenSuite
from models_registry.selectors import Measure, measures_of
from training_jobs import kept_samples, lifecycle, openings
from training_jobs.failures import Failure, failure
from training_jobs.footprint import Footprint, footprint_of
from training_jobs.measuring_now import MeasuringNow, measuring_now
from training_jobs.models import Run, RunEvent
from training_jobs.places import Place, Try, machine_names, places_of, tries_of
from training_jobs.pulse import is_over
from training_jobs.series import RunSeries, series_of

RUNS_SHOWN_MAX = 100
LOG_LINES = 40

UNFINISHED = frozenset(
    {
        lifecycle.State.QUEUED,
        lifecycle.State.WAITING,
        lifecycle.State.AWAITING,
        lifecycle.State.RUNNING,
        lifecycle.State.EVALUATING,
        lifecycle.State.STALLED,
        lifecycle.State.STOPPING,
        lifecycle.State.PAUSING,
        lifecycle.State.PAUSED,
        lifecycle.State.OVERDUE,
    }
)


@dataclass(frozen=True)
class RunRow:
    """A run as lists show it."""

    run: Run
    state: lifecycle.State
    reasons_broken: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Measured:
    """A run that was measured: what was found, and the digests of the samples that are kept.

    `is_own`: the proposal has started it; otherwise the proposal is about what it has made.
    """

    row: RunRow
    measures: tuple[Measure, ...]
    samples: tuple[str, ...]
    is_own: bool


@dataclass(frozen=True)
class Gate:
    """What one ethics rule said of the run's result, in the numbers of the evaluation."""

    rule: EthicsRule | None
    slug: str
    metric: str
    severity: str
    binds: bool
    holds: bool
    found: str
    needed: str

    @property
    def rejects(self) -> bool:
        """Say whether the result is rejected for this."""
        return self.binds and not self.holds


@dataclass(frozen=True)
class Override:
    """The vote that released a result although it breaks rules."""

    rules: tuple[str, ...]
    reason: str
    number: int
    title: str


@dataclass(frozen=True)
class RunDetail:
    """All that the page of a run shows."""

    run: Run
    state: lifecycle.State
    unfinished: bool
    live: bool
    spec: Mapping[str, Any]
    datasets: tuple[tuple[Mapping[str, Any], Dataset | None], ...]
    suite: Dataset | None
    attempts: tuple[Try, ...]
    places: tuple[Place, ...]
    series: RunSeries
    step: int
    steps: int
    tokens_per_second: int
    log: tuple[RunEvent, ...]
    gates: tuple[Gate, ...]
    measures: tuple[Measure, ...]
    result: Mapping[str, Any]
    override: Override | None
    failure: Failure | None
    checkpoint: int
    footprint: Footprint
    measuring: MeasuringNow | None
    paused_by_name: str
    awaited: tuple[HiddenSuite, ...]
    may_cancel: bool
    may_pause: bool

    @property
    def gates_broken(self) -> tuple[Gate, ...]:
        """Return the rules that the result breaks."""
        return tuple(gate for gate in self.gates if gate.rejects)


def runs_of(community: Community, now: datetime, limit: int = RUNS_SHOWN_MAX) -> list[RunRow]:
    """Return the newest runs of a community."""
    found = (
        Run.objects.filter(community=community)
        .select_related("proposal", "model", "version", "evaluation_record")
        .order_by("-id")[:limit]
    )
    return [row_of(run, now) for run in found]


def run_of(proposal: Proposal, now: datetime) -> RunRow | None:
    """Return the run that a proposal started, as only one that was carried out does."""
    if proposal.executed_at is None:
        return None
    found = Run.objects.select_related("model", "version", "evaluation_record").filter(proposal=proposal).first()
    return None if found is None else row_of(found, now)


def measured_for(proposal: Proposal, now: datetime) -> Measured | None:
    """Return the measured run that a proposal has started or, where its payload names one, is about."""
    runs = Run.objects.select_related("model", "version", "evaluation_record").filter(evaluation_record__isnull=False)
    own = runs.filter(proposal=proposal).first()
    named = proposal.payload.get("evaluation")
    about = None
    if own is None and isinstance(named, str):
        about = runs.filter(community=proposal.community_id, evaluation_record=named).first()
    run = own or about
    if run is None or run.evaluation_record is None:
        return None
    report = run.evaluation_record.body
    return Measured(row_of(run, now), measures_of(report), kept_samples.kept_of(report), is_own=own is not None)


def run_of_version(version_id: int) -> Run | None:
    """Return the run that made a version."""
    return Run.objects.filter(version_id=version_id).first()


def run_detail(run_id: int, now: datetime, viewer: str = "") -> RunDetail:
    """Return a run with its curve, log and gates, and what the viewer may do with it, or raise NotFound."""
    run = (
        Run.objects.select_related(
            "community",
            "proposal",
            "model",
            "base",
            "version",
            "spec_record",
            "evaluation_record",
            "run_record",
            "override_record",
        )
        .prefetch_related("attempts")
        .filter(pk=run_id)
        .first()
    )
    if run is None:
        raise NotFound("run_not_found", "there is no run with this number", field="id", found=run_id)
    run.proposal.community = run.community
    spec = run.spec_record.body
    evaluation = run.evaluation_record.body if run.evaluation_record else {}
    state = run.state(now)
    series = series_of(run)
    names = machine_names(attempt.owner for attempt in run.attempts.all())
    tries = tries_of(run, names)
    known = datasets_named(run.community, [*(use["digest"] for use in spec["datasets"]), spec["evaluation"]["suite"]])
    return RunDetail(
        run=run,
        state=state,
        unfinished=state in UNFINISHED,
        live=not is_over(run, state),
        spec=spec,
        datasets=tuple((use, known.get(use["digest"])) for use in spec["datasets"]),
        suite=known.get(spec["evaluation"]["suite"]),
        attempts=tries,
        places=places_of(run, tries, now, unfinished=state in UNFINISHED),
        series=series,
        step=_whole(series.last.get("step")),
        steps=_whole(series.last.get("steps")),
        tokens_per_second=_whole(series.last.get("tokens_per_second")),
        log=_log(run, names),
        gates=_gates(run, evaluation),
        measures=measures_of(evaluation or run.report or {}),
        result=run.run_record.body if run.run_record else {},
        override=override_of(run),
        failure=failure(run.failure) if run.failure else None,
        checkpoint=_newest_checkpoint(run),
        footprint=footprint_of(run, spec, now),
        measuring=measuring_now(run) if state is lifecycle.State.EVALUATING else None,
        paused_by_name=_name_of(run.community, run.paused_by),
        awaited=tuple(openings.closed_of(run)) if state is lifecycle.State.AWAITING else (),
        may_cancel=viewer == run.proposal.author and state in lifecycle.ALLOWED[lifecycle.Action.CANCEL],
        may_pause=_may_pause(run, state, viewer, now),
    )


def override_of(run: Run | None) -> Override | None:
    """Return the vote that overrode the verdict on a run, if one did."""
    if run is None or run.override_record is None:
        return None
    body = run.override_record.body
    execution = Proposal.objects.filter(execution_record__in=run.override_record.value.parents).first()
    number, title = (execution.number, execution.title) if execution else (0, "")
    return Override(tuple(body["rules"]), body["reason"], number, title)


def _log(run: Run, names: Mapping[str, str]) -> tuple[RunEvent, ...]:
    """Return the newest lines, oldest first, with machines as people call them."""
    lines = tuple(reversed(run.events.order_by("-id")[:LOG_LINES]))
    for line in lines:
        if line.kind == "claimed":
            line.data = {**line.data, "owner": names.get(str(line.data.get("owner")), "")}
    return lines


def _newest_checkpoint(run: Run) -> int:
    """Return the step that the run would go on from; 0: from the beginning."""
    newest = run.events.filter(kind="checkpoint", slot=0).order_by("-id").first()
    return _whole(newest.data.get("step")) if newest else 0


def _may_pause(run: Run, state: lifecycle.State, viewer: str, now: datetime) -> bool:
    if not viewer or run.paused_until is not None or state not in lifecycle.ALLOWED[lifecycle.Action.PAUSE]:
        return False
    council = council_in_office(run.community, now)
    return council is not None and viewer in {member["address"] for member in council.members}


def _name_of(community: Community, address: str) -> str:
    member = Member.objects.filter(community=community, address=address).first() if address else None
    return member.name if member else ""


def row_of(run: Run, now: datetime) -> RunRow:
    """Return a run as lists show it."""
    broken: tuple[Mapping[str, Any], ...] = ()
    if run.verdict == "rejected" and run.evaluation_record is not None:
        reasons = run.evaluation_record.body["verdict"]["reasons"]
        broken = tuple(reason for reason in reasons if reason["binds"] and not reason["holds"])
    return RunRow(run, run.state(now), broken)


def _gates(run: Run, evaluation: Mapping[str, Any]) -> tuple[Gate, ...]:
    reasons = evaluation.get("verdict", {}).get("reasons", [])
    # Those that it was judged by, which a vote may have changed since.
    judging = run.evaluation_record.value.parents if run.evaluation_record else ()
    rules = {rule.slug: rule for rule in EthicsRule.objects.filter(record__in=judging)}
    return tuple(
        Gate(
            rules.get(reason["rule"]),
            reason["rule"],
            reason["metric"],
            reason["severity"],
            reason["binds"],
            reason["holds"],
            reason["found"],
            reason["needed"],
        )
        for reason in reasons
    )


def _whole(value: object) -> int:
    return value if type(value) is int else 0
