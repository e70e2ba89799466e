"""What wallets sign, and who signed it: EIP-712 messages, EIP-191 texts, EIP-55 addresses, secp256k1 recovery.

Pure: no Django, no network, no clock. Holds no voting rule; whether a choice exists or a vote is open is
decided elsewhere. The encoder is our own and fixed: types come from the `SCHEMAS` table, never from a caller,
and every field has one accepted form. General libraries guess (they take "1_00" for a number and a short text
for 32 bytes), so two texts could mean one ballot. For the same reason `parse_signature` accepts exactly one
spelling of a signature.

Not covered: signatures of contract wallets (ERC-1271, ERC-6492). Standards: EIP-712, EIP-191, EIP-55, EIP-2
(low s).
"""

import re
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

import coincurve
from coincurve._libsecp256k1 import ffi, lib
from sha3 import keccak_256

from governance.evidence.canonical import CanonicalError, canonical_bytes

DOMAIN_NAME: Final = "Commonweights"
DOMAIN_VERSION: Final = "1"
SAFE_INTEGER_MAX: Final = 2**53 - 1
_OURSELVES: Final = (DOMAIN_NAME, DOMAIN_VERSION)

# What a ballot says: a number, a list (ranking, approval) or a map (weights), by the method of the vote.
Choice: TypeAlias = int | list[Any] | dict[str, Any]

# One message per entry, fields in the order in which they are hashed. Adding a message is adding a line here.
SCHEMAS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "EIP712Domain": (
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ),
    "Ballot": (
        ("instance", "string"),
        ("community", "string"),
        ("proposal", "bytes32"),
        ("voter", "address"),
        ("choice", "uint8"),
        ("reason", "string"),
        ("nonce", "uint64"),
    ),
    # Lists and maps are signed as canonical JSON text: hardware wallets show flat messages only.
    "ChoicesBallot": (
        ("instance", "string"),
        ("community", "string"),
        ("proposal", "bytes32"),
        ("voter", "address"),
        ("choices", "string"),
        ("reason", "string"),
        ("nonce", "uint64"),
    ),
    "VoteDelegation": (
        ("instance", "string"),
        ("community", "string"),
        ("delegator", "address"),
        ("delegate", "address"),
        ("topic", "string"),
        ("share", "uint16"),
        ("expires", "uint64"),
        ("nonce", "uint64"),
    ),
    "Sponsorship": (
        ("instance", "string"),
        ("community", "string"),
        ("draft", "bytes32"),
        ("sponsor", "address"),
    ),
    # Not ours: what a votes token (OpenZeppelin's Votes) takes in `delegateBySig`, in the token's own domain.
    "Delegation": (
        ("delegatee", "address"),
        ("nonce", "uint256"),
        ("expiry", "uint256"),
    ),
}

_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_HALF_ORDER: Final = _ORDER // 2
_SHORT_TEXT_BYTES: Final = 128
_SHOWN_CHARACTERS: Final = 80
_SIGNATURE_BYTES: Final = 65
_DIGEST_BYTES: Final = 32
_PUBLIC_KEY_BYTES: Final = 65
_V_EVEN: Final = 27
_V_ODD: Final = 28

_SIGNATURE_TEXT: Final = re.compile(r"0x[0-9a-f]{130}")
_ANY_SIGNATURE_TEXT: Final = re.compile(r"(?:0[xX])?(?:[0-9a-fA-F]{128}|[0-9a-fA-F]{130})")
_ADDRESS_TEXT: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_BYTES32_TEXT: Final = re.compile(r"0x[0-9a-f]{64}")

# Slower than this for one recovery is not libsecp256k1 (0.03 ms); the pure-Python fallbacks of the ecosystem
# need 5 ms.
_RECOVERY_SECONDS_MAX: Final = 0.002
_RECOVERY_ATTEMPTS: Final = 50


