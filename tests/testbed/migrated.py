"""An SQLite file with all tables: the first of a process is migrated, each further one is a copy of it as it was then.

Migrating takes longer than most tests. Everything that `migrate` leaves is in the file, content types and triggers too.
"""

from pathlib import Path

from django.core.management import call_command
from django.db import connection

_MADE: list[bytes] = []


def give_tables(database: Path) -> None:
    """Give the empty database in this file all tables; it is the one in use (`test_races.using`), and not open yet."""
    assert Path(connection.settings_dict["NAME"]) == database
    if _MADE:
        database.write_bytes(_MADE[0])
        return
    call_command("migrate", verbosity=0)
    connection.close()  # with the last connection, the journal is written back and goes
    assert [path.name for path in database.parent.glob(f"{database.name}*")] == [database.name]
    _MADE.append(database.read_bytes())
