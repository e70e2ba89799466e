"""Asks a node whether the votes of a contract's proposal were cast as its ballots say. Pure but for the node.

Offline, a ballot of such a proposal names a place on the chain and shows no signature: the chain checked who sent it.
Here each place is looked up: the transaction is in the named block, and its event is this vote of this proposal.

Not shown: that no vote was left out; the Governor's own count, which is asked as well, shows that of the sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from governance.chain.node import CALLS_PER_BATCH, Node, NotAnswered, call_of, quantity
from governance.eip712.keccak import keccak
from governance.evidence.record import Record
from governance.onchain.approvals import Approval, Reference, approval_of

_PLAIN: Final = "0x" + keccak(b"VoteCast(address,uint256,uint8,uint256,string)").hex()
_WITH_PARAMETERS: Final = "0x" + keccak(b"VoteCastWithParams(address,uint256,uint8,uint256,string,bytes)").hex()
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class VoteSeen:
    """A ballot of a proposal that a contract decided. `place` names it to whoever reads the report."""

    place: str
    voter: str
    choice: int
    power: int
    cast_at: int
    reference: Reference


@dataclass(frozen=True)
class Seen:
    """How many votes stand on the chain as their ballots say, and what is wrong, by place."""

    count: int
    problems: tuple[tuple[str, str], ...]

    @property
    def evidence(self) -> str:
        """Return what was found, in words."""
        return f"{self.count} votes found on the chain where their ballots say, and the Governor's own count agrees"


def look_up(
    node: Node,
    approval: Approval,
    votes: Sequence[VoteSeen],
    chain_id: int,
    *,
    closed: bool,
    said: Sequence["Said"] = (),
) -> Seen:
    """Return what the chain says of these votes; raise NotAnswered when the node is of another chain or silent.

    1. the chain; 2. every vote, at its place; 3. for a vote that has closed, the Governor's own sums; 4. the Governor's
    own numbers for the proposal, held against what the records `said`.
    """
    (identity,) = node.ask([("eth_chainId", [])])  # 1
    if (there := quantity(identity, "the chain id")) != chain_id:
        raise NotAnswered(f"{node.host} is of chain {there}, the community's is {chain_id}")
    problems: list[tuple[str, str]] = []
    half = CALLS_PER_BATCH // 2
    for start in range(0, len(votes), half):  # 2
        some = votes[start : start + half]
        receipts = node.ask([("eth_getTransactionReceipt", [vote.reference.transaction]) for vote in some])
        blocks = node.ask([("eth_getBlockByHash", [vote.reference.block_hash, False]) for vote in some])
        for vote, receipt, block in zip(some, receipts, blocks, strict=True):
            if wrong := _wrong(vote, approval, receipt, block):
                problems.append((vote.place, wrong))
    if closed:  # 3
        sums = [sum(vote.power for vote in votes if vote.choice == choice) for choice in range(3)]
        (found,) = node.ask([call_of(approval.governor, "proposalVotes(uint256)", [f"{approval.id:064x}"])])
        theirs = [int.from_bytes(part) for part in _words(found)]
        if theirs != sums:
            problems.append(
                (votes[-1].place if votes else "line 0", f"the Governor counts {theirs}, the ballots {sums}")
            )
    count = len(votes) - len(problems)
    for one in said:  # 4
        (answer,) = node.ask([call_of(approval.governor, one.function, [f"{one.argument:064x}"])])
        number = max(one.least, int.from_bytes(_words(answer)[0]))
        if number != one.number:
            place = votes[-1].place if votes else "line 0"
            problems.append((place, f"the Governor's {one.function} is {number}, the records say {one.number}"))
    return Seen(count, tuple(problems))


@dataclass(frozen=True, slots=True)
class Said:
    """A number of the Governor's that follows from the records: its function, with one argument."""

    function: str
    argument: int
    number: int
    least: int = 0


def numbers_said(
    approval: Approval, proposal: Mapping[str, Any], quorum: int, closes_at: int | None, eta: int | None
) -> list[Said]:
    """Return what the Governor must say of a closed vote: quorum, last second of voting, and end of the timelock."""
    timepoint = proposal["snapshot"]["source"]["parameters"].get("timepoint")
    said = [Said("quorum(uint256)", timepoint, quorum, least=1)] if type(timepoint) is int and timepoint >= 0 else []
    if closes_at is not None:
        said.append(Said("proposalDeadline(uint256)", approval.id, closes_at - 1))
    if eta is not None:
        said.append(Said("proposalEta(uint256)", approval.id, eta))
    return said


def approval_from(community: Record, proposal: Record) -> Approval:
    """Return the call that a proposal is on its chain, from its record and its community's."""
    pair = proposal.body["snapshot"]["source"]["parameters"]
    return approval_of(community.digest, community.body["instance"], community.body["slug"], proposal.body, pair)


def _wrong(vote: VoteSeen, approval: Approval, receipt: object, block: object) -> str:
    """Return what is wrong with one vote, or nothing."""
    at = vote.reference
    if not isinstance(receipt, Mapping) or receipt.get("blockHash") != at.block_hash:
        return f"the transaction {at.transaction} is not in the block {at.block_hash}"
    if not isinstance(block, Mapping) or quantity(block.get("timestamp"), "the time of a block") != vote.cast_at:
        return f"the block of the vote is of another second than {vote.cast_at}"
    logs = receipt.get("logs")
    for log in logs if isinstance(logs, list) else ():
        if isinstance(log, Mapping) and quantity(log.get("logIndex"), "the place of a log") == at.position:
            return _compared(vote, approval, log)
    return f"the transaction {at.transaction} has no event at place {at.position}"


def _compared(vote: VoteSeen, approval: Approval, log: Mapping[str, Any]) -> str:
    data = [int.from_bytes(part) for part in _words(log.get("data"))[:3]]
    match log.get("topics"), str(log.get("address")).lower() == approval.governor.lower(), data:
        case [[str(event), str(topic)], True, [_, _, _]] if event in {_PLAIN, _WITH_PARAMETERS}:
            found = ("0x" + topic[-40:], *data)
        case _:
            return "what stands there is no vote of this Governor"
    needed = (vote.voter.lower(), approval.id, vote.choice, vote.power)
    return "" if found == needed else f"the chain has {found}, the ballot says {needed}"


def _words(value: object) -> list[bytes]:
    try:
        found = bytes.fromhex(value[2:]) if isinstance(value, str) else b""
    except ValueError:
        found = b""
    if not found:
        raise NotAnswered("bytes are needed, and the node sent none: is there such a contract on this chain?")
    return [found[start : start + _WORD] for start in range(0, len(found), _WORD)]