class Eip712Error(ValueError):
    """Base of the refusals here: `code` is stable, `detail` says what was found and what is allowed."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class SignatureError(Eip712Error):
    """A refused signature: `malformed_field`, `signature_not_canonical` or `signature_invalid`."""


class AddressError(Eip712Error):
    """A refused address: `malformed_field` or `address_checksum`."""


class FieldError(Eip712Error):
    """A message field that does not fit its type: always `malformed_field`, with the name of the field."""

    def __init__(self, field: str, detail: str) -> None:
        """Name the field beside the sentence."""
        super().__init__("malformed_field", f"{field}: {detail}")
        self.field = field


class BackendError(RuntimeError):
    """The compiled back end for keccak or secp256k1 is not what runs."""


# --- messages ---


def ballot_message(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    proposal: str,
    voter: str,
    choice: Choice,
    reason: str,
    nonce: int,
) -> dict[str, Any]:
    """Return the complete typed data of a ballot, as a wallet takes it in `eth_signTypedData_v4`.

    A choice that is a number is signed as one (`Ballot`), a list or map as canonical JSON text (`ChoicesBallot`).
    Raises FieldError or AddressError where `ballot_digest` of the same values would.
    """
    name, signed = _signed_choice(choice)
    return _message(name, chain_id, token, (instance, community, proposal, voter, signed, reason, nonce))


def ballot_digest(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    proposal: str,
    voter: str,
    choice: Choice,
    reason: str,
    nonce: int,
) -> bytes:
    """Return the 32 bytes that the voter signs. Every field is checked, none is converted."""
    name, signed = _signed_choice(choice)
    return _digest(name, chain_id, token, (instance, community, proposal, voter, signed, reason, nonce))


def delegation_message(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    delegator: str,
    delegate: str,
    topic: str,
    share_bps: int,
    expires_at: int,
    nonce: int,
) -> dict[str, Any]:
    """Return the typed data of an off-chain delegation: a share in basis points (0 revokes) to a UNIX second (0: none).

    `topic` is a kind of proposal, or empty for all of them.
    """
    values = (instance, community, delegator, delegate, topic, share_bps, expires_at, nonce)
    return _message("VoteDelegation", chain_id, token, values)


def delegation_digest(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    delegator: str,
    delegate: str,
    topic: str,
    share_bps: int,
    expires_at: int,
    nonce: int,
) -> bytes:
    """Return the 32 bytes that the delegator signs."""
    values = (instance, community, delegator, delegate, topic, share_bps, expires_at, nonce)
    return _digest("VoteDelegation", chain_id, token, values)


def sponsorship_message(
    *, chain_id: int, token: str, instance: str, community: str, draft: str, sponsor: str
) -> dict[str, Any]:
    """Return the typed data by which a co-signer backs a draft; `draft` is 0x and the digest of its content."""
    return _message("Sponsorship", chain_id, token, (instance, community, draft, sponsor))


def sponsorship_digest(*, chain_id: int, token: str, instance: str, community: str, draft: str, sponsor: str) -> bytes:
    """Return the 32 bytes that the sponsor signs."""
    return _digest("Sponsorship", chain_id, token, (instance, community, draft, sponsor))


def token_delegation_message(
    *, chain_id: int, token: str, name: str, version: str, delegatee: str, nonce: int, expiry: int
) -> dict[str, Any]:
    """Return the typed data of an on-chain delegation until `expiry` (UNIX seconds).

    It is signed for the token itself, which calls itself `name` in this `version`, and not for this site.
    """
    return _message("Delegation", chain_id, token, (delegatee, nonce, expiry), (name, version))


def token_delegation_digest(
    *, chain_id: int, token: str, name: str, version: str, delegatee: str, nonce: int, expiry: int
) -> bytes:
    """Return the 32 bytes that a holder signs to delegate on chain."""
    return _digest("Delegation", chain_id, token, (delegatee, nonce, expiry), (name, version))


def _signed_choice(choice: Choice) -> tuple[str, int | str]:
    """Return the schema of a ballot with this choice, and the form in which the choice is signed."""
    if choice.__class__ is not list and choice.__class__ is not dict:
        return "Ballot", choice  # type: ignore[return-value]  # the encoder of the field checks it
    try:
        return "ChoicesBallot", canonical_bytes(choice).decode()
    except CanonicalError as error:
        raise FieldError("choices", error.detail) from error


def _message(
    name: str, chain_id: int, token: str, values: tuple[object, ...], issuer: tuple[str, str] = _OURSELVES
) -> dict[str, Any]:
    """Return complete typed data, after encoding it once: what cannot be hashed is not offered."""
    _struct_hash(name, values)
    domain_separator(chain_id, token, issuer)
    message = {field: _as_wallets_read(kind, value) for (field, kind), value in zip(SCHEMAS[name], values, strict=True)}
    return {
        "types": {
            name: [{"name": field, "type": kind} for field, kind in SCHEMAS[name]] for name in ("EIP712Domain", name)
        },
        "primaryType": name,
        "domain": {
            "name": issuer[0],
            "version": issuer[1],
            "chainId": chain_id,
            "verifyingContract": parse_address(token),
        },
        "message": message,
    }


def _as_wallets_read(kind: str, value: Any) -> Any:  # noqa: ANN401 - any field of a message
    """Return a field as JSON for a wallet: addresses checksummed, integers that JavaScript would round as text."""
    if kind == "address":
        return parse_address(value)
    return str(value) if kind.startswith("uint") and value > SAFE_INTEGER_MAX else value


def _digest(
    name: str, chain_id: int, token: str, values: tuple[object, ...], issuer: tuple[str, str] = _OURSELVES
) -> bytes:
    return _keccak(b"\x19\x01" + domain_separator(chain_id, token, issuer) + _struct_hash(name, values))


# typed: without it, True would find the entry of chain 1 and pass the check.
@lru_cache(maxsize=256, typed=True)
def domain_separator(chain_id: int, token: str, issuer: tuple[str, str] = _OURSELVES) -> bytes:
    """Return the EIP-712 domain separator of the community with this votes token on this chain.

    `issuer` is the name and version of who made the schema: ourselves, or the token for its own messages.
    """
    # Every wallet must be able to read the chain id as a JSON number.
    if chain_id.__class__ is not int or not 0 < chain_id <= SAFE_INTEGER_MAX:
        raise FieldError("chainId", f"an integer from 1 to {SAFE_INTEGER_MAX} is needed, {chain_id!r} found")
    return _struct_hash("EIP712Domain", (*issuer, chain_id, token))


# --- signatures ---


def parse_signature(text: str) -> bytes:
    """Return the 65 bytes r ‖ s ‖ v of a signature in its one accepted spelling.

    That is `0x` and 130 lower-case hex digits, with low s and v 27 or 28. Other spellings of a signature are
    `signature_not_canonical`, impossible values `signature_invalid`, and what is not a signature at all
    `malformed_field`.
    """
    if not isinstance(text, str):
        raise SignatureError("malformed_field", f"a text is needed, {type(text).__name__} found")
    if _SIGNATURE_TEXT.fullmatch(text) is None:
        if _ANY_SIGNATURE_TEXT.fullmatch(text) is not None:
            raise SignatureError("signature_not_canonical", "0x and 130 lower-case hex digits are needed")
        raise SignatureError("malformed_field", "a signature is 0x and 130 lower-case hex digits")
    signature = bytes.fromhex(text[2:])
    _require_canonical(signature)
    return signature


def recover(digest: bytes, signature: bytes) -> str:
    """Return the checksummed address that made this canonical signature (65 bytes) of `digest` (32 bytes)."""
    if len(signature) != _SIGNATURE_BYTES:
        raise SignatureError("malformed_field", f"a signature has {_SIGNATURE_BYTES} bytes, {len(signature)} found")
    _require_canonical(signature)
    return _checksum(recover_bytes(digest, signature).hex())


def verify(digest: bytes, signature_text: str, signer: str) -> None:
    """Raise SignatureError unless `signature_text` is `signer`'s canonical signature of `digest`."""
    # parse_signature has checked the form already, so the bare recovery is enough here; and bytes are
    # compared, because writing an address with its checksum would cost a hash for every ballot.
    found = recover_bytes(digest, parse_signature(signature_text))
    if found != _read_address(_require_address_text(signer))[1]:
        maker = _checksum(found.hex())
        raise SignatureError("signature_invalid", f"made by {maker} over these very fields, not by {signer}")


