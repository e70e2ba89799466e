"""What a version's folder holds, named as git and Git LFS name it: a client compares these names with what it has.

Small files carry the SHA-1 of a git blob, weights and other large files the SHA-256 of Git LFS. The git names identify,
they do not protect: trust comes from the manifest in the release. No Django here.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LARGE_SUFFIX = ".safetensors"
LARGE_BYTES_MIN = 10 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_DIGESTS_KEPT = 4096


@dataclass(frozen=True)
class File:
    """One file. `sha256` and `pointer_size` are those of Git LFS, and None for a small file."""

    path: str
    size: int
    git_id: str
    sha256: str | None
    pointer_size: int | None

    @property
    def etag(self) -> str:
        """The name under which a client keeps the content."""
        return self.sha256 or self.git_id


@dataclass(frozen=True)
class Folder:
    """One folder inside a version."""

    path: str
    git_id: str


def files_of(folder: Path) -> dict[str, File]:
    """Return the plain files below `folder` by their relative path; links are passed over, so none can lead outside.

    Digests are kept per file as long as its size and time of change stay the same: published files never change.
    Raises FileNotFoundError when the folder is not there.
    """
    files = {}
    for parent, _folders, names in os.walk(folder, onerror=_raise):
        for name in names:
            file = Path(parent, name)
            facts = file.lstat()
            if stat.S_ISREG(facts.st_mode):
                path = file.relative_to(folder).as_posix()
                files[path] = _named(str(file), path, facts.st_size, facts.st_mtime_ns, facts.st_ino)
    return dict(sorted(files.items()))


def entries_below(files: dict[str, File], path: str, *, recursive: bool) -> list[File | Folder] | None:
    """Return files and folders below `path` ("" is the top), or None when there is no such folder."""
    prefix = f"{path}/" if path else ""
    below = [file for file in files.values() if file.path.startswith(prefix)]
    if not below and path:
        return None
    folders = {
        "/".join(parts[:depth])
        for parts in (file.path.split("/") for file in below)
        for depth in range(1, len(parts))
        if len("/".join(parts[:depth])) > len(prefix)
    }
    entries: list[File | Folder] = [*below, *(Folder(name, _folder_id(files, name)) for name in folders)]
    if not recursive:
        entries = [entry for entry in entries if "/" not in entry.path.removeprefix(prefix)]
    return sorted(entries, key=lambda entry: entry.path)


def _raise(error: OSError) -> None:
    raise error


@lru_cache(maxsize=_DIGESTS_KEPT)
def _named(file: str, path: str, size: int, _changed_ns: int, _inode: int) -> File:
    """Hash one file; the last two parameters only tell a changed file from the one that was hashed."""
    large = path.endswith(LARGE_SUFFIX) or size >= LARGE_BYTES_MIN
    digest = hashlib.sha256() if large else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with Path(file).open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    if not large:
        return File(path, size, digest.hexdigest(), None, None)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest.hexdigest()}\nsize {size}\n".encode()
    git_id = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()
    return File(path, size, git_id, digest.hexdigest(), len(pointer))


def _folder_id(files: dict[str, File], path: str) -> str:
    """Name a folder by the names of what it holds (not git's own tree format: no client looks inside)."""
    inside = [f"{file.path} {file.git_id}" for file in files.values() if file.path.startswith(f"{path}/")]
    return hashlib.sha1("\n".join(inside).encode(), usedforsecurity=False).hexdigest()
