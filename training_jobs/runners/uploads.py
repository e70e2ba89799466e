"""Files that a runner sends in parts: staged per attempt by digest and size, taken over only when they are named.

RUNS_DIR/<run>/<fence>/uploads/<sha256>.<size> grows until it has <size> bytes and the right SHA-256; then it is
RUNS_DIR/<run>/<fence>/uploads/<sha256>. The names hold all that has to be known, so there is no row to forget. What a
runner calls its files never becomes a path here: digests do, and later names of an allow-list.
"""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from governance.errors import Conflict, Invalid, Malformed, TooLarge, Unavailable

UPLOADS = "uploads"
PART_BYTES_MAX = 32 * 1024 * 1024
FILES_MAX = 200
_CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})", re.ASCII)


@dataclass(frozen=True)
class Range:
    """The bytes `first` to `last` (both included) of a file of `total` bytes."""

    first: int
    last: int
    total: int


def attempt_folder(run_id: int, fence: int, slot: int = 0) -> Path:
    """Return the folder of an attempt: seat and fencing number are in the path, so attempts never share a file."""
    run = settings.RUNS_DIR / str(run_id)
    return (run / f"seat-{slot}" if slot else run) / str(fence)


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


def received(folder: Path, sha256: str) -> int:
    """Return how many bytes of a file are there."""
    staged = _staged(folder / UPLOADS, sha256)
    return staged.stat().st_size if staged else 0


def take_in(folder: Path, sha256: str, part: Range, stream: BinaryIO) -> tuple[int, bool]:
    """Append a part; return how many bytes are there, and whether that is the whole file.

    1. A file that is complete stays. 2. The first part must fit into the quota. 3. A part begins where the last one
    ended. 4. What arrived before a broken connection stays, and is resumed. 5. A complete file has the digest that it
    is called by, or is gone.
    """
    staging = folder / UPLOADS
    staging.mkdir(parents=True, exist_ok=True)
    complete = staging / sha256
    if complete.exists():  # 1
        if complete.stat().st_size != part.total:
            raise Conflict("upload_differs", "this file was sent with another size", found=part.total)
        return part.total, True
    path = staging / f"{sha256}.{part.total}"
    other = _staged(staging, sha256)
    if other is not None and other != path:
        raise Conflict("upload_differs", "this file was announced with another size", found=part.total)
    if not path.exists():
        _require_room(staging, part.total)  # 2
    try:
        size = _append(path, part, stream)  # 3, 4
        if size < part.total:
            return size, False
        if _sha256(path) != sha256:  # 5
            path.unlink()
            raise Invalid("digest_mismatch", "the bytes have another SHA-256 than the address says", field="sha256")
        path.rename(complete)
    except FileNotFoundError as error:  # the attempt ended meanwhile, and its folder went with it
        raise Conflict("stale_lease", "the attempt has ended") from error
    except OSError as error:
        raise Unavailable(
            "storage_failed", "the part could not be written; ask how much is there and go on from it"
        ) from error
    return part.total, True


def assemble(folder: Path, files: Iterable[Mapping[str, Any]], target: Path) -> None:
    """Put uploaded files under their names into a new folder; raise Invalid for one that was not uploaded.

    The caller has checked the names. Content is linked, not copied, where the file system can.
    """
    target.mkdir(parents=True)
    for entry in files:
        source = folder / UPLOADS / entry["sha256"]
        if not source.is_file():
            raise Invalid("manifest_mismatch", f"{entry['path']} was not uploaded", field=str(entry["path"]))
        try:
            os.link(source, target / entry["path"])
        except OSError:
            shutil.copyfile(source, target / entry["path"])


def clear(folder: Path) -> None:
    """Remove what was staged for an attempt that is over, and its folder if nothing else is in it."""
    for half in (folder / UPLOADS, *folder.glob(".artifact-*"), *folder.glob("checkpoints/.*")):
        shutil.rmtree(half, ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Let one request at a time take files over in an attempt; raise Conflict for the other."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        yield


@contextmanager
def _locked(path: Path) -> Iterator[int]:
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


def _append(path: Path, part: Range, stream: BinaryIO) -> int:
    with _locked(path) as descriptor:
        size = os.fstat(descriptor).st_size
        if part.first != size:
            detail = "a part begins where the last one ended"
            raise Conflict("offset_wrong", detail, field="Content-Range", found=part.first, allowed=size)
        os.lseek(descriptor, size, os.SEEK_SET)
        wanted, written = part.last - part.first + 1, 0
        while written < wanted and (chunk := stream.read(min(_CHUNK_BYTES, wanted - written))):
            try:
                _write(descriptor, chunk)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            written += len(chunk)
        if size + written == part.total:
            os.fsync(descriptor)
        return size + written


def _write(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _require_room(staging: Path, size: int) -> None:
    """Refuse what an attempt may not send: more files or more bytes than its quota, announced sizes included."""
    known = list(staging.iterdir())
    announced = sum(int(path.suffix[1:]) if path.suffix else path.stat().st_size for path in known)
    if len(known) >= FILES_MAX or announced + size > settings.RUN_UPLOAD_BYTES_MAX:
        raise TooLarge(
            "quota_exceeded",
            "this attempt has sent as much as it may",
            found=announced + size,
            allowed=settings.RUN_UPLOAD_BYTES_MAX,
        )


def _staged(staging: Path, sha256: str) -> Path | None:
    complete = staging / sha256
    if complete.exists():
        return complete
    return next(iter(staging.glob(f"{sha256}.*")), None)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
