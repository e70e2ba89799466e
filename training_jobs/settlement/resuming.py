"""Lets a reading that halted go on, once whoever runs the site has looked at what the chain took back.

The books are left as they are: what was booked as paid stays, and the log says of which payments somebody found that
the chain has them no more. Only a vote moves the money again.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from governance.chain import ChainReader
from governance.errors import Conflict, NotFound
from governance.services import note
from training_jobs.ledger.booking import lock
from training_jobs.models import Settlement, SettlementReading
from training_jobs.settlement.reading import RESUMED, believed, locked_row


def resume(reading: SettlementReading, chain: ChainReader, lost: Collection[int], now: datetime) -> SettlementReading:
    """Go on from the newest block that paid something and still stands, or else from the first.

    1. it is halted, and the chain has come as far as the newest payment
    2. ask about every block that paid something
    3. `lost` names the payments whose blocks are gone, all of them and no other
    4. go back, and tell the log
    """
    if not reading.halted:  # 1
        raise Conflict("not_halted", "this is read as it should be", found=str(reading))
    paid = list(believed(reading).select_related("proposal").order_by("block_number", "pk"))
    _require_far_enough(paid, chain)
    first, *blocks = chain.blocks([reading.first_block, *(int(each.block_number or 0) for each in paid)])  # 2
    gone = [each for each, block in zip(paid, blocks, strict=True) if each.block_hash != block.hash]
    _require_named(gone, lost)  # 3
    standing = [block for each, block in zip(paid, blocks, strict=True) if each not in gone]
    good = standing[-1] if standing else first
    with transaction.atomic():  # 4
        lock(reading.community)
        locked = locked_row(reading)
        if (locked.halted, locked.block_hash) != (reading.halted, reading.block_hash):
            raise Conflict("changed_meanwhile", "somebody else was faster; look again", found=str(locked))
        said = {"token": locked.token, "block": good.number, "lost": sorted(lost), "detail": locked.halted}
        locked.block_number, locked.block_hash, locked.block_time = good.number, good.hash, good.timestamp
        locked.halted = ""
        locked.save(update_fields=["block_number", "block_hash", "block_time", "halted"])
        note(RESUMED, now, community=locked.community, **said)
    return locked


def reading_of(slug: str, token: str) -> SettlementReading:
    """Return how far a token is read for a community, or raise NotFound."""
    known = SettlementReading.objects.select_related("community").filter(community__slug=slug)
    found = known.filter(token__iexact=token).first()
    if found is None:
        detail = "no transfers of this token are read for a community of this name"
        allowed = [each.token for each in known]
        raise NotFound("unknown_reading", detail, found=f"{slug} {token}", allowed=allowed)
    return found


def _require_far_enough(paid: Sequence[Settlement], chain: ChainReader) -> None:
    """Raise Conflict where a payment lies behind the newest final block: nobody can say yet what stands there."""
    last = chain.finalized_block().number - settings.CHAIN_CONFIRMATIONS
    newest = int(paid[-1].block_number or 0) if paid else 0
    if newest > last:
        detail = f"a payment is in block {newest}, and the chain is final up to block {last}; try again later"
        raise Conflict("not_final_yet", detail, found=last, allowed=newest)


def _require_named(gone: Sequence[Settlement], lost: Collection[int]) -> None:
    """Raise Conflict unless exactly the payments that are gone are named."""
    missing = {each.proposal.number: each for each in gone}
    if unsaid := sorted(set(missing) - set(lost)):
        detail = "the chain has the block of these payments no more; look at each, and name it as lost: " + ", ".join(
            f"{number} (block {missing[number].block_number}, transaction {missing[number].transaction})"
            for number in unsaid
        )
        raise Conflict("payments_gone", detail, found=sorted(lost), allowed=sorted(missing))
    if wrong := sorted(set(lost) - set(missing)):
        detail = "these payments stand on the chain, or there are none of these numbers"
        raise Conflict("payments_stand", detail, found=wrong, allowed=sorted(missing))
