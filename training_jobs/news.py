"""What is known about an event that people are told of: of runs and payments from here, else from the registry."""

from dataclasses import replace
from typing import Any

from governance.models import Event
from governance.notifications.planning import Facts
from models_registry import news
from training_jobs.commons.raising import RAISED
from training_jobs.ledger.currencies import read_amount
from training_jobs.models import Run
from training_jobs.settlement import news as settlement

RULES_SAID_MAX = 3


def facts(event: Event) -> Facts:
    """Return what the registry knows, and of a run its model, and which rules its result did not keep."""
    if event.kind.startswith("settlement_"):
        return settlement.facts(event)
    known = news.facts(event)
    if "run" not in event.data or not event.kind.startswith(("run_", "review_", "openings_", "release_refused")):
        return known
    # By its vote: a run may have another number where its community has moved.
    run = Run.objects.select_related("model", "evaluation_record").filter(proposal=event.proposal_id).first()
    if run is None:
        return known
    said: dict[str, Any] = {
        "run": run.pk,
        **news.about(run.model),
        "rules": _broken(run) if event.kind == "run_judged" else [],
    }
    if event.kind == RAISED:
        said["amounts"] = [[read_amount(event.data["amount"], event.data["currency"]), event.data["currency"]]]
    return replace(known, model=str(run.model), said={**known.said, **said})


def _broken(run: Run) -> list[str]:
    """Return the rules that rejected the result of a run, by name, the first ones."""
    if run.verdict != "rejected" or run.evaluation_record is None:
        return []
    reasons = run.evaluation_record.body["verdict"]["reasons"]
    broken = [reason["rule"] for reason in reasons if reason["binds"] and not reason["holds"]]
    return list(dict.fromkeys(broken))[:RULES_SAID_MAX]
