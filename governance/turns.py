"""Writers of several processes one after the other, in the order in which they came.

SQLite has one writer at a time, and whoever finds it busy sleeps and tries again up to 100 ms later: under load one
process writes for seconds while another waits. Two file locks make it fair: who waits for the turn holds the place next
to it, so nobody who has just written comes in between. The kernel releases both with the process that holds them,
however it ends. A turn is a courtesy: whoever has waited long goes ahead, and the database's own lock decides.
PostgreSQL queues by itself.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.db import connection

_SECONDS_MAX = 5
_LOOK_AGAIN_SECONDS = 0.001


@contextmanager
def in_turn() -> Iterator[None]:
    """Wait for the turn to write, and keep it for the length of the block."""
    database = Path(str(connection.settings_dict["NAME"]))
    if connection.vendor != "sqlite" or not database.is_file():
        yield
        return
    with Path(f"{database}-next").open("wb") as place, Path(f"{database}-turn").open("wb") as turn:
        deadline = time.monotonic() + _SECONDS_MAX
        _take(place, deadline)
        _take(turn, deadline)
        fcntl.flock(place, fcntl.LOCK_UN)
        yield


def _take(lock: IO[bytes], deadline: float) -> None:
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return
