"""The canonical form of a dataset: made in bounded memory, read lazily, and proven row by row. No Django here.

The form: every row as canonical JSON (RFC 8785), sorted by bytes, without repetition, each followed by one newline. Its
SHA-256 is the dataset's digest. Over the rows (without their newlines) stands a Merkle tree as in RFC 6962, section
2.1: `records_root`. Shards are ranges of the file, cut at rows, about SHARD_BYTES long.

Beside the file lies an index (`.tree`), one entry for every 512 rows: where they begin, and the root over them. With it
one row is found and proven without reading the rest. It repeats what the file says and can be made again from it.
"""

import hashlib
import heapq
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from governance.evidence import merkle
from models_registry.datasets.rows import Limits, Row, parse_row

SHARD_BYTES = 8 * 1024 * 1024
BLOCK_RECORDS = 512  # a power of two, so that each block is a complete subtree
RUN_BYTES = 24 * 1024 * 1024
# What Python keeps beside the bytes of one row while it waits to be sorted.
_ROW_OVERHEAD_BYTES = 120
_ENTRY = struct.Struct(">Q32s")


@dataclass(frozen=True)
class Shard:
    """A range of the canonical file: the number of its first row (from 0), rows, bytes, and their SHA-256."""

    first: int
    records: int
    size: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Return the part that goes into the dataset's record."""
        return asdict(self)


@dataclass(frozen=True)
class Canonical:
    """What the canonical file is: its identity, its tree, its shards; `repeated` counts identical rows, folded."""

    digest: str
    size: int
    records: int
    repeated: int
    records_root: str
    shards: tuple[Shard, ...]


class Sorter:
    """Takes rows in any order and writes the canonical file: sorted runs on disk, merged once.

    Memory: one run (`run_bytes` and what Python adds), then one line of each run.
    """

    def __init__(self, folder: Path, run_bytes: int = RUN_BYTES) -> None:
        """Keep the runs in `folder`."""
        self._folder = folder
        self._run_bytes = run_bytes
        self._runs: list[Path] = []
        self._pending: set[bytes] = set()
        self._pending_bytes = 0
        self.added = 0

    def add(self, row: bytes) -> None:
        """Take one row in its canonical bytes."""
        self.added += 1
        if row not in self._pending:
            self._pending.add(row)
            self._pending_bytes += len(row) + _ROW_OVERHEAD_BYTES
            if self._pending_bytes >= self._run_bytes:
                self._write_run()

    def write(self, path: Path) -> Canonical:
        """Write the canonical file and its index; remove the runs. Call it once."""
        with ExitStack() as stack:
            runs = [stack.enter_context(run.open("rb")) for run in self._runs]
            pending = [row + b"\n" for row in sorted(self._pending)]
            self._pending.clear()
            result = _write(path, _folded(heapq.merge(*runs, pending)), self.added)
        for run in self._runs:
            run.unlink()
        return result

    def _write_run(self) -> None:
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix="run-", delete=False) as run:
            run.writelines(row + b"\n" for row in sorted(self._pending))
        self._runs.append(Path(run.name))
        self._pending.clear()
        self._pending_bytes = 0


def tree_path(path: Path) -> Path:
    """Return where the index of a canonical file lies."""
    return path.with_suffix(".tree")


def describe(path: Path) -> Canonical:
    """Return what a canonical file is, and write its index anew, reading it once."""
    with path.open("rb") as rows:
        return _pass(iter(rows), lambda _line: None, tree_path(path), added=None)


