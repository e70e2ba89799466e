"""EIP-712 encoding of the messages in `SCHEMAS`: each field has one accepted form, anything else is refused.

Types come from the table, never from a caller. General libraries guess (they take "1_00" for a number and a short text
for 32 bytes), so two texts could mean one ballot.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from governance.eip712.addresses import address_bytes
from governance.eip712.errors import FieldError, shown
from governance.eip712.keccak import keccak
from governance.eip712.schemas import SCHEMAS

DOMAIN_NAME: Final = "Commonweights"
DOMAIN_VERSION: Final = "1"
OURSELVES: Final = (DOMAIN_NAME, DOMAIN_VERSION)
SAFE_INTEGER_MAX: Final = 2**53 - 1
_SHORT_TEXT_BYTES: Final = 128
_BYTES32_TEXT: Final = re.compile(r"0x[0-9a-f]{64}")


def encode_text(field: str, value: object) -> bytes:
    """Return the UTF-8 bytes of a text; a lone surrogate has none."""
    if not isinstance(value, str):
        raise FieldError(field, f"a text is needed, {type(value).__name__} found")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FieldError(field, "a lone surrogate is not a character") from error


def _encode_string(field: str, value: object) -> bytes:
    data = encode_text(field, value)
    # Instance and community are the same in every ballot, and most reasons are empty; a long text is worth no
    # memory.
    return _short_text_hash(data) if len(data) <= _SHORT_TEXT_BYTES else keccak(data)


@lru_cache(maxsize=256)
def _short_text_hash(data: bytes) -> bytes:
    return keccak(data)


def _encode_bytes32(field: str, value: object) -> bytes:
    if not isinstance(value, str) or _BYTES32_TEXT.fullmatch(value) is None:
        raise FieldError(field, f"0x and 64 lower-case hex digits are needed, {shown(value)} found")
    return _bytes_of_hex(value)


# All ballots of a vote name the same proposal.
@lru_cache(maxsize=256)
def _bytes_of_hex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _encode_address(_field: str, value: object) -> bytes:
    return bytes(12) + address_bytes(value)


def _integer_encoder(bits: int) -> Callable[[str, object], bytes]:
    """Return the encoder of an unsigned integer of `bits` bits."""
    limit = 1 << bits

    def encode(field: str, value: object) -> bytes:
        # `__class__ is int` and not isinstance: True is an int to Python, but not to a voter.
        if value.__class__ is not int or not 0 <= value < limit:
            raise FieldError(field, f"an integer from 0 to {limit - 1} is needed, {shown(value)} found")
        return value.to_bytes(32, "big")

    return encode


_ENCODERS: Final[dict[str, Callable[[str, object], bytes]]] = {
    "string": _encode_string,
    "bytes32": _encode_bytes32,
    "address": _encode_address,
    "uint8": _integer_encoder(8),
    "uint16": _integer_encoder(16),
    "uint64": _integer_encoder(64),
    "uint256": _integer_encoder(256),
}


def type_text(name: str) -> str:
    """Return the EIP-712 type description, such as `Ballot(string instance,…)`."""
    return f"{name}({','.join(f'{kind} {field}' for field, kind in SCHEMAS[name])})"


@lru_cache(maxsize=len(SCHEMAS))
def _plan(name: str) -> tuple[bytes, tuple[tuple[str, Callable[[str, object], bytes]], ...]]:
    """Return the type hash and the field encoders of one schema."""
    encoders = tuple((field, _ENCODERS[kind]) for field, kind in SCHEMAS[name])
    return keccak(type_text(name).encode()), encoders


def struct_hash(name: str, values: tuple[object, ...]) -> bytes:
    """Return hashStruct of EIP-712 for values given in the order of the schema."""
    type_hash, encoders = _plan(name)
    parts = [type_hash]
    parts.extend([encode(field, value) for (field, encode), value in zip(encoders, values, strict=True)])
    return keccak(b"".join(parts))


# typed: without it, True would find the entry of chain 1 and pass the check.
@lru_cache(maxsize=256, typed=True)
def domain_separator(chain_id: int, token: str, issuer: tuple[str, str] = OURSELVES) -> bytes:
    """Return the EIP-712 domain separator of the community with this votes token on this chain.

    `issuer` is the name and version of who made the schema: ourselves, or the token for its own messages.
    """
    # Every wallet must be able to read the chain id as a JSON number.
    if chain_id.__class__ is not int or not 0 < chain_id <= SAFE_INTEGER_MAX:
        raise FieldError("chainId", f"an integer from 1 to {SAFE_INTEGER_MAX} is needed, {chain_id!r} found")
    return struct_hash("EIP712Domain", (*issuer, chain_id, token))
