"""What the rest of the project knows of a blockchain: a block, who can read it, and what may go wrong.

Light on purpose: importing this loads no transport. `client.py` beside it talks to one node, `agreement.py` believes
only what several nodes say, `factory.py` makes either of the settings, and `delegations.py` prepares what a member
signs to delegate on chain. Nothing here decides anything; the only thing that ever writes to a chain is the relay of a
member's own signed delegation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Block:
    """A block by number and hash; `timestamp` is in UNIX seconds."""

    number: int
    hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Log:
    """What a contract said in a block: its topics and data as hex, and where in the chain it stands.

    `block_time` is None where the node does not say it with the log.
    """

    contract: str
    topics: tuple[str, ...]
    data: str
    block_number: int
    block_hash: str
    transaction: str
    position: int
    block_time: int | None = None


@dataclass(frozen=True, slots=True)
class TokenDomain:
    """What a token's own signatures are bound to: its EIP-712 domain, as ERC-5267 tells it."""

    name: str
    version: str
    chain_id: int
    verifying_contract: str


class ChainError(Exception):
    """The chain could not be read. `permanent` says whether asking again can help."""

    code = "chain_error"

    def __init__(self, detail: str, *, permanent: bool = False) -> None:
        """Keep the readable sentence and whether another try is worth it."""
        super().__init__(f"{self.code}: {detail}")
        self.detail = detail
        self.permanent = permanent


class ChainUnavailable(ChainError):
    """No answer in time, or the node says that it is busy: ask again later, count nothing meanwhile."""

    code = "chain_unavailable"


class ChainAnswerInvalid(ChainError):
    """An answer that cannot be right: null, empty, not JSON, an error, another chain. Never a zero."""

    code = "chain_answer_invalid"


class ChainDisagreement(ChainError):
    """Two nodes give different answers: neither is believed, and nothing is counted until they agree."""

    code = "chain_disagreement"


class RangeRefused(ChainError):
    """The node answers, but not for so many blocks at once: ask for fewer."""

    code = "chain_range_refused"


class SnapshotReorged(ChainError):
    """The block of a snapshot is no longer part of the chain, so powers read there mean nothing any more."""

    code = "snapshot_reorged"

    def __init__(self, block_number: int, expected: str, found: str) -> None:
        """Keep the block number with the hash that was pinned and the one that is there now."""
        super().__init__(f"block {block_number} was {expected} and is now {found}", permanent=True)
        self.block_number = block_number
        self.expected = expected
        self.found = found


class ChainReader(Protocol):
    """What voting power needs from a chain; `ChainClient` and `AgreeingChain` are readers."""

    def chain_id(self) -> int:
        """Return the chain's id."""
        ...

    def finalized_block(self) -> Block:
        """Return the newest block that the chain will not give up."""
        ...

    def block_hash(self, number: int) -> str:
        """Return the hash of the block of this number, as the chain is now."""
        ...

    def blocks(self, numbers: Sequence[int]) -> list[Block]:
        """Return the blocks of these numbers, as the chain is now."""
        ...

    def votes_at(
        self, token: str, voters: Sequence[str], block_number: int, block_hash: str, timepoint: int | None = None
    ) -> dict[str, int]:
        """Return the past votes of each voter at this very block; at `timepoint` where the token counts seconds."""
        ...

    def total_supply_at(self, token: str, block_number: int, block_hash: str, timepoint: int | None = None) -> int:
        """Return the past total supply of votes at this very block, or at `timepoint`."""
        ...

    def clock_at(self, token: str, block_hash: str) -> int:
        """Return what the token's own clock shows in this very block."""
        ...

    def delegates_named(
        self, token: str, first_block: int, last_block: int, block_number: int, block_hash: str
    ) -> tuple[str, ...]:
        """Return whose votes changed from the first to the last block (both included), while this very block stands.

        Checksummed and sorted. Raises RangeRefused when a node wants fewer blocks.
        """
        ...

    def logs_of(
        self,
        contracts: Sequence[str],
        events: Sequence[str],
        first_block: int,
        last: Block,
        about: Sequence[str] = (),
    ) -> list[Log]:
        """Return what these contracts said from the first block to the last, while the last one stands.

        `events` are the first topics that are asked for, `about` the second ones (none: any).
        Raises RangeRefused when a node wants fewer blocks, and SnapshotReorged when the last block is another one now.
        """
        ...

    def read_newest(self, contract: str, calls: Sequence[tuple[str, list[Any]]]) -> list[tuple[Any, ...]]:
        """Return what functions of a contract (by name, with their values) return in the newest block."""
        ...

    def delegate_of(self, token: str, account: str) -> str:
        """Return to whom the account delegates in the newest block, "" for nobody."""
        ...

    def nonce_of(self, token: str, account: str) -> int:
        """Return the number that the account's next signature for the token must carry."""
        ...

    def domain_of(self, token: str) -> TokenDomain:
        """Return what signatures for the token are bound to."""
        ...

    def simulate(self, creation_code: str, gas: int, block_hash: str) -> str:
        """Return, as hex, what creation code would leave behind in this very block; nothing is stored anywhere."""
        ...

    def read(self, contract: str, data: str, block_hash: str) -> str | None:
        """Return, as hex, what a contract answers to call data in this very block; None where the call fails."""
        ...


__all__ = [
    "Block",
    "ChainAnswerInvalid",
    "ChainDisagreement",
    "ChainError",
    "ChainReader",
    "ChainUnavailable",
    "Log",
    "RangeRefused",
    "SnapshotReorged",
    "TokenDomain",
]
