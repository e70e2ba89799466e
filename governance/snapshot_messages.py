"""The votes that Snapshot's voters signed: their EIP-712 types, digests and signers. Pure.

Snapshot's domain has a name and a version, and neither a chain nor a contract. In the course of time it has taken votes
of 36 types: in each of twelve lists of fields the choice is one number, a list of numbers, or a text (a map of weights
as JSON, or what was encrypted). Types come from this table and never from a file; a test holds the table against the
hashes that Snapshot publishes (`hashedTypes.json` of snapshot.js 0.17.5).

Not covered: signatures of contract wallets (ERC-1271, ERC-6492), which only a chain can check, and the messages of
Trust Wallet's browser, which adds a chain to the domain. Ballots of our own are `eip712`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from sha3 import keccak_256

from governance import eip712
from governance.eip712 import FieldError, SignatureError

Fields: TypeAlias = tuple[tuple[str, str], ...]

DOMAIN: Final = {"name": "snapshot", "version": "0.1.4"}
ONE, MANY, TEXT = "uint32", "uint32[]", "string"
_TAILS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "string": (("reason", "app", "metadata"),),
    "address": ((), ("reason", "app"), ("reason", "app", "metadata"), ("metadata",), ("app",)),
}


def _fields(choice: str, sender: str = "string", proposal: str = "string", tail: tuple[str, ...] = ()) -> Fields:
    head = (("from", sender), ("space", "string"), ("timestamp", "uint64"), ("proposal", proposal), ("choice", choice))
    return (*head, *((name, "string") for name in tail))


# What Snapshot's client signs now, by the type of the choice.
CURRENT: Final = {choice: _fields(choice, tail=_TAILS["string"][0]) for choice in (ONE, MANY, TEXT)}
# Everything that Snapshot has ever accepted as a vote.
PUBLISHED: Final = frozenset(
    _fields(choice, sender, proposal, tail)
    for choice in CURRENT
    for sender, tails in _TAILS.items()
    for proposal in ("string", "bytes32")
    for tail in tails
)

_SIGNATURE_TEXT: Final = re.compile(r"0x[0-9a-fA-F]{130}")
_BYTES32_TEXT: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_V: Final = {0: 27, 1: 28, 27: 27, 28: 28}


def published(types: object) -> Fields | None:
    """Return our own copy of the fields that a message's `types` name, or None for what Snapshot never published.

    `types` is {"Vote": [{"name", "type"}, …]}; an entry for EIP712Domain beside it says nothing and is ignored.
    """
    if not isinstance(types, dict) or set(types) - {"EIP712Domain"} != {"Vote"}:
        return None
    listed = types["Vote"]
    if not isinstance(listed, list) or not all(isinstance(field, dict) for field in listed):
        return None
    named = tuple((field.get("name"), field.get("type")) for field in listed)
    return next((fields for fields in PUBLISHED if fields == named), None)


def choice_type(fields: Fields) -> str:
    """Return the type of the choice: `ONE`, `MANY` or `TEXT`."""
    return dict(fields)["choice"]


def vote_digest(message: Mapping[str, Any], fields: Fields) -> bytes:
    """Return the 32 bytes that the voter signed. Raises FieldError for a field that its type does not allow.

    What stands in the message is hashed as it stands there: `from` is a text in most types, whose letters count.
    """
    if fields not in PUBLISHED:
        raise FieldError("types", "a type of vote that Snapshot has published is needed")
    return _keccak(b"\x19\x01" + DOMAIN_SEPARATOR + _struct_hash("Vote", fields, message))


def signer(digest: bytes, signature_text: str) -> str:
    """Return who made a signature of 65 bytes; raise SignatureError for what is none.

    Snapshot takes several spellings of a signature (v from 0 or from 27, s above the half, letters of any case); each
    is brought to the one that we accept.
    """
    if not isinstance(signature_text, str) or _SIGNATURE_TEXT.fullmatch(signature_text) is None:
        raise SignatureError("malformed_field", "a signature is 0x and 130 hex digits")
    data = bytes.fromhex(signature_text[2:])
    s, v = int.from_bytes(data[32:64], "big"), _V.get(data[64])
    if v is None or not 0 < s < _ORDER:
        raise SignatureError("signature_invalid", "v is 0, 1, 27 or 28, and s is below the order of the curve")
    if s > _ORDER // 2:
        s, v = _ORDER - s, 55 - v
    return eip712.recover(digest, data[:32] + s.to_bytes(32, "big") + bytes([v]))


def _struct_hash(name: str, fields: Fields, values: Mapping[str, Any]) -> bytes:
    declared = f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})"
    parts = [_encode(field, kind, values.get(field)) for field, kind in fields]
    return _keccak(b"".join([_keccak(declared.encode()), *parts]))


def _encode(field: str, kind: str, value: Any) -> bytes:  # noqa: ANN401 - any field of a message
    """Return the 32 bytes of one field; a list is the hash of its encoded items, one after the other."""
    if kind.endswith("[]"):
        if not isinstance(value, list):
            raise FieldError(field, f"a list is needed, {type(value).__name__} found")
        return _keccak(b"".join(_encode(field, kind[:-2], item) for item in value))
    if kind.startswith("uint"):
        bits = int(kind.removeprefix("uint"))
        if type(value) is not int or not 0 <= value < 1 << bits:
            raise FieldError(field, f"a whole number of {bits} bits is needed")
        return value.to_bytes(32, "big")
    if not isinstance(value, str):
        raise FieldError(field, f"a text is needed, {type(value).__name__} found")
    if kind == "address":
        return bytes(12) + bytes.fromhex(eip712.checksum_address(value)[2:])
    if kind == "bytes32":
        if _BYTES32_TEXT.fullmatch(value) is None:
            raise FieldError(field, "0x and 64 hex digits are needed")
        return bytes.fromhex(value[2:])
    try:
        return _keccak(value.encode())
    except UnicodeEncodeError as error:
        raise FieldError(field, "a lone surrogate is not a character") from error


def _keccak(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest()
    return digest


DOMAIN_SEPARATOR: Final = _struct_hash("EIP712Domain", (("name", "string"), ("version", "string")), DOMAIN)
