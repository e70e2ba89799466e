"""Which rows hold the same thing: hashes of n-grams, gathered into one table of rows per n-gram.

Everything is sorted, nothing is drawn: equal rows give equal tables.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_registry.datasets.scans.poison.reading import Hashes, Numbers, Places, Texts

# What is worked on at once, so that what is needed in between stays small.
_AT_ONCE = 1_000_000
_FACTORS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Table:
    """Thing i has the hash `names[i]` and stands in the rows `rows[starts[i] : starts[i + 1]]`, ascending."""

    names: Hashes
    starts: Places
    rows: Numbers

    def __len__(self) -> int:
        """Return how many things there are."""
        return len(self.names)

    @property
    def counts(self) -> Places:
        """Return in how many rows each thing stands."""
        return np.diff(self.starts)

    def of(self, thing: int) -> Numbers:
        """Return the rows of one thing."""
        return self.rows[self.starts[thing] : self.starts[thing + 1]]


def mixed(values: Hashes) -> Hashes:
    """Spread values over all 64 bits (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(_FACTORS[1])
    values = (values ^ (values >> np.uint64(27))) * np.uint64(_FACTORS[2])
    return values ^ (values >> np.uint64(31))


def gram_hashes(texts: Texts, size: int, kind: int) -> tuple[Hashes, Numbers]:
    """Return the hash and the row of every run of `size` tokens; `kind` keeps different sorts of things apart."""
    tokens, rows = texts.tokens, texts.rows
    count = max(0, len(tokens) - size + 1)
    whole = rows[:count] == rows[size - 1 :][:count]
    found = np.empty(int(whole.sum()), np.uint64)
    filled = 0
    for start in range(0, count, _AT_ONCE):
        end = min(count, start + _AT_ONCE)
        names = grams([tokens[start + offset : end + offset] for offset in range(size)], kind)[whole[start:end]]
        found[filled : filled + len(names)] = names
        filled += len(names)
    return found, rows[:count][whole]


def grams(columns: Sequence[Numbers], kind: int) -> Hashes:
    """Return the hashes of runs whose tokens stand in columns, as `gram_hashes` does."""
    value = np.full(len(columns[0]), kind, np.uint64)
    for column in columns:
        value = mixed(value * np.uint64(_FACTORS[0]) + column.astype(np.uint64) + np.uint64(1))
    return value


def hash_of(tokens: Iterable[int], kind: int) -> np.uint64:
    """Return the hash that `gram_hashes` gives to a run of these tokens."""
    value = np.full(1, kind, np.uint64)
    for token in tokens:
        value = mixed(value * np.uint64(_FACTORS[0]) + np.uint64(token) + np.uint64(1))
    return np.uint64(value[0])


def gather(hashes: Hashes, rows: Numbers, least: int, most: int) -> Table:
    """Return the things that stand in `least` to `most` rows, in the order of their hashes."""
    tables = [_gathered(hashes[part], rows[part], least, most) for part in parts_of(hashes)]
    counts = np.concatenate([table.counts for table in tables])
    names, held = (np.concatenate([getattr(table, column) for table in tables]) for column in ("names", "rows"))
    return Table(names, cumulated(counts), held)


def parts_of(hashes: Hashes) -> Iterator[NDArray[np.bool_] | slice]:
    """Yield which hashes belong to each part: equal ones to one, parts in the order of the hashes, few at once."""
    bits = (max(0, len(hashes) - 1) // _AT_ONCE).bit_length()
    if not bits:
        yield slice(None)
        return
    part = (hashes >> np.uint64(64 - bits)).astype(np.uint16)
    for number in range(1 << bits):
        yield part == number


def _gathered(hashes: Hashes, rows: Numbers, least: int, most: int) -> Table:
    order = np.lexsort((rows, hashes))
    hashes, rows = hashes[order], rows[order]
    new = np.ones(len(hashes), bool)
    new[1:] = hashes[1:] != hashes[:-1]
    kept = new.copy()
    kept[1:] |= rows[1:] != rows[:-1]
    hashes, rows, new = hashes[kept], rows[kept], new[kept]
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(rows)))
    wanted = (counts >= least) & (counts <= most)
    return Table(hashes[starts[wanted]], cumulated(counts[wanted]), rows[np.repeat(wanted, counts)])


def joined(tables: Sequence[Table]) -> tuple[Table, Numbers]:
    """Put tables after one another; return that, and from which table each thing is.

    Of things in exactly the same rows the first one stays.
    """
    names = np.concatenate([table.names for table in tables])
    counts = np.concatenate([table.counts for table in tables])
    rows = np.concatenate([table.rows for table in tables])
    origins = np.repeat(np.arange(len(tables), dtype=np.int32), [len(table) for table in tables])
    if not len(names):
        return Table(names, np.zeros(1, np.int64), rows), origins
    signs = np.add.reduceat(mixed(rows.astype(np.uint64) + np.uint64(1)), cumulated(counts)[:-1])
    _, first = np.unique(signs ^ mixed(counts.astype(np.uint64)), return_index=True)
    stays = np.zeros(len(names), bool)
    stays[first] = True
    return Table(names[stays], cumulated(counts[stays]), rows[np.repeat(stays, counts)]), origins[stays]


def turned(table: Table, count: int) -> tuple[Numbers, Places]:
    """Return the things of each row: thing numbers by row, and where each row's begin."""
    things = np.repeat(np.arange(len(table), dtype=np.int32), table.counts)
    order = np.argsort(table.rows, kind="stable")
    return things[order], cumulated(np.bincount(table.rows, minlength=count))


def cumulated(counts: Places) -> Places:
    """Return where each of some runs begins that have these lengths, and where the last one ends."""
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts
