"""What an answer costs to compute, per token of it."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Part, share
from training_jobs.evaluation.samples import Sample, asked


class CostPerToken:
    """Operations by the model's shape and the lengths of questions and answers; no clock, so equal everywhere."""

    name: ClassVar[str] = "cost_per_token"
    unit: ClassVar[str] = "kilo_operations_per_token"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue", "behaviour")
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Weigh what each answer took by its tokens."""
        found = asked(samples, "answer")
        return [Part((sample.operations, sample.tokens)) for sample in found]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return operations over tokens."""
        return share(sums)
