"""An export as it lies on a disk: a folder, or one uncompressed tar with the same files.

Reads neither links nor more than the manifest says, never unpacks an archive, and takes only the plain headers that
POSIX.1-1988 (ustar) has, with the large sizes of GNU tar. What is read is bounded by sizes that were
compared with the disk before: an archive is not compressed, so nothing in it can be larger than itself.
"""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from governance.errors import Conflict, Invalid, NotFound
from governance.portability import manifest as manifests
from governance.portability.manifest import MANIFEST, OBJECT, OBJECTS, TABLE, File
from governance.portability.tables import Row
from governance.portability.values import LINE_BYTES_MAX, read_line

CHUNK_BYTES = 1024 * 1024
MEMBERS_MAX = 10_000_000
_BLOCK = 512


class Source(Protocol):
    """Files of an export by their paths."""

    def size(self, path: str) -> int:
        """Return the size of a file in bytes; raise Invalid where it is missing or no plain file."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open a file."""
        ...

    def paths(self) -> Iterator[str]:
        """Yield the paths of all files; raise Invalid for what an export never holds."""
        ...


@contextmanager
def opened(place: Path) -> Iterator[Source]:
    """Open a folder or an archive; raise NotFound or Invalid."""
    try:
        facts = place.lstat()
    except (OSError, ValueError) as error:
        raise NotFound("no_export", "there is no such file or folder", found=str(place)[:200]) from error
    if stat.S_ISDIR(facts.st_mode):
        yield _Folder(place)
    elif stat.S_ISREG(facts.st_mode):
        with place.open("rb") as stream:
            yield _Archive(stream, facts.st_size)
    else:
        raise Invalid("not_a_file", "an export is a folder or a file, and no link to one", found=str(place)[:200])


def read_manifest(source: Source) -> manifests.Manifest:
    """Read the manifest of an export."""
    size = source.size(MANIFEST)
    if size > manifests.MANIFEST_BYTES_MAX:
        allowed = manifests.MANIFEST_BYTES_MAX
        raise Invalid("bad_manifest", "the manifest is too large", field=MANIFEST, found=size, allowed=allowed)
    with source.open(MANIFEST) as stream:
        return manifests.read(stream.read(size))


def lines(source: Source, file: File) -> Iterator[Row]:
    """Yield the rows of a file; raise Invalid at its end, at the latest, if it is not what the manifest says."""
    digest, size, count = hashlib.sha256(), 0, 0
    if source.size(file.path) != file.size:
        raise damaged(file.path, f"{file.size} bytes", f"{source.size(file.path)} bytes")
    with source.open(file.path) as stream:
        while line := stream.readline(LINE_BYTES_MAX + 1):
            if len(line) > LINE_BYTES_MAX:
                raise Invalid("line_too_long", "a line is too long", field=file.path, allowed=LINE_BYTES_MAX)
            digest.update(line)
            size, count = size + len(line), count + 1
            if count > file.lines:
                raise damaged(file.path, f"{file.lines} lines", "more")
            yield read_line(line)
    if (digest.hexdigest(), size, count) != (file.sha256, file.size, file.lines):
        raise damaged(file.path, file.sha256, digest.hexdigest())


def damaged(path: str, expected: str, found: str) -> Invalid:
    """Return the refusal of a file that is not what the manifest says."""
    detail = f"{path} is damaged: it is not what the manifest says"
    return Invalid("damaged_file", detail, field=path, found=found, allowed=expected)


