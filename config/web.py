"""The web server of a site: `python -m config.web [--bind 127.0.0.1:8000] [--workers 1] [--threads 32]`.

Granian reads and writes HTTP outside of Python's lock, so the threads below have it for their work alone. A process for
each core takes most ballots; on SQLite they take turns to write (`governance/turns.py`).
"""

import argparse
import ctypes
import os
import shutil
import signal
import sys
import tempfile
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any

from granian import Granian
from granian.constants import Interfaces

THREADS = 32
# glibc's mallopt(3): M_ARENA_MAX and M_MMAP_THRESHOLD of malloc.h, and what we set them to.
M_ARENA_MAX, ARENAS = -8, 2
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 131_072


def main() -> int:
    """Serve until SIGINT or SIGTERM; requests that have begun are answered."""
    parser = argparse.ArgumentParser(prog="python -m config.web", description=__doc__.splitlines()[0])
    parser.add_argument("--bind", type=_address, default="127.0.0.1:8000", metavar="ADDRESS:PORT")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=THREADS, help="requests at once in each process")
    options = parser.parse_args()
    address, port = options.bind
    closing = Path(tempfile.mkdtemp(prefix="commonweights-web-")) / "closing"
    os.environ["COMMONWEIGHTS_CLOSING_FILE"] = str(closing)
    _keep_memory_together()
    server = Granian(
        "config.wsgi:application",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=options.threads,
        websockets=False,
        respawn_failed_workers=True,
    )
    server.on_startup(lambda: _say_when_it_ends(closing))
    server.serve()
    shutil.rmtree(closing.parent, ignore_errors=True)
    return 0


def _keep_memory_together() -> None:
    """Have the threads share two heaps, and large blocks given back at once; the workers inherit it.

    Else glibc keeps a heap for each thread, up to eight for each core, and a threshold that grows with what was asked.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # another C library may lack it
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def _say_when_it_ends(closing: Path) -> None:
    """Make a file as soon as the server is to stop: streams see it and end, so that nobody waits a minute for them.

    The server's own hook for its end comes after that wait, so its handlers are wrapped, once they are there.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        stop = signal.getsignal(number)

        def handle(number: int, frame: FrameType | None, stop: Any = stop) -> None:  # noqa: ANN401 - as `signal` has it
            closing.touch()
            stop(number, frame)

        signal.signal(number, handle)


def _address(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return str(ip_address(address.strip("[]"))), int(port)


if __name__ == "__main__":
    sys.exit(main())
