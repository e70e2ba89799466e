"""The folder through which a trainer meets the other members: files in, files out, no network.

    RUN_DIR/exchange/member.json                          {"member", "workers", "slot", "round"}: who we are, and which
                                                          round was open when we came
    RUN_DIR/exchange/from.json                            {"round"}: the first one that we need, for the courier
    RUN_DIR/exchange/waiting                              touched every second while we stand still for others
    RUN_DIR/exchange/out/<round, 6 digits>.bin            what we send
    RUN_DIR/exchange/rounds/<round>/round.json            a closed round: who is in it, by digest
    RUN_DIR/exchange/rounds/<round>/<sha256>.bin          what they sent
    RUN_DIR/exchange/refusals.jsonl                       whose payload was not used, and why

Nothing in it is trusted: a record that does not parse, or a payload that is not what its digest says, ends the attempt.
"""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.exchange.payload import is_digest, is_member, sha256
from training_jobs.trainer.failures import PermanentFailure, TemporaryFailure

LOOK_SECONDS = 0.02
SAY_SECONDS = 1.0
# Applied rounds stay this long, for whoever wants to look at them; all of them would fill the disk.
ROUNDS_KEPT = 20
SILENCE_SECONDS_MAX = 6 * 3600.0
RECORD_BYTES_MAX = 1_000_000
PLACE_BYTES_MAX = 10_000


@dataclass(frozen=True)
class Entry:
    """One member of a closed round, by the digest of its payload."""

    member: str
    sha256: str


class Exchange:
    """Reads and writes RUN_DIR/exchange."""

    def __init__(self, run_dir: Path, workers: int) -> None:
        """Read who we are; a folder that was not prepared, or for another number of workers, is a permanent failure."""
        self.folder = run_dir / "exchange"
        try:
            found = strict_loads((self.folder / "member.json").read_bytes(), max_bytes=PLACE_BYTES_MAX)
            self.member, self.slot, self.open_at_first = found["member"], found["slot"], found["round"]
            known = is_member(self.member) and type(self.slot) is int and 0 <= self.slot < workers
            known = known and type(self.open_at_first) is int and self.open_at_first >= 0
            if not known or found["workers"] != workers:
                raise ValueError(f"this is no place among {workers} workers")
        except FileNotFoundError as error:
            raise PermanentFailure("input_missing", "exchange/member.json") from error
        except (CanonicalError, KeyError, TypeError, ValueError) as error:
            raise PermanentFailure("input_unreadable", f"exchange/member.json: {error}") from error
        for name in ("out", "rounds"):
            (self.folder / name).mkdir(exist_ok=True)
        self._first = 0

    def begin_at(self, first: int) -> None:
        """Tell the courier which round we need first."""
        self._first = first
        partial = self.folder / ".from.partial"
        partial.write_bytes(canonical_bytes({"round": first}))
        partial.replace(self.folder / "from.json")

    def has_applied(self, number: int) -> None:
        """Let go of what was applied ROUNDS_KEPT rounds ago; told first, the courier does not fetch that again."""
        old = number - ROUNDS_KEPT
        if old >= self._first:
            self.begin_at(old + 1)
            shutil.rmtree(self._record(old).parent, ignore_errors=True)

    def send(self, number: int, data: bytes) -> None:
        """Leave our payload of a round for the courier."""
        path = self.folder / "out" / f"{number:06d}.bin"
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        path.with_name(f"{number - 2:06d}.bin").unlink(missing_ok=True)  # long since closed

    def is_closed(self, number: int) -> bool:
        """Say whether a round is closed."""
        return self._record(number).exists()

    def wait(self, number: int, should_stop: Callable[[], bool]) -> bool:
        """Wait until a round is closed and return True; False when asked to stop meanwhile."""
        now = said = time.monotonic()
        until = now + SILENCE_SECONDS_MAX
        while not self.is_closed(number):
            if should_stop():
                return False
            now = time.monotonic()
            if now > until:
                raise TemporaryFailure("exchange_silent", f"round {number} was not closed for hours")
            if now - said >= SAY_SECONDS:
                said = now
                (self.folder / "waiting").touch()
            time.sleep(LOOK_SECONDS)
        return True

    def entries(self, number: int) -> list[Entry]:
        """Return who is in a closed round, sorted by member as the record has to be."""
        try:
            found = strict_loads(self._record(number).read_bytes(), max_bytes=RECORD_BYTES_MAX)
            entries = [Entry(member["member"], member["sha256"]) for member in found["members"]]
            names = [entry.member for entry in entries]
            if found["round"] != number or not all(map(is_member, names)) or names != sorted(set(names)):
                raise ValueError("it is not a record of this round, sorted by member")
            if not all(is_digest(entry.sha256) for entry in entries):
                raise ValueError("a digest is none")
        except (CanonicalError, KeyError, TypeError, ValueError) as error:
            raise TemporaryFailure("round_unreadable", f"round {number}: {error}") from error
        return entries

    def payload(self, number: int, entry: Entry) -> bytes:
        """Return the payload of an entry.

        Everybody must use the same payloads: going on without one that the others have would split the run. So one that
        is missing or damaged here ends this attempt, and the round counts as not fetched yet.
        """
        path = self._record(number).parent / f"{entry.sha256}.bin"
        data = path.read_bytes() if path.exists() else b""
        if sha256(data) != entry.sha256:
            self._record(number).unlink()
            path.unlink(missing_ok=True)
            raise TemporaryFailure("round_incomplete", f"round {number}: the payload of {entry.member} is damaged here")
        return data

    def note_refusal(self, number: int, member: str, code: str) -> None:
        """Write down whose payload was not used."""
        with (self.folder / "refusals.jsonl").open("ab") as file:
            file.write(canonical_bytes({"round": number, "member": member, "code": code}) + b"\n")

    def _record(self, number: int) -> Path:
        return self.folder / "rounds" / f"{number:06d}" / "round.json"
