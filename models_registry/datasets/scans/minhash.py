"""MinHash signatures of many rows in arrays, and the pairs of rows whose signatures nearly agree.

MinHash: Broder 1997; bands (locality-sensitive hashing): Indyk and Motwani 1998. A row is the set of its pairs of
neighbouring words: of those that few rows share, where it has enough of them, since what very many rows share is the
form of the collection. A row with few such pairs is also signed with all of its pairs. numpy is imported when it is
needed, never when a web process starts.

Signatures lie on disk, 252 bytes each. In memory are: 12 bytes for each signature while bands are compared, the
counters (16 to 64 MiB), and one chunk of rows.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import IO

from models_registry.datasets.scans import on_disk
from models_registry.datasets.scans.on_disk import Numbers

BANDS, ROWS_PER_BAND = 42, 3
SIGNATURE = BANDS * ROWS_PER_BAND
# Fewer word pairs than this say too little. With enough rare pairs a row needs no other signature than theirs: an edit
# of a few words does not carry a row over both bounds.
PAIRS_MIN, RARE_PAIRS_MIN, RARE_PAIRS_ENOUGH = 6, 10, 24
# A word pair that more rows share than this, or than one row in so many, is the form of a collection. One that no more
# than three places hold is not.
SHARED_MAX, SHARED_PART, NEW_MAX = 20, 200, 3
# Counters for so many rows; with twice the rows there are twice as many, up to the last.
_COUNTERS_BITS, _COUNTERS_BITS_MAX, _COUNTERS_ROWS = 22, 24, 250_000
_CHUNK_ROWS = 2048
# Rows that fall into one band together are compared with so many before them.
_NEIGHBOURS = 3
_PAIRS_AT_ONCE = 5_000
# Keys of a band that are sorted at once, and signatures that are read at once.
_KEYS_AT_ONCE, _READ_AT_ONCE = 1_000_000, 100_000
_LOW = 0xFFFF  # of each value of a signature: b-bit minwise hashing (Li and König 2010)


def number_of(text: str) -> int:
    """Return 64 bits that stand for `text`."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _multipliers(purpose: str, count: int) -> Numbers:
    """Return fixed odd 64-bit numbers, the same on every machine and in every version of numpy."""
    import numpy as np

    return np.array([number_of(f"{purpose} {index}") | 1 for index in range(count)], dtype=np.uint64)


def _word_pairs(texts: list[list[str]]) -> tuple[Numbers, Numbers]:
    """Return the pairs of neighbouring words of these rows as 64-bit numbers, and the row of each pair."""
    import numpy as np

    words = np.fromiter(
        (zlib.crc32(word.encode()) for text in texts for word in text), dtype=np.uint64, count=sum(map(len, texts))
    )
    of_row = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    first, second = _multipliers("word pair", 2)
    mixed = words[:-1] * first + words[1:] * second
    mixed ^= mixed >> np.uint64(29)
    inside = of_row[:-1] == of_row[1:]
    return (mixed * first)[inside], of_row[:-1][inside]


