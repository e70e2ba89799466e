"""How surprised a model is by the expected answers, per byte: finer than right or wrong."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Part, share
from training_jobs.evaluation.samples import Sample, asked


class AnswerSurprise:
    """Bits that the model would need to write the expected answers, per byte; comparable across tokenizers."""

    name: ClassVar[str] = "answer_surprise"
    unit: ClassVar[str] = "millibits_per_byte"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Weigh each expected answer by its bytes."""
        return [Part((sample.millibits, len(sample.expected.encode()))) for sample in asked(samples, "answer")]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return the sum of millibits over the sum of bytes."""
        return share(sums)
