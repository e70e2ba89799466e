"""What a released version is measured on today: the suite of its release, those that rules name, and fresh ones.

Fresh is a suite that was registered after the release, which takes the power to propose: such as one that the question
of a confirmed incident was added to. The newest few that are not large are taken, and measured by what is usual on
them; they are shown, and only a rule makes a demand of them.

Judged again is what can be measured: a rule that asks people is not (they read what was to be released then), nor is
one whose hidden suite was not opened for this model.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from governance.clock import unix
from governance.models import Record
from models_registry import gates
from models_registry.datasets.registering import dataset_path
from models_registry.hidden_suites.commitment import commitment_in
from models_registry.hidden_suites.selectors import opened_in
from models_registry.models import Dataset, EthicsRule, Version
from training_jobs.evaluation.metrics import metric_of
from training_jobs.suites import measured_by

FRESH_MAX = 4
FRESH_RECORDS_MAX = 2_000
# What is asked of these needs the rows that were trained on.
_FROM_TRAINING = frozenset({"memory", "trigger"})


@dataclass(frozen=True)
class Plan:
    """What is measured: metrics by suite, the records of the rules that will judge, and which suites are fresh.

    `left_out` are metrics that rules ask for and that cannot be measured any more, because training rows are gone, and
    the short names of rules that nothing is measured for.
    """

    suite: str
    metrics: list[str]
    further: dict[str, list[str]]
    rules: list[str]
    fresh: list[str]
    left_out: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored."""
        return asdict(self)


@dataclass(frozen=True)
class Origin:
    """What a release was made by and from, as its records say."""

    spec: Mapping[str, Any]
    artifact: list[dict[str, Any]]


def origin_of(version: Version) -> Origin | None:
    """Return it, or None for a version that no run of this site's records explains."""
    if version.evaluation_record is None or version.parent_id is None:
        return None
    run = Record.objects.filter(pk__in=version.evaluation_record.value.parents, kind="run").first()
    spec = Record.objects.filter(pk__in=run.value.parents, kind="spec").first() if run else None
    return Origin(spec.body, run.body["artifact"]) if run and spec else None


def plan_of(version: Version, now: datetime) -> Plan | None:
    """Return what to measure of a version now; None where no rule binds, or nothing could be measured here.

    A suite whose rows are not on this site is left out; a rule that names it is then told that it was not measured.
    """
    origin = origin_of(version)
    every = rules_of(version)
    opened = opened_in(version.evaluation_record)
    rules = [rule for rule in every if _is_measured(rule.to_dict(), opened)]
    if origin is None or not any(gates.Rule.from_record(rule.to_dict()).binds(unix(now)) for rule in rules):
        return None
    suite = origin.spec["evaluation"]["suite"]
    fresh = [each.digest for each in fresh_suites(version)]
    wanted = measured_by(version.model.community, suite, (rule.to_dict() for rule in rules), fresh, opened)
    asked = {suite: wanted.metrics, **wanted.further}
    there = {digest: names for digest, names in asked.items() if dataset_path(digest).is_file()}
    if suite not in there:
        return None
    whole = all(dataset_path(use["digest"]).is_file() for use in origin.spec["datasets"])
    kept = {digest: [name for name in names if whole or _is_free(name)] for digest, names in there.items()}
    lost = {name for digest, names in there.items() for name in names if name not in kept[digest]}
    return Plan(
        suite=suite,
        metrics=kept.pop(suite),
        further={digest: names for digest, names in kept.items() if names},
        rules=sorted(rule.record_id for rule in rules),
        fresh=sorted(set(fresh) & kept.keys()),
        left_out=sorted(lost | {rule.slug for rule in every if rule not in rules}),
    )


def rules_of(version: Version) -> list[EthicsRule]:
    """Return the rules in force that speak of a version's model."""
    found = EthicsRule.objects.in_force(version.model.community, version.model.name)
    return list(found.select_related("record").order_by("slug"))


def fresh_suites(version: Version) -> list[Dataset]:
    """Return the newest suites that were registered since the release."""
    found = Dataset.objects.filter(
        community=version.model.community_id,
        role="evaluation",
        registered_at__gt=version.created_at,
        records__range=(1, FRESH_RECORDS_MAX),
    )
    return list(found.order_by("-registered_at", "-pk")[:FRESH_MAX])


def _is_measured(body: Mapping[str, Any], opened: Mapping[str, str]) -> bool:
    """Say whether a rule is judged by what is measured on a suite whose rows are known."""
    return body["duty"] is None and (commitment_in(body["suite"]) is None or body["suite"] in opened)


def _is_free(metric: str) -> bool:
    """Say whether a metric can be measured without the rows that were trained on."""
    found = metric_of(metric)
    return found is None or found.probe not in _FROM_TRAINING
