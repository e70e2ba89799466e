"""Sealing a ballot for keyholders, and opening it with the secrets of enough of them. Pure: the seed is a parameter.

One random seed makes everything: the key of the content, the shares of the seed itself, and the one-time key that
carries each share to its keyholder. So whoever has opened a sealed ballot can seal it again and compare every byte:
a ballot that was not sealed in this very way is void, and it is void for everybody, whichever secrets they have.

X25519 (RFC 7748), HKDF-SHA256 (RFC 5869), ChaCha20-Poly1305 (RFC 8439). Each key encrypts one text, so the nonce is
zero. Proposal, voter, threshold and all public keys are bound into every key: a sealed ballot fits nowhere else.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from governance.sealed import shares

SEED_BYTES = KEY_BYTES = 32
# Choice and reason together, padded: every sealed ballot of a proposal has the same length.
CONTENT_BYTES = 1024
CONTENT_BYTES_MAX = CONTENT_BYTES - 2
_VERSION = b"\x01"
_NAME = b"commonweights sealed ballot 1\x00"
_NONCE = bytes(12)
_TAG_BYTES = 16
_SHARE_BYTES = SEED_BYTES + _TAG_BYTES
_FIELD = 2**255 - 19
_PROBE = X25519PrivateKey.from_private_bytes(bytes([9]) * KEY_BYTES)


class SealError(ValueError):
    """What cannot be sealed, or is no sealed ballot in form; the text says why."""


class Void(Exception):
    """A sealed ballot that was not made in the one way, and counts for nothing."""


@dataclass(frozen=True)
class Context:
    """What a sealed ballot is bound to: proposal (digest) and voter (address) as hex, the keyholders and how many."""

    proposal: str
    voter: str
    threshold: int
    public_keys: tuple[bytes, ...]

    @cached_property
    def digest(self) -> bytes:
        """Return 32 bytes that stand for all of it."""
        names = bytes.fromhex(self.proposal.removeprefix("0x")) + bytes.fromhex(self.voter.removeprefix("0x"))
        counts = bytes([self.threshold, len(self.public_keys)])
        return hashlib.sha256(_NAME + names + counts + b"".join(self.public_keys)).digest()

    @property
    def length(self) -> int:
        """Return how many bytes a sealed ballot has here."""
        return len(_VERSION) + KEY_BYTES + len(self.public_keys) * _SHARE_BYTES + CONTENT_BYTES + _TAG_BYTES


def seal(content: bytes, context: Context, seed: bytes) -> bytes:
    """Return a content, sealed with a seed of 32 random bytes that is used once.

    1. the seed gives the key of the content, a one-time key, and the coefficients that split it
    2. each keyholder's share is encrypted to their public key
    3. the content is padded and encrypted.
    """
    if len(content) > CONTENT_BYTES_MAX:
        raise SealError(f"choice and reason have {len(content)} bytes, at most {CONTENT_BYTES_MAX} fit")
    ephemeral = X25519PrivateKey.from_private_bytes(_derive(seed, context, b"ephemeral"))  # 1
    sent = ephemeral.public_key().public_bytes_raw()
    drawn = (
        _derive(seed, context, b"coefficients", SEED_BYTES * (context.threshold - 1)) if context.threshold > 1 else b""
    )
    coefficients = [drawn[at : at + SEED_BYTES] for at in range(0, len(drawn), SEED_BYTES)]
    parts = [_VERSION, sent]
    for place, share in enumerate(shares.split(seed, coefficients, len(context.public_keys)), 1):  # 2
        public = context.public_keys[place - 1]
        key = _share_key(ephemeral.exchange(X25519PublicKey.from_public_bytes(public)), context, place, sent)
        parts.append(ChaCha20Poly1305(key).encrypt(_NONCE, share, context.digest))
    padded = len(content).to_bytes(2, "big") + content.ljust(CONTENT_BYTES_MAX, b"\x00")  # 3
    parts.append(ChaCha20Poly1305(_derive(seed, context, b"content")).encrypt(_NONCE, padded, context.digest))
    return b"".join(parts)


def unseal(sealed: bytes, context: Context, secrets: Mapping[int, bytes]) -> bytes:
    """Return the content, with the secrets of at least `threshold` keyholders by place from 1; raise Void.

    1. each secret opens its share, and the shares give the seed
    2. the seed opens the content
    3. sealing that content again gives these very bytes.
    """
    if len(secrets) < context.threshold:
        raise SealError(f"{len(secrets)} secrets are here, {context.threshold} are needed")
    if len(sealed) != context.length or sealed[:1] != _VERSION:
        raise Void("it does not have the form of a sealed ballot")
    sent = sealed[1 : 1 + KEY_BYTES]
    found = {}
    try:
        for place in sorted(secrets)[: context.threshold]:  # 1
            start = 1 + KEY_BYTES + (place - 1) * _SHARE_BYTES
            secret = X25519PrivateKey.from_private_bytes(secrets[place])
            key = _share_key(secret.exchange(X25519PublicKey.from_public_bytes(sent)), context, place, sent)
            found[place] = ChaCha20Poly1305(key).decrypt(_NONCE, sealed[start : start + _SHARE_BYTES], context.digest)
        seed = shares.combine(found)
        key = _derive(seed, context, b"content")  # 2
        padded = ChaCha20Poly1305(key).decrypt(_NONCE, sealed[-CONTENT_BYTES - _TAG_BYTES :], context.digest)
    except (InvalidTag, ValueError) as error:
        raise Void("its shares or its content cannot be opened") from error
    content = padded[2 : 2 + int.from_bytes(padded[:2], "big")]
    if len(content) != int.from_bytes(padded[:2], "big") or seal(content, context, seed) != sealed:  # 3
        raise Void("it was not sealed in the one way")
    return content


def public_key_of(secret: bytes) -> bytes:
    """Return the public key of a keyholder's secret."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def is_usable_public_key(key: bytes) -> bool:
    """Say whether a public key is one in its one spelling, and carries a secret to its owner alone."""
    if len(key) != KEY_BYTES or int.from_bytes(key, "little") >= _FIELD:
        return False
    try:
        _PROBE.exchange(X25519PublicKey.from_public_bytes(key))
    except ValueError:  # a point of small order: everybody could compute what is sent to it
        return False
    return True


def to_text(sealed: bytes) -> str:
    """Return a sealed ballot as text (base64url without padding)."""
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def from_text(text: str) -> bytes:
    """Read the one spelling of a sealed ballot; raise SealError for any other text."""
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise SealError("base64url without padding is needed") from error
    if to_text(sealed) != text:
        raise SealError("base64url without padding is needed, in its one spelling")
    return sealed


def digest_of(sealed: bytes) -> str:
    """Return what the voter signs of a sealed ballot: 0x and its SHA-256."""
    return f"0x{hashlib.sha256(sealed).hexdigest()}"


def _derive(seed: bytes, context: Context, use: bytes, length: int = KEY_BYTES) -> bytes:
    return HKDF(SHA256(), length, context.digest, use).derive(seed)


def _share_key(shared: bytes, context: Context, place: int, sent: bytes) -> bytes:
    return _derive(shared, context, b"share" + bytes([place]) + sent + context.public_keys[place - 1])
