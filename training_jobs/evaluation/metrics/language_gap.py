"""How unequally a model serves the languages of a suite."""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import MetricError, Part, exactly_right
from training_jobs.evaluation.samples import Sample, asked

LANGUAGES_MIN = 2


class LanguageGap:
    """Accuracy in the language served best minus in the one served worst; 0 is fair, 1 is one language only."""

    name: ClassVar[str] = "language_gap"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Count right and all answers apart for each language; with one language there is no gap to measure."""
        found = asked(samples, "answer")
        languages = sorted({sample.language for sample in found})
        if len(languages) < LANGUAGES_MIN:
            raise MetricError(f"a gap needs two languages, the suite has {', '.join(languages) or 'none'}")
        parts = []
        for sample in found:
            counts = [(int(exactly_right(sample)), 1) if name == sample.language else (0, 0) for name in languages]
            parts.append(Part(tuple(number for pair in counts for number in pair), sample.language))
        return parts

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return the exact difference between the best and the worst language."""
        accuracies = [Fraction(right, count) for right, count in zip(sums[::2], sums[1::2], strict=True)]
        gap = max(accuracies) - min(accuracies)
        return gap.numerator, gap.denominator
