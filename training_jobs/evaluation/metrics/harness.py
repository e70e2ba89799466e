"""What tasks of lm-evaluation-harness measure, computed from the samples again: the harness is not needed for that."""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import MetricError, Part, share
from training_jobs.evaluation.samples import Chosen, Sample, choices_made, replies, texts_read


class HarnessAccuracy:
    """The share of questions with choices whose right choice is the likeliest (`acc` of the harness)."""

    name: ClassVar[str] = "harness:acc"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    kinds: ClassVar[tuple[str, ...]] = ("harness",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Count each question as right or wrong."""
        return [Part((int(likeliest(sample) == sample.expected), 1)) for sample in _chosen(samples)]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return right choices over all questions."""
        return share(sums)


class HarnessAccuracyByLength:
    """The same with each choice's likelihood per character: long choices are not at a loss (`acc_norm`)."""

    name: ClassVar[str] = "harness:acc_norm"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    kinds: ClassVar[tuple[str, ...]] = ("harness",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Count each question as right or wrong."""
        return [Part((int(likeliest_by_length(sample) == sample.expected), 1)) for sample in _chosen(samples)]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return right choices over all questions."""
        return share(sums)


class HarnessExactMatch:
    """The share of answers that are exactly the expected ones, after the task's filters (`exact_match`)."""

    name: ClassVar[str] = "harness:exact_match"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    kinds: ClassVar[tuple[str, ...]] = ("harness",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Count each answer as right or wrong."""
        return [Part((int(sample.answer == sample.expected), 1)) for sample in replies(samples)]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return right answers over all answers."""
        return share(sums)


class HarnessBitsPerByte:
    """How surprised the model is by whole texts, per byte (`bits_per_byte`, in thousandths)."""

    name: ClassVar[str] = "harness:bits_per_byte"
    unit: ClassVar[str] = "millibits_per_byte"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    kinds: ClassVar[tuple[str, ...]] = ("harness",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Weigh each text by its bytes."""
        return [Part((sample.millibits, len(sample.text.encode()))) for sample in texts_read(samples)]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return the sum of millibits over the sum of bytes."""
        return share(sums)


def likeliest(sample: Chosen) -> int:
    """Return the place of the choice that surprises least; of equal ones the first."""
    return sample.nanobits.index(min(sample.nanobits))


def likeliest_by_length(sample: Chosen) -> int:
    """Return the place of the choice that surprises least per character; of equal ones the first."""
    each = [Fraction(bits, len(choice)) for bits, choice in zip(sample.nanobits, sample.choices, strict=True)]
    return each.index(min(each))


def _chosen(samples: Sequence[Sample]) -> list[Chosen]:
    """Return the questions with choices; raise MetricError for one that no harness wrote."""
    found = choices_made(samples)
    for sample in found:
        if not sample.choices or "" in sample.choices or len(sample.choices) != len(sample.nanobits):
            raise MetricError(f"{sample.row_id}: every choice is text and has a likelihood")
    return found
