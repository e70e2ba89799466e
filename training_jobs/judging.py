"""The verdict on a run: what was reported is read, judged by the run's own rules, and written down for good.

Inside the caller's transaction, with the run's row locked. Who may report, and whether people are asked first, is
decided elsewhere (`services`, `reviews`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from governance.clock import unix, whole_second
from governance.errors import Conflict
from governance.models import Record
from governance.records import keep
from governance.services import note
from models_registry import gates
from models_registry.duties.signing import MEASURED
from models_registry.hidden_suites.selectors import opened_for
from training_jobs import openings
from training_jobs.leases import Lease, event
from training_jobs.models import Run
from training_jobs.results import require_form

_NO_VERDICT: Mapping[str, Any] = {"accepted": False, "reasons": []}


def rules_of(run: Run) -> list[Record]:
    """Return the records of the rules that were in force when the run was approved: they judge it."""
    return list(Record.objects.filter(pk__in=run.spec_record.value.parents, kind="rule"))


def measured(run: Run, rules: Sequence[Record], report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a report says of what was measured; refuse another form, or suites that nobody asked for."""
    said = {name: report.get(name) for name in MEASURED}
    require_form("evaluation", {**said, "review": None, "verdict": _NO_VERDICT})
    if said["suite"] != run.spec_record.body["evaluation"]["suite"]:
        raise Conflict("suite_changed", "measured on another suite than the approved one", found=said["suite"])
    opened = opened_for(run.run_record)
    named = {rule.body["suite"] for rule in rules}
    foreign = sorted(said["further"].keys() - {opened.get(suite, suite) for suite in named})
    if foreign:
        raise Conflict("suite_changed", "measured on a suite that no rule of this run names", found=foreign[0])
    return said


def verdict(
    run: Run, rules: Sequence[Record], said: Mapping[str, Any], review: Mapping[str, Any] | None
) -> gates.Verdict:
    """Judge what was measured and what reviewers attested; raise Conflict where that is not possible."""
    body = {**said, "review": review}
    try:
        return gates.decide(
            [gates.Rule.from_record(rule.body) for rule in rules],
            gates.Report.from_record(body, run.model.name, opened_for(run.run_record)),
            unix(run.created_at),  # the second of the execution, as its record has it
        )
    except gates.GateError as error:
        raise Conflict(error.code, str(error)) from error


def conclude(
    run: Run, rules: Sequence[Record], said: Mapping[str, Any], review: Mapping[str, Any] | None, now: datetime
) -> None:
    """Write the verdict and the record that it stands in. The caller saves the run."""
    if run.run_record is None:
        raise Conflict("record_missing", "the record of the step before is missing; nothing was changed")
    found = verdict(run, rules, said, review)
    body = {**said, "review": review, "verdict": found.to_dict()}
    require_form("evaluation", body)
    parents = [run.run_record, *rules, *openings.records_for(run)]
    run.evaluation_record = keep("evaluation", f"evaluation:run:{run.pk}", body, parents)
    run.verdict = "accepted" if found.accepted else "rejected"
    run.judged_at = whole_second(now)
    event(Lease(run.pk, run.fence), "judged", {"verdict": run.verdict}, now)
    note("run_judged", now, proposal=run.proposal, run=run.pk, verdict=run.verdict)
