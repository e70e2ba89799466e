"""The form of a payload: what one member sends in one round, readable by a relay that knows nothing of tensors.

    CWLC1 and a line feed · length of the header (4 bytes, big-endian) · header (canonical JSON) · body

`start` is the SHA-256 of the global state that the member started the round from: members that disagree about it do not
belong into one average.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads

MAGIC = b"CWLC1\n"
HEADER_BYTES_MAX = 4_096
LENGTH_BYTES = 4
TOKENS_MAX = 2**48
STEPS_MAX = 1_000
RANK_MAX = 1_024
BITS = (1, 4, 8, 32)

_MEMBER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class BadPayload(ValueError):
    """A payload that is refused: `code` is stable and names what is wrong."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True)
class Header:
    """What a payload says of itself.

    `tokens`: how many the member trained on in this round. `steps`: how many local steps. `rank`, `bits`: how the body
    is compressed. `lag`: after how many local steps the exchange of the round before was complete.
    """

    round: int
    member: str
    tokens: int
    steps: int
    rank: int
    bits: int
    lag: int
    start: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "round": self.round,
            "member": self.member,
            "tokens": self.tokens,
            "steps": self.steps,
            "rank": self.rank,
            "bits": self.bits,
            "lag": self.lag,
            "start": self.start,
        }


def join(header: Header, body: bytes) -> bytes:
    """Return the file."""
    encoded = canonical_bytes(header.to_dict())
    return MAGIC + len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded + body


def split(data: bytes) -> tuple[Header, bytes]:
    """Return header and body of a file, or raise BadPayload. Whether the body fits its header is for who decodes it."""
    if not data.startswith(MAGIC):
        raise BadPayload("payload_malformed", "not a payload")
    start = len(MAGIC) + LENGTH_BYTES
    length = int.from_bytes(data[len(MAGIC) : start], "big")
    if len(data) < start or length > HEADER_BYTES_MAX or len(data) < start + length:
        raise BadPayload("payload_truncated", f"{len(data)} bytes, and a header of {length}")
    try:
        found = strict_loads(data[start : start + length], max_bytes=HEADER_BYTES_MAX)
    except CanonicalError as error:
        raise BadPayload("payload_malformed", str(error)) from error
    return _header(found), data[start + length :]


def sha256(data: bytes) -> str:
    """Return the name of a payload in a closed round."""
    return hashlib.sha256(data).hexdigest()


def is_member(value: object) -> bool:
    """Say whether `value` is a member's name: it becomes part of file names and of addresses."""
    return isinstance(value, str) and _MEMBER.fullmatch(value) is not None


def is_digest(value: object) -> bool:
    """Say whether `value` is a SHA-256 in lower-case hex."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _header(found: object) -> Header:
    limits = {
        "round": (0, 10**6 - 1),
        "tokens": (1, TOKENS_MAX),
        "steps": (1, STEPS_MAX),
        "rank": (0, RANK_MAX),
        "bits": (min(BITS), max(BITS)),
        "lag": (0, STEPS_MAX),
    }
    if not isinstance(found, Mapping) or found.keys() != {*limits, "member", "start"}:
        raise BadPayload("payload_malformed", "the header has other keys")
    for key, (smallest, largest) in limits.items():
        if type(found[key]) is not int or not smallest <= found[key] <= largest:
            raise BadPayload("payload_malformed", f"{key} is not an integer from {smallest} to {largest}")
    if found["bits"] not in BITS:
        raise BadPayload("payload_malformed", f"bits is none of {BITS}")
    if not is_member(found["member"]):
        raise BadPayload("payload_malformed", "member is not a name")
    if not is_digest(found["start"]):
        raise BadPayload("payload_malformed", "start is not a digest")
    return Header(**found)
