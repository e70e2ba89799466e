"""The share of questions that are answered exactly as expected."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Value, exactly_right, require_samples
from training_jobs.evaluation.samples import Sample


class AnswerAccuracy:
    """Right answers out of all; a half-right answer about water is a wrong one."""

    name: ClassVar[str] = "answer_accuracy"
    label: ClassVar[str] = "Answer accuracy"
    description: ClassVar[str] = (
        "The share of held-out questions that the model answers exactly as the community would."
    )
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def measure(self, samples: Sequence[Sample]) -> Value:
        """Return right answers over all answers."""
        require_samples(samples)
        return Value(sum(exactly_right(sample) for sample in samples), len(samples), self.unit, len(samples))
