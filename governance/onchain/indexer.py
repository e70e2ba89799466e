"""Reads what a community's Governor said, block by block, so that nothing is lost and nothing counts twice.

Only finalized blocks are read (and `settings.CHAIN_CONFIRMATIONS` fewer, where a chain's word for final is not to be
believed). A range of blocks is one transaction: its events, the mark of its last block by number and hash, and the
place to go on from. Killed at any moment, it goes on behind the last range that is whole.

Where a mark is no longer part of the chain, what was read after the newest mark that still is goes away and is read
anew. If something that was carried out already goes with it, nothing more is read: that is for people to judge.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from governance.chain import Block, ChainReader, ChainUnavailable, Log, RangeRefused, governor
from governance.chain.joining import require_joined
from governance.models import Contract, ContractEvent, ContractMark
from governance.onchain import changes
from governance.services.events import note

BLOCKS_AT_ONCE_MAX: Final = 5_000
# So many marks are kept; a chain that takes back more than these is read anew from the first one.
MARKS_KEPT: Final = 500
_INSERTED_AT_ONCE: Final = 1_000
_MARKS_AT_ONCE: Final = 30
_OF_ONE: Final = frozenset({"number", "called", "scheduled", "unscheduled"})


def read_on(contract_id: int, chain: ChainReader, now: datetime, *, ranges: int | None = None) -> int:
    """Read on to the newest final block, in so many ranges at most; return how many events were new.

    1. go back to a mark that still stands; 2. read range after range, each in a transaction of its own.
    """
    contract = Contract.objects.get(pk=contract_id)
    if contract.halted:
        return 0
    last = chain.finalized_block().number - settings.CHAIN_CONFIRMATIONS
    if contract.block_number > last:
        return 0
    contract = _stand_firm(contract, chain, now)  # 1
    at_once, count = BLOCKS_AT_ONCE_MAX, 0
    while not contract.halted and contract.block_number < last and (ranges is None or ranges > 0):  # 2
        first = contract.block_number + 1
        (end,) = chain.blocks([min(first + at_once - 1, last)])
        try:
            logs = _logs(contract, chain, first, end)
        except RangeRefused:
            if end.number == first:
                raise
            at_once = (end.number - first + 1) // 2
            continue
        times = _times(chain, logs, end)
        require_joined(chain, Block(contract.block_number, contract.block_hash, contract.block_time), end)
        contract, found = _keep(contract, end, logs, times, now)
        count += found
        ranges = None if ranges is None else ranges - 1
    return count


def _logs(contract: Contract, chain: ChainReader, first: int, end: Block) -> list[Log]:
    """Return what Governor, anchor and timelocks said, each what it has a say in.

    Where the Governor names another timelock, the range is read once more, with that one.
    """
    timelocks = changes.timelocks_of(contract)
    kinds = governor.topics()
    while True:
        logs = chain.logs_of([contract.governor, *timelocks, contract.anchor], list(kinds), first, end)
        meant = [log for log in logs if log.contract in _speakers(contract, timelocks, kinds[log.topics[0]])]
        named = [governor.read(log).data["after"] for log in meant if kinds[log.topics[0]] == "timelock"]
        new = [address for address in dict.fromkeys(named) if address not in timelocks]
        if not new:
            return meant
        timelocks += new


def _speakers(contract: Contract, timelocks: list[str], kind: str) -> list[str]:
    if kind in governor.OF_TIMELOCK:
        return timelocks
    return [contract.anchor] if kind in governor.OF_ANCHOR else [contract.governor]


def _stand_firm(contract: Contract, chain: ChainReader, now: datetime) -> Contract:
    """Return the contract at its last mark that is part of the chain, with nothing kept that was read after it."""
    if chain.blocks([contract.block_number])[0].hash == contract.block_hash:
        return contract
    good = _newest_standing(contract, chain)
    with transaction.atomic():
        locked = Contract.objects.select_for_update().get(pk=contract.pk)
        if (locked.block_number, locked.block_hash) != (contract.block_number, contract.block_hash):
            return locked
        lost = locked.events.filter(block_number__gt=good.number)
        done = lost.filter(taken=True, proposal__in=locked.proposals.values("number")).first()
        if done is not None:
            locked.halted = f"the chain took back block {done.block_number}, by which something was carried out here"
            locked.save(update_fields=["halted"])
            note("contract_halted", now, community=locked.community, governor=locked.governor, detail=locked.halted)
            return locked
        moved = lost.filter(kind="timelock").first()
        if moved is not None:
            locked.timelock = moved.data["before"]
        lost.delete()
        locked.marks.filter(number__gt=good.number).delete()
        locked.block_number, locked.block_hash, locked.block_time = good.number, good.hash, good.time
        locked.save(update_fields=["block_number", "block_hash", "block_time", "timelock"])
    return locked


def _newest_standing(contract: Contract, chain: ChainReader) -> ContractMark:
    """Return the newest mark that is part of the chain; the oldest is where reading began, and is taken to stand.

    No proposal of this site is older than that, so nothing can be lost before it.
    """
    marks = list(contract.marks.all())
    for start in range(0, len(marks), _MARKS_AT_ONCE):
        some = marks[start : start + _MARKS_AT_ONCE]
        blocks = chain.blocks([mark.number for mark in some])
        for mark, block in zip(some, blocks, strict=True):
            if block.hash == mark.hash:
                return mark
    return marks[-1]


def _times(chain: ChainReader, logs: Sequence[Log], end: Block) -> dict[int, int]:
    """Return the second of each block that has events; a block that changed meanwhile means asking again later."""
    hashes = {log.block_number: log.block_hash for log in logs}
    found = {log.block_number: log.block_time for log in logs if log.block_time is not None} | {
        end.number: end.timestamp
    }
    for block in chain.blocks([number for number in hashes if number not in found]):
        if block.hash != hashes[block.number]:
            raise ChainUnavailable(f"block {block.number} changed while it was read")
        found[block.number] = block.timestamp
    return found


def _keep(
    contract: Contract, end: Block, logs: Sequence[Log], times: dict[int, int], now: datetime
) -> tuple[Contract, int]:
    """Keep a range, unless somebody else has read on meanwhile."""
    rows = _rows(contract, logs, times)
    with transaction.atomic():
        locked = Contract.objects.select_for_update().get(pk=contract.pk)
        if (locked.block_number, locked.block_hash) != (contract.block_number, contract.block_hash):
            return locked, 0
        ContractEvent.objects.bulk_create(rows, batch_size=_INSERTED_AT_ONCE)
        ContractMark.objects.create(contract=locked, number=end.number, hash=end.hash, time=end.timestamp)
        old = list(locked.marks.exclude(number=locked.first_block).values_list("pk", flat=True)[MARKS_KEPT:])
        if old:
            locked.marks.filter(pk__in=old).delete()
        locked.block_number, locked.block_hash, locked.block_time = end.number, end.hash, end.timestamp
        locked.read_at = now
        locked.timelock = next((row.data["after"] for row in reversed(rows) if row.kind == "timelock"), locked.timelock)
        locked.save(update_fields=["block_number", "block_hash", "block_time", "read_at", "timelock"])
    return locked, len(rows)


def _rows(contract: Contract, logs: Sequence[Log], times: dict[int, int]) -> list[ContractEvent]:
    """Return what the logs say, each beside the proposal it is about, also where only its call or digest is named."""
    said = [governor.read(log) for log in logs]
    named = {name for each in said if (name := _named(each))}
    offers = contract.proposals.filter(Q(operation__in=named) | Q(approves__in=named)) if named else ()
    numbers = {name: offer.number for offer in offers for name in (offer.operation, offer.approves)}
    return [
        ContractEvent(
            contract=contract,
            block_number=log.block_number,
            block_hash=log.block_hash,
            block_time=times[log.block_number],
            transaction=log.transaction,
            position=log.position,
            kind=each.kind,
            proposal=str(each.proposal) if each.proposal else numbers.get(_named(each), ""),
            # Every timelock has its own delay, and its own word on what waits in it.
            data={**each.data, "of": log.contract} if each.kind in _OF_ONE else each.data,
        )
        for log, each in zip(logs, said, strict=True)
    ]


def _named(said: governor.Said) -> str:
    """Return the operation of a timelock or the digest of the anchor that an event is about."""
    return str(said.data.get("operation") or said.data.get("digest") or "")
