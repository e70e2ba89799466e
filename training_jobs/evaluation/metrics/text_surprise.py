"""How surprised a model is by whole texts, per byte: perplexity, and its regression against the base."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import Part, share
from training_jobs.evaluation.samples import Sample, texts_read


class TextSurprise:
    """Bits per byte of held-out text; two to the power of it is the perplexity per byte.

    The report's difference says by how much the candidate has become worse than the version that it was trained from.
    """

    name: ClassVar[str] = "text_surprise"
    unit: ClassVar[str] = "millibits_per_byte"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    probe: ClassVar[str] = ""

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Weigh each text by its bytes."""
        return [Part((sample.millibits, len(sample.text.encode()))) for sample in texts_read(samples)]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return the sum of millibits over the sum of bytes."""
        return share(sums)
