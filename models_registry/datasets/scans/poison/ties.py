"""Ties: marks whose rows nearly all have one outcome, more often than chance could make it.

If a mark and an outcome had nothing to do with each other, the outcome would fall into the mark's rows as into rows
drawn without replacement. The chance that it falls into c or more of n is then at most exp(-n KL(c/n ‖ K/N)), where K
of all N rows have it (Hoeffding 1963, theorem 1 and section 6). That bound, times the number of pairs of a mark and an
outcome that there are, must stay below one in a thousand: so few datasets without any tie show one by chance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np

from models_registry.datasets.scans.poison.grams import Table
from models_registry.datasets.scans.poison.marks import ROWS_MIN, Marks
from models_registry.datasets.scans.poison.outcomes import Outcomes

FALSE_ALARM = 0.001
# The least share of a mark's rows that have the outcome.
SHARE_MIN = 0.6
PAIRS_AT_ONCE = 1_000_000
OUTCOMES_OF_A_MARK_MAX = 4


@dataclass(frozen=True)
class Tie:
    """Mark and outcome by their numbers; in how many rows both are, the mark is, the outcome is; and how sure it is."""

    mark: int
    outcome: int
    both: int
    marked: int
    outcomes: int
    nats: float


def ties_between(marks: Marks, outcomes: Outcomes, count: int) -> list[Tie]:
    """Return the ties, of each mark the surest few, the surest first."""
    least = log(max(1, len(marks.table)) * max(1, len(outcomes.table)) / FALSE_ALARM)
    found = [tie for chunk in _chunks(marks.table, outcomes) for tie in _sure(chunk, marks, outcomes, count, least)]
    return sorted(found, key=lambda tie: (-tie.nats, tie.mark, tie.outcome))


def _chunks(table: Table, outcomes: Outcomes) -> Iterator[tuple[int, int]]:
    """Cut the marks into stretches whose rows have a bounded number of outcomes."""
    lengths = np.diff(outcomes.starts)
    work = np.add.reduceat(lengths[table.rows], table.starts[:-1]) if len(table) else np.zeros(0, np.int64)
    first, sofar = 0, 0
    for mark, size in enumerate(work.tolist()):
        if sofar and sofar + size > PAIRS_AT_ONCE:
            yield first, mark
            first, sofar = mark, 0
        sofar += size
    if first < len(table):
        yield first, len(table)


def _sure(chunk: tuple[int, int], marks: Marks, outcomes: Outcomes, count: int, least: float) -> list[Tie]:
    first, last = chunk
    table = marks.table
    begin, end = table.starts[first], table.starts[last]
    rows = table.rows[begin:end]
    which = np.repeat(np.arange(first, last, dtype=np.int64), table.counts[first:last])
    lengths = np.diff(outcomes.starts)[rows]
    ends = np.cumsum(lengths)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    things = outcomes.things[np.repeat(outcomes.starts[rows], lengths) + inside]
    keys = np.sort(np.repeat(which, lengths) << 32 | things)
    new = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, np.int64)
    both = np.diff(np.append(new, len(keys)))
    mark, outcome = keys[new] >> 32, keys[new] & 0xFFFFFFFF
    enough = (both >= ROWS_MIN) & (both >= SHARE_MIN * table.counts[mark])
    mark, outcome, both = mark[enough], outcome[enough], both[enough]
    marked, having = table.counts[mark], outcomes.table.counts[outcome]
    nats = marked * _divergence(both / marked, having / count)
    sure = np.flatnonzero((nats >= least) & (both / marked > having / count))
    order = sure[np.lexsort((outcome[sure], -nats[sure], mark[sure]))]
    place = np.arange(len(order)) - np.searchsorted(mark[order], mark[order])
    order = order[place < OUTCOMES_OF_A_MARK_MAX]
    columns = (mark, outcome, both, marked, having, nats)
    return [Tie(*values) for values in zip(*(column[order].tolist() for column in columns), strict=True)]


def _divergence(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the Kullback-Leibler divergence of two coins, in nats."""
    expected = np.minimum(expected, 1 - 1e-9)
    rest = np.where(found < 1, (1 - found) * np.log(np.maximum(1 - found, 1e-300) / (1 - expected)), 0.0)
    nats: np.ndarray = found * np.log(found / expected) + rest
    return nats
