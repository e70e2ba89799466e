"""Files that arrive in parts, each where the last one ended (Content-Range of RFC 9110). Knows no names and no quotas.

Runners send models like this and members datasets: whoever stages a file says where, and what it may hold.
"""

import base64
import binascii
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from governance.errors import Conflict, Invalid, Malformed, TooLarge

PART_BYTES_MAX = 32 * 1024 * 1024
_CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})", re.ASCII)
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)


@dataclass(frozen=True)
class Range:
    """The bytes `first` to `last` (both included) of a file of `total` bytes."""

    first: int
    last: int
    total: int


def read_range(header: str) -> Range:
    """Read a Content-Range (RFC 9110, section 14.4); raise Malformed for anything but one whole range."""
    found = _RANGE.fullmatch(header)
    if found is None:
        raise Malformed(
            "malformed_range", "Content-Range is bytes FIRST-LAST/TOTAL", field="Content-Range", found=header
        )
    part = Range(*(int(number) for number in found.groups()))
    if not part.first <= part.last < part.total:
        raise Malformed("malformed_range", "FIRST is at most LAST, which is below TOTAL", field="Content-Range")
    if part.last - part.first + 1 > PART_BYTES_MAX:
        raise TooLarge("too_large", f"a part has at most {PART_BYTES_MAX} bytes", allowed=PART_BYTES_MAX)
    return part


def read_digest(header: str) -> bytes:
    """Read a Content-Digest (RFC 9530) of one SHA-256; raise Malformed for anything else."""
    found = _DIGEST.fullmatch(header.strip())
    try:
        return base64.b64decode(found[1], validate=True) if found else _no_digest(header)
    except binascii.Error:
        return _no_digest(header)


def append(path: Path, part: Range, stream: BinaryIO, sha256: bytes | None = None) -> int:
    """Append a part to the file; return how many bytes are there then.

    What arrived before a broken connection stays, and is resumed; with `sha256` only a part with this SHA-256 stays.
    Raises Conflict for a part that begins elsewhere or while somebody else writes, Invalid for another SHA-256.
    """
    with locked(path) as descriptor:
        size = os.fstat(descriptor).st_size
        if part.first != size:
            detail = "a part begins where the last one ended"
            raise Conflict("offset_wrong", detail, field="Content-Range", found=part.first, allowed=size)
        os.lseek(descriptor, size, os.SEEK_SET)
        digest = hashlib.sha256()
        wanted, written = part.last - part.first + 1, 0
        while written < wanted and (chunk := stream.read(min(_CHUNK_BYTES, wanted - written))):
            try:
                _write(descriptor, chunk)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            digest.update(chunk)
            written += len(chunk)
        if sha256 is not None and digest.digest() != sha256:
            os.ftruncate(descriptor, size)
            detail = "the bytes of this part have another SHA-256 than was said; send it again"
            raise Invalid("digest_mismatch", detail, field="Content-Digest", found=digest.hexdigest())
        if size + written == part.total:
            os.fsync(descriptor)
        return size + written


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Open a file (made if it is not there) or a folder for one writer at a time; raise Conflict for the other."""
    flags = os.O_RDONLY if path.is_dir() else os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Conflict("upload_busy", "another request is writing this") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _no_digest(header: str) -> bytes:
    detail = "Content-Digest is sha-256=:BASE64: (RFC 9530)"
    raise Malformed("malformed_digest", detail, field="Content-Digest", found=header[:80])


def _write(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