class CanonicalRows:
    """The rows of a canonical file, read from disk anew each time that somebody goes over them (`scans.Rows`)."""

    def __init__(self, path: Path, records: int) -> None:
        """Know where the file is, and how many rows it has."""
        self._path = path
        self._records = records

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._records

    def __iter__(self) -> Iterator[Row]:
        """Read the rows in order."""
        return read_rows(self._path)


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a canonical file in order; raise IntakeError where it is none."""
    with path.open("rb") as rows:
        for number, line in enumerate(rows, start=1):
            # A row was judged by the budget of its intake; this one only bounds what a broken file costs.
            yield parse_row(line.rstrip(b"\n"), number, Limits(record_bytes_max=len(line)))


@dataclass(frozen=True)
class RecordProof:
    """One row and the proof that it is in the tree: its audit path (RFC 6962, 2.1.1), nearest sibling first, as hex."""

    index: int
    size: int
    row: bytes
    leaf_hash: str
    path: tuple[str, ...]
    root: str


def prove(path: Path, index: int, size: int) -> RecordProof:
    """Return row `index` (from 0) of the `size` rows of a canonical file with its proof.

    Reads the index and at most two blocks of rows. Raises IndexError for no such row and OSError for missing files;
    whoever asks compares the root with the dataset's.
    """
    if not 0 <= index < size:
        raise IndexError(f"row {index} of {size}")
    entries = _entries(path, size)
    with path.open("rb") as rows:
        row = _block(rows, entries, index // BLOCK_RECORDS)[index % BLOCK_RECORDS]

        def over(first: int, end: int) -> str:
            """Return the root over the rows from `first` to before `end`: whole blocks, or part of one."""
            block = first // BLOCK_RECORDS
            if end - first >= BLOCK_RECORDS:
                known = [root for _, root in entries[block : -(-end // BLOCK_RECORDS)]]
                return merkle.root_of_hashes(known)
            start = first % BLOCK_RECORDS
            return merkle.root(_block(rows, entries, block)[start : start + end - first])

        proof = tuple(over(first, end) for first, end in merkle.inclusion_ranges(index, size))
    root = merkle.root_of_hashes(root for _, root in entries)
    return RecordProof(index, size, row, merkle.leaf_hash(row).hex(), proof, root)


def _entries(path: Path, size: int) -> list[tuple[int, bytes]]:
    """Read the index of `size` rows; one that is missing or cut off is made again."""
    index = tree_path(path)
    if not index.exists() or index.stat().st_size != _ENTRY.size * -(-size // BLOCK_RECORDS):
        describe(path)
    return list(_ENTRY.iter_unpack(index.read_bytes()))


def _block(rows: BinaryIO, entries: list[tuple[int, bytes]], number: int) -> list[bytes]:
    rows.seek(entries[number][0])
    return [line.rstrip(b"\n") for line in islice(rows, BLOCK_RECORDS)]


def _folded(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield sorted lines, each once."""
    last = None
    for line in lines:
        if line != last:
            yield line
        last = line


def _write(path: Path, lines: Iterator[bytes], added: int) -> Canonical:
    with path.open("xb") as rows:
        return _pass(lines, rows.write, tree_path(path), added)


def _pass(lines: Iterator[bytes], write: Callable[[bytes], object], index: Path, added: int | None) -> Canonical:
    """Look at each line once: pass it on, hash file and shards, grow the tree, note where blocks begin."""
    digest, shards = hashlib.sha256(), _Shards()
    size = records = 0
    roots: list[bytes] = []
    # A name of its own until it is whole: somebody else may be reading, or writing the same.
    with tempfile.NamedTemporaryFile(dir=index.parent, prefix=".tree-", delete=False) as entries:
        while block := list(islice(lines, BLOCK_RECORDS)):
            root = bytes.fromhex(merkle.root(line[:-1] for line in block))
            entries.write(_ENTRY.pack(size, root))
            roots.append(root)
            for line in block:
                write(line)
                digest.update(line)
                shards.add(line)
                size += len(line)
            records += len(block)
    Path(entries.name).replace(index)
    return Canonical(
        digest=digest.hexdigest(),
        size=size,
        records=records,
        repeated=0 if added is None else added - records,
        records_root=merkle.root_of_hashes(roots),
        shards=shards.all(),
    )


class _Shards:
    """Cuts a file into shards as its rows go by."""

    def __init__(self) -> None:
        self._done: list[Shard] = []
        self._first = self._records = self._size = 0
        self._digest = hashlib.sha256()

    def add(self, line: bytes) -> None:
        self._digest.update(line)
        self._records += 1
        self._size += len(line)
        if self._size >= SHARD_BYTES:
            self._close()

    def all(self) -> tuple[Shard, ...]:
        if self._records:
            self._close()
        return tuple(self._done)

    def _close(self) -> None:
        self._done.append(Shard(self._first, self._records, self._size, self._digest.hexdigest()))
        self._first += self._records
        self._records = self._size = 0
        self._digest = hashlib.sha256()
