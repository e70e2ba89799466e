"""ECDSA keys on P-256 with SHA-256 (FIPS 186-5), for the signatures that tools of others read. Knows no formats.

A signature has one spelling here: DER as X.690 demands it, and the lower of the two values of s. The nonce of a key
in a file comes from key and message (RFC 6979), so the same file is signed with the same bytes each time.
"""

from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from governance.evidence.signing import SigningError, read_private_key, write_private_key

ALGORITHM = "p256"
POINT_BYTES = 65
# The order of the group (FIPS 186-5, P-256): s and ORDER - s sign alike.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class ModelSigner(Protocol):
    """Whoever signs the files of releases: a key in a file, a hardware module, a service."""

    @property
    def public_key_hex(self) -> str:
        """Return the public key: the uncompressed point, 130 hex characters that begin with 04."""

    def sign(self, data: bytes) -> bytes:
        """Return a DER signature of `data`, with the lower s."""


class P256FileSigner:
    """Signs with the key that `generate_p256_key` wrote into a file."""

    def __init__(self, path: Path) -> None:
        """Read the key; raise SigningError if it is missing, damaged, or readable by other accounts."""
        key = read_private_key(path)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise SigningError(f"{path} holds a key that is not on P-256")
        self._key = key

    @property
    def public_key_hex(self) -> str:
        """Return the public key, 130 hex characters."""
        return _point(self._key.public_key())

    def sign(self, data: bytes) -> bytes:
        """Return the DER signature of `data`: always the same bytes for the same data."""
        return with_lower_s(self._key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True)))


def generate_p256_key(path: Path) -> str:
    """Write a new private key (PEM, PKCS#8, mode 0600) and return its public key; never overwrite a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    write_private_key(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return _point(key.public_key())


def public_key_pem(public_key: str) -> bytes:
    """Return the SubjectPublicKeyInfo of a public key as PEM, as other tools read it; raise ValueError for no key."""
    return _public_key(public_key).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def with_lower_s(signature: bytes) -> bytes:
    """Return a DER signature in its one spelling: who signs may choose either s. Raises ValueError."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, ORDER - s))


def p256_signature_holds(public_key: str, signature: bytes, data: bytes) -> bool:
    """Say whether `signature`, in its one spelling, is that of `data` under `public_key`."""
    try:
        if with_lower_s(signature) != signature:
            return False
        _public_key(public_key).verify(signature, data, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _public_key(public_key: str) -> ec.EllipticCurvePublicKey:
    """Read an uncompressed point; raise ValueError if it is none, or lies on another curve."""
    point = bytes.fromhex(public_key)
    if len(point) != POINT_BYTES or point[0] != 4 or point.hex() != public_key:  # noqa: PLR2004 - SEC 1, uncompressed
        raise ValueError("a public key is the uncompressed point in lower-case hex")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def _point(key: ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()
