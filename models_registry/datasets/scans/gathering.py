"""Gathers what a scan finds in one pass and little memory: counts by kind, the first lines, a few masked samples.

Every scan that points at rows uses this, so that all of them count, name lines and mask in one way.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from heapq import merge
from itertools import islice

from models_registry.datasets.scans.base import Findings, Looked, Row, Rows, Sample
from models_registry.datasets.scans.excerpts import excerpt
from models_registry.datasets.scans.lines import Lines
from models_registry.datasets.scans.sentences import Facts

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
        self.lines = Lines()
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
        self.lines.add(line)
        if len(self._samples) < SAMPLES_MAX and self._shown[what] < SAMPLES_OF_A_KIND_MAX:
            self._shown[what] += 1
            shown = excerpt(text, start, len(text) if end is None else end, private=self.private)
            self._samples.append(Sample(line, what, field, *shown, like))

    def findings(
        self, clean: str, found: str = "found", facts: Facts | None = None, looked_at: Looked | None = None
    ) -> Findings:
        """Return what was gathered, said with the code `clean` when nothing was, else with `found`."""
        commonest = dict(sorted(self.kinds.most_common(KINDS_MAX)))
        said = found if self.count else clean
        return Findings(self.count, said, facts or {}, tuple(self._samples), commonest, self.lines, looked_at)


class Marked:
    """Lines of which it is known what was found there before the rows are read once more, for a few samples."""

    def __init__(self) -> None:
        """Begin with none."""
        self.lines: dict[str, Lines] = {}
        self._like: dict[str, dict[int, int]] = {}

    def add(self, what: str, lines: Iterable[int], like: Iterable[int]) -> None:
        """Mark lines, and the line that each repeats (0: none). Of those only the ones that may be shown are kept."""
        marked, kept = self.lines.setdefault(what, Lines()), self._like.setdefault(what, {})
        for line, other in zip(lines, like, strict=True):
            marked.add(line)
            if other:
                kept[line] = other
                if len(kept) > SAMPLES_OF_A_KIND_MAX:
                    del kept[max(kept)]

    def like(self, what: str, line: int) -> int:
        """Return the line that one of the first few repeats; 0 for the others."""
        return self._like[what].get(line, 0)

    def gather(self, rows: Rows, text_of: Callable[[Row], str]) -> Gathering:
        """Gather what is marked; read the rows again only as far as the samples need them."""
        shown = {line for lines in self.lines.values() for line in lines.first(SAMPLES_OF_A_KIND_MAX)}
        read = enumerate(islice(rows, max(shown, default=0)), start=1)
        texts = {line: text_of(row) for line, row in read if line in shown}
        gathered = Gathering()
        for line, what in merge(*([(line, what) for line in lines] for what, lines in self.lines.items())):
            gathered.add(line, what, texts.get(line, ""), like=self.like(what, line))
        return gathered
