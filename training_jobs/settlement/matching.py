"""Which transfer pays which settlement. Pure.

A transfer pays the oldest settlement that is due and names its token, treasury, payout address and exact value; one of
another value pays none. Time decides what is too old: a transfer before the vote was carried out pays nothing of it.
Two settlements of one value need two transfers.

Standard: ERC-20, the event Transfer(address indexed from, address indexed to, uint256 value).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from governance.chain import Log
from governance.eip712 import checksum_address
from governance.eip712.keccak import keccak

TRANSFER: Final = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
# A chain's clock and this site's are not one: a block may be so much older than the vote that its sender had read of.
CLOCK_SLACK_SECONDS: Final = 60
_TOPICS: Final = 3
_WORD_TEXT: Final = 66


@dataclass(frozen=True, slots=True)
class Due:
    """A settlement that waits for its transfer. `since` is the second at which its vote was carried out."""

    name: int
    token: str
    treasury: str
    payout: str
    value: int
    since: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer of a token, and where it stands: block, transaction, and place of its log in the block."""

    token: str
    sender: str
    receiver: str
    value: int
    block_number: int
    block_hash: str
    block_time: int
    transaction: str
    position: int


def transfer_of(log: Log, block_time: int) -> Transfer | None:
    """Return the transfer that a log tells of; None for the same event of another kind of token."""
    if len(log.topics) != _TOPICS or log.topics[0] != TRANSFER or len(log.data) != _WORD_TEXT:
        return None
    return Transfer(
        token=log.contract,
        sender=_address(log.topics[1]),
        receiver=_address(log.topics[2]),
        value=int(log.data, 16),
        block_number=log.block_number,
        block_hash=log.block_hash,
        block_time=block_time,
        transaction=log.transaction,
        position=log.position,
    )


def paid_by(transfer: Transfer, due: Sequence[Due]) -> Due | None:
    """Return the settlement that a transfer pays, if it pays one; `due` are in the order of their approval."""
    for each in due:
        if _pays(transfer, each) and transfer.value == each.value:
            return each
    return None


def misses(transfer: Transfer, due: Sequence[Due]) -> bool:
    """Say whether a transfer went from the treasury to a site that waits for money, and was of no value that is due."""
    return any(_pays(transfer, each) for each in due) and paid_by(transfer, due) is None


def topic_of(address: str) -> str:
    """Return an address as an indexed part of an event."""
    return "0x" + address[2:].lower().rjust(64, "0")


def _pays(transfer: Transfer, due: Due) -> bool:
    return (
        (transfer.token, transfer.sender, transfer.receiver) == (due.token, due.treasury, due.payout)
        and transfer.block_time >= due.since - CLOCK_SLACK_SECONDS
    )  # fmt: skip


def _address(topic: str) -> str:
    return checksum_address("0x" + topic[-40:])
