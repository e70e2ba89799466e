"""Hidden suites and runs: a run whose model is fixed waits until the suites that its rules name are opened for it.

While a model is trained nobody on this site has the rows. When its record is written, which names every byte of it, the
keepers are asked, and the run waits: for all openings, or until the last of the times that they promised has passed.
What was not opened by then is not measured, and the gates refuse for it. A suite that was opened for an earlier model
is never opened again, and no run waits for it.
"""

from datetime import datetime, timedelta
from typing import BinaryIO

from django.db import transaction
from django.db.models import QuerySet

from governance.clock import unix
from governance.errors import Conflict, Unavailable
from governance.models import Record
from governance.services import note
from models_registry.hidden_suites import selectors, services
from models_registry.models import Dataset, HiddenSuite
from training_jobs.leases import locked
from training_jobs.lifecycle import State
from training_jobs.models import Run

# Where a run stands that waits for openings: the attempt that trained may still be leaving, or a guardian paused it.
_WAITING = frozenset({State.AWAITING, State.EVALUATING, State.PAUSING, State.PAUSED})


def suites_of(run: Run) -> dict[str, HiddenSuite]:
    """Return the hidden suites that the rules of a run name, opened or not, by name."""
    rules = Record.objects.filter(pk__in=run.spec_record.value.parents, kind="rule")
    return selectors.named(run.community, [rule.body["suite"] for rule in rules])


def closed_of(run: Run) -> list[HiddenSuite]:
    """Return the hidden suites of a run that nobody has opened yet."""
    return [suite for suite in suites_of(run).values() if suite.opened_at is None]


def told(run: Run) -> dict[str, dict[str, str] | None]:
    """Return for each hidden suite of a run how it was opened for its model; None: it was not, or not yet."""
    names = suites_of(run)
    bodies = {opening.suite.name: opening.record.body for opening in selectors.openings_of(run.run_record)}
    return {
        name: {"digest": bodies[name]["digest"], "salt": bodies[name]["salt"]} if name in bodies else None
        for name in sorted(names)
    }


def records_for(run: Run) -> list[Record]:
    """Return the records of the openings for the model of a run: its evaluation rests on them."""
    return [opening.record for opening in selectors.openings_of(run.run_record)]


def until(run: Run) -> datetime | None:
    """Return until when a run whose model was just fixed waits for openings; None: for none."""
    waits = [deadline for suite in closed_of(run) if (deadline := _deadline(run, suite)) is not None]
    return max(waits, default=None)


def ask(run: Run, now: datetime) -> None:
    """Write into the log that a model is fixed, by the digest of its record, and which suites are to be opened now."""
    if run.opening_until is None or run.run_record is None:
        return
    suites = [suite.commitment for suite in closed_of(run)]
    said = {"run": run.pk, "record": run.run_record.digest, "suites": suites, "until": unix(run.opening_until)}
    note("openings_awaited", now, proposal=run.proposal, **said)


def require_over(run: Run, now: datetime) -> None:
    """Raise Unavailable while a run still waits: nothing of it is judged before its suites could be opened."""
    if run.opening_until is not None and now < run.opening_until:
        detail = "this run waits for hidden suites to be opened; it is measured afterwards"
        raise Unavailable("openings_awaited", detail, found=unix(run.opening_until))


def waiting_for(suite: HiddenSuite, now: datetime) -> list[Run]:
    """Return the runs whose model is fixed and that wait for this suite still, oldest first."""
    asked = Run.objects.unfinished().filter(opening_until__gt=now)
    return [run for run in _measured_on(suite, asked) if _waits(run, suite, now)]


def open_suite(commitment: str, actor: str, salt: str, stream: BinaryIO, now: datetime) -> Dataset:
    """Open a suite as its keeper, for every run that waits for it; they go on as soon as nothing else is awaited.

    1. Somebody waits for it. 2. The rows are what was committed. 3. The runs wait still: they, and the suite, change
    together. Raises Conflict before any model is fixed, and after the time that the keeper had.
    """
    suite = selectors.find(commitment)
    services.require_closed(suite, actor)
    if not waiting_for(suite, now):  # 1
        raise _not_now(suite)
    with services.read_rows(suite, actor, salt, stream) as taken, transaction.atomic():  # 2
        ids = [run.pk for run in waiting_for(suite, now)]
        runs = [run for run in map(locked, ids) if _waits(run, suite, now)]
        if not runs:  # 3
            raise _not_now(suite)
        fixed = list(Record.objects.filter(pk__in=[run.run_record_id for run in runs]).order_by("pk"))
        dataset = services.keep_opening(suite, actor, taken, salt, fixed, now)
        for run in runs:
            run.opening_until = until(run)
            run.save(update_fields=["opening_until"])
    return dataset


def _not_now(suite: HiddenSuite) -> Conflict:
    fixed = Run.objects.filter(community=suite.community_id, opening_until__isnull=False)
    if _measured_on(suite, fixed):
        detail = "no model waits for it any more: the time has passed, or the run was ended; the suite stays hidden"
        return Conflict("opening_late", detail, found=suite.commitment)
    detail = "no model waits for this suite: it is opened once a model is fixed that a rule measures on it, not before"
    return Conflict("opening_early", detail, found=suite.commitment)


def _measured_on(suite: HiddenSuite, runs: QuerySet[Run]) -> list[Run]:
    """Return those of the runs that a rule measures on this suite, oldest first."""
    mine = runs.filter(community=suite.community_id).select_related("spec_record", "run_record", "community")
    return [run for run in mine.order_by("pk") if suite.name in suites_of(run)]


def _waits(run: Run, suite: HiddenSuite, now: datetime) -> bool:
    """Say whether a run waits for openings, and the keeper of this suite still has time."""
    deadline = _deadline(run, suite)
    is_asked = run.opening_until is not None and now < run.opening_until
    return is_asked and run.state(now) in _WAITING and deadline is not None and now <= deadline


def _deadline(run: Run, suite: HiddenSuite) -> datetime | None:
    return None if run.trained_at is None else run.trained_at + timedelta(seconds=suite.opens_within_seconds)
