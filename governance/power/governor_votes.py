"""Voting power in a community that governs by contract: a votes token whose clock counts seconds (ERC-6372).

The parameters name the fixed pair by which the community governs: the Governor, and the anchor that its timelock owns.
They stand in the charter and in every proposal, so who decided on the pair stays visible. A token that counts blocks is
refused: no hour of a vote could be promised. Power is what was delegated to the voter at a second that has passed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from governance.chain import Block, ChainReader, RangeRefused, governor
from governance.eip712 import AddressError, checksum_address, parse_address
from governance.power.base import Candidates, PowerError, Snapshot
from governance.power.votes_token import BLOCKS_AT_ONCE_MAX, RANGES_PER_STEP

BASIS_POINTS: Final = 10_000
_PAIR: Final = ("governor", "anchor", "token")


class GovernorVotes:
    """Parameters: {"governor": address, "anchor": address, "token": address}; a snapshot adds its "timepoint"."""

    name = "governor_votes"
    version = "1"
    label = "Votes token of a Governor"
    description = "What was delegated to the voter when voting began, in units of the token that the Governor counts."

    def __init__(self, chain: ChainReader | None) -> None:
        """Take the chain to read."""
        if chain is None:
            raise PowerError("chain_not_configured", "a Governor can only be read with a chain configured")
        self._chain = chain
        self._blocks_at_once = BLOCKS_AT_ONCE_MAX

    def snapshot(self, parameters: Mapping[str, Any]) -> Snapshot:
        """Pin the newest finalized block and its second, once the pair is one that can be followed."""
        pair = pair_of(parameters)
        require_pair(self._chain, pair)
        return snapshot_in(self._chain, pair, self._chain.finalized_block())

    def candidates(self, snapshot: Snapshot, start: int = 0) -> Candidates:
        """Return whose votes changed in the next blocks, up to the snapshot block; positions are block numbers."""
        token = str(snapshot.parameters["token"])
        following = start or self._first_block(token, snapshot.block_number)
        named: set[str] = set()
        for _ in range(RANGES_PER_STEP):
            last = min(following + self._blocks_at_once - 1, snapshot.block_number)
            try:
                found = self._chain.delegates_named(token, following, last, snapshot.block_number, snapshot.block_hash)
            except RangeRefused:
                if following == last:
                    raise
                self._blocks_at_once = (last - following + 1) // 2
                continue
            named.update(found)
            following = last + 1
            if following > snapshot.block_number:
                return Candidates(tuple(sorted(named)), None)
        return Candidates(tuple(sorted(named)), following)

    def power_of(self, voter: str, snapshot: Snapshot) -> int:
        """Return `getPastVotes` of the voter at the second of the snapshot."""
        return self.powers_of([voter], snapshot)[parse_address(voter)]

    def powers_of(self, voters: Iterable[str], snapshot: Snapshot) -> dict[str, int]:
        """Return `getPastVotes` of each voter at the second of the snapshot."""
        token, moment = str(snapshot.parameters["token"]), int(snapshot.parameters["timepoint"])
        return self._chain.votes_at(token, list(voters), snapshot.block_number, snapshot.block_hash, moment)

    def confirm(self, snapshot: Snapshot) -> None:
        """Raise SnapshotReorged unless the snapshot block is still part of the chain."""
        self.powers_of([], snapshot)

    def _first_block(self, token: str, last: int) -> int:
        """Return a block before which there was no supply, as `votes_token` does, by the second of each block."""
        empty, supplied = 0, last
        while supplied - empty > 1:
            middle = (empty + supplied) // 2
            (block,) = self._chain.blocks([middle])
            if self._chain.total_supply_at(token, block.number, block.hash, block.timestamp) == 0:
                empty = middle
            else:
                supplied = middle
        return supplied if empty else 0


def pair_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return Governor, anchor and token as checksummed addresses; raise PowerError for anything else."""
    if set(parameters) - {"timepoint"} != set(_PAIR):
        raise PowerError("malformed_field", f"{', '.join(_PAIR)} are needed, {sorted(map(str, parameters))} found")
    try:
        return {name: parse_address(parameters[name]) for name in _PAIR}
    except AddressError as error:
        raise PowerError(error.code, error.detail) from error


def snapshot_in(chain: ChainReader, pair: Mapping[str, str], block: Block) -> Snapshot:
    """Return the snapshot of a block that has passed, at its own second."""
    supply = chain.total_supply_at(pair["token"], block.number, block.hash, block.timestamp)
    if supply == 0:
        raise PowerError("no_power_exists", f"token {pair['token']} has no supply at second {block.timestamp}")
    return Snapshot(block.number, block.hash, supply, {**pair, "timepoint": block.timestamp})


def require_pair(chain: ChainReader, pair: Mapping[str, str]) -> None:
    """Raise PowerError, with the reason, unless the pair can be followed: by clock, counting, token and owner."""
    names = ("CLOCK_MODE", "COUNTING_MODE", "token", "quorumDenominator", "timelock")
    said = dict(zip(names, chain.read_newest(pair["governor"], [(name, []) for name in names]), strict=True))
    clock, counting, token, denominator, timelock = (said[name][0] for name in names)
    ((owner,),) = chain.read_newest(pair["anchor"], [("owner", [])])
    for code, found, needed in (
        ("token_clock_unsupported", clock, governor.CLOCK_MODE),
        ("counting_unsupported", counting, governor.COUNTING_MODE),
        ("governor_token_differs", checksum_address(token), pair["token"]),
        ("quorum_unsupported", denominator, BASIS_POINTS),
        ("anchor_not_owned", checksum_address(owner), checksum_address(timelock)),
    ):
        if found != needed:
            raise PowerError(code, f"{_NEEDED[code]}: {needed} is needed, {found} found")


_NEEDED: Final = {
    "token_clock_unsupported": "the Governor must keep time by the second",
    "counting_unsupported": "votes must be for, against or abstain",
    "governor_token_differs": "the Governor must count the token that the charter names",
    "quorum_unsupported": "the quorum must be a share in basis points",
    "anchor_not_owned": "the anchor must belong to the Governor's timelock",
}
