"""The books of all runs that a relay serves: opened when a member comes, put away when nobody has for long.

    FOLDER/<run>/    the book of a run; made when its first member joins

Two tickets of one run must agree about its number of seats. What was put away lies in its folder, and is opened again
by the next request; folders that nobody has touched for `keep_seconds` are removed.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from training_jobs.exchange.book import MEMBERS_FILE, Book
from training_jobs.exchange.rounds import RoundRefusal, Rules
from training_jobs.exchange.tickets import Ticket

IDLE_SECONDS = 900.0


@dataclass
class _Open:
    """A book in memory: how many requests hold it, and when the last one did."""

    book: Book
    held: int = 0
    used_at: float = 0.0


class Shelf:
    """Gives out the book of a ticket's run; safe for many threads."""

    def __init__(
        self,
        folder: Path,
        rules_for: Callable[[int], Rules],
        *,
        keep_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rules_for` returns the rules of a run with so many seats; `keep_seconds` None: folders stay."""
        self.folder = folder
        self._rules_for = rules_for
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def book(self, ticket: Ticket, *, new: bool = False) -> Iterator[Book]:
        """Hold the book of the ticket's run; RoundRefusal where there is none, unless a `new` one may be made."""
        with self._lock:
            entry = self._open.get(ticket.run)
            if entry is None:
                if not new and not (self.folder / ticket.run / MEMBERS_FILE).exists():
                    raise RoundRefusal("not_a_member", f"nobody has joined {ticket.run}")
                entry = _Open(Book(self.folder / ticket.run, self._rules_for(ticket.workers), self._clock))
                self._open[ticket.run] = entry
            elif entry.book.rules.workers != ticket.workers:
                detail = f"the run has {entry.book.rules.workers} seats, the ticket says {ticket.workers}"
                raise RoundRefusal("workers_differ", detail)
            entry.held += 1
        try:
            yield entry.book
        finally:
            with self._lock:
                entry.held -= 1
                entry.used_at = self._clock()

    def tidy(self, now: float) -> None:
        """Put away what is idle; remove what was not touched for long. `now` is Unix time, as files have it."""
        with self._lock:
            idle = self._clock() - IDLE_SECONDS
            for run in [run for run, entry in self._open.items() if not entry.held and entry.used_at <= idle]:
                del self._open[run]
            if self._keep_seconds is None:
                return
            for folder in self.folder.iterdir():
                if folder.name not in self._open and folder.is_dir() and _touched(folder) <= now - self._keep_seconds:
                    shutil.rmtree(folder)


def _touched(folder: Path) -> float:
    """Return when anybody joined a run last, or delivered the first payload of a round."""
    return max(path.stat().st_mtime for path in (folder, folder / "rounds") if path.exists())
