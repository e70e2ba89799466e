"""What a metric is, and the exact value with its interval that measuring returns. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal, Protocol

from governance.evidence.canonical import INTEGER_MAX
from training_jobs.evaluation.intervals import Estimate, Terms, Unit, estimate
from training_jobs.evaluation.samples import Asked, Sample

_NANO = 1_000_000_000


class MetricError(ValueError):
    """The samples do not allow this metric to be measured; it never becomes zero instead."""


@dataclass(frozen=True)
class Part:
    """What one unit (a question, a pair) adds to the sums of a metric; draws keep the size of each stratum."""

    terms: Terms
    stratum: str = ""


class Metric(Protocol):
    """One thing that can be measured. `name` stands in records; the words for people are in `models_registry.metrics`.

    `kinds` are those of the suites on which it can be measured (`models_registry.datasets.kinds`). `probe` names the
    further questions that it needs (`probes.FURTHER`); such a metric is measured only where a rule asks for it.
    """

    unit: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]]
    kinds: ClassVar[tuple[str, ...]]
    probe: ClassVar[str]

    @property
    def name(self) -> str:
        """The name in rules and reports."""
        ...

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Return what each unit adds, in the order of the samples; raise MetricError where it cannot be measured."""
        ...

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return the value of these sums, as numerator and denominator."""
        ...


@dataclass(frozen=True)
class Measured:
    """What one metric says of candidate, parent and the difference, in the form of a report."""

    candidate: dict[str, Any]
    parent: dict[str, Any]
    difference: dict[str, Any]


def measure(metric: Metric, suite: str, candidate: Sequence[Sample], parent: Sequence[Sample]) -> Measured:
    """Return the values of a metric on a suite, each with its interval; raise MetricError where there is none.

    `candidate` and `parent` are of the same lines, in the same order. `suite` is the digest of the suite.
    """
    ours, theirs = metric.parts(candidate), metric.parts(parent)
    if not ours:
        raise MetricError(f"there are no samples for {metric.name}")
    if [part.stratum for part in ours] != [part.stratum for part in theirs]:
        raise MetricError("candidate and parent were not given the same")
    units = [Unit(one.stratum, one.terms, other.terms) for one, other in zip(ours, theirs, strict=True)]
    found = estimate(units, metric.ratio, f"{suite} {metric.name}")
    return Measured(*(_written(value, metric.unit, len(units)) for value in found))


def exactly_right(sample: Asked) -> bool:
    """Say whether the answer is the expected one, character by character."""
    return sample.answer == sample.expected


def share(sums: Sequence[int]) -> tuple[int, int]:
    """Return the first sum over the second: the ratio of nearly every metric."""
    return sums[0], sums[1]


def _written(found: Estimate, unit: str, samples: int) -> dict[str, Any]:
    """Return the value as plain JSON data."""
    return {
        **_ratio(found.numerator, found.denominator),
        "unit": unit,
        "samples": samples,
        "low": _ratio(found.low.numerator, found.low.denominator),
        "high": _ratio(found.high.numerator, found.high.denominator),
    }


def _ratio(numerator: int, denominator: int) -> dict[str, int]:
    """Return a ratio as two integers; one that is too fine for JSON (RFC 8785) is rounded to billionths."""
    if max(abs(numerator), denominator) > INTEGER_MAX:
        numerator, denominator = round(Fraction(numerator, denominator) * _NANO), _NANO
    return {"numerator": numerator, "denominator": denominator}
