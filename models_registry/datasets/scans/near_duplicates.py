"""Rows that say nearly the same in nearly the same words, among themselves or with a dataset that is included already.

Two things keep the alarms few on what communities write, many short rows of one form: a row that is near to several
others, and in which no two words stand together that do not elsewhere, is another draw of the form; and rows with
different numbers are taken for different facts. Rows of a few words are compared after normalising case, accents,
punctuation, spaces and invisible characters.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from models_registry.datasets.kinds import texts_of
from models_registry.datasets.scans.base import Context, Findings, Row, Rows, Scan, normalised
from models_registry.datasets.scans.gathering import Gathering
from models_registry.datasets.scans.minhash import (
    Signatures,
    Signed,
    WordPairCounts,
    near_pairs,
    number_of,
    signed,
)

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
    old = sum(map(len, everything)) - len(rows)
    # 1.
    counts = WordPairCounts()
    counts.count(_words(row) for row in chain(*everything))
    # 2.
    facts = _Facts(sum(map(len, everything)), old)
    marks = signed(facts.noted(chain(*everything)), counts)
    # 3.
    _match_forms(facts)
    # 4.
    _match_signatures(facts, marks, marks.by_rare, SIMILARITY_MIN)
    _match_signatures(facts, marks, marks.by_all, SIMILARITY_OF_ALL_MIN)
    # 5.
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        reason = facts.why[old + line - 1]
        if reason:
            other = int(facts.like[old + line - 1]) - old + 1
            gathered.add(line, _REASONS[reason], texts_of(row)[0], like=max(other, 0))
    return _told(gathered, len(context.included))


_SPELLING, _NEAR, _INCLUDED = 1, 2, 3
_REASONS = {_SPELLING: "other spelling", _NEAR: "nearly the same", _INCLUDED: "in an included dataset"}


def _words(row: Row) -> list[str]:
    return [word for text in texts_of(row) for word in normalised(text).split()]


class _Facts:
    """What is noted of each row: those of included datasets first, then from `old` on those that are looked at.

    `why` is the first reason for which a row is told (0: none), `like` the row that it repeats.
    """

    def __init__(self, total: int, old: int) -> None:
        import numpy as np

        self.total, self.old = total, old
        self.spellings, self.forms, self.figures = (np.zeros(total, dtype=np.uint64) for _ in range(3))
        self.why, self.like = np.zeros(total, dtype=np.uint8), np.zeros(total, dtype=np.int64)

    def noted(self, rows: Iterable[Row]) -> Iterator[list[str]]:
        """Note what matters of each row, and yield its words."""
        for index, row in enumerate(rows):
            words = _words(row)
            self.spellings[index] = number_of("\0".join((row["language"], *texts_of(row))))
            self.forms[index] = number_of("\0".join((row["language"], *words)))
            self.figures[index] = number_of(" ".join(sorted(word for word in words if word.isdigit())))
            yield words


def _match_forms(facts: _Facts) -> None:
    """Mark the rows whose normalised form an earlier row has that is spelt otherwise, or is of an included dataset."""
    import numpy as np

    order = np.argsort(facts.forms, kind="stable")
    if not len(order):
        return
    sorted_forms = facts.forms[order]
    begins = np.r_[True, sorted_forms[1:] != sorted_forms[:-1]]
    first = order[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
    repeats = (order >= facts.old) & (first != order)
    included = repeats & (first < facts.old)
    # Exact repetitions within the dataset are a scan of their own.
    other = repeats & ~included & (facts.spellings[order] != facts.spellings[first])
    facts.why[order[included]] = _INCLUDED
    facts.why[order[other]] = _SPELLING
    facts.like[order] = first


def _match_signatures(facts: _Facts, marks: Signed, signatures: Signatures, similarity_min: float) -> None:
    """Mark the rows whose signature is near to that of an earlier row and whose numbers are the same."""
    import numpy as np

    reasons, crowd, partner = (np.zeros(facts.total, dtype=np.int64) for _ in range(3))
    known = np.zeros(0, dtype=np.int64)
    for first, second in near_pairs(signatures.values, similarity_min):
        earlier, later = signatures.rows[first], signatures.rows[second]
        fits = (facts.figures[earlier] == facts.figures[later]) & (later >= facts.old)
        fits &= (facts.spellings[earlier] != facts.spellings[later]) | (earlier < facts.old)
        earlier, later = earlier[fits], later[fits]
        # Each pair once, over all bands; of rows that are in a crowd already no more is noted.
        open_still = (crowd[earlier] <= CROWD_MAX) | (crowd[later] <= CROWD_MAX)
        fresh = np.setdiff1d(earlier[open_still] * facts.total + later[open_still], known)
        known = np.r_[known, fresh]
        crowd += np.bincount(np.r_[fresh // facts.total, fresh % facts.total], minlength=facts.total)
        reasons[later], partner[later] = np.where(earlier < facts.old, _INCLUDED, _NEAR), earlier
        # Where only the earlier one of two is more than the form, it is the one that was edited.
        edited = marks.new[earlier] & ~marks.new[later] & (earlier >= facts.old)
        reasons[earlier[edited]], partner[earlier[edited]] = _NEAR, later[edited]
    told = (facts.why == 0) & (reasons > 0)
    if signatures is marks.by_all:
        told &= marks.new | (crowd <= CROWD_MAX)
    facts.why[told], facts.like[told] = reasons[told], partner[told]


def _told(gathered: Gathering, compared: int) -> Findings:
    against = f"; compared with {compared} included datasets" if compared else ""
    old = gathered.kinds[_REASONS[_INCLUDED]]
    old_part = f" {old} of them repeat a row of an included dataset." if old else ""
    return gathered.findings(
        f"No two rows are nearly equal{against}.", "Rows that nearly repeat another: {where}." + old_part
    )


SCAN = Scan(
    name="near_duplicates",
    version=2,
    label="Near repetitions",
    description="No two rows say nearly the same in nearly the same words, here or in an included dataset.",
    blind_to=(
        "A rewording or a translation, rows that differ in a number, and one more row of a form in which very many "
        "rows are written."
    ),
    blocks=False,
    search=search,
)
