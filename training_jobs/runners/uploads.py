"""Files that a runner sends in parts: staged per attempt by digest and size, taken over only when they are named.

RUNS_DIR/<run>/<fence>/uploads/<sha256>.<size> grows until it has <size> bytes and the right SHA-256; then it is
RUNS_DIR/<run>/<fence>/uploads/<sha256>. The names hold all that has to be known, so there is no row to forget. What a
runner calls its files never becomes a path here: digests do, and later names of an allow-list.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from governance.errors import Conflict, Invalid, TooLarge, Unavailable
from models_registry.parts import Range, append, locked, sha256_of

UPLOADS = "uploads"
FILES_MAX = 200


def attempt_folder(run_id: int, fence: int, slot: int = 0) -> Path:
    """Return the folder of an attempt: seat and fencing number are in the path, so attempts never share a file."""
    run = settings.RUNS_DIR / str(run_id)
    return (run / f"seat-{slot}" if slot else run) / str(fence)


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
        size = append(path, part, stream)  # 3, 4
        if size < part.total:
            return size, False
        if sha256_of(path) != sha256:  # 5
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
    with locked(folder):
        yield


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
