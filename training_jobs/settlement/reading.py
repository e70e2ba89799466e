"""Reads the transfers of treasuries, block by block: what pays a settlement is booked once, and nothing is lost.

Only finalized blocks are read (and `settings.CHAIN_CONFIRMATIONS` fewer). A range of blocks is one transaction: what
was paid in it, and the place to go on from. Killed at any moment, it goes on behind the last range that is whole.

Where the last block is no longer part of the chain, reading goes back to the newest block that paid something, or to
the first. Where that one is gone too, nothing more is read: what the books say was paid is not, and people must judge;
`resuming` lets it go on.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet

from governance.chain import Block, ChainError, ChainReader, ChainUnavailable, Log, RangeRefused
from governance.chain.factory import chain_for
from governance.chain.joining import require_joined
from governance.models import Community, Event
from governance.services import note
from training_jobs.ledger.booking import lock
from training_jobs.models import Settlement, SettlementReading
from training_jobs.settlement.matching import TRANSFER, Due, Transfer, misses, paid_by, topic_of, transfer_of
from training_jobs.settlement.services import all_terms, pay, since, told_of

logger = logging.getLogger(__name__)

BLOCKS_AT_ONCE_MAX: Final = 5_000
RANGES_PER_SWEEP: Final = 20
UNMATCHED: Final = "settlement_unmatched"
HALTED: Final = "settlement_halted"
RESUMED: Final = "settlement_resumed"


def sweep(now: datetime) -> int:
    """Read on for every community that settles on chain; return how many settlements were found paid."""
    paid = 0
    for community, tokens in _followed():
        for token in tokens:
            try:
                paid += follow(community, token, chain_for(community.chain_id), now)
            except ChainError as error:
                logger.warning("settlements of %s wait for the chain: %s", community.slug, error)
            except OperationalError:
                logger.warning("settlements of %s: the database is busy; next sweep", community.slug)
    return paid


def follow(
    community: Community, token: str, chain: ChainReader, now: datetime, *, ranges: int = RANGES_PER_SWEEP
) -> int:
    """Read on to the newest final block, in so many ranges at most; return how many settlements were found paid.

    1. begin, or go back to where the chain still stands; 2. read range after range, each in a transaction of its own.
    """
    final = chain.finalized_block()
    last = final.number - settings.CHAIN_CONFIRMATIONS
    reading = SettlementReading.objects.filter(community=community, token=token).first()
    if reading is None:  # 1
        _begin(community, token, chain.blocks([max(last, 0)])[0])
        return 0
    if reading.halted or reading.block_number > last:
        return 0
    reading = _stand_firm(reading, chain, now)
    at_once, paid = BLOCKS_AT_ONCE_MAX, 0
    while not reading.halted and reading.block_number < last and ranges > 0:  # 2
        first = reading.block_number + 1
        (end,) = chain.blocks([min(first + at_once - 1, last)])
        try:
            transfers = _transfers(community, token, chain, first, end)
        except RangeRefused:
            if end.number == first:
                raise
            at_once = (end.number - first + 1) // 2
            continue
        require_joined(chain, Block(reading.block_number, reading.block_hash, reading.block_time), end)
        reading, count = _keep(reading, end, transfers, now)
        paid += count
        ranges -= 1
    return paid


def believed(reading: SettlementReading) -> "QuerySet[Settlement]":
    """Return what was read as paid, but for payments of which somebody looked and said that the chain lost them."""
    paid = Settlement.objects.filter(community=reading.community, token=reading.token, paid_at__isnull=False)
    lost = {number for event in _resumed(reading) for number in event.data["lost"]}
    return paid.filter(block_number__gt=reading.first_block).exclude(proposal__number__in=lost)


def _resumed(reading: SettlementReading) -> "QuerySet[Event]":
    found: QuerySet[Event] = reading.community.events.filter(kind=RESUMED, data__token=reading.token)
    return found


def _followed() -> list[tuple[Community, list[str]]]:
    """Return the communities that settle, each with the tokens of its terms and of what is still due."""
    tokens: dict[int, set[str]] = defaultdict(set)
    for community_id, token in Settlement.objects.due().values_list("community", "token"):
        tokens[community_id].add(token)
    having = Community.objects.filter(settlement_terms__isnull=False).distinct().order_by("pk")
    found = []
    for community in having:
        named = tokens[community.pk] | {terms.token for terms in all_terms(community)}
        found.append((community, sorted(named)))
    return found


def _begin(community: Community, token: str, block: Block) -> None:
    """Begin at the newest final block: whatever will be approved is approved later."""
    SettlementReading.objects.get_or_create(
        community=community,
        token=token,
        defaults={
            "first_block": block.number,
            "block_number": block.number,
            "block_hash": block.hash,
            "block_time": block.timestamp,
        },
    )


def _transfers(community: Community, token: str, chain: ChainReader, first: int, end: Block) -> list[Transfer]:
    """Return what treasuries sent in these blocks."""
    treasuries = {terms.treasury for terms in all_terms(community) if terms.token == token}
    treasuries |= set(_due(community, token).values_list("treasury", flat=True))
    if not treasuries:
        return []
    logs = chain.logs_of([token], [TRANSFER], first, end, sorted(map(topic_of, treasuries)))
    times = _times(chain, logs, end)
    read = (transfer_of(log, times[log.block_number]) for log in logs)
    return [each for each in read if each is not None]


def _times(chain: ChainReader, logs: Sequence[Log], end: Block) -> dict[int, int]:
    """Return the second of each block that has logs; a block that changed meanwhile means asking again later."""
    hashes = {log.block_number: log.block_hash for log in logs} | {end.number: end.hash}
    found = {end.number: end.timestamp}
    for block in chain.blocks([number for number in hashes if number not in found]):
        if block.hash != hashes[block.number]:
            raise ChainUnavailable(f"block {block.number} changed while it was read")
        found[block.number] = block.timestamp
    return found


def _keep(
    reading: SettlementReading, end: Block, transfers: Sequence[Transfer], now: datetime
) -> tuple[SettlementReading, int]:
    """Book what a range paid, unless somebody else has read on meanwhile."""
    with transaction.atomic():
        lock(reading.community)
        locked = locked_row(reading)
        if (locked.block_number, locked.block_hash) != (reading.block_number, reading.block_hash):
            return locked, 0
        paid = sum(_take(locked.community, each, now) for each in transfers)
        locked.block_number, locked.block_hash, locked.block_time = end.number, end.hash, end.timestamp
        locked.save(update_fields=["block_number", "block_hash", "block_time"])
    return locked, paid


def _take(community: Community, transfer: Transfer, now: datetime) -> int:
    """Book a transfer that pays a settlement, or tell the log of one that misses; return how many it paid."""
    known = Settlement.objects.filter(
        chain_id=community.chain_id, paid_at__isnull=False, transaction=transfer.transaction
    )
    # A transaction that was taken back and stands in another block now has paid already; its logs may be counted anew.
    if known.filter(Q(position=transfer.position) | ~Q(block_hash=transfer.block_hash)).exists():
        return 0
    rows = {each.pk: each for each in _due(community, transfer.token).select_related("proposal", "community")}
    due = [Due(each.pk, each.token, each.treasury, each.payout, int(each.value), since(each)) for each in rows.values()]
    found = paid_by(transfer, due)
    if found is not None:
        pay(rows[found.name], transfer, now)
        return 1
    told = {"data__transaction": transfer.transaction, "data__log": transfer.position}
    if misses(transfer, due) and not community.events.filter(kind=UNMATCHED, **told).exists():
        note(UNMATCHED, now, community=community, chain_id=community.chain_id, **told_of(transfer))
    return 0


def _due(community: Community, token: str) -> "QuerySet[Settlement]":
    return Settlement.objects.due().filter(community=community, token=token)


def locked_row(reading: SettlementReading) -> SettlementReading:
    """Return the row as it is now, held until the transaction ends. The caller holds the community's lock."""
    rows = SettlementReading.objects.select_for_update(of=("self",)).select_related("community")
    return rows.get(pk=reading.pk)


def _stand_firm(reading: SettlementReading, chain: ChainReader, now: datetime) -> SettlementReading:
    """Return the reading at a block that is part of the chain; halted where one that paid something is not."""
    if chain.blocks([reading.block_number])[0].hash == reading.block_hash:
        return reading
    newest = believed(reading).order_by("-block_number").first()
    good = chain.blocks([reading.first_block if newest is None else int(newest.block_number or 0)])[0]
    with transaction.atomic():
        lock(reading.community)
        locked = locked_row(reading)
        if (locked.block_number, locked.block_hash) != (reading.block_number, reading.block_hash):
            return locked
        if newest is not None and newest.block_hash != good.hash:
            number = newest.proposal.number
            locked.halted = f"the chain took back block {good.number}, in which settlement {number} was paid"
            locked.save(update_fields=["halted"])
            said = {"token": locked.token, "settlement": number, "block": good.number, "detail": locked.halted}
            note(HALTED, now, community=locked.community, **said)
            logger.error("settlements of %s halted: %s", locked.community.slug, locked.halted)
            return locked
        locked.block_number, locked.block_hash, locked.block_time = good.number, good.hash, good.timestamp
        locked.save(update_fields=["block_number", "block_hash", "block_time"])
    return locked
