"""What a relay keeps of one run: the table of the open round in memory, closed rounds and their payloads in a folder.

    FOLDER/rounds/<round, 6 digits>/<sha256>.bin    payloads
    FOLDER/rounds/<round, 6 digits>/round.json      written last: the round is closed
    FOLDER/members.json                             how many seats, who has which, and each seat's newest fence

Opened again, it goes on with the round after the last closed one, with the members and payloads that it had.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes
from training_jobs.exchange import payload, rounds
from training_jobs.exchange.tickets import Ticket, slot_of

ROUND_DIGITS = 6
MEMBERS_FILE = "members.json"


class Book:
    """Applies the rules of `rounds` under a lock; safe for many threads."""

    def __init__(self, folder: Path, rules: rounds.Rules, clock: Callable[[], float] = time.monotonic) -> None:
        """Go on after the last round that is closed in `folder`; RoundRefusal when it is of another number of seats."""
        self.folder = folder
        self.rules = rules
        self._clock = clock
        self._changed = threading.Condition()
        (folder / "rounds").mkdir(parents=True, exist_ok=True)
        number = 0
        while self.closed_round(number) is not None:
            number += 1
        self._table = self._recall(number)

    def join(self, ticket: Ticket) -> dict[str, Any]:
        """Let a member take its seat; return the seat, its first round, the open round and the number of seats."""
        with self._changed:
            before = self._table.members
            self._table = rounds.join(self._table, ticket.member, ticket.slot, ticket.fence, self._clock())
            if self._table.members.keys() != before.keys():
                self._write_members()
            member = self._table.members[ticket.member]
            return {
                "slot": member.slot,
                "from_round": member.from_round,
                "round": self._table.round,
                "workers": self.rules.workers,
            }

    def leave(self, name: str) -> None:
        """Let a member go; the round may close without it."""
        with self._changed:
            self._table = rounds.leave(self._table, name)
            self._write_members()
            self._close_if_due()

    def deliver(self, name: str, number: int, data: bytes) -> str:
        """Keep a payload of the open round and return its SHA-256; BadPayload or RoundRefusal otherwise."""
        header, _body = payload.split(data)
        if header.member != name or header.round != number:
            raise payload.BadPayload("payload_of_another", f"it says {header.member}, round {header.round}")
        digest = payload.sha256(data)
        path = self.payload_path(number, digest)
        with self._changed:
            table = rounds.deliver(self._table, name, number, digest, header.tokens, self._clock())
            path.parent.mkdir(exist_ok=True)
            write_whole(path, data)
            self._table = table
            self._close_if_due()
        return digest

    def wait_closed(self, name: str, number: int, seconds: float) -> bytes | None:
        """Return the record of a closed round, waiting for it up to `seconds`; None when it is still open."""
        until = self._clock() + seconds
        with self._changed:
            self._table = rounds.heard(self._table, name, self._clock())
            while (record := self.closed_round(number)) is None:
                now = self._clock()
                self._table = rounds.heard(self._table, name, now)
                self._close_if_due()
                if self.closed_round(number) is not None:
                    continue
                if now >= until:
                    return None
                self._changed.wait(min(until - now, 0.2))
            return record

    def closed_round(self, number: int) -> bytes | None:
        """Return the record of a closed round as it was written."""
        path = self.folder / "rounds" / f"{number:0{ROUND_DIGITS}}" / "round.json"
        return path.read_bytes() if path.exists() else None

    def payload_path(self, number: int, digest: str) -> Path:
        """Return where a payload lies."""
        return self.folder / "rounds" / f"{number:0{ROUND_DIGITS}}" / f"{digest}.bin"

    def _recall(self, number: int) -> rounds.Table:
        """Return the table as it was: everybody is taken for alive, until silence shows otherwise."""
        now = self._clock()
        path = self.folder / MEMBERS_FILE
        kept: dict[str, Any] = {"workers": self.rules.workers, "fences": {}, "members": {}}
        if path.exists():
            kept = json.loads(path.read_bytes())
        if kept["workers"] != self.rules.workers:
            detail = f"the run has {kept['workers']} seats, the ticket says {self.rules.workers}"
            raise rounds.RoundRefusal("workers_differ", detail)
        members = {name: rounds.Member(name, slot, first, now) for name, (slot, first) in kept["members"].items()}
        deliveries = {}
        for file in sorted(self.payload_path(number, "").parent.glob("*.bin")):
            header, _body = payload.split(file.read_bytes())
            slot = slot_of(header.member)
            deliveries[slot] = rounds.Delivery(header.member, slot, file.stem, header.tokens, now)
        fences = {int(slot): fence for slot, fence in kept["fences"].items()}
        return rounds.Table(number, members, deliveries, fences, now)

    def _write_members(self) -> None:
        kept = {
            "workers": self.rules.workers,
            "fences": {str(slot): fence for slot, fence in self._table.fences.items()},
            "members": {member.name: [member.slot, member.from_round] for member in self._table.members.values()},
        }
        write_whole(self.folder / MEMBERS_FILE, canonical_bytes(kept))

    def _close_if_due(self) -> None:
        now = self._clock()
        if rounds.is_due(self._table, self.rules, now):
            record, table = rounds.close(self._table, now)
            folder = self.folder / "rounds" / f"{self._table.round:0{ROUND_DIGITS}}"
            folder.mkdir(exist_ok=True)  # nobody may have delivered
            write_whole(folder / "round.json", canonical_bytes(record))
            self._table = table
            self._changed.notify_all()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is either absent or complete."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    partial.replace(path)
