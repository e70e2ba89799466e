"""Who is in a round and when it closes: pure rules over facts and a clock that is passed in.

A round is open until every member that is waited for has delivered, or until the stragglers' time is over and a quorum
has. A member is waited for while it was heard of recently and has come far enough to take part. Who is left out loses
that round's work and goes on from what the others agreed; nobody waits for it longer than `straggler_seconds`. The
first round waits for all workers, so that a run starts together.

    open(round)  --all waited-for members delivered, and at least a quorum-->           closed(round), open(round + 1)
                 --straggler_seconds after the first delivery, and at least a quorum--> closed(round), open(round + 1)
                 --a quorum is there, but nobody of it is to deliver, first_seconds-->  closed(round), open(round + 1)

The last arrow is for members that all died and came back beyond a round that they had not delivered: it is closed with
what it has, if need be with nothing. A seat is one member's at a time: whoever shows a newer fencing number takes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from training_jobs.exchange.payload import is_member


class RoundRefusal(Exception):
    """Something that the rules do not allow; `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True)
class Rules:
    """What is fixed for a run. `workers`: seats, and how many the first round waits for. Times in seconds."""

    workers: int
    quorum: int
    live_seconds: float
    straggler_seconds: float
    first_seconds: float


@dataclass(frozen=True)
class Member:
    """One member: its seat (which share of the data is its own), its first round, and when it was heard of last."""

    name: str
    slot: int
    from_round: int
    seen_at: float


@dataclass(frozen=True)
class Delivery:
    """One payload that arrived for the open round."""

    member: str
    slot: int
    sha256: str
    tokens: int
    at: float


@dataclass(frozen=True)
class Table:
    """The facts: which round is open, who takes part, what each seat delivered for it, and when that changed last.

    `fences` holds the newest fencing number that each seat was taken with, also of members that have left.
    """

    round: int = 0
    members: Mapping[str, Member] = field(default_factory=dict)
    deliveries: Mapping[int, Delivery] = field(default_factory=dict)
    fences: Mapping[int, int] = field(default_factory=dict)
    changed_at: float = 0.0


def join(table: Table, name: str, slot: int, fence: int, now: float) -> Table:
    """Let a member take its seat, or come back to it; a newer fence takes it from an older one.

    Before the first round closes one takes part at once, unless the seat has delivered already; later from the next
    round on: in this one the others are ahead.
    """
    if not is_member(name):
        raise RoundRefusal("member_malformed", "a member's name is letters, digits, dots, dashes; at most 64")
    newest = table.fences.get(slot, 0)
    if fence < newest:
        raise RoundRefusal("ticket_superseded", f"seat {slot} was taken over by {newest}, {fence} is older")
    known = table.members.get(name)
    if known is not None:
        return _with_member(table, replace(known, seen_at=now))
    others = {other.name: other for other in table.members.values() if other.slot != slot}
    first = 0 if table.round == 0 and slot not in table.deliveries else table.round + 1
    return replace(
        table,
        members={**others, name: Member(name, slot, first, now)},
        fences={**table.fences, slot: fence},
        changed_at=now,
    )


def heard(table: Table, name: str, now: float) -> Table:
    """Note a sign of life."""
    return _with_member(table, replace(_known(table, name), seen_at=now))


def leave(table: Table, name: str) -> Table:
    """Let a member go: nobody waits for it any more."""
    _known(table, name)
    return replace(table, members={other: member for other, member in table.members.items() if other != name})


def deliver(table: Table, name: str, round_number: int, sha256: str, tokens: int, now: float) -> Table:
    """Note a payload for the open round. A seat's first one stands: again is no change, another is refused."""
    member = _known(table, name)
    table = _with_member(table, replace(member, seen_at=now))
    if round_number < table.round:
        raise RoundRefusal("round_closed", f"round {round_number} is closed; {table.round} is open")
    if round_number > table.round:
        raise RoundRefusal("round_not_open", f"round {table.round} is open, not {round_number}")
    earlier = table.deliveries.get(member.slot)
    if earlier is not None:
        if earlier.sha256 != sha256:
            raise RoundRefusal(
                "already_delivered", f"{earlier.member} delivered another payload in round {round_number}"
            )
        return table
    delivery = Delivery(name, member.slot, sha256, tokens, now)
    return replace(table, deliveries={**table.deliveries, member.slot: delivery}, changed_at=now)


def is_due(table: Table, rules: Rules, now: float) -> bool:
    """Say whether the open round closes now."""
    live = [member for member in table.members.values() if _is_live(member, rules, now)]
    awaited = [member for member in live if member.from_round <= table.round and member.slot not in table.deliveries]
    quorum = max(1, rules.quorum)
    if len(table.deliveries) < quorum:
        present = {member.slot for member in live} | set(table.deliveries)
        return not awaited and len(present) >= quorum and now - table.changed_at >= rules.first_seconds
    first = min(delivery.at for delivery in table.deliveries.values())
    if table.round == 0:
        together = len(table.deliveries) + len(awaited) >= rules.workers
        return now - first >= rules.first_seconds or (together and not awaited)
    return not awaited or now - first >= rules.straggler_seconds


def close(table: Table, now: float) -> tuple[dict[str, Any], Table]:
    """Return the record of the open round, members sorted by name, and the table with the next round open."""
    members = [
        {"member": delivery.member, "sha256": delivery.sha256, "tokens": delivery.tokens}
        for delivery in sorted(table.deliveries.values(), key=lambda delivery: delivery.member)
    ]
    record = {"round": table.round, "members": members}
    return record, replace(table, round=table.round + 1, deliveries={}, changed_at=now)


def _is_live(member: Member, rules: Rules, now: float) -> bool:
    return now - member.seen_at < rules.live_seconds


def _known(table: Table, name: str) -> Member:
    if name not in table.members:
        raise RoundRefusal("not_a_member", f"{name} has not joined")
    return table.members[name]


def _with_member(table: Table, member: Member) -> Table:
    return replace(table, members={**table.members, member.name: member})
