"""An attempt's place among the other members of its run: a courier beside the training child, from join to leave.

The child has no network; it sees files only. Here is what the supervisor has to know about the one who carries them:

    superseded    another attempt has taken this seat over: the lease is lost, whatever the platform has said so far
    shut out      the relay does not let us in (an expired ticket, another secret): the child leaves a checkpoint, and
                  the attempt ends so that the next one gets a new ticket
    silent        the relay does not answer: the courier tries again for ever; the child trains on until it needs the
                  others, and gives up by itself after hours (`exchange_silent`)
    waiting       the child stands still because others are not there yet, and says so by touching a file: that counts
                  as progress, or a member that came first would be ended for having nobody to talk to
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training_jobs.beside import beside
from training_jobs.endings import Ending
from training_jobs.exchange.courier import Courier, Refused

SUPERSEDED = "ticket_superseded"
WAITING_FILE = "waiting"
# How long to try to meet the relay for the first time.
JOIN_SECONDS_MAX = 300.0
# How long a payload that is on its way out may take when the attempt ends; enough for a small one.
SEND_SECONDS_MAX = 3.0


@dataclass(frozen=True)
class Meeting:
    """Where the members of a run meet: the relay's address, our ticket, and the name that it gives us."""

    url: str
    ticket: str
    member: str


class Superseded(Exception):
    """Another attempt has our seat."""


class NotMet(Exception):
    """The relay does not let us in, or does not answer: `ending` is the attempt's."""

    def __init__(self, ending: Ending) -> None:
        """Keep what the attempt ends with."""
        super().__init__(ending.code)
        self.ending = ending


class Attendance:
    """One attempt's courier: `join`, then looks, and `end` in any case. It raises Superseded and NotMet."""

    def __init__(self, meeting: Meeting, folder: Path) -> None:
        """Keep where to meet; nothing of an earlier attempt's exchange stays."""
        shutil.rmtree(folder / "exchange", ignore_errors=True)
        self._courier = Courier(folder, meeting.url, meeting.member, meeting.ticket)
        self._waiting = folder / "exchange" / WAITING_FILE
        self._touched = 0

    def join(self, beat: Callable[[], object], beat_seconds: float) -> None:
        """Join the run and begin to carry. `beat` is called every so many seconds meanwhile; what it raises ends it."""
        until = time.monotonic() + JOIN_SECONDS_MAX

        def beat_in_time() -> None:
            beat()
            if time.monotonic() >= until:
                detail = f"the relay did not answer for {JOIN_SECONDS_MAX:.0f} s"
                raise NotMet(Ending("exchange_silent", detail, permanent=False))

        try:
            beside(self._courier.join, beat_in_time, beat_seconds)
        except Refused as refusal:
            raise _meaning(refusal) from refusal
        self._courier.start()

    def look(self) -> str:
        """Say how the child is to go on: "continue", "stale", or "shut_out", and then `require` says why."""
        trouble = self._courier.trouble
        if trouble is None:
            return "continue"
        return "stale" if isinstance(_meaning(trouble), Superseded) else "shut_out"

    def require(self) -> None:
        """Raise what keeps the courier from going on, if anything does."""
        trouble = self._courier.trouble
        if trouble is not None:
            raise _meaning(trouble) from trouble

    def is_waiting(self) -> bool:
        """Say whether the child has said since the last look that it waits for others."""
        try:
            touched = self._waiting.stat().st_mtime_ns
        except OSError:
            return False
        news = touched != self._touched
        self._touched = touched
        return news

    def end(self, *, at_once: bool) -> None:
        """Stop carrying and leave; a few seconds at most."""
        self._courier.stop(0.0 if at_once else SEND_SECONDS_MAX)
        self._courier.leave()


def _meaning(trouble: Exception) -> Superseded | NotMet:
    """Return what a courier's trouble means for the attempt: with another ticket, or another disk, it may go better."""
    if isinstance(trouble, Refused):
        if trouble.code == SUPERSEDED:
            return Superseded()
        code = trouble.code if trouble.code.startswith("ticket_") else "relay_refused"
        return NotMet(Ending(code, f"the relay answers {trouble.status} {trouble.code}", permanent=False))
    if isinstance(trouble, OSError):
        return NotMet(Ending("storage_failed", str(trouble), permanent=False))
    return NotMet(Ending("failed", f"the courier broke off: {trouble!r}", permanent=False))
