"""Import: restores an exported community, all of it or nothing, and only if everything in it still verifies."""

import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from governance.errors import Conflict, Invalid
from governance.fsck.finding import Finding, guarded
from governance.fsck.records import check_records
from governance.fsck.trees import check_stray_trees
from governance.models import Community
from governance.portability.manifest import MANIFEST, OBJECTS, TABLE, File, Manifest, object_path
from governance.portability.package import CHUNK_BYTES, Source, lines, opened, read_manifest
from governance.portability.rows import Numbers, read, reset_sequence
from governance.portability.tables import Row, Shelf, parts, shelves, tables

_SHOWN = 5
_OBJECT_KEYS = {"role", "sha256", "of", "size"}


@dataclass(frozen=True)
class Imported:
    """What was restored. `renumbered` are the rows that have another number here: {table: {old: new}}."""

    community: Community
    manifest_sha256: str
    made_at: str
    rows: int
    objects: int
    renumbered: dict[str, dict[int, int]]
    findings: dict[str, int]


def import_community(
    place: Path, now: datetime, *, expected: str = "", say: Callable[[str], None] = lambda _line: None
) -> Imported:
    """Restore a community from a folder or an archive. `expected` is the SHA-256 of its manifest, where one knows it.

    1. The manifest, and that the parts are exactly those of this version. 2. The community is not here. 3. The files,
    each compared with its name: what is left of them if the rest is refused is what the next collection removes.
    4. In one transaction: all rows; whatever has to follow; then fsck over the community and over all records, which
    may find what it found at home and nothing more.

    Raises NotFound, Invalid (damaged, unknown, unsafe, missing), Conflict (there already, or taken), or an OSError.
    """
    with opened(place) as source:
        said = read_manifest(source)  # 1
        digest = _require_whole(source, said, expected)
        _require_new(said)  # 2
        count = 0
        offered: set[tuple[str, str, str]] = set()
        if said.with_files:
            count = _keep_objects(source, said, offered)  # 3
            say(f"{count} files are kept")
        try:
            with transaction.atomic():  # 4
                _patience()
                before = {str(found) for found in _over_all()}
                community, rows, numbers = _restore(source, said, say)
                for part in parts():
                    part.follow(community, now)
                community.refresh_from_db()
                if said.with_files:
                    _require_files(community, offered)
                findings = _require_sound(community, said, before)
        except DatabaseError as error:
            detail = "the database refused; nothing was changed"
            raise Conflict("database_refused", detail, found=str(error)[:300]) from error
    renumbered = {
        model._meta.db_table: {old: new for old, new in pairs.items() if old != new}  # noqa: SLF001
        for model, pairs in numbers.items()
    }
    changed = {name: pairs for name, pairs in renumbered.items() if pairs}
    return Imported(community, digest, said.made_at, rows, count, changed, findings)


def _require_whole(source: Source, said: Manifest, expected: str) -> str:
    """Refuse an export that has other parts than this version knows, or files that its manifest does not name."""
    with source.open(MANIFEST) as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    if expected and digest != expected:
        detail = "this is another export than the one that is expected"
        raise Invalid("other_export", detail, field=MANIFEST, found=digest, allowed=expected)
    named = {file.path for file in said.files}
    known = {f"tables/{table.name}.jsonl" for table in tables().values()}
    for path in known - named:
        raise Invalid("missing_part", f"the export lacks {path}", field="files", found=path)
    for path in named - known - {OBJECTS}:
        raise Invalid("unknown_part", f"{path} is not known here", field="files", found=path)
    if (OBJECTS in named) is not said.with_files:
        raise Invalid("missing_part", f"{OBJECTS} and with_files contradict each other", field="files")
    for path in source.paths():
        if path != MANIFEST and (path == OBJECTS or TABLE.fullmatch(path)) and path not in named:
            raise Invalid("unknown_part", f"the manifest does not name {path}", field="files", found=path)
    for file in said.files:
        if source.size(file.path) != file.size:
            found = f"{source.size(file.path)} bytes"
            raise Invalid("damaged_file", f"{file.path} is damaged", field=file.path, found=found, allowed=file.size)
    return digest


def _require_new(said: Manifest) -> None:
    there = Community.objects.filter(slug=said.community).first()
    if there is not None:
        same = there.record_id == said.record
        code, what = ("community_is_here", "this") if same else ("slug_is_taken", "another")
        raise Conflict(code, f"{what} community of this name is here already", field="slug", found=said.community)


