"""Wallets that several people hold, of the kind of Safe: who must sign, what they sign, how it is put together. Pure.

An owner of such a wallet signs a `SafeMessage` that holds the digest of the ballot, so that a signature for one wallet
is nothing for another of the same owners. The signatures are handed in sorted by owner; for an owner who has approved
on the chain instead, a note of it stands in the place of a signature.

Form: Safe 1.3 and later (CompatibilityFallbackHandler, `SafeMessage(bytes message)`).
"""

from collections.abc import Mapping
from typing import Any, Final

from governance.eip712 import checksum_address, parse_address
from governance.eip712.keccak import keccak

SAFE_OWNERS_MAX: Final = 50
_DOMAIN_TYPE: Final = keccak(b"EIP712Domain(uint256 chainId,address verifyingContract)")
_MESSAGE_TYPE: Final = keccak(b"SafeMessage(bytes message)")
_WORD: Final = 32
_ADDRESS_BYTES: Final = 20
_APPROVED: Final = b"\x01"  # instead of v: the owner has approved on the chain

GET_OWNERS: Final = f"0x{keccak(b'getOwners()')[:4].hex()}"
GET_THRESHOLD: Final = f"0x{keccak(b'getThreshold()')[:4].hex()}"
_APPROVED_HASHES: Final = f"0x{keccak(b'approvedHashes(address,bytes32)')[:4].hex()}"
_APPROVE_HASH: Final = f"0x{keccak(b'approveHash(bytes32)')[:4].hex()}"


def safe_message(chain_id: int, wallet: str, digest: bytes) -> dict[str, Any]:
    """Return the typed data that an owner signs for a wallet to stand by `digest`."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "SafeMessage": [{"name": "message", "type": "bytes"}],
        },
        "primaryType": "SafeMessage",
        "domain": {"chainId": chain_id, "verifyingContract": parse_address(wallet)},
        "message": {"message": f"0x{digest.hex()}"},
    }


def safe_digest(chain_id: int, wallet: str, digest: bytes) -> bytes:
    """Return the 32 bytes that an owner signs."""
    domain = keccak(_DOMAIN_TYPE + chain_id.to_bytes(_WORD, "big") + _address_word(wallet))
    return keccak(b"\x19\x01" + domain + keccak(_MESSAGE_TYPE + keccak(digest)))


def put_together(signatures: Mapping[str, str]) -> str:
    """Return the signature of the wallet: by owner, either theirs or "" where they have approved on the chain."""
    parts = []
    for owner in sorted(signatures, key=str.lower):
        given = signatures[owner]
        parts.append(bytes.fromhex(given[2:]) if given else _address_word(owner) + bytes(_WORD) + _APPROVED)
    return f"0x{b''.join(parts).hex()}"


def owners_in(answer: str | None) -> tuple[str, ...] | None:
    """Return the owners that a wallet names, checksummed; nothing where it answers anything else."""
    words = _words(answer)
    if words is None or words[:1] != [_WORD]:
        return None
    owners = words[2:]
    if not owners or words[1] != len(owners):
        return None
    if len(set(owners)) != len(owners) or any(owner >> (8 * _ADDRESS_BYTES) for owner in owners):
        return None
    return tuple(checksum_address(f"0x{owner:040x}") for owner in owners)


def number_in(answer: str | None) -> int | None:
    """Return the one number that a contract answers; nothing where it answers anything else."""
    words = _words(answer)
    return words[0] if words is not None and len(words) == 1 else None


def approved_question(owner: str, hashed: bytes) -> str:
    """Return the call data that asks whether an owner has approved a message on the chain."""
    return f"{_APPROVED_HASHES}{_address_word(owner).hex()}{hashed.hex()}"


def approval_call(hashed: bytes) -> str:
    """Return the call data by which an owner approves a message on the chain."""
    return f"{_APPROVE_HASH}{hashed.hex()}"


def _words(answer: str | None) -> list[int] | None:
    if answer is None:
        return None
    data = bytes.fromhex(answer[2:])
    if len(data) % _WORD or len(data) > (2 + SAFE_OWNERS_MAX) * _WORD:
        return None
    return [int.from_bytes(data[at : at + _WORD], "big") for at in range(0, len(data), _WORD)]


def _address_word(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(_WORD, b"\0")
