"""Addresses: 20 bytes, written with the checksum of EIP-55."""

import re
from functools import lru_cache
from typing import Final

from governance.eip712.errors import AddressError, shown
from governance.eip712.keccak import keccak

_ADDRESS_TEXT: Final = re.compile(r"0x[0-9a-fA-F]{40}")


def parse_address(text: str) -> str:
    """Return the checksummed form of an address that is checksummed or all lower-case.

    Wrong mixed case is `address_checksum` (a typing error, most likely); anything else is `malformed_field`.
    """
    return _read_address(_require_address_text(text))[0]


def checksum_address(text: str) -> str:
    """Return the EIP-55 spelling of `0x` and 40 hex digits in any case: for addresses from programs."""
    return checksummed(_require_address_text(text)[2:].lower())


def address_bytes(text: object) -> bytes:
    """Return the 20 bytes of an address; refuse what `parse_address` refuses."""
    return _read_address(_require_address_text(text))[1]


def _require_address_text(text: object) -> str:
    """Return the text if it has the shape of an address, whatever its case."""
    if not isinstance(text, str) or _ADDRESS_TEXT.fullmatch(text) is None:
        raise AddressError("malformed_field", f"an address is 0x and 40 hex digits, {shown(text)} found")
    return text


# One ballot names its voter three times (message, signer, power), and a community has far fewer members than
# this.
@lru_cache(maxsize=4096)
def _read_address(text: str) -> tuple[str, bytes]:
    """Return the checksummed form and the 20 bytes of a text that has the shape of an address."""
    digits = text[2:]
    lower = digits.lower()
    written = checksummed(lower)
    if digits not in (lower, written[2:]):
        raise AddressError("address_checksum", f"{text} has a wrong checksum; check the address for typing errors")
    return written, bytes.fromhex(lower)


# Tables for `checksummed`: 0x20 (the bit between "A" and "a") for hash digits 8–f, and for the letters of an
# address.
_UPPER_WHERE: Final = bytes(0x20 if chr(code) in "89abcdef" else 0 for code in range(256))
_LETTERS: Final = bytes(0x20 if chr(code) in "abcdef" else 0 for code in range(256))


def checksummed(lower: str) -> str:
    """Return the EIP-55 form of 40 lower-case digits: upper-case where the hash has 8 or more.

    All forty at once, as one long integer: twice as fast as a loop, and this runs once for every ballot.
    """
    raw = lower.encode("ascii")
    mask = keccak(raw).hex()[:40].encode("ascii").translate(_UPPER_WHERE)
    letters = raw.translate(_LETTERS)
    flips = int.from_bytes(mask, "big") & int.from_bytes(letters, "big")
    return "0x" + (int.from_bytes(raw, "big") ^ flips).to_bytes(40, "big").decode("ascii")
