"""Whether a model is as often right as it is sure."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Part, exactly_right
from training_jobs.evaluation.samples import MILLION, Sample, asked

BINS = 10


class Calibration:
    """The expected calibration error in ten bins (Guo et al. 2017, arXiv 1706.04599, equation 3), of whole answers."""

    name: ClassVar[str] = "calibration"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Put into the bin of its confidence how much surer the model was than right, and count the question."""
        parts = []
        for sample in asked(samples, "answer"):
            terms = [0] * (BINS + 1)
            terms[min(sample.confidence * BINS // MILLION, BINS - 1)] = sample.confidence - MILLION * exactly_right(
                sample
            )
            parts.append(Part((*terms[:BINS], 1)))
        return parts

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return the sizes of the gaps of all bins, over the number of questions."""
        return sum(map(abs, sums[:BINS])), sums[BINS] * MILLION
