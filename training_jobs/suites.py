"""Which suites a run is measured on, and by which metrics: that of its specification, and those that its rules name.

A rule that names no suite speaks of the specification's. What a rule asks for is measured even where it takes further
questions; a suite that is not there is left out, and the gates refuse for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.models import Community, Record
from models_registry.datasets.selectors import datasets_named
from models_registry.hidden_suites.selectors import opened_for
from models_registry.metrics import measured_on
from models_registry.scorers import naming
from training_jobs.models import Run


@dataclass(frozen=True)
class Measuring:
    """What an evaluation is asked for: by digest of a suite, the names of metrics."""

    suite: str
    metrics: list[str]
    further: dict[str, list[str]]

    @property
    def suites(self) -> list[str]:
        """Return the digests of all suites, the specification's first."""
        return [self.suite, *self.further]

    @property
    def classifiers(self) -> set[str]:
        """Return the digests of the classifiers that metrics name."""
        return naming.classifiers_in([*self.metrics, *(name for names in self.further.values() for name in names)])


def measuring(run: Run) -> Measuring:
    """Return what a run is to be measured on and by; the caller selected its specification's record."""
    suite = run.spec_record.body["evaluation"]["suite"]
    rules = Record.objects.filter(pk__in=run.spec_record.value.parents, kind="rule")
    opened = opened_for(run.run_record)
    return measured_by(run.community, suite, (rule.body for rule in rules), opened=opened)


def measured_by(
    community: Community,
    suite: str,
    rules: Iterable[Mapping[str, Any]],
    fresh: Iterable[str] = (),
    opened: Mapping[str, str] | None = None,
) -> Measuring:
    """Return what a model is measured on: a suite, those that rules name, and `fresh` ones by what is usual on each.

    `opened` says by the names of hidden suites which datasets they have become, for this model.
    """
    asked = asked_for(suite, rules, opened or {})
    for digest in fresh:
        asked.setdefault(digest, set())
    known = datasets_named(community, asked)
    further = {digest: measured_on(known[digest].kind, frozenset(asked[digest])) for digest in asked if digest in known}
    main = further.pop(suite, None) or measured_on("dialogue", frozenset(asked[suite]))
    return Measuring(suite, main, further)


def asked_for(
    suite: str, rules: Iterable[Mapping[str, Any]], opened: Mapping[str, str] | None = None
) -> dict[str, set[str]]:
    """Return which metrics rules (bodies of their records) ask for on which suite, in order of digests.

    A hidden suite that is not among the `opened` ones keeps the name by which rules call it.
    """
    asked: dict[str, set[str]] = {suite: set()}
    for rule in rules:
        if rule["duty"] is not None:
            continue  # it asks people
        asked.setdefault((opened or {}).get(rule["suite"], rule["suite"]) or suite, set()).add(rule["metric"])
    return {digest: asked[digest] for digest in sorted(asked)}
