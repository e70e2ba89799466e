"""How far the evaluation of a run is: what is asked for, what is measured so far. What a machine says, no verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training_jobs import suites
from training_jobs.models import Run


@dataclass(frozen=True)
class SoFar:
    """One metric on one suite ("" is the specification's): its value as "numerator/denominator"; "" while not known."""

    metric: str
    suite: str
    value: str
    missing: bool


@dataclass(frozen=True)
class MeasuringNow:
    """Which model answers, how many of its questions, and the metrics in the order in which they were asked for."""

    model: str
    samples: int
    samples_total: int
    metrics: tuple[SoFar, ...]

    @property
    def done(self) -> int:
        """How many metrics are known."""
        return sum(bool(each.value) or each.missing for each in self.metrics)


def measuring_now(run: Run) -> MeasuringNow:
    """Return how far the newest attempt is."""
    asked = suites.measuring(run)
    said = run.events.filter(slot=0, attempt=run.fence)
    last = said.filter(kind="evaluating").order_by("-pk").values_list("data", flat=True).first() or {}
    known: dict[tuple[str, str], tuple[str, bool]] = {}
    for kind, data in said.filter(kind__in=("measured", "not_measured")).order_by("pk").values_list("kind", "data"):
        key = (str(data.get("suite")), str(data.get("metric")))
        known[key] = ("", True) if kind == "not_measured" else (str(data.get("value", "")), False)
    wanted = {asked.suite: asked.metrics, **asked.further}
    return MeasuringNow(
        model=str(last.get("model", "")),
        samples=_whole(last, "samples"),
        samples_total=_whole(last, "samples_total"),
        metrics=tuple(
            SoFar(metric, "" if suite == asked.suite else suite, *known.get((suite, metric), ("", False)))
            for suite, metrics in wanted.items()
            for metric in metrics
        ),
    )


def _whole(data: Mapping[str, Any], name: str) -> int:
    value = data.get(name)
    return value if type(value) is int else 0
