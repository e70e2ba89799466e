"""Voting power from a token with vote checkpoints (ERC-5805), read at a finalized block: what its kinds share.

The block is pinned by number and hash, so tokens bought or borrowed after the snapshot count for nothing and
a reorganised chain is noticed. Power is what was delegated to the voter, as the token says; nothing is added
to it. Who may have power is learned from the token's own events: nobody has votes without a `DelegateVotesChanged`.

Not covered: tokens whose clock does not count blocks.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from governance.chain import ChainReader, RangeRefused
from governance.eip712 import AddressError, parse_address
from governance.power.base import Candidates, PowerError, Snapshot

# How many blocks are asked for at once; a node that wants fewer gets half, and half again.
BLOCKS_AT_ONCE_MAX: Final = 100_000
# How many ranges make one step: several, because a new step has to find out anew what the node answers.
RANGES_PER_STEP: Final = 8


class VotesToken:
    """Parameters: {"token": address}. A kind of token adds its name and its words."""

    def __init__(self, chain: ChainReader | None) -> None:
        """Take the chain to read."""
        if chain is None:
            raise PowerError("chain_not_configured", "a votes token can only be read with a chain configured")
        self._chain = chain
        # What the nodes turned out to answer; remembered for as long as this reader lives.
        self._blocks_at_once = BLOCKS_AT_ONCE_MAX

    def snapshot(self, parameters: Mapping[str, Any]) -> Snapshot:
        """Pin the newest finalized block; a token without supply there could never decide anything."""
        token = _token(parameters)
        block = self._chain.finalized_block()
        clock = self._chain.clock_at(token, block.hash)
        # A token with another clock would answer zero for nearly everybody, which must not pass for an
        # answer.
        if clock != block.number:
            raise PowerError(
                "token_clock_unsupported",
                f"token {token} counts {clock} in block {block.number}, not the blocks",
            )
        supply = self._chain.total_supply_at(token, block.number, block.hash)
        if supply == 0:
            raise PowerError("no_power_exists", f"token {token} has no supply at block {block.number}")
        return Snapshot(block.number, block.hash, supply, {"token": token})

    def candidates(self, snapshot: Snapshot, start: int = 0) -> Candidates:
        """Return whose votes changed in the next blocks, up to the snapshot block; positions are block numbers.

        A node that refuses a range is asked for half of it, down to one block; then its refusal is raised.
        """
        token = _token(snapshot.parameters)
        following = start or self._first_block(token, snapshot)
        named: set[str] = set()
        for _ in range(RANGES_PER_STEP):
            found, following = self._named_from(following, token, snapshot)
            named.update(found)
            if following > snapshot.block_number:
                return Candidates(tuple(sorted(named)), None)
        return Candidates(tuple(sorted(named)), following)

    def power_of(self, voter: str, snapshot: Snapshot) -> int:
        """Return `getPastVotes` of the voter at the snapshot block."""
        return self.powers_of([voter], snapshot)[parse_address(voter)]

    def powers_of(self, voters: Iterable[str], snapshot: Snapshot) -> dict[str, int]:
        """Return `getPastVotes` of each voter at the snapshot block."""
        token = _token(snapshot.parameters)
        return self._chain.votes_at(token, list(voters), snapshot.block_number, snapshot.block_hash)

    def confirm(self, snapshot: Snapshot) -> None:
        """Raise SnapshotReorged unless the snapshot block is still part of the chain."""
        self._chain.votes_at(_token(snapshot.parameters), [], snapshot.block_number, snapshot.block_hash)

    def _named_from(self, first: int, token: str, snapshot: Snapshot) -> tuple[tuple[str, ...], int]:
        """Return whose votes changed in as many blocks as the nodes answer for, and the block to go on from."""
        while True:
            last = min(first + self._blocks_at_once - 1, snapshot.block_number)
            try:
                named = self._chain.delegates_named(token, first, last, snapshot.block_number, snapshot.block_hash)
            except RangeRefused:
                if first == last:
                    raise
                self._blocks_at_once = (last - first + 1) // 2
            else:
                return named, last + 1

    def _first_block(self, token: str, snapshot: Snapshot) -> int:
        """Return a block before which nobody's votes can matter, such as the one in which the token was made.

        While the supply of votes is zero, so is everybody's power, and whoever has power later gets it by an event
        after that. So any block without supply will do, and halving finds one however the supply went up and down.
        """
        empty, supplied = 0, snapshot.block_number
        while supplied - empty > 1:
            middle = (empty + supplied) // 2
            if self._chain.total_supply_at(token, middle, self._chain.block_hash(middle)) == 0:
                empty = middle
            else:
                supplied = middle
        return supplied if empty else 0


def _token(parameters: Mapping[str, Any]) -> str:
    if set(parameters) != {"token"}:
        raise PowerError("malformed_field", f"only 'token' is needed, {sorted(map(str, parameters))} found")
    try:
        return parse_address(parameters["token"])
    except AddressError as error:
        raise PowerError(error.code, f"token: {error.detail}") from error
