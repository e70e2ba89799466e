"""Publication on our own hub: the release becomes a folder below the artifacts root, whole or not at all.

    <root>/<namespace>/<name>/<revision>/…   what the hub serves
    <root>/.staging/<revision>-…/            what a crash may leave; the next publication of the revision removes it

The copy is staged, written to disk (fsync of every file and folder) and renamed in one step, so a reader never sees
half a release and a power cut never keeps the name without the bytes. No Django here: paths come in as parameters.
"""

import os
import shutil
import tempfile
from pathlib import Path

from models_registry.publishing.base import (
    Publication,
    PublishError,
    ReleaseFile,
    measure,
    open_plain,
    release_files,
    require_names,
)

STAGING = ".staging"


class HubTarget:
    """Copies a release below `root`. The location is the folder relative to `root`, as `Version.folder` keeps it."""

    name = "hub"
    label = "Our own hub"
    description = "Served by this site to any stock Hugging Face client."

    def __init__(self, root: Path) -> None:
        """Take the artifacts root; it is created on the first publication."""
        self._root = root

    def publish(
        self, release_folder: Path, model_id: str, version: int, revision: str, manifest_sha256: str
    ) -> Publication:
        """Copy the release into place. Publishing the same release again changes nothing.

        1. Compare the folder with the signed manifest.  2. If it is already there, say so, or refuse if it is another
        one. 3. Stage a copy on the same file system.  4. Compare the copy.  5. Rename it into place.
        """
        # 1.
        require_names(model_id, version, revision, manifest_sha256)
        files = release_files(release_folder, manifest_sha256)
        location = f"{model_id}/{revision}"
        final = self._root / location
        try:
            # 2.
            if not final.exists():
                self._copy_into_place(release_folder, files, final, revision)
        except OSError as error:
            # A full disk or a race with another publisher: the next attempt starts from what is there.
            raise PublishError(
                "storage_failed", f"the release could not be stored: {error}", permanent=False
            ) from error
        try:
            release_files(final, manifest_sha256)
        except PublishError as error:
            detail = f"{location} holds another release, or was changed ({error.detail})"
            raise PublishError("publication_conflict", detail, permanent=True) from error
        return Publication(location, revision)

    def _copy_into_place(self, source: Path, files: tuple[ReleaseFile, ...], final: Path, revision: str) -> None:
        # 3.
        staging_root = self._root / STAGING
        staging_root.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f"{revision}-", dir=staging_root))
        for file in files:
            _copy_durably(source / file.path, staged / file.path)
            # 4.
            if measure(staged, file.path) != file:
                raise PublishError("manifest_mismatch", f"{file.path} changed while it was copied", permanent=False)
        staged.chmod(0o755)
        for folder in sorted((path for path in staged.rglob("*") if path.is_dir()), reverse=True):
            _sync_folder(folder)
        _sync_folder(staged)
        # 5.
        _make_folders(final.parent, self._root)
        try:
            staged.rename(final)
        except OSError:
            # Somebody else was first. Who holds the place is compared by the caller.
            if not final.exists():
                raise
        _sync_folder(final.parent)
        for leftover in staging_root.glob(f"{revision}-*"):
            # A publisher of the same revision that is still copying fails with a passing error and finds this copy.
            shutil.rmtree(leftover, ignore_errors=True)


def _copy_durably(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_plain(source) as reading, target.open("xb") as writing:
        shutil.copyfileobj(reading, writing, 1024 * 1024)
        writing.flush()
        os.fsync(writing.fileno())
    # Published files are never changed again; a mistake in another program should not be able to.
    target.chmod(0o444)


def _make_folders(folder: Path, root: Path) -> None:
    """Create `folder` below `root`, and make each new name durable in the folder above it."""
    missing = [parent for parent in (folder, *folder.parents) if parent.is_relative_to(root) and not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        _sync_folder(parent.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
