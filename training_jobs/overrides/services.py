"""What an override changes, inside the transaction of the vote's execution; a worker then releases the result."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.charter import Charter
from governance.errors import Conflict, Invalid
from governance.evidence.canonical import INTEGER_MAX
from governance.models import Community, Proposal, Record
from governance.records import keep
from governance.services import note
from governance.services.common import charter_under
from models_registry.provenance.checks.overrides import tier_problem
from training_jobs.leases import locked
from training_jobs.models import Run


def override_verdict(proposal: Proposal, execution: Record, now: datetime) -> Run:
    """Let the result of a rejected run be released, as the vote decided that named its report and every broken rule."""
    require_gravest_tier(charter_under(proposal))
    number = proposal.payload["run"]
    run = locked(run_named(proposal.community, number).pk)
    require_rejected(run, proposal.payload)
    if run.evaluation_record is None:
        raise Conflict("record_missing", "the record of the evaluation is missing; nothing was changed")
    parents = [execution, run.evaluation_record]
    run.override_record = keep("override", f"override:run:{number}", proposal.payload, parents)
    run.overridden_at = now
    run.save(update_fields=["override_record", "overridden_at"])
    note("verdict_overridden", now, proposal=proposal, run=number, rules=proposal.payload["rules"])
    return run


def number_of(run: Run) -> int:
    """Return the number by which a vote names a run: that of its record, which moves with its community."""
    return int(run.run_record.body["run"]) if run.run_record else int(run.pk)


def run_named(community: Community, number: object) -> Run:
    """Return the community's run of this number, in its record or, where no record has it, here; or raise Invalid."""
    run = None
    if type(number) is int and 0 < number <= INTEGER_MAX:
        mine = Run.objects.filter(community=community).select_related("evaluation_record", "run_record", "proposal")
        run = mine.filter(run_record__subject=f"run:{number}").first() or mine.filter(pk=number).first()
    if run is None:
        raise Invalid("unknown_run", "no run of this community has this number", field="payload.run", found=number)
    return run


def require_rejected(run: Run, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a vote has to name of a rejected run; raise Conflict for other runs, or if `said` names otherwise."""
    if run.verdict != "rejected" or run.evaluation_record is None:
        found = run.verdict or "not judged"
        raise Conflict("not_rejected", "only a rejected run can be overridden", field="payload.run", found=found)
    if run.override_record_id is not None:
        found = str(number_of(run))
        raise Conflict("already_overridden", "a vote has overridden this verdict", field="payload.run", found=found)
    rules = broken_rules(run.evaluation_record)
    frozen = {"run": number_of(run), "evaluation": run.evaluation_record_id, "rules": rules}
    for name in frozen.keys() & said.keys():
        if said[name] != frozen[name]:
            detail = "the verdict says otherwise"
            raise Invalid("override_differs", detail, field=f"payload.{name}", found=said[name], allowed=frozen[name])
    return frozen


def broken_rules(evaluation: Record) -> list[str]:
    """Return the rules for which a verdict rejects, each once, by name."""
    reasons = evaluation.body["verdict"]["reasons"]
    return sorted({reason["rule"] for reason in reasons if reason["binds"] and not reason["holds"]})


def require_gravest_tier(charter: Charter) -> None:
    """Raise Conflict unless the charter has a gravest tier for overrides: no verifier would accept another one."""
    problem = tier_problem(charter)
    if problem:
        detail = f"{problem}; a change of the charter can make one"
        raise Conflict("override_tier_missing", detail, field="kind")
