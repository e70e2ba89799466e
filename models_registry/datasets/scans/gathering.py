"""Gathers what a scan finds in one pass and little memory: counts by kind, the first lines, a few masked samples.

Every scan that points at rows uses this, so that all of them count, name lines and mask in one way.
"""

from array import array
from collections import Counter

from models_registry.datasets.scans.base import LINES_SHOWN_MAX, Findings, Sample, first_lines
from models_registry.datasets.scans.excerpts import excerpt

SAMPLES_MAX = 6
SAMPLES_OF_A_KIND_MAX = 2
KINDS_MAX = 12


class Gathering:
    """Findings in the order of the rows. `private` findings are shown with nothing readable around them."""

    def __init__(self, *, private: bool = False) -> None:
        """Begin with nothing found."""
        self.private = private
        self.kinds: Counter[str] = Counter()
        self.count = 0
        self.lines = array("L")
        self._samples: list[Sample] = []
        self._shown: Counter[str] = Counter()

    def add(
        self,
        line: int,
        what: str,
        text: str = "",
        start: int = 0,
        end: int | None = None,
        *,
        field: str = "",
        like: int = 0,
    ) -> None:
        """Count one finding of kind `what` in `text[start:end]`, on `line` (from 1; call in the order of the lines)."""
        self.count += 1
        self.kinds[what] += 1
        if not self.lines or line != self.lines[-1]:
            self.lines.append(line)
        if len(self._samples) < SAMPLES_MAX and self._shown[what] < SAMPLES_OF_A_KIND_MAX:
            self._shown[what] += 1
            shown = excerpt(text, start, len(text) if end is None else end, private=self.private)
            self._samples.append(Sample(line, what, field, *shown, like))

    @property
    def where(self) -> str:
        """Return the first lines in words."""
        return first_lines(self.lines[:LINES_SHOWN_MAX], len(self.lines))

    def findings(self, clean: str, found: str = "Found {kinds}, on {where}.") -> Findings:
        """Return what was gathered: the sentence `clean` when nothing was, else `found` with its two blanks filled."""
        if not self.count:
            return Findings(0, clean)
        commonest = sorted(self.kinds.most_common(KINDS_MAX))
        kinds = ", ".join(f"{kind} {count}" for kind, count in commonest)
        sentence = found.format(kinds=kinds, where=self.where)
        return Findings(self.count, sentence, tuple(self._samples), dict(commonest), self.lines)
