"""Which cells of a table are too small to be shown, and which others go with them so that no subtraction tells.

Pure. A cell is a group of requests. It is small with 1 to 4 requests, or with requests of 1 to 4 people; nothing (0)
may be shown. Cells add up: within a period by the equations of the table, over the months to the period `all`. So:

1. small cells are hidden (primary suppression);
2. within its period each hidden cell gets company until the equations leave it free (secondary suppression): no sum of
   equations has it as its only unknown, which is checked exactly by elimination;
3. what is hidden in one period is hidden in another one, too: the month, or else `all`, where the fewest requests go;
4. all periods together are attacked as a reader would (`worked_out`), who also knows that no count is below nothing:
   while a small cell follows from what is shown, another cell beside it goes;
5. of several logs that are added up, what one hides is hidden in the sum as well, unless another hides the same, and 4.
   is done with the sum again.

Why it holds: by 2 there is a change of the hidden cells of a period that no equation of it notices. Made in one period
and taken back in the other (3), or in another log (5), no sum over months or logs notices it either; so with the same
shown numbers the hidden ones could be others. That fails where counts cannot change: below a total that is shown as 0
all are 0. Then 4 finds what follows. See Gusfield, "A graph theoretic approach to statistical data security"
(SIAM J. Comput. 17, 1988) for tables of two ways, where it is a question of bridges. It does not keep anybody from
guessing within bounds, and it adds no noise.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

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


Place = tuple[str, str]  # period, cell
C = TypeVar("C", bound=Hashable)


@dataclass(frozen=True)
class Sum(Generic[C]):
    """An equation: the cell `total` is the sum of the cells `parts`, in every period or each at its place."""

    total: C
    parts: tuple[C, ...]

    @property
    def cells(self) -> tuple[C, ...]:
        """All cells of it."""
        return (self.total, *self.parts)


@dataclass(frozen=True, slots=True)
class Table:
    """Sizes of cells by period (months and `all`), what adds up, and which cells are hidden last of all."""

    sizes: Mapping[str, Mapping[str, Size]]
    sums: tuple[Sum[str], ...] = ()
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
    """Return what is hidden of a table: 1. and 2. in each period, 3. for each of them another period, 4. for all."""
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
    return _withstanding(table, pieces)


def both(one: Hidden, other: Hidden) -> Hidden:
    """Return what either hides, each piece once."""
    return Hidden.of(dict.fromkeys((*one.pieces, *other.pieces)))


def hide_sum(table: Table, of: Sequence[Hidden]) -> Hidden:
    """Return what is hidden of a table that is the sum of others, of each of which this is hidden: 5."""
    pieces = []
    for number, one in enumerate(of):
        others = [*of[:number], *of[number + 1 :]]
        for piece in one.pieces:
            covered = any(piece.places <= other.cells for other in others)
            if not covered or any(table.size(*place).is_small for place in piece.places):
                pieces.append(piece)
    return _withstanding(table, pieces)


def worked_out(table: Table, hidden: Collection[Place]) -> set[Place]:
    """Return the hidden cells whose counts follow from all that is shown, over all periods.

    By turns: what elimination gives, and whatever together is nothing, so that each of it is.
    """
    sums = _sums_over_all(table)
    unknown = set(hidden)
    while unknown:
        found = determined(unknown, sums)
        for each in sums:
            parts = [place for place in each.parts if place in unknown]
            if parts and each.total not in unknown and not any(table.size(*place).requests for place in parts):
                found.update(parts)
        if not found:
            break
        unknown -= found
    return set(hidden) - unknown


def _sums_over_all(table: Table) -> list[Sum[Place]]:
    """Return all equations between cells of any periods: those of the table in each, and months that make `all`."""
    months = sorted(set(table.sizes) - {ALL})
    cells = sorted({cell for sizes in table.sizes.values() for cell in sizes})
    within: list[Sum[Place]] = [
        Sum((period, each.total), tuple((period, part) for part in each.parts))
        for period in sorted(table.sizes)
        for each in table.sums
    ]
    return [*within, *(Sum((ALL, cell), tuple((month, cell) for month in months)) for cell in cells if months)]


def _withstanding(table: Table, pieces: list[Piece]) -> Hidden:
    """Return what pieces hide, and as much more as keeps small cells from being worked out: 4."""
    hidden = Hidden.of(pieces)
    sums = _sums_over_all(table)
    while known := sorted(place for place in worked_out(table, hidden.cells) if table.size(*place).is_small):
        place = known[0]
        beside = {one for each in sums if place in each.cells for one in each.cells} - hidden.cells
        company = beside or {one for each in sums for one in each.cells} - hidden.cells
        if not company:  # all is hidden
            break
        period, cell = min(company, key=lambda one: (*_cost(table, *one), one[0] == ALL, one[0]))
        pieces = [*pieces, Piece((period, period), frozenset({cell}))]
        hidden = Hidden.of(pieces)
    return hidden


def determined(unknown: Collection[C], sums: Iterable[Sum[C]]) -> set[C]:
    """Return the unknown cells whose values follow from the equations and all that is known. Exact elimination."""
    rows: dict[C, dict[C, Fraction]] = {}  # reduced, by the cell that each begins with
    for each in sums:
        row = {cell: Fraction(1) for cell in each.parts if cell in unknown}
        row |= {each.total: Fraction(-1)} if each.total in unknown else {}
        for pivot, known in rows.items():
            if pivot in row:
                row = _less(row, known, row[pivot])
        if not row:
            continue
        pivot = next(iter(row))  # whichever: what follows is the same
        row = {cell: value / row[pivot] for cell, value in row.items()}
        rows = {at: _less(known, row, known[pivot]) if pivot in known else known for at, known in rows.items()}
        rows[pivot] = row
    return {pivot for pivot, row in rows.items() if len(row) == 1}


def _less(row: Mapping[C, Fraction], other: Mapping[C, Fraction], times: Fraction) -> dict[C, Fraction]:
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
