"""Signatures of passkeys: whose P-256 key answered a digest. Standards: WebAuthn level 2 (assertions), FIPS 186-5.

A passkey's address is made as a wallet's: the last 20 bytes of Keccak-256 of its point x ‖ y. Its signature is kept
whole, in one spelling: `webauthn:` and the hex of x, y, r, s (32 bytes each, s in the lower half of its range), the
authenticator data (37 bytes) and the client data. So whoever has the text can check it with no server and no list.

The challenge is the 32 bytes of the digest itself. A browser writes down the page that asked (the origin), the device
for which site it holds the key (the SHA-256 of its name); a device gives no other site's key away. Both must name one
site here: then a page of another name cannot have asked, nor one of a name below the site's.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from governance.eip712.errors import SignatureError
from governance.eip712.keccak import keccak
from governance.evidence.p256 import ORDER, p256_signature_holds

PREFIX: Final = "webauthn:"
CLIENT_DATA_BYTES_MAX: Final = 1024
_WORD: Final = 32
_DATA_AT: Final = 4 * _WORD
_DATA_BYTES: Final = 37  # SHA-256 of the site's name, flags, counter: no key and no extensions, for none are asked for
_CLIENT_AT: Final = _DATA_AT + _DATA_BYTES
_ADDRESS_BYTES: Final = 20
_PRESENT_AND_VERIFIED: Final = 0x01 | 0x04
_KEY_OR_EXTENSIONS: Final = 0x40 | 0x80
# What browsers write: one flat object without white space. Stricter than JSON, so that all readers take it alike.
_PAIR: Final = rb'"([A-Za-z_]{1,64})":(?:"([ !#-\[\]-~]*)"|(true|false))'
_CLIENT_DATA: Final = re.compile(rb"\{%b(?:,%b)*\}" % (_PAIR, _PAIR))
_PAIRS: Final = re.compile(_PAIR)
_ORIGIN: Final = re.compile(rb"(?:https://([a-z0-9.-]+)|http://(localhost))(?::[0-9]{1,5})?")


def is_of_passkey(text: str) -> bool:
    """Say whether a signature is spelled as one of a passkey."""
    return text.startswith(PREFIX)


def address_of_point(point: bytes) -> bytes:
    """Return the 20 address bytes of a key, given as x ‖ y."""
    return keccak(point)[-_ADDRESS_BYTES:]


def passkey_signer(digest: bytes, text: str) -> bytes:
    """Return the address bytes of the passkey that made this signature of `digest`; raise SignatureError for none.

    1. the one spelling; 2. somebody was there and was recognised; 3. the page asked for a signature of this digest, and
    the key belongs to the site of that page; 4. the signature holds
    """
    given = _read(text)  # 1
    point, r, s = given[: 2 * _WORD], _number(given, 2), _number(given, 3)
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise SignatureError("signature_invalid", "r and s must lie between 1 and the order of the curve")
    if s > ORDER // 2:
        raise SignatureError("signature_not_canonical", "s must be in the lower half of its range")
    data, client = given[_DATA_AT:_CLIENT_AT], given[_CLIENT_AT:]
    flags = data[_WORD]
    if flags & _PRESENT_AND_VERIFIED != _PRESENT_AND_VERIFIED or flags & _KEY_OR_EXTENSIONS:  # 2
        raise SignatureError("signature_invalid", "the passkey does not say that it recognised its holder")
    if hashlib.sha256(_site_of(client, digest)).digest() != data[:_WORD]:  # 3
        raise SignatureError("signature_invalid", "the page that asked is not of the site that the passkey belongs to")
    signed = data + hashlib.sha256(client).digest()
    if not p256_signature_holds(f"04{point.hex()}", encode_dss_signature(r, s), signed):  # 4
        raise SignatureError("signature_invalid", "the passkey did not sign these very fields")
    return address_of_point(point)


def _read(text: str) -> bytes:
    try:
        given = bytes.fromhex(text.removeprefix(PREFIX))
    except ValueError:
        given = b""
    if f"{PREFIX}{given.hex()}" != text or not _CLIENT_AT < len(given) <= _CLIENT_AT + CLIENT_DATA_BYTES_MAX:
        detail = f"a passkey's signature is {PREFIX} and lower-case hex: key, r, s, authenticator data, client data"
        raise SignatureError("malformed_field", detail)
    return given


def _number(given: bytes, place: int) -> int:
    return int.from_bytes(given[place * _WORD : (place + 1) * _WORD], "big")


def _site_of(client: bytes, digest: bytes) -> bytes:
    """Return the name of the site whose page asked for a signature of this digest."""
    if _CLIENT_DATA.fullmatch(client) is None:
        raise SignatureError("malformed_field", "the client data is not one flat object without white space")
    pairs = [(name, text if not word else word == b"true") for name, text, word in _PAIRS.findall(client)]
    said = dict(pairs)
    challenge = urlsafe_b64encode(digest).rstrip(b"=")
    asked = (said.get(b"type"), said.get(b"challenge")) == (b"webauthn.get", challenge)
    if len(said) != len(pairs) or not asked:
        raise SignatureError("signature_invalid", "the passkey was asked to sign something else")
    origin = said.get(b"origin")
    page = _ORIGIN.fullmatch(origin) if isinstance(origin, bytes) else None
    if page is None or said.get(b"crossOrigin", False) is not False or b"topOrigin" in said:
        raise SignatureError("signature_invalid", "the page that asked has no name, or stood within another page")
    return bytes(page[1] or page[2])
