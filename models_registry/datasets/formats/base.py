"""What every format is: a name, endings, and one function from a source to canonical rows; and sources themselves.

A source is read once, in chunks, under the budgets of the whole intake, and hashed as it goes by.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from models_registry.datasets.magic import HEAD_BYTES
from models_registry.datasets.rows import (
    Limits,
    Place,
    RowMaker,
    not_utf8,
    record_too_large,
    too_large,
    too_many_rows,
)

CHUNK_BYTES = 64 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Format:
    """One format of files. `rows` yields each row in canonical bytes, or raises IntakeError where one is wrong."""

    name: str
    endings: tuple[str, ...]
    label: str
    rows: Callable[["Source", RowMaker], Iterator[bytes]]


class Budget:
    """What is left of the limits of one intake, over all its files."""

    def __init__(self, limits: Limits) -> None:
        """Begin with everything left."""
        self.limits = limits
        self._file_bytes = 0
        self._decoded_bytes = 0
        self._records = 0

    def read(self, count: int, line: int | None) -> None:
        """Count bytes of a file; raise IntakeError for one too many."""
        self._file_bytes += count
        allowed = self.limits.file_bytes_max
        if self._file_bytes > allowed:
            raise too_large(line, f"more than {allowed} bytes", f"at most {allowed} bytes")

    def records(self, number: int, place: Place) -> None:
        """Count one row more; raise IntakeError for one too many."""
        self._records += 1
        if self._records > self.limits.records_max:
            raise too_many_rows(number, self.limits.records_max, place)

    def announced(self, records: int, decoded_bytes: int) -> None:
        """Refuse what a file says itself to be too much, before any of it is read."""
        rows, size = self.limits.records_max - self._records, self.limits.decoded_bytes_max - self._decoded_bytes
        if records > rows:
            raise too_large(None, f"{records} rows", f"at most {rows} rows")
        if decoded_bytes > size:
            raise too_large(None, f"{decoded_bytes} bytes once unpacked", f"at most {size} bytes")

    def decoded(self, row: bytes) -> None:
        """Count one row in canonical bytes; raise IntakeError when all rows together are too much."""
        self._decoded_bytes += len(row) + 1
        allowed = self.limits.decoded_bytes_max
        if self._decoded_bytes > allowed:
            number = self._records
            raise too_large(number, f"more than {allowed} bytes once unpacked", f"at most {allowed} bytes", "row")


class Source:
    """One file under the budgets: its first bytes, its lines, and in the end its size and SHA-256."""

    def __init__(self, name: str, stream: BinaryIO, budget: Budget) -> None:
        """Read the first bytes of the file."""
        self.name = name
        self.budget = budget
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.stream = stream
        self.head = b""
        while len(self.head) < HEAD_BYTES and (chunk := self._read(HEAD_BYTES - len(self.head), 1)):
            self.head += chunk

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (line number, line without its newline); no line is longer than a row may be."""
        number, pending, chunk = 0, b"", self.head
        while chunk:
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                number += 1
                self.check_length(number, len(line))
                yield number, line
            # An unfinished line is judged too: a line of 50 MB is refused after its first chunk.
            if pending:
                self.check_length(number + 1, len(pending))
            chunk = self._read(CHUNK_BYTES, number + 1)
        if pending:
            yield number + 1, pending

    def text_lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines as text, without a byte order mark at the start and without carriage returns at the ends."""
        for number, line in self.lines():
            found = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
            try:
                yield number, found.removesuffix(b"\r").decode("utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(number, error.start) from error

    def check_length(self, line: int, length: int, place: Place = "line") -> None:
        """Refuse a row of more bytes than the budget allows."""
        if length > self.budget.limits.record_bytes_max:
            raise record_too_large(line, self.budget.limits.record_bytes_max, place)

    def read_to_end(self) -> None:
        """Hash and count what is left, for formats that are not read in order; the stream must know how to seek."""
        while self._read(CHUNK_BYTES, None):
            pass
        self.stream.seek(0)

    def _read(self, count: int, line: int | None) -> bytes:
        chunk = self.stream.read(count)
        self.size += len(chunk)
        self.budget.read(len(chunk), line)
        self.sha256.update(chunk)
        return chunk
