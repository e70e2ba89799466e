"""Export: writes a community as it stands at one moment. Reads only, and in batches."""

import hashlib
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.db import connection, transaction

from governance.errors import Conflict, NotFound
from governance.models import Community, Record
from governance.portability import manifest as manifests
from governance.portability.manifest import MANIFEST, OBJECTS, File, Manifest
from governance.portability.own_records import own_records
from governance.portability.package import CHUNK_BYTES, add_to_archive, require_free
from governance.portability.rows import write
from governance.portability.tables import Row, Shelf, Table, parts, shelves, tables
from governance.portability.values import read_line, time_text, write_line

ARCHIVE = ".tar"


@dataclass(frozen=True)
class Exported:
    """What was written: the SHA-256 of the manifest names all of it; how many rows, files and bytes of files."""

    manifest_sha256: str
    rows: int
    objects: int
    object_bytes: int
    findings: int


def export_community(slug: str, place: Path, now: datetime, *, with_files: bool = True) -> Exported:
    """Write a community into a folder, or into one archive where `place` ends in .tar.

    1. Within one snapshot of the database: rows, table by table, then which files belong to them, then what fsck finds.
    2. The manifest. 3. The files themselves, each compared with its name. 4. All of it is moved into place at once.

    Raises NotFound, Conflict (the place is taken, a record or file is damaged or missing), Invalid, or an OSError of
    the disk. Nothing is left behind then.
    """
    require_free(place)
    stage = place.with_name(f".{place.name}.{os.getpid()}.partial")
    stage.mkdir(parents=True, mode=0o700)
    try:
        with _snapshot():  # 1
            community = Community.objects.select_related("record").filter(slug=slug).first()
            if community is None:
                raise NotFound("unknown_community", "there is no community with this name", field="slug", found=slug)
            (stage / "tables").mkdir()
            files = [
                _write(stage, f"tables/{table.name}.jsonl", _rows(table, community)) for table in tables().values()
            ]
            rows = sum(file.lines for file in files)
            if with_files:
                files.append(_write(stage, OBJECTS, _objects(community)))
            findings = _findings(community)
        said = Manifest(  # 2
            community=community.slug,
            instance=community.instance,
            record=community.record_id,
            software=software(),
            made_at=time_text(now),
            with_files=with_files,
            files=tuple(files),
            findings=findings,
            left_out=reasons(),
        ).to_bytes()
        (stage / MANIFEST).write_bytes(said)
        count, size = _bring(stage, place, with_files=with_files)  # 3, 4
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    digest = hashlib.sha256(said).hexdigest()
    return Exported(digest, rows, count, size, sum(findings.values()))


def software() -> str:
    """Return name and version of what writes."""
    try:
        return f"commonweights {version('commonweights')}"
    except PackageNotFoundError:  # run from a checkout
        return "commonweights"


def reasons() -> dict[str, str]:
    """Return what stays behind and why: tables, and columns of those that leave."""
    found: dict[str, str] = {}
    for part in parts():
        for model, reason in part.left_out.items():
            found[model._meta.db_table] = reason  # noqa: SLF001 - Django's documented interface
        for table in part.tables:
            for column, (_, reason) in table.left_out.items():
                found[f"{table.name}.{column}"] = reason
    return found


