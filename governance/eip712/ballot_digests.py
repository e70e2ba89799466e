"""The digests of all ballots of one vote, with what they share hashed once. Pure.

The same EIP-712 digest as `governance.eip712.ballot_digest`, written a second time and compared with it by tests: a
recount makes a million of them, and this takes half as long. It checks nothing; what it gets has been checked.
"""

from collections.abc import Mapping
from typing import Any

from sha3 import keccak_256

from governance import eip712
from governance.evidence.canonical import canonical_bytes

_NO_REASON = keccak_256(b"").digest()
_WORD = 32


class BallotDigests:
    """Makes digests for the ballots of one proposal of one community."""

    def __init__(self, community: Mapping[str, Any], proposal: str) -> None:
        """Hash what is the same in every ballot: domain, type, instance, community (body), proposal (digest)."""
        self._domain = b"\x19\x01" + eip712.domain_separator(community["chain_id"], community["token"])
        names = b"".join(keccak_256(community[name].encode()).digest() for name in ("instance", "slug"))
        # Twelve zero bytes: the address that follows fills the rest of its word.
        rest = names + bytes.fromhex(proposal) + bytes(12)
        self._plain = keccak_256(eip712.type_text("Ballot").encode()).digest() + rest
        self._sealed = keccak_256(eip712.type_text("SealedBallot").encode()).digest() + rest
        self._structured = keccak_256(eip712.type_text("ChoicesBallot").encode()).digest() + rest

    def digest(self, address: bytes, choice: Any, reason: str, nonce: int) -> bytes:  # noqa: ANN401 - any JSON
        """Return what the voter with this address (20 bytes) signed."""
        if type(choice) is int:
            head = self._plain + address + choice.to_bytes(_WORD, "big")
        else:
            head = self._structured + address + keccak_256(canonical_bytes(choice)).digest()
        said = keccak_256(reason.encode()).digest() if reason else _NO_REASON
        return self._finished(head + said, nonce)

    def sealed_digest(self, address: bytes, sealed: str, nonce: int) -> bytes:
        """Return what the voter of a sealed ballot signed; `sealed` is 0x and its SHA-256."""
        return self._finished(self._sealed + address + bytes.fromhex(sealed[2:]), nonce)

    def _finished(self, fields: bytes, nonce: int) -> bytes:
        struct = keccak_256(fields + nonce.to_bytes(_WORD, "big")).digest()
        digest: bytes = keccak_256(self._domain + struct).digest()
        return digest
