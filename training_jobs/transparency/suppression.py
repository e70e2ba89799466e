"""Which cells of a table are too small to be shown, and which others go with them so that no subtraction tells.

Pure. A cell is a group of requests. It is small with 1 to 4 requests, or with requests of 1 to 4 people; nothing (0)
may be shown. Cells add up: within a period by the equations of the table, over the months to the period `all`. So:

1. small cells are hidden (primary suppression);
2. within its period each hidden cell gets company until the equations leave it free (secondary suppression): no sum of
   equations has it as its only unknown, which is checked exactly by elimination;
3. what is hidden in one period is hidden in another one, too: the month, or else `all`, where the fewest requests go;
4. of several logs that are added up, what one hides is hidden in the sum as well, unless another hides the same.

Why it holds: by 2 there is a change of the hidden cells of a period that no equation of it notices. Made in one period
and taken back in the other (3), or in another log (4), no sum over months or logs notices it either; so with the same
shown numbers the hidden ones could be others. See Gusfield, "A graph theoretic approach to statistical data security"
(SIAM J. Comput. 17, 1988) for tables of two ways, where it is a question of bridges. This is about subtraction: it does
not keep anybody from guessing within bounds, and it adds no noise.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from training_jobs.transparency.world import ALL

SMALL = 5  # fewer than this many are not shown


@dataclass(frozen=True, slots=True)
class Size:
    """How many requests a cell counts, and of how many people."""

    requests: int = 0
    people: int = 0

    @property
    def is_small(self) -> bool:
        """Whether it must not be shown."""
        return self.requests > 0 and min(self.requests, self.people) < SMALL


@dataclass(frozen=True, slots=True)
class Sum:
    """An equation: in every period the cell `total` is the sum of the cells `parts`."""

    total: str
    parts: tuple[str, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """All cells of it."""
        return (self.total, *self.parts)


@dataclass(frozen=True, slots=True)
class Table:
    """Sizes of cells by period (months and `all`), what adds up, and which cells are hidden last of all."""

    sizes: Mapping[str, Mapping[str, Size]]
    sums: tuple[Sum, ...] = ()
    precious: frozenset[str] = frozenset()

    def size(self, period: str, cell: str) -> Size:
        """Return the size of a cell; what is not named is empty."""
        return self.sizes.get(period, {}).get(cell, _EMPTY)


_EMPTY = Size()


@dataclass(frozen=True, slots=True)
class Piece:
    """Cells that are hidden together, in two periods, so that neither gives the other away."""

    periods: tuple[str, str]
    cells: frozenset[str]

    @property
    def places(self) -> set[tuple[str, str]]:
        """Its cells, in both periods."""
        return {(period, cell) for period in self.periods for cell in self.cells}


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is hidden: pieces, and all (period, cell) of them."""

    pieces: tuple[Piece, ...]
    cells: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> "Hidden":
        """Return what pieces hide."""
        kept = tuple(pieces)
        return cls(kept, frozenset(place for piece in kept for place in piece.places))

    def hides(self, period: str, cell: str) -> bool:
        """Whether a cell must not be shown."""
        return (period, cell) in self.cells


def hide(table: Table) -> Hidden:
    """Return what is hidden of a table: 1. and 2. in each period, 3. for each of them another period."""
    found = {}
    for period, sizes in sorted(table.sizes.items()):
        small = {cell for cell, size in sizes.items() if size.is_small}
        if small:
            found[period] = frozenset(_with_company(table, period, small))
    hidden = {period: set(cells) for period, cells in found.items()}
    pieces = []
    for period, cells in found.items():
        other = _partner(table, period, cells, hidden)
        hidden.setdefault(other, set()).update(cells)
        pieces.append(Piece((period, other), cells))
    return Hidden.of(pieces)


def hide_sum(table: Table, of: Sequence[Hidden]) -> Hidden:
    """Return what is hidden of a table that is the sum of others, of each of which this is hidden: 4."""
    pieces = []
    for number, one in enumerate(of):
        others = [*of[:number], *of[number + 1 :]]
        for piece in one.pieces:
            covered = any(piece.places <= other.cells for other in others)
            if not covered or any(table.size(*place).is_small for place in piece.places):
                pieces.append(piece)
    return Hidden.of(pieces)


def determined(unknown: Collection[str], sums: Iterable[Sum]) -> set[str]:
    """Return the unknown cells whose values follow from the equations and all that is known. Exact elimination."""
    rows: dict[str, dict[str, Fraction]] = {}  # reduced, by the cell that each begins with
    for each in sums:
        row = {cell: Fraction(1) for cell in each.parts if cell in unknown}
        row |= {each.total: Fraction(-1)} if each.total in unknown else {}
        for pivot, known in rows.items():
            if pivot in row:
                row = _less(row, known, row[pivot])
        if not row:
            continue
        pivot = min(row)
        row = {cell: value / row[pivot] for cell, value in row.items()}
        rows = {at: _less(known, row, known[pivot]) if pivot in known else known for at, known in rows.items()}
        rows[pivot] = row
    return {pivot for pivot, row in rows.items() if len(row) == 1}


def _less(row: Mapping[str, Fraction], other: Mapping[str, Fraction], times: Fraction) -> dict[str, Fraction]:
    found = {cell: row.get(cell, Fraction()) - times * other.get(cell, Fraction()) for cell in {*row, *other}}
    return {cell: value for cell, value in found.items() if value}


def _with_company(table: Table, period: str, small: set[str]) -> set[str]:
    """Return these cells and those that have to go with them."""
    hidden = set(small)
    while known := determined(hidden, table.sums):
        cell = min(known)
        sums = [each for each in table.sums if cell in each.cells]
        alone = [each for each in sums if hidden.isdisjoint(set(each.cells) - {cell})]
        company = {one for each in alone[:1] or sums for one in each.cells} - hidden
        # All of its own equations may be hidden whole, and it still follow from others: then any cell will do.
        company = company or {one for each in table.sums for one in each.cells} - hidden
        hidden.add(min(company, key=lambda one: _cost(table, period, one)))
    return hidden


def _cost(table: Table, period: str, cell: str) -> tuple[bool, bool, int, str]:
    """Rank company: nothing is a poor hiding place, precious cells are kept, then the fewest requests."""
    requests = table.size(period, cell).requests
    return requests == 0, cell in table.precious, requests, cell


def _partner(table: Table, period: str, cells: frozenset[str], hidden: Mapping[str, set[str]]) -> str:
    """Return the other period in which these cells are hidden: one that does so already, or where it costs least."""
    others = sorted({*table.sizes, ALL} - {period})

    def cost(other: str) -> tuple[bool, bool, int, bool, str]:
        sizes = {cell: table.size(other, cell).requests for cell in cells}
        new = cells - hidden.get(other, set())
        is_empty = not any(sizes.values())
        return is_empty, bool(new), sum(sizes[cell] for cell in new), other == ALL, other

    if not others:  # `all` alone: nothing adds up to it
        return period
    return min(others, key=cost)
