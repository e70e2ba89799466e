"""Databases with all tables: the first of a test run is migrated, each further one is a copy of it as it was then.

Migrating takes longer than most tests. Everything that `migrate` leaves comes along, content types and triggers too. Of
PostgreSQL it is the folder of a whole server that is copied.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.core import management
from django.core.management import call_command
from django.db import connection

from tests.journeys import services
from tests.testbed import shared


def give_tables(database: Path) -> None:
    """Give the empty database in this file all tables; it is the one in use (`test_races.using`), and not open yet."""
    assert Path(connection.settings_dict["NAME"]) == database
    database.write_bytes(shared.once("migrated.sqlite3", _migrate).read_bytes())


@contextmanager
def copied() -> Iterator[None]:
    """Let Django copy the tables into the database that it makes for tests, where it would migrate them."""
    with patch.object(management, "call_command", _call_command):
        yield


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL; yield the address of its database, which has all tables."""
    with services.postgresql(like=shared.once("migrated.postgresql", _migrate_postgresql)) as url:
        yield url


def _call_command(name: str, **options: Any) -> None:
    if name != "migrate" or connection.vendor != "sqlite":
        call_command(name, **options)
        return
    with closing(sqlite3.connect(shared.once("migrated.sqlite3", _migrate))) as kept:
        connection.ensure_connection()
        kept.backup(connection.connection)


def _migrate(file: Path) -> None:
    from tests.integration.test_races import using

    with using(f"sqlite://{file}"):
        call_command("migrate", verbosity=0)
    # With the last connection, the journal is written back and goes.
    assert [path.name for path in file.parent.glob(f"{file.name}*")] == [file.name]


def _migrate_postgresql(folder: Path) -> None:
    from tests.integration.test_races import using

    with services.postgresql(leave=folder) as url, using(url):
        call_command("migrate", verbosity=0)
