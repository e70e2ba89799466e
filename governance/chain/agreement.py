"""Reads a chain through several nodes of different operators, and believes only what all of them say.

One node that lies, lags or forgets cannot change a power: a different answer raises ChainDisagreement, a missing one
raises what that node raised, and both mean "wait". No answer is ever taken from one node alone, and none becomes zero.

Not protected: nodes that lie together, which includes two addresses of one operator (`governance/checks.py` refuses two
with one host). Nodes are asked one after the other, so the time to wait is the sum of theirs.
"""

from collections.abc import Callable, Sequence
from reprlib import repr as shown
from typing import Any, Final, TypeVar

from governance.chain import Block, ChainDisagreement, ChainReader, Log, SnapshotReorged, TokenDomain

READERS_MIN: Final = 2

Answer = TypeVar("Answer")


class AgreeingChain:
    """A ChainReader over two or more readers of the same chain."""

    def __init__(self, readers: Sequence[ChainReader]) -> None:
        """Take the readers; nothing is asked yet."""
        if len(readers) < READERS_MIN:
            raise ValueError(f"{READERS_MIN} readers or more can agree, {len(readers)} found")
        self._readers = tuple(readers)

    def chain_id(self) -> int:
        """Return the chain's id."""
        return self._agreed("the chain id", lambda reader: reader.chain_id())

    def finalized_block(self) -> Block:
        """Return the lowest of the blocks that the nodes call finalized, once every node confirms its hash.

        Nodes hear of finality at different moments, so different heights are no disagreement.
        """
        lowest = min((reader.finalized_block() for reader in self._readers), key=lambda block: block.number)
        found = self.block_hash(lowest.number)
        if found != lowest.hash:
            raise ChainDisagreement(f"block {lowest.number} is finalized as {lowest.hash} and stands as {found}")
        return lowest

    def block_hash(self, number: int) -> str:
        """Return the hash of the block of this number."""
        return self._agreed(f"block {number}", lambda reader: reader.block_hash(number))

    def blocks(self, numbers: Sequence[int]) -> list[Block]:
        """Return the blocks of these numbers."""
        return self._agreed("blocks", lambda reader: reader.blocks(numbers))

    def votes_at(
        self, token: str, voters: Sequence[str], block_number: int, block_hash: str, timepoint: int | None = None
    ) -> dict[str, int]:
        """Return the past votes of each voter at this very block."""
        return self._agreed("votes", lambda reader: reader.votes_at(token, voters, block_number, block_hash, timepoint))

    def total_supply_at(self, token: str, block_number: int, block_hash: str, timepoint: int | None = None) -> int:
        """Return the past total supply of votes at this very block."""
        return self._agreed(
            "the supply", lambda reader: reader.total_supply_at(token, block_number, block_hash, timepoint)
        )

    def clock_at(self, token: str, block_hash: str) -> int:
        """Return what the token's own clock shows in this very block."""
        return self._agreed("the clock", lambda reader: reader.clock_at(token, block_hash))

    def delegates_named(
        self, token: str, first_block: int, last_block: int, block_number: int, block_hash: str
    ) -> tuple[str, ...]:
        """Return whose votes changed in these blocks, while this very block stands."""
        return self._agreed(
            f"the logs of blocks {first_block} to {last_block}",
            lambda reader: reader.delegates_named(token, first_block, last_block, block_number, block_hash),
        )

    def logs_of(
        self,
        contracts: Sequence[str],
        events: Sequence[str],
        first_block: int,
        last: Block,
        about: Sequence[str] = (),
    ) -> list[Log]:
        """Return what these contracts said in these blocks, while the last one stands."""
        return self._agreed(
            f"the logs of blocks {first_block} to {last.number}",
            lambda reader: reader.logs_of(contracts, events, first_block, last, about),
        )

    def read_newest(self, contract: str, calls: Sequence[tuple[str, list[Any]]]) -> list[tuple[Any, ...]]:
        """Return what functions of a contract return."""
        return self._agreed(f"what {contract} says", lambda reader: reader.read_newest(contract, calls))

    def delegate_of(self, token: str, account: str) -> str:
        """Return to whom the account delegates in the newest block, "" for nobody."""
        return self._agreed("the delegate", lambda reader: reader.delegate_of(token, account))

    def nonce_of(self, token: str, account: str) -> int:
        """Return the number that the account's next signature for the token must carry."""
        return self._agreed("the nonce", lambda reader: reader.nonce_of(token, account))

    def domain_of(self, token: str) -> TokenDomain:
        """Return what signatures for the token are bound to."""
        return self._agreed("the token's domain", lambda reader: reader.domain_of(token))

    def simulate(self, creation_code: str, gas: int, block_hash: str) -> str:
        """Return what creation code would leave behind in this very block."""
        return self._agreed("a simulation", lambda reader: reader.simulate(creation_code, gas, block_hash))

    def read(self, contract: str, data: str, block_hash: str) -> str | None:
        """Return what a contract answers to call data in this very block."""
        return self._agreed("a contract's answer", lambda reader: reader.read(contract, data, block_hash))

    def _agreed(self, what: str, read: Callable[[ChainReader], Answer]) -> Answer:
        """Return the one answer of all readers.

        A reorganisation ends a vote for good, so it is believed only when every node has seen the same one.
        """
        said: list[Answer] = []
        reorged: list[SnapshotReorged] = []
        for reader in self._readers:
            try:
                said.append(read(reader))
            except SnapshotReorged as error:
                reorged.append(error)
        if reorged and (said or len({error.found for error in reorged}) > 1):
            raise ChainDisagreement(f"{what}: not every node says: {reorged[0].detail}")
        if reorged:
            raise reorged[0]
        if any(answer != said[0] for answer in said):
            raise ChainDisagreement(f"{what}: {'; '.join(shown(answer) for answer in said)}")
        return said[0]
