"""How surprised a model is by the expected answers, per byte: finer than right or wrong."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Value, require_samples
from training_jobs.evaluation.samples import Sample


class AnswerSurprise:
    """Bits that the model would need to write the expected answers, per byte; comparable across tokenizers."""

    name: ClassVar[str] = "answer_surprise"
    label: ClassVar[str] = "Surprise per byte"
    description: ClassVar[str] = (
        "How unlikely the model finds the expected answers, in thousandths of a bit per byte of answer."
    )
    unit: ClassVar[str] = "millibits_per_byte"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def measure(self, samples: Sequence[Sample]) -> Value:
        """Return the sum of millibits over the sum of bytes."""
        require_samples(samples)
        size = sum(len(sample.expected.encode()) for sample in samples)
        return Value(sum(sample.millibits for sample in samples), size, self.unit, len(samples))
