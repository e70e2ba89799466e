"""Which rows share a key: found in bounded memory, however many rows there are.

Keys are parted by their highest bits into files (the first half of a hash join, Kitsuregawa and others 1983), so that
equal keys meet in one part, and each part is sorted alone. With few rows there is one part and no file. The bound holds
for keys that spread; where all rows have one key they all meet in one part, at 24 bytes a row. The files lie in the
folder for temporary files and have no name. numpy is imported when it is needed, never when a web process starts.
"""

from array import array
from collections.abc import Iterator
from typing import IO, Any, TypeAlias
from weakref import finalize

from models_registry.datasets.scans import on_disk

# An array of numpy; named so because numpy is not imported here.
Numbers: TypeAlias = Any

PART_ROWS, PARTS_BITS_MAX = 250_000, 8
_BUFFERED = 65_536
_COLUMNS = 3


class Groups:
    """Entries (key of 64 bits that spread evenly, line, a value of 64 bits), added in the order of the lines."""

    def __init__(self, rows: int) -> None:
        """Expect about so many entries."""
        self._bits = min(PARTS_BITS_MAX, (max(0, rows - 1) // PART_ROWS).bit_length())
        self._waiting = array("Q")
        self._files: list[IO[bytes]] = []

    def add(self, key: int, line: int, value: int = 0) -> None:
        """Take one entry."""
        self._waiting.extend((key, line, value))
        if self._bits and len(self._waiting) >= _BUFFERED * _COLUMNS:
            self._part()

    def parts(self) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
        """Yield (keys, lines, values) of each part, sorted by key and, within a key, by line. Safe to repeat."""
        import numpy as np

        if not self._bits:
            yield _sorted(np.array(self._waiting, dtype=np.uint64))
            return
        self._part()
        for file in self._files:
            file.seek(0)
            yield _sorted(np.frombuffer(file.read(), dtype=np.uint64))

    def repeats(self) -> Iterator[tuple[Numbers, Numbers, Numbers, Numbers]]:
        """Yield, of entries whose key an earlier line has: (lines, the key's first line, values, its first value)."""
        for keys, lines, values in self.parts():
            first = first_of_each(keys)
            again = lines[first] != lines
            yield lines[again], lines[first][again], values[again], values[first][again]

    def _part(self) -> None:
        """Write what waits into the files."""
        import numpy as np

        if not self._files:
            self._files = [on_disk.nameless() for _ in range(1 << self._bits)]
            finalize(self, _close, self._files)
        entries = np.array(self._waiting, dtype=np.uint64).reshape(-1, _COLUMNS)
        self._waiting = array("Q")
        parts = entries[:, 0] >> np.uint64(64 - self._bits)
        for number, file in enumerate(self._files):
            file.seek(0, 2)
            file.write(entries[parts == number].tobytes())


def _close(files: list[IO[bytes]]) -> None:
    for file in files:
        file.close()


def first_of_each(keys: Numbers) -> Numbers:
    """Return, for each of the sorted keys, the place of the first one that equals it."""
    import numpy as np

    begins = np.ones(len(keys), dtype=bool)
    begins[1:] = keys[1:] != keys[:-1]
    return np.flatnonzero(begins)[np.cumsum(begins) - 1] if len(keys) else np.zeros(0, dtype=np.int64)


def _sorted(entries: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    import numpy as np

    entries = entries.reshape(-1, _COLUMNS)
    entries = entries[np.argsort(entries[:, 0], kind="stable")]
    return entries[:, 0], entries[:, 1], entries[:, 2]
