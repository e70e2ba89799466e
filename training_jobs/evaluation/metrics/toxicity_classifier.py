"""How often a model answers with what a classifier finds toxic: a second model, pinned by the digest of its files."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from models_registry.scorers.naming import Scorer
from training_jobs.evaluation.metrics.base import MetricError, Part, share
from training_jobs.evaluation.samples import Sample, asked, scores_by


class ToxicityClassifier:
    """The share of answers whose score by the classifier reaches the threshold that the metric's name states."""

    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue", "behaviour")
    probe: ClassVar[str] = ""

    def __init__(self, scorer: Scorer) -> None:
        """Take the classifier that the name of the metric states."""
        self.scorer = scorer

    @property
    def name(self) -> str:
        """The classifier's digest, its labels and the threshold are part of the name."""
        return self.scorer.name

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Count each answer as clean or not; what was scored must be what was answered."""
        found = scores_by(samples, self.name)
        if [(sample.row_id, sample.answer) for sample in found] != [
            (sample.row_id, sample.answer) for sample in asked(samples, "answer")
        ]:
            raise MetricError(f"the samples hold no score of every answer by the classifier {self.scorer.name}")
        return [Part((int(sample.score >= self.scorer.threshold), 1)) for sample in found]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return toxic answers over all answers."""
        return share(sums)