def personal_message_digest(text: str) -> bytes:
    """Return the EIP-191 digest of a text that a wallet signs with `personal_sign`."""
    data = _encode_text("text", text)
    return _keccak(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)


def _require_canonical(signature: bytes) -> None:
    """Refuse impossible numbers first, then possible ones that spell the same signature a second time."""
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    if not (0 < r < _ORDER and 0 < s < _ORDER):
        raise SignatureError("signature_invalid", "r and s must lie between 1 and the order of the curve")
    if s > _HALF_ORDER:
        raise SignatureError("signature_not_canonical", "s must be in the lower half of its range")
    if signature[64] not in (_V_EVEN, _V_ODD):
        raise SignatureError("signature_not_canonical", f"v must be 27 or 28, {signature[64]} found")


class _Buffers(threading.local):
    """Where libsecp256k1 writes, one set for each thread.

    cffi lets other threads run during a call: with one set for all, two voters would be mixed up.
    """

    def __init__(self) -> None:
        self.signature = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        self.key = ffi.new("secp256k1_pubkey *")
        self.serialized = ffi.new("unsigned char[65]")
        self.length = ffi.new("size_t *", _PUBLIC_KEY_BYTES)
        self.view = ffi.buffer(self.serialized, _PUBLIC_KEY_BYTES)


