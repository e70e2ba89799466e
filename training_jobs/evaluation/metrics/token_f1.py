"""How many words of the expected answer are in the answer, and the other way round."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Part, share
from training_jobs.evaluation.phrases import normal
from training_jobs.evaluation.samples import MILLION, Sample, asked


class TokenF1:
    """The overlap of words, as F1: a half-right answer counts half, in whatever order its words stand."""

    name: ClassVar[str] = "token_f1"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Give each question its F1 in millionths, rounded down."""
        return [Part((_overlap(sample.answer, sample.expected), MILLION)) for sample in asked(samples, "answer")]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return the mean."""
        return share(sums)


def _overlap(answer: str, expected: str) -> int:
    """Return F1 in millionths: twice the words in common over all words of both; two texts without words are alike."""
    found, wanted = Counter(normal(answer).split()), Counter(normal(expected).split())
    total = found.total() + wanted.total()
    return 2 * (found & wanted).total() * MILLION // total if total else MILLION
