"""What a metric is, and the exact value that it returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from training_jobs.evaluation.samples import Sample


class MetricError(ValueError):
    """The samples do not allow this metric to be measured; it never becomes zero instead."""


@dataclass(frozen=True)
class Value:
    """A measured value as an exact rational, with its unit and the number of samples behind it."""

    numerator: int
    denominator: int
    unit: str
    samples: int

    def to_dict(self) -> dict[str, int | str]:
        """Return the value as plain JSON data."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "unit": self.unit,
            "samples": self.samples,
        }


class Metric(Protocol):
    """One thing that can be measured. `name` stands in records; label and description are what pages show."""

    name: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    unit: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]]

    def measure(self, samples: Sequence[Sample]) -> Value:
        """Return the value over all samples, or raise MetricError."""
        ...


def exactly_right(sample: Sample) -> bool:
    """Say whether the answer is the expected one, character by character."""
    return sample.answer == sample.expected


def require_samples(samples: Sequence[Sample]) -> None:
    """Refuse an empty suite: nothing measured is not a result."""
    if not samples:
        raise MetricError("there are no samples")
