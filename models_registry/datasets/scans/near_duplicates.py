"""Rows that say nearly the same in nearly the same words, among themselves or with a dataset that is included already.

Two things keep the alarms few on what communities write, many short rows of one form: a row that is near to several
others, and in which no two words stand together that do not elsewhere, is another draw of the form; and rows with
different numbers are taken for different facts. Rows of a few words are compared after normalising case, accents,
punctuation, spaces and invisible characters.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from models_registry.datasets.kinds import texts_of
from models_registry.datasets.scans import on_disk
from models_registry.datasets.scans.base import Context, Findings, Row, Rows, Scan, normalised
from models_registry.datasets.scans.gathering import Marked
from models_registry.datasets.scans.groups import Groups
from models_registry.datasets.scans.minhash import Signatures, Signed, WordPairCounts, near_pairs, number_of, signed
from models_registry.datasets.scans.on_disk import Numbers

# Two rows are near when about this share of their pairs of neighbouring words is the same (Jaccard, of both together).
SIMILARITY_MIN = 0.45
# More is asked where the form of the collection counts as well.
SIMILARITY_OF_ALL_MIN = 0.55
# A row without anything new in it that is near to more others than this is another draw of the form.
CROWD_MAX = 2


def search(rows: Rows, context: Context) -> Findings:
    """Find rows that nearly repeat an earlier row, or a row of an included dataset.

    1. Count the word pairs of all rows.  2. Note for each row its spelling, its normalised form and its numbers, and
    sign it.  3. Match normalised forms.  4. Match signatures.  5. Tell, in the order of the lines.
    """
    everything = [other.rows for other in context.included] + [rows]
    total = sum(map(len, everything))
    # 1.
    counts = WordPairCounts(total)
    counts.count(_words(row) for row in chain(*everything))
    # 2.
    facts = _Facts(total, total - len(rows))
    marks = signed(facts.noted(chain(*everything)), counts)
    # 3.
    _match_forms(facts)
    # 4.
    _match_signatures(facts, marks, marks.by_rare, SIMILARITY_MIN)
    _match_signatures(facts, marks, marks.by_all, SIMILARITY_OF_ALL_MIN)
    # 5.
    marked = Marked()
    for reason, what in _REASONS.items():
        lines, like = facts.told(reason)
        marked.add(what, lines.tolist(), like.tolist())
    gathered = marked.gather(rows, lambda row: texts_of(row)[0])
    told = {"datasets": len(context.included), "old": gathered.kinds[_REASONS[_INCLUDED]]}
    return gathered.findings("no_near_repetition", "near_repetitions", told)


_SPELLING, _NEAR, _INCLUDED = 1, 2, 3
_REASONS = {_SPELLING: "other spelling", _NEAR: "nearly the same", _INCLUDED: "in an included dataset"}


def _words(row: Row) -> list[str]:
    return [word for text in texts_of(row) for word in normalised(text).split()]


class _Facts:
    """What is noted of each row: those of included datasets first, then from `old` on those that are looked at.

    `why` is the first reason for which a row is told (0: none), `like` the row that it repeats.
    """

    def __init__(self, total: int, old: int) -> None:
        self.total, self.old = total, old
        self.forms = Groups(total)
        self.spellings, self.figures = on_disk.array(total, "u8"), on_disk.array(total, "u8")
        self.why, self.like = on_disk.array(total, "u1"), on_disk.array(total, "i4")

    def noted(self, rows: Iterable[Row]) -> Iterator[list[str]]:
        """Note what matters of each row, and yield its words."""
        for index, row in enumerate(rows):
            words = _words(row)
            spelling = number_of("\0".join((row["language"], *texts_of(row))))
            self.spellings[index] = spelling
            self.figures[index] = number_of(" ".join(sorted(word for word in words if word.isdigit())))
            self.forms.add(number_of("\0".join((row["language"], *words))), index, spelling)
            yield words

    def told(self, reason: int) -> tuple[Numbers, Numbers]:
        """Return the lines that are told for this reason, and the line that each repeats (0: none of this dataset)."""
        import numpy as np

        rows = np.flatnonzero(self.why == reason)
        return rows - self.old + 1, np.maximum(self.like[rows] - self.old + 1, 0)


def _match_forms(facts: _Facts) -> None:
    """Mark the rows whose normalised form an earlier row has that is spelt otherwise, or is of an included dataset."""
    import numpy as np

    for rows, first, spellings, of_first in facts.forms.repeats():
        looked_at, included = rows >= facts.old, first < facts.old
        # Exact repetitions within the dataset are a scan of their own.
        for reason, fits in ((_INCLUDED, included), (_SPELLING, ~included & (spellings != of_first))):
            told = rows[looked_at & fits].astype(np.int64)
            facts.why[told], facts.like[told] = reason, first[looked_at & fits]


class _Crowds:
    """How many other rows each row is near to, counted to one more than CROWD_MAX; each of those once."""

    def __init__(self, total: int) -> None:
        self.sizes = on_disk.array(total, "u1")
        self._near = on_disk.array((total, CROWD_MAX + 1), "u4")  # numbers of rows, counted from 1

    def meet(self, earlier: Numbers, later: Numbers) -> None:
        """Take pairs of rows that are near to each other."""
        import numpy as np

        rows, others = np.r_[earlier, later], np.r_[later, earlier] + 1
        fresh = (self.sizes[rows] <= CROWD_MAX) & (self._near[rows] != others[:, None]).all(axis=1)
        pairs = np.unique(rows[fresh] << 32 | others[fresh])
        rows, others = pairs >> 32, pairs & 0xFFFFFFFF
        begins = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]) if len(rows) else np.zeros(0, dtype=np.int64)
        counts = np.diff(np.r_[begins, len(rows)])
        places = self.sizes[rows] + np.arange(len(rows)) - np.repeat(begins, counts)
        kept = places <= CROWD_MAX
        self._near[rows[kept], places[kept]] = others[kept]
        self.sizes[rows[begins]] = np.minimum(self.sizes[rows[begins]] + counts, CROWD_MAX + 1)


def _match_signatures(facts: _Facts, marks: Signed, signatures: Signatures, similarity_min: float) -> None:
    """Mark the rows whose signature is near to that of an earlier row and whose numbers are the same."""
    import numpy as np

    reasons, partner, crowds = on_disk.array(facts.total, "u1"), on_disk.array(facts.total, "i4"), _Crowds(facts.total)
    for first, second in near_pairs(signatures.values, similarity_min):
        earlier, later = signatures.rows[first].astype(np.int64), signatures.rows[second].astype(np.int64)
        fits = (facts.figures[earlier] == facts.figures[later]) & (later >= facts.old)
        fits &= (facts.spellings[earlier] != facts.spellings[later]) | (earlier < facts.old)
        earlier, later = earlier[fits], later[fits]
        crowds.meet(earlier, later)
        reasons[later], partner[later] = np.where(earlier < facts.old, _INCLUDED, _NEAR), earlier
        # Where only the earlier one of two is more than the form, it is the one that was edited.
        edited = marks.new[earlier] & ~marks.new[later] & (earlier >= facts.old)
        reasons[earlier[edited]], partner[earlier[edited]] = _NEAR, later[edited]
    told = (facts.why == 0) & (reasons > 0)
    if signatures is marks.by_all:
        told &= marks.new | (crowds.sizes <= CROWD_MAX)
    facts.why[told], facts.like[told] = reasons[told], partner[told]


SCAN = Scan(
    name="near_duplicates",
    version=3,
    label="Near repetitions",
    description="No two rows say nearly the same in nearly the same words, here or in an included dataset.",
    blind_to=(
        "A rewording or a translation, rows that differ in a number, and one more row of a form in which very many "
        "rows are written."
    ),
    blocks=False,
    search=search,
)
