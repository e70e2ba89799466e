"""The clock that decides: on PostgreSQL the database's, so that machines with wrong clocks agree; else this machine's.

Only shells call it and pass the moment on; rules take `now` as a parameter.
"""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
            return moment.astimezone(UTC)
    return datetime.now(UTC)


def whole_second(moment: datetime) -> datetime:
    """Return the moment without its fraction: records keep whole UNIX seconds, and the tables must say the same."""
    return moment.replace(microsecond=0)


def unix(moment: datetime) -> int:
    """Return whole UNIX seconds, as records have them."""
    return int(moment.timestamp())
