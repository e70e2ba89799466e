"""The web server of a site: `python -m config.web [--bind 127.0.0.1:8000] [--workers 1] [--threads 32]`.

Granian reads and writes HTTP outside of Python's lock, so the threads below have it for their work alone. A process for
each core takes most ballots; on SQLite they take turns to write (`governance/turns.py`).
"""

import argparse
import sys
from ipaddress import ip_address

from granian import Granian
from granian.constants import Interfaces

THREADS = 32


def main() -> int:
    """Serve until SIGINT or SIGTERM; requests that have begun are answered."""
    parser = argparse.ArgumentParser(prog="python -m config.web", description=__doc__.splitlines()[0])
    parser.add_argument("--bind", type=_address, default="127.0.0.1:8000", metavar="ADDRESS:PORT")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=THREADS, help="requests at once in each process")
    options = parser.parse_args()
    address, port = options.bind
    Granian(
        "config.wsgi:application",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=options.threads,
        websockets=False,
        respawn_failed_workers=True,
    ).serve()
    return 0


def _address(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return str(ip_address(address.strip("[]"))), int(port)


if __name__ == "__main__":
    sys.exit(main())