@contextmanager
def _snapshot() -> Iterator[None]:
    """See the database as it stands at one moment, and hold up nobody who writes meanwhile.

    PostgreSQL: repeatable read. SQLite: a deferred transaction over the write-ahead log; Django's own would take the
    lock of writers. Whoever is within a transaction already has what it gives.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute("SET LOCAL statement_timeout = 0")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")


def _rows(table: Table, community: Community) -> Iterator[Row]:
    return own_records(community) if table.model is Record else write(table, community)


def _objects(community: Community) -> Iterator[Row]:
    """Yield each file of a community once, with its size."""
    for role, shelf in shelves().items():
        seen: set[tuple[str, str]] = set()
        for sha256, of in shelf.wanted(community):
            if (sha256, of) in seen:
                continue
            seen.add((sha256, of))
            try:
                size = shelf.size(sha256, of)
            except OSError as error:
                if shelf.optional:
                    continue
                raise _missing(shelf, sha256, error) from error
            yield {"role": role, "sha256": sha256, "of": of, "size": size}


def _findings(community: Community) -> dict[str, int]:
    """Return what fsck finds here: elsewhere it may find that again, and nothing else."""
    found: Counter[str] = Counter()
    for part in parts():
        found.update(f"{each.table} {each.what}" for each in islice(part.check(community), manifests.FINDINGS_MAX))
    return dict(sorted(found.items())[: manifests.FINDINGS_MAX])


def _write(stage: Path, path: str, rows: Iterable[Row]) -> File:
    digest, size, count = hashlib.sha256(), 0, 0
    with (stage / path).open("xb") as stream:
        for row in rows:
            line = write_line(row)
            stream.write(line)
            digest.update(line)
            size, count = size + len(line), count + 1
    return File(path, digest.hexdigest(), size, count)


def _bring(stage: Path, place: Path, *, with_files: bool) -> tuple[int, int]:
    """Put rows, manifest and files where they belong; return how many files, and their bytes."""
    if place.name.endswith(ARCHIVE):
        return _archive(stage, place, with_files=with_files)
    count = size = 0
    for row in _once(stage) if with_files else ():
        target = stage / manifests.object_path(row["sha256"])
        target.parent.mkdir(parents=True, exist_ok=True)
        with _reading(row) as stream, target.open("xb") as copy:
            shutil.copyfileobj(stream, copy, CHUNK_BYTES)
        count, size = count + 1, size + row["size"]
    stage.rename(place)
    return count, size


def _archive(stage: Path, place: Path, *, with_files: bool) -> tuple[int, int]:
    made = place.with_name(f".{place.name}.{os.getpid()}.partial.tar")
    count = size = 0
    try:
        with tarfile.open(made, "x", format=tarfile.GNU_FORMAT) as archive:
            own = [MANIFEST, *(f"tables/{path.name}" for path in sorted((stage / "tables").iterdir()))]
            for path in [*own, OBJECTS] if with_files else own:
                with (stage / path).open("rb") as stream:
                    add_to_archive(archive, path, stream, (stage / path).stat().st_size)
            for row in _once(stage) if with_files else ():
                with _reading(row) as stream:
                    add_to_archive(archive, manifests.object_path(row["sha256"]), stream, row["size"])
                count, size = count + 1, size + row["size"]
        made.chmod(0o600)
        made.rename(place)
    finally:
        made.unlink(missing_ok=True)
    return count, size


def _once(stage: Path) -> Iterator[Row]:
    """Yield each file of the list by its name once, whatever roles it has."""
    seen: set[str] = set()
    with (stage / OBJECTS).open("rb") as stream:
        for line in stream:
            row = read_line(line)
            if row["sha256"] not in seen:
                seen.add(row["sha256"])
                yield row


@contextmanager
def _reading(row: Row) -> "Iterator[BinaryIO]":
    """Open a file, and compare its bytes with its name once all of them were read."""
    shelf = shelves()[row["role"]]
    try:
        opened = shelf.open(row["sha256"], row["of"])
    except OSError as error:
        raise _missing(shelf, row["sha256"], error) from error
    with opened:
        stream = _Hashing(opened)
        yield stream  # type: ignore[misc]  # only `read` is asked of it
        if (stream.digest.hexdigest(), stream.size) != (row["sha256"], row["size"]):
            detail = f"a file ({row['role']}) has other bytes than its name says"
            raise Conflict("file_is_damaged", detail, found=row["sha256"])


class _Hashing:
    """A stream that knows the SHA-256 of what was read from it."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - whatever a store opens
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self.digest.update(data)
        self.size += len(data)
        return data


def _missing(shelf: Shelf, sha256: str, error: OSError) -> Conflict:
    detail = f"a file ({shelf.role}) cannot be read; restore it from a backup, or leave without files"
    return Conflict("file_is_missing", detail, found=f"{sha256}: {error.strerror or type(error).__name__}")
