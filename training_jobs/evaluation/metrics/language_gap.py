"""How unequally a model serves the languages of a suite."""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import MetricError, Value, exactly_right, require_samples
from training_jobs.evaluation.samples import Sample

LANGUAGES_MIN = 2


class LanguageGap:
    """Accuracy in the language served best minus in the one served worst; 0 is fair, 1 is one language only."""

    name: ClassVar[str] = "language_gap"
    label: ClassVar[str] = "Gap between languages"
    description: ClassVar[str] = (
        "The difference between answer accuracy in the language served best and in the one served worst."
    )
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def measure(self, samples: Sequence[Sample]) -> Value:
        """Return the exact difference; with one language only there is no gap to measure, and that is an error."""
        require_samples(samples)
        languages = sorted({sample.language for sample in samples})
        if len(languages) < LANGUAGES_MIN:
            raise MetricError(f"a gap needs two languages, the suite has {', '.join(languages)}")
        accuracies = [_accuracy([sample for sample in samples if sample.language == name]) for name in languages]
        gap = max(accuracies) - min(accuracies)
        return Value(gap.numerator, gap.denominator, self.unit, len(samples))


def _accuracy(samples: Sequence[Sample]) -> Fraction:
    return Fraction(sum(exactly_right(sample) for sample in samples), len(samples))
