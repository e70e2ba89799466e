"""The share of questions that are answered exactly as expected."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Part, exactly_right, share
from training_jobs.evaluation.samples import Sample, asked


class AnswerAccuracy:
    """Right answers out of all; a half-right answer about water is a wrong one."""

    name: ClassVar[str] = "answer_accuracy"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Count each question as right or wrong."""
        return [Part((int(exactly_right(sample)), 1)) for sample in asked(samples, "answer")]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return right answers over all answers."""
        return share(sums)