class WordPairCounts:
    """How many times each pair of words occurs in a collection, roughly: counters are shared, so never too low."""

    def __init__(self, rows: int) -> None:
        """Begin at zero, with counters for so many rows."""
        import numpy as np

        self._bits = min(_COUNTERS_BITS_MAX, _COUNTERS_BITS + (max(0, rows - 1) // _COUNTERS_ROWS).bit_length())
        self._counters = np.zeros(1 << self._bits, dtype=np.uint32)
        self._rows = 0

    def count(self, rows: Iterable[list[str]]) -> None:
        """Count the word pairs of `rows`, each a list of words."""
        import numpy as np

        for texts in _chunks(rows):
            self._rows += len(texts)
            pairs, _of_row = _word_pairs(texts)
            places, counts = np.unique(self._places(pairs), return_counts=True)
            self._counters[places] += counts.astype(np.uint32)

    def rare(self, pairs: Numbers) -> Numbers:
        """Say for each pair whether it tells rows apart."""
        return self._counters[self._places(pairs)] <= max(SHARED_MAX, self._rows // SHARED_PART)

    def new(self, pairs: Numbers) -> Numbers:
        """Say for each pair whether next to no other row has it."""
        return self._counters[self._places(pairs)] <= NEW_MAX

    def _places(self, pairs: Numbers) -> Numbers:
        return pairs >> (64 - self._bits)


@dataclass(frozen=True)
class Signatures:
    """`values` [signed rows, SIGNATURE] of 16 bits, on disk; `rows` says which row each belongs to, in order."""

    rows: Numbers
    values: Numbers


@dataclass(frozen=True)
class Signed:
    """Rows signed by their rare pairs, rows signed by all of their pairs; for each row, whether it has new ones."""

    by_rare: Signatures
    by_all: Signatures
    new: Numbers


def signed(rows: Iterable[list[str]], counts: WordPairCounts) -> Signed:
    """Sign every row that is long enough. Rows with a middling number of rare pairs are signed in both ways."""
    import numpy as np

    by_rare, by_all, new, first = _Making(), _Making(), [np.zeros(0, dtype=bool)], 0
    for texts in _chunks(rows):
        pairs, of_row = _word_pairs(texts)
        rare = counts.rare(pairs)
        count = np.bincount(of_row[rare], minlength=len(texts))
        new.append(np.bincount(of_row[counts.new(pairs)], minlength=len(texts)) > 0)
        by_rare.sign(pairs[rare], of_row[rare], count >= RARE_PAIRS_MIN, first)
        enough = np.bincount(of_row, minlength=len(texts)) >= PAIRS_MIN
        by_all.sign(pairs, of_row, (count < RARE_PAIRS_ENOUGH) & enough, first)
        first += len(texts)
    return Signed(by_rare.made(), by_all.made(), np.concatenate(new))


class _Making:
    """Signatures that are being made, chunk by chunk."""

    def __init__(self) -> None:
        import numpy as np

        self._factors, self._addends = _multipliers("factor", SIGNATURE), _multipliers("addend", SIGNATURE)
        self._rows: list[Numbers] = [np.zeros(0, dtype=np.int32)]
        self._values: IO[bytes] = on_disk.nameless()

    def sign(self, pairs: Numbers, of_row: Numbers, wanted: Numbers, first: int) -> None:
        """Sign the rows that are wanted (by place in the chunk); `first` is the number of the chunk's first row."""
        import numpy as np

        pairs, of_row = pairs[wanted[of_row]], of_row[wanted[of_row]]
        if not len(pairs):
            return
        starts = np.flatnonzero(np.r_[True, of_row[1:] != of_row[:-1]])
        chunk = np.empty((len(starts), SIGNATURE), dtype=np.uint16)
        for column, (factor, addend) in enumerate(zip(self._factors, self._addends, strict=True)):
            # The least of the upper halves, and of that its lower bits: those of the upper end are nearly all zero.
            chunk[:, column] = np.minimum.reduceat((pairs * factor + addend) >> np.uint64(32), starts) & _LOW
        self._rows.append((of_row[starts] + first).astype(np.int32))
        self._values.write(chunk.tobytes())

    def made(self) -> Signatures:
        """Return them all."""
        import numpy as np

        rows = np.concatenate(self._rows)
        with self._values as file:
            file.flush()
            shape = (len(rows), SIGNATURE)
            return Signatures(
                rows, np.memmap(file, np.uint16, "r", shape=shape) if len(rows) else np.zeros(shape, "u2")
            )


def near_pairs(values: Numbers, similarity_min: float) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield, bit by bit, arrays (earlier, later) of indices into `values` whose signatures agree in such a share.

    A pair may come once for each band.
    """
    import numpy as np

    for band in range(BANDS):
        keys = _keys(values, band)
        parts = -(-len(keys) // _KEYS_AT_ONCE)
        for part in range(parts):
            among = np.flatnonzero(keys % np.uint64(parts) == part)
            order = among[np.argsort(keys[among], kind="stable")]
            for distance in range(1, _NEIGHBOURS + 1):
                together = np.flatnonzero(keys[order[distance:]] == keys[order[:-distance]])
                for start in range(0, len(together), _PAIRS_AT_ONCE):
                    places = together[start : start + _PAIRS_AT_ONCE]
                    earlier, later = order[places], order[places + distance]
                    alike = (values[earlier] == values[later]).mean(axis=1) >= similarity_min
                    on_disk.let_go(values)
                    yield earlier[alike], later[alike]


def _keys(values: Numbers, band: int) -> Numbers:
    """Return the key of each signature in one band."""
    import numpy as np

    factors = _multipliers("band", ROWS_PER_BAND)
    keys = np.zeros(len(values), dtype=np.uint64)
    for start in range(0, len(values), _READ_AT_ONCE):
        columns = values[start : start + _READ_AT_ONCE, band * ROWS_PER_BAND : (band + 1) * ROWS_PER_BAND]
        keys[start : start + _READ_AT_ONCE] = (columns.astype(np.uint64) * factors).sum(axis=1)
        on_disk.let_go(values)
    return keys


def _chunks(rows: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    waiting = iter(rows)
    while chunk := list(islice(waiting, _CHUNK_ROWS)):
        yield chunk
