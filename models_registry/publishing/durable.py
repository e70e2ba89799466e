"""Putting a release folder in place on a disk, whole or not at all: for our own hub and for an operator's folder.

The copy is staged on the same file system, written to disk (fsync of every file and folder) and renamed in one step,
so a reader never sees half a release and a power cut never keeps the name without the bytes.
"""

import os
import shutil
import tempfile
from pathlib import Path

from models_registry.publishing.base import (
    Permit,
    PublishError,
    ReleaseFile,
    always,
    measure,
    open_plain,
    release_files,
)

STAGING = ".staging"


def put_in_place(
    source: Path,
    files: tuple[ReleaseFile, ...],
    final: Path,
    *,
    root: Path,
    manifest_sha256: str,
    permit: Permit = always,
) -> None:
    """Make `final`, somewhere below `root`, hold exactly the release; raise PublishError if it holds another one.

    1. If it is there already, nothing is copied.  2. Stage a copy and compare it.  3. Rename it into place, if that is
    still wanted; somebody else may be first.  4. Compare what stands there.
    """
    mark = final.relative_to(root).as_posix().replace("/", "-")
    try:
        if not final.exists():  # 1
            staged = _stage(source, files, root / STAGING, mark)  # 2
            _rename_if_wanted(staged, final, root, permit)  # 3
            for leftover in (root / STAGING).glob(f"{mark}-*"):
                # A publisher of the same release that is still copying fails with a passing error and finds this copy.
                shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        # A full disk or a race with another publisher: the next attempt starts from what is there.
        raise PublishError(
            "storage_failed", f"the release could not be stored: {error.strerror}", permanent=False
        ) from error
    try:
        release_files(final, manifest_sha256)  # 4
    except PublishError as error:
        detail = f"{final.relative_to(root)} holds another release, or was changed ({error.detail})"
        raise PublishError("publication_conflict", detail, permanent=True) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stage(source: Path, files: tuple[ReleaseFile, ...], staging: Path, mark: str) -> Path:
    staging.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f"{mark}-", dir=staging))
    for file in files:
        _copy_durably(source / file.path, staged / file.path)
        if measure(staged, file.path) != file:
            raise PublishError("manifest_mismatch", f"{file.path} changed while it was copied", permanent=False)
    staged.chmod(0o755)
    for folder in sorted((path for path in staged.rglob("*") if path.is_dir()), reverse=True):
        sync_folder(folder)
    sync_folder(staged)
    return staged


def _rename_if_wanted(staged: Path, final: Path, root: Path, permit: Permit) -> None:
    try:
        permit()
    except PublishError:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    _rename(staged, final, root)


def _rename(staged: Path, final: Path, root: Path) -> None:
    missing = [up for up in final.parents if up.is_relative_to(root) and not up.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        sync_folder(parent.parent)
    try:
        staged.rename(final)
    except OSError:
        # Somebody else was first. Who holds the place is compared by the caller.
        if not final.exists():
            raise
    sync_folder(final.parent)


def _copy_durably(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_plain(source) as reading, target.open("xb") as writing:
        shutil.copyfileobj(reading, writing, 1024 * 1024)
        writing.flush()
        os.fsync(writing.fileno())
    # Published files are never changed again; a mistake in another program should not be able to.
    target.chmod(0o444)
