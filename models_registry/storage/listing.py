"""What a version's files are, named by SHA-256 and as git and Git LFS name them: what a client compares.

Small files carry the SHA-1 of a git blob, weights and other large files that of a Git LFS pointer. The git names
identify, they do not protect: trust comes from the manifest in the release. No Django here.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LARGE_SUFFIX = ".safetensors"
LARGE_BYTES_MIN = 10 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class File:
    """One file: where it stands in the release, its bytes by size and SHA-256 (lower-case hex), its name in git."""

    path: str
    size: int
    sha256: str
    git_id: str

    @property
    def large(self) -> bool:
        """Whether clients treat it as a file of Git LFS."""
        return self.path.endswith(LARGE_SUFFIX) or self.size >= LARGE_BYTES_MIN

    @property
    def etag(self) -> str:
        """The name under which a client keeps the content."""
        return self.sha256 if self.large else self.git_id

    @property
    def pointer_size(self) -> int:
        """The size of the Git LFS pointer in bytes."""
        return len(_pointer(self.sha256, self.size))


def described(file: Path, path: str) -> File:
    """Hash one file that stands at `path`; raise FileNotFoundError (or another OSError) where it cannot be read."""
    sha256 = hashlib.sha256()
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        small = size < LARGE_BYTES_MIN and not path.endswith(LARGE_SUFFIX)
        while chunk := stream.read(CHUNK_BYTES):
            sha256.update(chunk)
            if small:
                blob.update(chunk)
    return File(path, size, sha256.hexdigest(), blob.hexdigest() if small else _pointer_id(sha256.hexdigest(), size))


def described_bytes(content: bytes, path: str) -> File:
    """Describe a small file that exists only in memory."""
    git_id = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return File(path, len(content), hashlib.sha256(content).hexdigest(), git_id)


def files_of(folder: Path) -> dict[str, File]:
    """Describe the plain files below `folder` by their relative path; links are passed over, so none can lead outside.

    Raises FileNotFoundError when the folder is not there.
    """
    found = {}
    for parent, _folders, names in os.walk(folder, onerror=_raise):
        for name in names:
            file = Path(parent, name)
            if stat.S_ISREG(file.lstat().st_mode):
                path = file.relative_to(folder).as_posix()
                found[path] = described(file, path)
    return dict(sorted(found.items()))


def to_json(files: Iterable[File]) -> list[dict[str, Any]]:
    """Return the listing as the database keeps it."""
    return [asdict(file) for file in files]


def from_json(listing: Iterable[Mapping[str, Any]]) -> dict[str, File]:
    """Return the files of a kept listing by path."""
    return {entry["path"]: File(**entry) for entry in listing}


def _pointer(sha256: str, size: int) -> bytes:
    """Return the text that Git LFS keeps in place of a large file (git-lfs specification, version 1)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def _pointer_id(sha256: str, size: int) -> str:
    pointer = _pointer(sha256, size)
    return hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()


def _raise(error: OSError) -> None:
    raise error