def _file(said: Manifest, path: str) -> File:
    return next(file for file in said.files if file.path == path)


def _keep_objects(source: Source, said: Manifest, offered: set[tuple[str, str, str]]) -> int:
    """Keep the files; fill `offered` with (role, SHA-256, what it belongs to)."""
    total = 0
    for row in lines(source, _file(said, OBJECTS)):
        _require_object(row)
        size = source.size(object_path(row["sha256"]))
        if size != row["size"]:
            detail = f"the file {row['sha256']} is damaged"
            raise Invalid("damaged_file", detail, field=object_path(row["sha256"]), found=size, allowed=row["size"])
        offered.add((row["role"], row["sha256"], row["of"]))
        total += size
    stage = Path(settings.ARTIFACTS_DIR) / "staging"
    stage.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(stage).free
    if total > free:
        detail = "there is no room for the files; nothing was changed"
        raise Conflict("no_room", detail, field=OBJECTS, found=f"{total} bytes", allowed=f"{free} bytes")
    for role, sha256, of in sorted(offered):
        _keep_one(source, shelves()[role], sha256, of, stage)
    return len(offered)


def _keep_one(source: Source, shelf: Shelf, sha256: str, of: str, stage: Path) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".import-", dir=stage)
    copied = Path(name)
    try:
        digest = hashlib.sha256()
        with os.fdopen(descriptor, "wb") as copy, source.open(object_path(sha256)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                copy.write(chunk)
        if digest.hexdigest() != sha256:
            detail = f"the file {sha256} is damaged"
            raise Invalid("damaged_file", detail, field=object_path(sha256), found=digest.hexdigest(), allowed=sha256)
        shelf.keep(copied, sha256, of)
    finally:
        copied.unlink(missing_ok=True)


def _require_object(row: Row) -> None:
    texts = all(isinstance(row.get(name), str) for name in ("role", "sha256", "of"))
    if set(row) != _OBJECT_KEYS or not texts or type(row["size"]) is not int or row["role"] not in shelves():
        raise Invalid("bad_value", "an entry of the list of files is not as this version has it", field=OBJECTS)


def _patience() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")


def _restore(source: Source, said: Manifest, say: Callable[[str], None]) -> tuple[Community, int, Numbers]:
    """Insert all rows, table by table in the order of the parts."""
    numbers: Numbers = {}
    total = 0
    community: Community | None = None
    nobody = Community()
    for model, table in tables().items():
        count = read(table, lines(source, _file(said, f"tables/{table.name}.jsonl")), community or nobody, numbers)
        reset_sequence(table)
        total += count
        if model is Community:
            community = _the_one(said, count)
        say(f"{table.name}: {count}")
    if community is None:
        raise Invalid("missing_part", "the export has no community", field="files")
    return community, total, numbers


def _the_one(said: Manifest, count: int) -> Community:
    community: Community | None = Community.objects.select_related("record").filter(slug=said.community).first()
    if count != 1 or community is None or community.record_id != said.record:
        raise Invalid("other_community", "the rows are of another community than the manifest says", field="community")
    return community


def _require_files(community: Community, offered: set[tuple[str, str, str]]) -> None:
    for role, shelf in shelves().items():
        for sha256, of in shelf.wanted(community):
            if not shelf.optional and (role, sha256, of) not in offered:
                raise Invalid("missing_file", f"a file ({role}) is missing", field=OBJECTS, found=sha256)


def _over_all() -> Iterator[Finding]:
    """Yield what is wrong with records and trees of whatever community."""
    yield from guarded("governance_record", "", check_records())
    yield from guarded("governance_tree", "", check_stray_trees())


def _require_sound(community: Community, said: Manifest, before: set[str]) -> dict[str, int]:
    """Refuse what does not verify; return what fsck found that it had found at home, too."""
    strange = [found for found in _over_all() if str(found) not in before]
    allowed = Counter(said.findings)
    known: Counter[str] = Counter()
    for found in chain.from_iterable(part.check(community) for part in parts()):
        name = f"{found.table} {found.what}"
        known[name] += 1
        if known[name] > allowed[name]:
            strange.append(found)
    if strange:
        shown = [str(found)[:300] for found in islice(strange, _SHOWN)]
        detail = f"{len(strange)} things do not verify that did at home; nothing was imported"
        raise Invalid("does_not_verify", detail, found=shown)
    return dict(known)
