"""Objects in a folder: `<root>/ab/cdef…`, read-only files that share their bytes with the releases by hard links.

A release's folder and the objects are two sets of names for the same bytes, so keeping a release copies nothing, and
the second release with the same file costs a name. Both lie on one file system, which has to know hard links.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from models_registry.storage.base import NAME, ObjectMissing, Stored, WrongBytes, digest_of, require_name


class LocalObjects:
    """Keeps objects below `root`."""

    def __init__(self, root: Path) -> None:
        """Take the folder; it is created with the first object."""
        self._root = root

    def path(self, sha256: str) -> Path:
        """Return where an object lies, or would."""
        name = require_name(sha256)
        return self._root / name[:2] / name[2:]

    def keep(self, file: Path, sha256: str) -> None:
        """Have the object, and let `file` be another name of it.

        1. If a sound object is there, say that it is wanted and put a link to it in the place of the file.  2. Else
        make the file durable and read-only and link it; an unsound object of this name is replaced.
        """
        target = self.path(sha256)
        if self._sound(target, sha256):  # 1
            os.utime(target)
            if not target.samefile(file):
                _link_over(target, file)
            return
        if digest_of(_plain(file)) != sha256:  # 2
            raise WrongBytes(f"{file.name} is not {sha256}")
        file.chmod(0o444)
        _sync(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_over(file, target)
        os.utime(target)
        for folder in (target.parent, self._root):
            _sync(folder)

    def open(self, sha256: str, first: int = 0) -> BinaryIO:
        """Open the file itself: the system can send it without copying it through memory of ours."""
        try:
            stream = _plain(self.path(sha256))
        except FileNotFoundError as error:
            raise ObjectMissing(sha256) from error
        stream.seek(first)
        return stream

    def fetch(self, sha256: str, target: Path) -> None:
        """Link the object, after comparing it with its name."""
        found = digest_of(self.open(sha256))
        if found != sha256:
            raise WrongBytes(f"the object {sha256} has the bytes of {found}")
        os.link(self.path(sha256), target)

    def objects(self) -> Iterator[Stored]:
        """Yield what lies in the folders; a half-made link of a crash is no object."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            for file in sorted(folder.iterdir()):
                if NAME.fullmatch(folder.name + file.name):
                    found = self.stored(folder.name + file.name)
                    if found is not None:
                        yield found

    def stored(self, sha256: str) -> Stored | None:
        """Return size and time of the object."""
        try:
            facts = self.path(sha256).lstat()
        except FileNotFoundError:
            return None
        return Stored(sha256, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def delete(self, sha256: str) -> None:
        """Remove the name; the bytes go with their last name."""
        self.path(sha256).unlink(missing_ok=True)

    def _sound(self, target: Path, sha256: str) -> bool:
        try:
            return digest_of(_plain(target)) == sha256
        except FileNotFoundError:
            return False


def _plain(file: Path) -> BinaryIO:
    return os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _link_over(source: Path, target: Path) -> None:
    """Let `target` be another name of `source`, in one step for whoever looks, whatever was there before."""
    folder = Path(tempfile.mkdtemp(prefix=".link-", dir=target.parent))
    try:
        os.link(source, folder / "link")
        (folder / "link").replace(target)
    finally:
        with suppress(FileNotFoundError):
            (folder / "link").unlink()
        folder.rmdir()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
