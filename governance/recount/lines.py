"""The lines of a bundle, one after the other, within bounds: JSON lines, plain or gzip. Pure but for the stream."""

import gzip
import zlib
from io import BufferedReader
from typing import BinaryIO, cast

from governance.evidence.canonical import CanonicalError
from governance.evidence.record import RECORD_BYTES_MAX, Record
from governance.recount.report import BadEntry, Unreadable

LIMIT_BYTES = 16 * 1024**3  # after decompression; ten million ballots with their census
_GZIP = b"\x1f\x8b"


class Lines:
    """Reads a bundle forwards, with a look at the next line. `number` is the line last taken, from 1."""

    def __init__(self, stream: BufferedReader, limit_bytes: int = LIMIT_BYTES) -> None:
        """Begin at the first line; the format is told by the first two bytes. Raises Unreadable."""
        compressed = stream.peek(2)[:2] == _GZIP
        self._stream = cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if compressed else stream
        self._left = limit_bytes
        self.limit_bytes = limit_bytes
        self.number = 0
        self.next = self._read()

    def take(self, needed: str) -> bytes:
        """Return the next line without its end, or raise BadEntry where the bundle ends instead."""
        line = self.next
        if not line:
            raise BadEntry(self.number + 1, "bundle_cut", "the end of the bundle", needed)
        self.number += 1
        if line[-1] != 10:  # noqa: PLR2004 - a line feed
            code = "line_too_long" if len(line) > RECORD_BYTES_MAX else "bundle_cut"
            raise BadEntry(self.number, code, f"{len(line)} bytes without a line feed", f"a line feed after {needed}")
        self.next = self._read()
        return line[:-1]

    def record(self, kind: str) -> Record:
        """Take the next line as a canonical record of this kind, version 1."""
        line = self.take(f"a {kind} record")
        try:
            found = Record.from_bytes(line)
        except CanonicalError as error:
            raise BadEntry(self.number, error.code, error.detail, f"a {kind} record in its canonical form") from error
        if found.kind != kind or found.version != 1:
            raise BadEntry(self.number, "entry_misplaced", f"{found.kind} version {found.version}", f"{kind} version 1")
        return found

    def _read(self) -> bytes:
        try:
            line = self._stream.readline(RECORD_BYTES_MAX + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise Unreadable(f"after line {self.number}: {error}") from error
        self._left -= len(line)
        if self._left < 0:
            raise Unreadable(f"more than {self.limit_bytes} bytes; allow more with --limit")
        return line
