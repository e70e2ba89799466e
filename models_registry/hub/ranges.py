"""Byte ranges of HTTP (RFC 9110, section 14): one at a time, as a resumed download needs it. No Django.

A header that is malformed, or asks for several ranges at once, is ignored, as the standard allows: the whole file is
sent.
"""

import re
from typing import BinaryIO, Self

_ONE_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})", re.ASCII)
CHUNK_BYTES = 256 * 1024


class UnsatisfiableRangeError(ValueError):
    """The range begins behind the end of the file."""


def wanted(header: str, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one behind the last that `header` asks for, or None for the whole file."""
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or (not match["first"] and not match["last"]):
        return None
    if not match["first"]:
        length = int(match["last"])
        if length == 0 or size == 0:
            raise UnsatisfiableRangeError(header)
        return max(size - length, 0), size
    first = int(match["first"])
    last = int(match["last"]) if match["last"] else size - 1
    if match["last"] and last < first:
        return None
    if first >= size:
        raise UnsatisfiableRangeError(header)
    return first, min(last + 1, size)


class Part:
    """Reads a part of a file in chunks, so that the size of a file never shows in memory; closes it in the end."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        """Take an open stream, at its first wanted byte, and how many bytes to hand out."""
        self._stream = stream
        self._remaining = length

    def __iter__(self) -> Self:
        """Return itself: a part is read once."""
        return self

    def __next__(self) -> bytes:
        """Return the next chunk."""
        chunk = self._stream.read(min(CHUNK_BYTES, self._remaining))
        if not chunk:
            self.close()
            raise StopIteration
        self._remaining -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file, also when the reader has gone away half-way."""
        self._stream.close()
