"""The question to a node whether a contract wallet stands by a signature, its answer, and what is kept of it. Pure.

The question is one `eth_call` that simulates `contracts/WalletCheck.sol`, bounded in gas; the answer is two words
whatever the wallet does. What is kept in a ballot's record is the kind of wallet and the block at which it was asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from governance.errors import Invalid
from governance.wallets.creation_code import WALLET_CHECK

# Above what wallets use by far: a passkey's signature with the making of its wallet takes some 3,000 bytes.
SIGNATURE_BYTES_MAX: Final = 8 * 1024
GAS: Final = 8_000_000
# Sources of power that are read from a chain. Elsewhere no chain is asked at all, so no contract can sign there.
ON_CHAIN: Final = frozenset({"erc20_votes", "erc721_votes"})
OF_WALLET: Final = '"wallet":{"block_hash":'  # in the canonical form of a record that a contract wallet stood by
KINDS: Final = {1: "erc1271", 2: "eip7702", 3: "erc6492"}

_UNDEPLOYED: Final = bytes.fromhex("6492" * 16)  # how a signature of a wallet ends that does not exist yet (ERC-6492)
_WORD: Final = 32
_ADDRESS_BYTES: Final = 20
_KEY_BYTES: Final = 65
_NOBODY: Final = bytes(_ADDRESS_BYTES)
_HASH_TEXT: Final = 66


class Verdict(IntEnum):
    """What came of asking, as `WalletCheck` numbers it."""

    VALID = 1
    NO_CODE = 2
    NOT_MADE = 3
    CALL_FAILED = 4
    ANOTHER_ANSWER = 5


REFUSED: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.NOT_MADE: ("wallet_not_made", "the wallet does not exist, and what its signature carries does not make it"),
    Verdict.CALL_FAILED: ("wallet_failed", "the wallet failed when it was asked about this signature"),
    Verdict.ANOTHER_ANSWER: ("wallet_refuses", "the wallet does not stand by this signature"),
}


@dataclass(frozen=True)
class Asked:
    """A wallet that stood by a signature: its kind, and the block at which it was asked."""

    kind: str
    block_number: int
    block_hash: str

    def to_body(self) -> dict[str, Any]:
        """Return what the record of a ballot says of it."""
        return {"block_hash": self.block_hash, "block_number": self.block_number, "kind": self.kind}


@dataclass(frozen=True)
class WalletSignature:
    """What a verifier needs to ask a wallet again. `place` says where what it signed stands, `what` what that is."""

    place: str
    wallet: str
    digest: bytes
    signature: str
    asked: Asked
    what: str = "ballot"


def asked_of(body: object) -> Asked | None:
    """Return what a record says of the asking, or nothing where it is not of the one form."""
    if not isinstance(body, dict) or set(body) != {"block_hash", "block_number", "kind"}:
        return None
    kind, number, digest = body["kind"], body["block_number"], body["block_hash"]
    if not isinstance(kind, str) or kind not in KINDS.values() or type(number) is not int or number < 0:
        return None
    if not isinstance(digest, str) or len(digest) != _HASH_TEXT or bytes_of(digest) is None:
        return None
    return Asked(kind, number, digest)


def bytes_of(text: object) -> bytes | None:
    """Return the bytes of `0x` and pairs of lower-case hex digits, nothing for any other spelling."""
    try:
        value = bytes.fromhex(text[2:]) if isinstance(text, str) else None
    except ValueError:
        return None
    return value if value is not None and f"0x{value.hex()}" == text else None


def is_of_key(signature: object) -> bool:
    """Say whether a signature has the length of one that a key makes; contracts may accept such ones, too."""
    given = bytes_of(signature)
    return given is not None and len(given) == _KEY_BYTES


def question(wallet: str, digest: bytes, signature: str) -> str:
    """Return the bytes that a node is to run, as hex. Raises Invalid for a signature that no wallet can be asked about.

    1. take the signature apart, where it carries the making of its wallet (ERC-6492)
    2. the creation code, then the arguments as the contract ABI has them
    """
    given = bytes_of(signature)
    if given is None or len(given) > SIGNATURE_BYTES_MAX:
        found = "another spelling" if given is None else f"{len(given)} bytes"
        allowed = f"0x and pairs of lower-case hex digits, at most {SIGNATURE_BYTES_MAX} bytes"
        raise Invalid("signature_invalid", "this is no signature", field="signature", found=found, allowed=allowed)
    factory, making, inner = _unwrapped(given)  # 1
    parts, tail = [], b""
    for value in (inner, making):  # 2
        parts.append((5 * _WORD + len(tail)).to_bytes(_WORD, "big"))
        tail += len(value).to_bytes(_WORD, "big") + value + bytes(-len(value) % _WORD)
    head = _word(bytes.fromhex(wallet[2:])) + digest + parts[0] + _word(factory) + parts[1]
    return f"0x{(WALLET_CHECK + head + tail).hex()}"


def answered(value: object) -> tuple[Verdict, str]:
    """Return verdict and kind ("" for none); raise ValueError for what `WalletCheck` never answers."""
    given = bytes_of(value.lower() if isinstance(value, str) else None)
    if given is None or len(given) != 2 * _WORD:
        raise ValueError("two words are needed")
    verdict, kind = Verdict(int.from_bytes(given[:_WORD], "big")), int.from_bytes(given[_WORD:], "big")
    if (verdict is Verdict.VALID) > (kind in KINDS):
        raise ValueError(f"{kind} is no kind of wallet")
    return verdict, KINDS.get(kind, "")


def _word(value: bytes) -> bytes:
    return value.rjust(_WORD, b"\0")


def _unwrapped(given: bytes) -> tuple[bytes, bytes, bytes]:
    """Return who makes the wallet, by which call, and the signature itself; nobody for a wallet that is there."""
    if not given.endswith(_UNDEPLOYED):
        return _NOBODY, b"", given
    body = given[: -len(_UNDEPLOYED)]
    try:
        factory = body[:_WORD]
        if len(factory) != _WORD or any(factory[: _WORD - _ADDRESS_BYTES]):
            raise ValueError
        return factory[-_ADDRESS_BYTES:], _dynamic(body, 1), _dynamic(body, 2)
    except ValueError:
        detail = "it ends as ERC-6492 says, and does not begin so"
        raise Invalid("signature_invalid", detail, field="signature") from None


def _dynamic(body: bytes, place: int) -> bytes:
    """Return the bytes that one word of an ABI tuple points to; raise ValueError where they do not lie within."""
    start = _number(body, place * _WORD)
    length = _number(body, start)
    value = body[start + _WORD : start + _WORD + length]
    if len(value) != length:
        raise ValueError
    return value


def _number(body: bytes, at: int) -> int:
    word = body[at : at + _WORD]
    if len(word) != _WORD:
        raise ValueError
    return int.from_bytes(word, "big")
