"""The Governor of a community in bytes: what to send to it, what it says in events, how it names a proposal.

Pure but for eth_abi, which encodes and decodes and is loaded by the first use. Nothing is sent here, and nothing
decided: what events mean for a proposal stands in `governance.onchain`.

Standards: OpenZeppelin Contracts 5.7 (IGovernor, GovernorPreventLateQuorum, TimelockController), the contract ABI,
EIP-712 (votes by signature). A text that is not UTF-8 is read with U+FFFD in its place, and without NUL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from governance.chain import ChainAnswerInvalid, Log
from governance.eip712 import checksum_address, parse_address
from governance.eip712.keccak import keccak
from governance.onchain.approvals import APPROVE_RUN, Approval

AGAINST, FOR, ABSTAIN = 0, 1, 2
SUPPORTED: Final = (AGAINST, FOR, ABSTAIN)
# The only way of counting that is followed: GovernorCountingSimple says so in `COUNTING_MODE`.
COUNTING_MODE: Final = "support=bravo&quorum=for,abstain"
CLOCK_MODE: Final = "mode=timestamp"
# The numbers of IGovernor.ProposalState, by name.
STATES: Final = (
    "pending",
    "active",
    "canceled",
    "defeated",
    "succeeded",
    "queued",
    "expired",
    "executed",
)

# Each event by what it is called here: its signature, which parts are indexed, and the rest. Texts are read as bytes,
# which have the same encoding, because nobody makes sure that they are texts.
_EVENTS: Final[dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    "created": (
        "ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)",
        (),
        ("uint256", "address", "address[]", "uint256[]", "bytes[]", "bytes[]", "uint256", "uint256", "bytes"),
    ),
    "vote": ("VoteCast(address,uint256,uint8,uint256,string)", ("address",), ("uint256", "uint8", "uint256", "bytes")),
    "vote_with_parameters": (
        "VoteCastWithParams(address,uint256,uint8,uint256,string,bytes)",
        ("address",),
        ("uint256", "uint8", "uint256", "bytes", "bytes"),
    ),
    "extended": ("ProposalExtended(uint256,uint64)", ("uint256",), ("uint64",)),
    "queued": ("ProposalQueued(uint256,uint256)", (), ("uint256", "uint256")),
    "executed": ("ProposalExecuted(uint256)", (), ("uint256",)),
    "canceled": ("ProposalCanceled(uint256)", (), ("uint256",)),
    "called": (
        "CallExecuted(bytes32,uint256,address,uint256,bytes)",
        ("bytes32", "uint256"),
        ("address", "uint256", "bytes"),
    ),
    "scheduled": (
        "CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)",
        ("bytes32", "uint256"),
        ("address", "uint256", "bytes", "bytes32", "uint256"),
    ),
    "unscheduled": ("Cancelled(bytes32)", ("bytes32",), ()),
    "approved": ("RunApproved(bytes32)", ("bytes32",), ()),
    "timelock": ("TimelockChange(address,address)", (), ("address", "address")),
    # What follows the colon is the rule that changed, by its name in `governance.onchain.numbers`.
    "number:voting_delay": ("VotingDelaySet(uint256,uint256)", (), ("uint256", "uint256")),
    "number:voting_period": ("VotingPeriodSet(uint256,uint256)", (), ("uint256", "uint256")),
    "number:late_quorum_extension": ("LateQuorumVoteExtensionSet(uint64,uint64)", (), ("uint64", "uint64")),
    "number:proposal_threshold": ("ProposalThresholdSet(uint256,uint256)", (), ("uint256", "uint256")),
    "number:quorum_bps": ("QuorumNumeratorUpdated(uint256,uint256)", (), ("uint256", "uint256")),
    "number:timelock_delay": ("MinDelayChange(uint256,uint256)", (), ("uint256", "uint256")),
}
# What each kind of contract says; anything else that one of them says is not meant.
OF_TIMELOCK: Final = frozenset({"called", "scheduled", "unscheduled", "number:timelock_delay"})
OF_ANCHOR: Final = frozenset({"approved"})


@dataclass(frozen=True, slots=True)
class Said:
    """One event, read. `proposal` is the Governor's id, or 0 where the event names none; `data` is JSON."""

    kind: str
    proposal: int
    data: dict[str, Any]