_buffers: Final = _Buffers()


def recover_bytes(digest: bytes, signature: bytes) -> bytes:
    """Return the 20 address bytes of whoever made a signature that is known to be canonical.

    Calls libsecp256k1 directly: 7 % faster than coincurve's objects (32 µs against 34.6), and recovery is
    what a count of ballots spends its time on. The module with a leading underscore is pinned in
    requirements.txt.
    """
    if len(digest) != _DIGEST_BYTES:
        raise SignatureError("malformed_field", f"a digest has {_DIGEST_BYTES} bytes, {len(digest)} found")
    context, own = coincurve.context.GLOBAL_CONTEXT.ctx, _buffers
    parsed = lib.secp256k1_ecdsa_recoverable_signature_parse_compact(
        context, own.signature, signature, signature[64] - _V_EVEN
    )
    if not parsed or not lib.secp256k1_ecdsa_recover(context, own.key, own.signature, digest):
        raise SignatureError("signature_invalid", "no public key fits this signature")
    own.length[0] = _PUBLIC_KEY_BYTES
    lib.secp256k1_ec_pubkey_serialize(context, own.serialized, own.length, own.key, lib.SECP256K1_EC_UNCOMPRESSED)
    return _keccak(own.view[1:])[12:]


# --- addresses ---


def parse_address(text: str) -> str:
    """Return the checksummed form of an address that is checksummed or all lower-case.

    Wrong mixed case is `address_checksum` (a typing error, most likely); anything else is `malformed_field`.
    """
    return _read_address(_require_address_text(text))[0]


def checksum_address(text: str) -> str:
    """Return the EIP-55 spelling of `0x` and 40 hex digits in any case: for addresses from programs."""
    return _checksum(_require_address_text(text)[2:].lower())


def _require_address_text(text: object) -> str:
    """Return the text if it has the shape of an address, whatever its case."""
    if not isinstance(text, str) or _ADDRESS_TEXT.fullmatch(text) is None:
        raise AddressError("malformed_field", f"an address is 0x and 40 hex digits, {_shown(text)} found")
    return text


# One ballot names its voter three times (message, signer, power), and a community has far fewer members than
# this.
@lru_cache(maxsize=4096)
def _read_address(text: str) -> tuple[str, bytes]:
    """Return the checksummed form and the 20 bytes of a text that has the shape of an address."""
    digits = text[2:]
    lower = digits.lower()
    checksummed = _checksum(lower)
    if digits not in (lower, checksummed[2:]):
        raise AddressError("address_checksum", f"{text} has a wrong checksum; check the address for typing errors")
    return checksummed, bytes.fromhex(lower)


# Tables for `_checksum`: 0x20 (the bit between "A" and "a") for hash digits 8–f, and for the letters of an
# address.
_UPPER_WHERE: Final = bytes(0x20 if chr(code) in "89abcdef" else 0 for code in range(256))
_LETTERS: Final = bytes(0x20 if chr(code) in "abcdef" else 0 for code in range(256))


def _checksum(lower: str) -> str:
    """Return the EIP-55 form of 40 lower-case digits: upper-case where the hash has 8 or more.

    All forty at once, as one long integer: twice as fast as a loop, and this runs once for every ballot.
    """
    raw = lower.encode("ascii")
    mask = _keccak(raw).hex()[:40].encode("ascii").translate(_UPPER_WHERE)
    letters = raw.translate(_LETTERS)
    flips = int.from_bytes(mask, "big") & int.from_bytes(letters, "big")
    return "0x" + (int.from_bytes(raw, "big") ^ flips).to_bytes(40, "big").decode("ascii")


