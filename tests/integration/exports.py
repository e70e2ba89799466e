"""Exports for tests: another instance beside the one of the test, and exports that somebody has changed."""

import contextlib
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import override_settings

from governance import fsck
from governance.portability.exporting import export_community
from governance.portability.importing import import_community
from tests.integration.test_races import using

Lines = list[dict[str, Any]]


def empty(file: Path) -> Path:
    """Make an empty database with the tables, indexes and triggers of that of the tests, which takes no time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        made = dict(cursor.fetchall())
    virtual = tuple(f"{name}_" for name, sql in made.items() if sql.startswith("CREATE VIRTUAL"))
    with contextlib.closing(sqlite3.connect(file)) as there:
        for name, sql in made.items():
            own = name.startswith("sqlite_") or any(name.startswith(each) and "TRIGGER" not in sql for each in virtual)
            if not own:  # those that belong to a search table come with it
                there.execute(sql)
        there.commit()
    return file


@contextmanager
def instance(folder: Path, database: Path | str) -> Iterator[None]:
    """Be another instance: a copy of a SQLite file, or a database by its address; own files, own keys."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(database, Path):
        shutil.copyfile(database, folder / "commons.sqlite3")
        database = f"sqlite://{folder}/commons.sqlite3"
    (folder / "keys").mkdir(exist_ok=True)
    with override_settings(ARTIFACTS_DIR=folder / "artifacts", KEYS_DIR=folder / "keys"), using(database):
        yield


def there_and_back(slug: str, place: Path, now: datetime) -> None:
    """Export a community, import it into another instance that has no chain, and see that all of it verifies there."""
    place.mkdir(exist_ok=True)
    exported = export_community(slug, place / "out", now)
    without_chain = override_settings(CHAIN_RPC="http://127.0.0.1:9")
    with instance(place / "elsewhere", empty(place / "empty.sqlite3")), without_chain:
        done = import_community(place / "out", now, expected=exported.manifest_sha256)
        assert (done.rows, done.findings) == (exported.rows, {})
        assert [str(found) for found in fsck.check()] == []
        again = export_community(slug, place / "again", now)
    assert again == exported
    assert hashes(place / "again") == hashes(place / "out")


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of an export by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest of an export."""
    said = json.loads((folder / "manifest.json").read_bytes())
    change(said)
    (folder / "manifest.json").write_text(json.dumps(said))


def forge(folder: Path, table: str, change: Callable[[Lines], object]) -> None:
    """Change rows of an export as somebody would who knows the format: the checksums fit again."""
    path = folder / "tables" / f"{table}.jsonl"
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(rows)
    rewrite(folder, f"tables/{table}.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in rows))


def rewrite(folder: Path, name: str, data: bytes) -> None:
    """Put other bytes in the place of a file, and its checksum into the manifest."""
    (folder / name).write_bytes(data)

    def fit(said: dict[str, Any]) -> None:
        entry = next(file for file in said["files"] if file["path"] == name)
        entry.update(sha256=hashlib.sha256(data).hexdigest(), size=len(data), lines=data.count(b"\n"))

    manifest(folder, fit)
