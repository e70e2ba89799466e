"""Which suites a run is measured on, and by which metrics: that of its specification, and those that its rules name.

A rule that names no suite speaks of the specification's. What a rule asks for is measured even where it takes further
questions; a suite that is not there is left out, and the gates refuse for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.models import Record
from models_registry.datasets.selectors import datasets_named
from models_registry.metrics import measured_on
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


def measuring(run: Run) -> Measuring:
    """Return what a run is to be measured on and by; the caller selected its specification's record."""
    suite = run.spec_record.body["evaluation"]["suite"]
    rules = Record.objects.filter(pk__in=run.spec_record.value.parents, kind="rule")
    asked = asked_for(suite, (rule.body for rule in rules))
    known = datasets_named(run.community, asked)
    further = {digest: measured_on(known[digest].kind, frozenset(asked[digest])) for digest in asked if digest in known}
    main = further.pop(suite, None) or measured_on("dialogue", frozenset(asked[suite]))
    return Measuring(suite, main, further)


def asked_for(suite: str, rules: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return which metrics rules (bodies of their records) ask for on which suite, in order of digests."""
    asked: dict[str, set[str]] = {suite: set()}
    for rule in rules:
        asked.setdefault(rule["suite"] or suite, set()).add(rule["metric"])
    return {digest: asked[digest] for digest in sorted(asked)}