# --- what to send ---


def propose(approval: Approval) -> str:
    """Return the call data by which the author proposes."""
    return call("propose", ("address[]", "uint256[]", "bytes[]", "string"), (*approval.actions, approval.description))


def queue(approval: Approval) -> str:
    """Return the call data by which anybody puts what passed behind the timelock."""
    return _by_hash("queue", approval)


def execute(approval: Approval) -> str:
    """Return the call data by which anybody carries out what waited long enough."""
    return _by_hash("execute", approval)


def cancel(approval: Approval) -> str:
    """Return the call data by which the proposer (while it is pending) or the guardian stops it."""
    return _by_hash("cancel", approval)


def cast_vote(proposal: int, support: int, reason: str) -> str:
    """Return the call data of a vote; without a reason in its shorter form."""
    if not reason:
        return call("castVote", ("uint256", "uint8"), (proposal, support))
    return call("castVoteWithReason", ("uint256", "uint8", "string"), (proposal, support, reason))


def cast_vote_by_signature(proposal: int, support: int, voter: str, signature: str, reason: str) -> str:
    """Return the call data by which anybody sends a vote that its voter signed (`vote_message`)."""
    signed = bytes.fromhex(signature[2:])
    if not reason:
        types: tuple[str, ...] = ("uint256", "uint8", "address", "bytes")
        return call("castVoteBySig", types, (proposal, support, parse_address(voter), signed))
    types = ("uint256", "uint8", "address", "string", "bytes", "bytes")
    return call(
        "castVoteWithReasonAndParamsBySig", types, (proposal, support, parse_address(voter), reason, b"", signed)
    )


def vote_message(
    domain: Mapping[str, Any], proposal: int, support: int, voter: str, nonce: int, reason: str
) -> dict[str, Any]:
    """Return the typed data that a voter signs instead of sending: the Governor's own two forms.

    `domain` are name, version, chainId and verifyingContract, as the Governor itself tells them (ERC-5267).
    """
    message: dict[str, Any] = {
        "proposalId": str(proposal),
        "support": support,
        "voter": parse_address(voter),
        "nonce": nonce,
    }
    fields = [("proposalId", "uint256"), ("support", "uint8"), ("voter", "address"), ("nonce", "uint256")]
    kind = "Ballot"
    if reason:
        kind, message = "ExtendedBallot", message | {"reason": reason, "params": "0x"}
        fields += [("reason", "string"), ("params", "bytes")]
    of_domain = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address")]
    types = {"EIP712Domain": of_domain, kind: fields}
    return {
        "domain": dict(domain),
        "message": message,
        "primaryType": kind,
        "types": {name: [{"name": one, "type": other} for one, other in parts] for name, parts in types.items()},
    }


def _by_hash(name: str, approval: Approval) -> str:
    return call(name, ("address[]", "uint256[]", "bytes[]", "bytes32"), (*approval.actions, approval.description_hash))


# --- what was said ---


@cache
def topics() -> dict[str, str]:
    """Return the first topic of every event that is followed, with what it is called here."""
    return {"0x" + keccak(signature.encode()).hex(): kind for kind, (signature, _, _) in _EVENTS.items()}


def read(log: Log) -> Said:
    """Return the event that a log is; raise ChainAnswerInvalid for one that is not as the contracts write it."""
    kind = topics()[log.topics[0]]
    _, indexed, rest = _EVENTS[kind]
    if len(log.topics) != 1 + len(indexed):
        raise ChainAnswerInvalid(f"a log {kind} with {len(indexed)} indexed parts is needed, {log.topics} found")
    found = [_indexed(type_, topic) for type_, topic in zip(indexed, log.topics[1:], strict=True)]
    found += _decode(kind, rest, log.data)
    return _READ[kind.partition(":")[0]](kind, found)


