"""Voting power from a votes token (ERC-20 with ERC-5805 checkpoints), read at a finalized block.

The block is pinned by number and hash, so tokens bought or borrowed after the snapshot count for nothing and
a reorganised chain is noticed. Power is what was delegated to the voter, as the token says; nothing is added
to it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from governance.chain import ChainReader
from governance.eip712 import AddressError, parse_address
from governance.power.base import PowerError, Snapshot


class Erc20Votes:
    """Parameters: {"token": address}."""

    name = "erc20_votes"
    version = "1"
    label = "Votes token"
    description = "What was delegated to the voter at the snapshot block, in units of the community's votes token."

    def __init__(self, chain: ChainReader | None) -> None:
        """Take the chain to read."""
        if chain is None:
            raise PowerError("chain_not_configured", "a votes token can only be read with a chain configured")
        self._chain = chain

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


def _token(parameters: Mapping[str, Any]) -> str:
    if set(parameters) != {"token"}:
        raise PowerError("malformed_field", f"only 'token' is needed, {sorted(map(str, parameters))} found")
    try:
        return parse_address(parameters["token"])
    except AddressError as error:
        raise PowerError(error.code, f"token: {error.detail}") from error
