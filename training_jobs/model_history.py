"""The facts of a model's life for its map: versions, runs, what they learnt, what judged them, turns. Reads only.

It stands here and not in the registry, because runs do; the graph that comes of it is `models_registry.model_graph`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from models_registry import model_graph
from models_registry.datasets.selectors import datasets_named
from models_registry.model_graph import DatasetFact, ModelGraph, RuleFact, RunFact, TurnFact, VersionFact
from models_registry.models import Dataset, EthicsRule, Model, Version
from models_registry.release_status import Standing
from models_registry.withdrawals import stop_of
from training_jobs.models import Run

RUNS_MAX = 200
EVENTS_MAX = 1_000
# The events that turned the river, and how the map calls them.
TURNS = {
    "release_rolled_back": "return",
    "release_withdrawn": "withdrawal",
    "release_held": "pause",
    "release_paused": "pause",
    "release_pause_ended": "pause_ended",
}


def map_of(model: Model, now: datetime) -> ModelGraph:
    """Return the graph of a model, with at most its newest `RUNS_MAX` runs."""
    versions = list(model.versions.order_by("number").defer("files"))
    runs = list(
        Run.objects.filter(model=model)
        .select_related("proposal", "base", "version", "spec_record", "evaluation_record")
        .order_by("-pk")[:RUNS_MAX]
    )
    digests = {use["digest"] for run in runs for use in run.spec_record.body["datasets"]}
    datasets = datasets_named(model.community, list(digests))
    records = {parent for run in runs if run.evaluation_record for parent in run.evaluation_record.value.parents}
    rules = {(rule.record_id, rule.slug): rule.title for rule in EthicsRule.objects.filter(record__in=records)}
    return model_graph.draw_up(
        _versions(versions, now), [_run(run, datasets, rules, now) for run in runs], _turns(model, versions)
    )


def _versions(versions: Sequence[Version], now: datetime) -> list[VersionFact]:
    """Return each version as it stands; the newest that is in use is the current one, even if it is the base."""
    stops = {version.pk: stop_of(version, now) for version in versions}
    in_use = [each for each in versions if each.published_at and not each.set_back_at and stops[each.pk] is None]
    current = in_use[-1].pk if in_use else None

    def status(version: Version) -> str:
        stop = stops[version.pk]
        if stop is not None:
            return str(Standing.WITHDRAWN if stop.withdrawn else Standing.PAUSED)
        if version.set_back_at is not None:
            return str(Standing.SET_BACK)
        if version.published_at is None:
            return "unpublished"
        return str(Standing.CURRENT if version.pk == current else Standing.OLDER)

    return [VersionFact(each.number, each.revision, status(each), each.created_at) for each in versions]


def _run(run: Run, datasets: dict[str, Dataset], rules: dict[tuple[str, str], str], now: datetime) -> RunFact:
    uses: list[dict[str, Any]] = run.spec_record.body["datasets"]
    found = [(use["digest"], datasets.get(use["digest"])) for use in uses]
    return RunFact(
        number=run.pk,
        status=str(run.state(now)),
        at=run.created_at,
        decision=run.proposal.number,
        title=run.proposal.title,
        base=run.base.revision,
        made=run.version.revision if run.version else "",
        datasets=tuple(DatasetFact(digest, data.title if data else "", data is not None) for digest, data in found),
        rules=_rules(run, rules),
    )


def _rules(run: Run, titles: dict[tuple[str, str], str]) -> tuple[RuleFact, ...]:
    """Return the rules that judged a run, each with what it said."""
    if run.evaluation_record is None:
        return ()
    parents = run.evaluation_record.value.parents
    reasons = run.evaluation_record.body.get("verdict", {}).get("reasons", [])
    named = {slug: title for (record, slug), title in titles.items() if record in parents}

    def status(reason: dict[str, Any]) -> str:
        if reason["holds"]:
            return "holds"
        return "broken" if reason["binds"] else "waived"

    return tuple(RuleFact(each["rule"], named.get(each["rule"], each["rule"]), status(each)) for each in reasons)


def _turns(model: Model, versions: Sequence[Version]) -> list[TurnFact]:
    """Return what changed what is handed out, oldest first, as the log has it."""
    known = {version.revision for version in versions}
    events = model.community.events.filter(kind__in=TURNS, position__isnull=False).select_related("proposal")
    newest = [each for each in events.order_by("-position")[:EVENTS_MAX] if each.data.get("revision") in known]
    return [
        TurnFact(
            kind=TURNS[each.kind],
            at=each.at,
            revision=each.data["revision"],
            reason=str(each.data.get("reason", "")),
            decision=each.proposal.number if each.proposal else None,
            title=each.proposal.title if each.proposal else "",
            left=tuple(each.data.get("left", ())),
        )
        for each in reversed(newest)
    ]
