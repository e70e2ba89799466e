"""A set of line numbers that takes one bit for each line, however many there are. Pure."""

from collections.abc import Iterable, Iterator
from itertools import islice

_GROWTH_BYTES = 4096
_BITS = 8


class Lines:
    """Lines of a canonical file, counted from 1; they come out in order, each once."""

    def __init__(self, lines: Iterable[int] = ()) -> None:
        """Begin with these."""
        self._bits = bytearray()
        self._count = 0
        self.update(lines)

    def add(self, line: int) -> None:
        """Take one line."""
        place, bit = divmod(line, _BITS)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + _GROWTH_BYTES - len(self._bits)))
        if not self._bits[place] >> bit & 1:
            self._bits[place] |= 1 << bit
            self._count += 1

    def update(self, lines: Iterable[int]) -> None:
        """Take several lines."""
        for line in lines:
            self.add(line)

    def first(self, count: int) -> tuple[int, ...]:
        """Return the first few."""
        return tuple(islice(self, count))

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __contains__(self, line: int) -> bool:
        """Say whether a line is among them."""
        place, bit = divmod(line, _BITS)
        return place < len(self._bits) and bool(self._bits[place] >> bit & 1)

    def __eq__(self, other: object) -> bool:
        """Say whether others are the same lines."""
        return isinstance(other, Lines) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # lines are added to it

    def __iter__(self) -> Iterator[int]:
        """Go over them in order."""
        for place, byte in enumerate(self._bits):
            if byte:
                yield from (place * _BITS + bit for bit in range(_BITS) if byte >> bit & 1)
