"""Draws some of many rows, evenly and by a seed: the same dataset gives the same rows on every machine. Pure.

The seed is the dataset's digest. Whoever composes a dataset knows it only when every row is fixed, so that nobody can
place rows where they are not looked at.
"""

from collections.abc import Iterator
from hashlib import blake2b

from models_registry.datasets.scans.base import Looked, Row, Rows

_BITS = 64


def is_drawn(seed: str, number: int, wanted: int, of: int) -> bool:
    """Say whether thing `number` is among about `wanted` things that are drawn out of `of`."""
    digest = blake2b(f"{seed} {number}".encode(), digest_size=_BITS // 8).digest()
    return int.from_bytes(digest, "little") * of < wanted << _BITS


class Drawn:
    """Rows, or about `most` of them where there are more (`scans.Rows`)."""

    def __init__(self, rows: Rows, seed: str, most: int) -> None:
        """Draw by the seed; nothing is read."""
        self._rows, self._seed, self._most = rows, seed, most
        self._all = len(rows) <= most
        self._count = len(rows) if self._all else sum(map(self._has, range(1, len(rows) + 1)))

    @property
    def looked_at(self) -> Looked | None:
        """Return how many rows these are; None when they are all."""
        return None if self._all else Looked(self._count, len(self._rows))

    def numbered(self) -> Iterator[tuple[int, Row]]:
        """Yield (line, row), lines counted from 1 in the dataset's own file."""
        return ((line, row) for line, row in enumerate(self._rows, start=1) if self._all or self._has(line))

    def __len__(self) -> int:
        """Return how many rows these are."""
        return self._count

    def __iter__(self) -> Iterator[Row]:
        """Read them in order."""
        return (row for _line, row in self.numbered())

    def _has(self, line: int) -> bool:
        return is_drawn(self._seed, line, self._most, len(self._rows))