def _shown(value: object) -> str:
    """Return a short printable form for an error message."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


# --- encoding ---


def _keccak(data: bytes) -> bytes:
    """Return Keccak-256 (the padding of Ethereum, not of SHA-3)."""
    digest: bytes = keccak_256(data).digest()
    return digest


def _encode_text(field: str, value: object) -> bytes:
    """Return the UTF-8 bytes of a text; a lone surrogate has none."""
    if not isinstance(value, str):
        raise FieldError(field, f"a text is needed, {type(value).__name__} found")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FieldError(field, "a lone surrogate is not a character") from error


def _encode_string(field: str, value: object) -> bytes:
    data = _encode_text(field, value)
    # Instance and community are the same in every ballot, and most reasons are empty; a long text is worth no
    # memory.
    return _short_text_hash(data) if len(data) <= _SHORT_TEXT_BYTES else _keccak(data)


@lru_cache(maxsize=256)
def _short_text_hash(data: bytes) -> bytes:
    return _keccak(data)


def _encode_bytes32(field: str, value: object) -> bytes:
    if not isinstance(value, str) or _BYTES32_TEXT.fullmatch(value) is None:
        raise FieldError(field, f"0x and 64 lower-case hex digits are needed, {_shown(value)} found")
    return _bytes_of_hex(value)


# All ballots of a vote name the same proposal.
@lru_cache(maxsize=256)
def _bytes_of_hex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _encode_address(_field: str, value: object) -> bytes:
    return bytes(12) + _read_address(_require_address_text(value))[1]


def _integer_encoder(bits: int) -> Callable[[str, object], bytes]:
    """Return the encoder of an unsigned integer of `bits` bits."""
    limit = 1 << bits

    def encode(field: str, value: object) -> bytes:
        # `__class__ is int` and not isinstance: True is an int to Python, but not to a voter.
        if value.__class__ is not int or not 0 <= value < limit:
            raise FieldError(field, f"an integer from 0 to {limit - 1} is needed, {_shown(value)} found")
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
    return _keccak(type_text(name).encode()), encoders


def _struct_hash(name: str, values: tuple[object, ...]) -> bytes:
    """Return hashStruct of EIP-712 for values given in the order of the schema."""
    type_hash, encoders = _plan(name)
    parts = [type_hash]
    parts.extend([encode(field, value) for (field, encode), value in zip(encoders, values, strict=True)])
    return _keccak(b"".join(parts))


# --- start-up check ---

# Keccak-256 of b"hello", and the address of private key 1: both can be looked up with any Ethereum tool.
_KNOWN_DIGEST: Final = bytes.fromhex("1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8")
_KNOWN_KEY: Final = (1).to_bytes(32, "big")
_KNOWN_ADDRESS: Final = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


def assert_fast_backend() -> None:
    """Raise BackendError unless compiled keccak and libsecp256k1 run, right and fast.

    A silent fallback to pure Python would make a count of ballots a hundred times slower, so start-up stops
    instead.
    """
    if _keccak(b"hello") != _KNOWN_DIGEST:
        raise BackendError("keccak gives a wrong digest: install safe-pysha3 (requirements.txt)")
    if getattr(keccak_256, "__module__", "") != "_pysha3":
        raise BackendError("keccak does not come from safe-pysha3: install it as pinned in requirements.txt")
    signed = coincurve.PrivateKey(_KNOWN_KEY).sign_recoverable(_KNOWN_DIGEST, hasher=None)
    signature = signed[:64] + bytes([signed[64] + 27])
    best = min(_timed_recovery(signature) for _ in range(_RECOVERY_ATTEMPTS))
    if best > _RECOVERY_SECONDS_MAX:
        raise BackendError(
            f"one signature takes {best * 1000:.1f} ms, at most {_RECOVERY_SECONDS_MAX * 1000:.0f} expected: "
            "libsecp256k1 is not what runs; install coincurve as pinned in requirements.txt"
        )


def _timed_recovery(signature: bytes) -> float:
    """Return the seconds of one recovery, after checking its answer. Only this function reads a clock."""
    start = time.perf_counter()
    found = recover(_KNOWN_DIGEST, signature)
    elapsed = time.perf_counter() - start
    if found != _KNOWN_ADDRESS:
        raise BackendError(f"secp256k1 gives a wrong answer: {_KNOWN_ADDRESS} expected, {found} found")
    return elapsed


__all__ = [
    "AddressError",
    "BackendError",
    "Choice",
    "Eip712Error",
    "FieldError",
    "SignatureError",
    "assert_fast_backend",
    "ballot_digest",
    "ballot_message",
    "checksum_address",
    "delegation_digest",
    "delegation_message",
    "domain_separator",
    "parse_address",
    "parse_signature",
    "personal_message_digest",
    "recover",
    "sponsorship_digest",
    "sponsorship_message",
    "token_delegation_digest",
    "token_delegation_message",
    "type_text",
    "verify",
]
