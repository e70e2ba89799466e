"""What a proposal is called on its chain, from its records alone: so that verifiers need no word of this site. Pure.

A draft becomes one call of the anchor, `approveRun(digest)`, over the community and everything that a co-signer of a
draft puts their name to. The description ends with the author's address, by which the Governor refuses the same
proposal from anybody else. From these follow the Governor's id and the timelock's operation.

A vote stands in a ballot's record with its place on the chain where others have a signature: `Reference`.

Standards: OpenZeppelin Contracts 5.7 (Governor.hashProposal, GovernorTimelockControl's salt), the contract ABI.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance.charter import BACKED, draft_digest
from governance.eip712.keccak import keccak
from governance.evidence.canonical import digest

APPROVE_RUN: Final = keccak(b"approveRun(bytes32)")[:4]
_WORD: Final = 32
_REFERENCE: Final = re.compile(r"0x([0-9a-f]{64})([0-9a-f]{64})([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Approval:
    """A proposal to the Governor that does one thing: let the anchor approve a digest. `digest` is 0x and 64 digits."""

    governor: str
    anchor: str
    digest: str
    description: str

    @property
    def actions(self) -> tuple[list[str], list[int], list[bytes]]:
        """Return targets, values and call data."""
        return [self.anchor], [0], [APPROVE_RUN + bytes.fromhex(self.digest[2:])]

    @property
    def description_hash(self) -> bytes:
        """Return what stands for the description in every later call."""
        return keccak(self.description.encode())

    @property
    def id(self) -> int:
        """Return how the Governor names the proposal."""
        return int.from_bytes(keccak(self._encoded(self.description_hash)))

    @property
    def operation(self) -> str:
        """Return how the timelock names it: the Governor's address is in the salt, so no other can take its place."""
        salt = (int(self.governor, 16) << 96) ^ int.from_bytes(self.description_hash)
        return "0x" + keccak(self._encoded(bytes(_WORD), salt.to_bytes(_WORD))).hex()

    def _encoded(self, *words: bytes) -> bytes:
        """Return abi.encode of the one target, the one value, the one call, and so many words."""
        call = APPROVE_RUN + bytes.fromhex(self.digest[2:])
        target = _number(1) + bytes.fromhex(self.anchor[2:]).rjust(_WORD, b"\0")
        value = _number(1) + _number(0)
        calls = _number(1) + _number(_WORD) + _number(len(call)) + call + bytes(-len(call) % _WORD)
        head, parts = b"", (target, value, calls)
        place = (len(parts) + len(words)) * _WORD
        for part in parts:
            head += _number(place)
            place += len(part)
        return head + b"".join(words) + b"".join(parts)


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a vote stands: the hash of its block, its transaction, and the place of its event in the block."""

    block_hash: str
    transaction: str
    position: int

    def __str__(self) -> str:
        """Return the form in which a ballot's record has it."""
        return f"{self.block_hash}{self.transaction[2:]}{self.position:08x}"


def reference_of(text: object) -> Reference | None:
    """Return the place that a ballot names, or nothing where it is not of the one form."""
    found = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    return Reference(f"0x{found[1]}", f"0x{found[2]}", int(found[3], 16)) if found else None


def approval_of(community: str, instance: str, slug: str, body: Mapping[str, Any], pair: Mapping[str, str]) -> Approval:
    """Return the call that a proposal is on its chain.

    `community` is the digest of its record, `body` the content as the proposal's record has it, `pair` the Governor and
    the anchor. Number and author are part of the content, so no two proposals share a digest.
    """
    approves = digest({"community": community, "draft": draft_digest({name: body[name] for name in BACKED})})
    place = f"{instance} · {slug} · {body['number']}"
    parts = [f"# {body['title']}", body["text"], place, f"0x{approves}", f"#proposer={body['author']}"]
    return Approval(pair["governor"], pair["anchor"], f"0x{approves}", "\n\n".join(part for part in parts if part))


def _number(value: int) -> bytes:
    return value.to_bytes(_WORD)