class _Folder:
    """An export as a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def size(self, path: str) -> int:
        return self._facts(path).st_size

    def open(self, path: str) -> BinaryIO:
        self._facts(path)
        descriptor = os.open(self._root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        return os.fdopen(descriptor, "rb")

    def paths(self) -> Iterator[str]:
        for parent, folders, names in os.walk(self._root):
            for name in folders:
                if Path(parent, name).is_symlink():
                    raise Invalid("link_in_export", "an export holds no links", found=name[:100])
            for name in names:
                path = Path(parent, name).relative_to(self._root).as_posix()
                self._facts(path)
                yield _allowed(path)

    def _facts(self, path: str) -> os.stat_result:
        """Look at a file and at the folders on the way to it: none may be a link."""
        _allowed(path)
        way = self._root
        parts = path.split("/")
        facts = None
        for place, part in enumerate(parts):
            way = way / part
            try:
                facts = way.lstat()
            except OSError as error:
                raise Invalid("missing_file", f"{path} is missing", field=path) from error
            wanted = stat.S_ISREG if place == len(parts) - 1 else stat.S_ISDIR
            if not wanted(facts.st_mode):
                raise Invalid("link_in_export", "an export holds plain files only, and no links", found=path[:100])
        return cast("os.stat_result", facts)


class _Archive:
    """An export as an uncompressed tar. Where each file begins is read once; nothing is unpacked."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._members: dict[str, tuple[int, int]] = {}
        place = 0
        while True:
            stream.seek(place)
            block = stream.read(_BLOCK)
            if len(block) == _BLOCK and not any(block):
                break
            name, length = _header(block)
            if name in self._members or len(self._members) >= MEMBERS_MAX:
                raise Invalid("bad_archive", "a file stands in the archive twice, or there are too many", found=name)
            begin = place + _BLOCK
            place = begin + -(-length // _BLOCK) * _BLOCK
            if place > size:
                raise Invalid("bad_archive", "the archive ends in the middle of a file", found=name)
            self._members[name] = (begin, length)

    def size(self, path: str) -> int:
        return self._member(path)[1]

    def open(self, path: str) -> BinaryIO:
        begin, length = self._member(path)
        duplicate = os.fdopen(os.dup(self._stream.fileno()), "rb", buffering=0)
        return cast("BinaryIO", io.BufferedReader(_Section(duplicate, begin, length)))

    def paths(self) -> Iterator[str]:
        yield from self._members

    def _member(self, path: str) -> tuple[int, int]:
        if path not in self._members:
            raise Invalid("missing_file", f"{path} is missing", field=path)
        return self._members[path]


class _Section(io.RawIOBase):
    """Some bytes of a file; reads by place, so that several can be open."""

    def __init__(self, stream: io.FileIO, begin: int, length: int) -> None:
        super().__init__()
        self._stream, self._place, self._end = stream, begin, begin + length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._end - self._place)
        data = os.pread(self._stream.fileno(), wanted, self._place) if wanted > 0 else b""
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _header(block: bytes) -> tuple[str, int]:
    """Read a header; refuse links, folders, extensions and whatever else is no plain file."""
    try:
        member = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError) as error:
        detail = "this is no uncompressed tar archive of an export; unpack what is compressed first"
        raise Invalid("bad_archive", detail, found=type(error).__name__) from error
    if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
        raise Invalid("link_in_export", "an export holds plain files only, and no links", found=member.name[:100])
    if not 0 <= member.size < 2**53:
        raise Invalid("bad_archive", "a file of an impossible size", found=member.name[:100])
    return _allowed(member.name), member.size


def _allowed(path: str) -> str:
    """Return a path that an export may hold: no other has a place in it, so none can lead outside."""
    if path in {MANIFEST, OBJECTS} or TABLE.fullmatch(path) or OBJECT.fullmatch(path):
        return path
    raise Invalid("unsafe_path", "an export holds no such file", field="path", found=path[:100])


# --- writing ------------------------------------------------------------------------------------------------------


def require_free(place: Path) -> None:
    """Refuse to write over anything."""
    if place.exists() or place.is_symlink():
        raise Conflict("place_is_taken", "there is something already; nothing was changed", found=str(place)[:200])


def add_to_archive(archive: tarfile.TarFile, path: str, stream: BinaryIO, size: int) -> None:
    """Add a file with nothing about when, where and by whom: the same export gives the same bytes."""
    member = tarfile.TarInfo(path)
    member.size, member.mtime, member.mode = size, 0, 0o644
    archive.addfile(member, stream)
