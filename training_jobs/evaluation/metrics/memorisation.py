"""How much of its training data a model recites when it is given the beginning."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Part, share
from training_jobs.evaluation.samples import Sample, asked

# So many words in a row, or the whole rest where it is shorter, count as recited.
WORDS_IN_A_ROW = 8


class Memorisation:
    """Of the rows that were begun, the share whose rest comes back word by word (arXiv 2012.07805)."""

    name: ClassVar[str] = "memorisation"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue", "text")
    probe: ClassVar[str] = "memory"

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Count each row that was begun as recited or not."""
        return [Part((int(_is_recited(sample.answer, sample.expected)), 1)) for sample in asked(samples, "memory")]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return recited rows over rows that were begun."""
        return share(sums)


def _is_recited(answer: str, rest: str) -> bool:
    """Say whether the longest run of words that both have is long enough."""
    said, wanted = answer.split(), rest.split()
    run = SequenceMatcher(None, said, wanted, autojunk=False).find_longest_match().size
    return run >= min(WORDS_IN_A_ROW, len(wanted))