def _created(kind: str, found: list[Any]) -> Said:
    proposal, proposer, targets, values, _, calls, starts, ends, _ = found
    # Which digest it approves is all that is kept of a proposal's actions: "" for any other proposal.
    data = {
        "proposer": checksum_address(proposer),
        "targets": [checksum_address(target) for target in targets],
        "approves": "0x" + calls[0][4:].hex() if _is_approval(values, calls) else "",
        "starts": starts,
        "ends": ends,
    }
    return Said(kind, proposal, data)


def _vote(_kind: str, found: list[Any]) -> Said:
    voter, proposal, support, weight, reason, *_ = found
    data = {"voter": voter, "support": support, "weight": str(weight), "reason": clean_text(reason)}
    return Said("vote", proposal, data)


def _called(kind: str, found: list[Any]) -> Said:
    operation, _, target, _, _ = found
    return Said(kind, 0, {"operation": "0x" + operation.hex(), "target": checksum_address(target)})


def _scheduled(kind: str, found: list[Any]) -> Said:
    operation, *_, delay = found
    return Said(kind, 0, {"operation": "0x" + operation.hex(), "delay": str(delay)})


def _number(kind: str, found: list[Any]) -> Said:
    rule = kind.partition(":")[2]
    return Said("number", 0, {"rule": rule, "before": str(found[0]), "after": str(found[1])})


_READ: Final[dict[str, Callable[[str, list[Any]], Said]]] = {
    "created": _created,
    "vote": _vote,
    "vote_with_parameters": _vote,
    "extended": lambda kind, found: Said(kind, found[0], {"deadline": found[1]}),
    "queued": lambda kind, found: Said(kind, found[0], {"eta": found[1]}),
    "executed": lambda kind, found: Said(kind, found[0], {}),
    "canceled": lambda kind, found: Said(kind, found[0], {}),
    "called": _called,
    "scheduled": _scheduled,
    "unscheduled": lambda kind, found: Said(kind, 0, {"operation": "0x" + found[0].hex()}),
    "approved": lambda kind, found: Said(kind, 0, {"digest": "0x" + found[0].hex()}),
    "timelock": lambda kind, found: Said(
        kind, 0, {"before": checksum_address(found[0]), "after": checksum_address(found[1])}
    ),
    "number": _number,
}


def clean_text(value: bytes) -> str:
    """Return the text in the one form in which it is kept: UTF-8, without NUL."""
    return value.decode("utf-8", "replace").replace("\x00", "")


def _is_approval(values: list[int], calls: list[bytes]) -> bool:
    return values == [0] and len(calls) == 1 and len(calls[0]) == 36 and calls[0][:4] == APPROVE_RUN  # noqa: PLR2004 - a selector and a word


def _indexed(type_: str, topic: str) -> Any:  # noqa: ANN401 - a number, an address or bytes
    if type_ == "bytes32":
        return bytes.fromhex(topic[2:])
    if type_ == "address":
        if int(topic[2:26], 16):
            raise ChainAnswerInvalid(f"an address is needed, {topic} found")
        return checksum_address("0x" + topic[26:])
    return int(topic, 16)


def _decode(kind: str, types: tuple[str, ...], data: str) -> tuple[Any, ...]:
    from eth_abi import decode
    from eth_abi.exceptions import DecodingError

    try:
        values: tuple[Any, ...] = decode(types, bytes.fromhex(data[2:]))
    except (DecodingError, ValueError, OverflowError) as error:
        raise ChainAnswerInvalid(f"({', '.join(types)}) is needed in a log {kind}") from error
    return values


def _encode(types: tuple[str, ...], values: tuple[Any, ...]) -> bytes:
    from eth_abi import encode

    encoded: bytes = encode(types, values)
    return encoded


def call(name: str, types: tuple[str, ...], values: tuple[Any, ...]) -> str:
    """Return the call data of a function with its values."""
    return "0x" + (_selector(f"{name}({','.join(types)})") + _encode(types, values)).hex()


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]
