"""Ed25519 keys for release signatures (RFC 8032), and the protocol of any stronger signer. Knows no formats.

What is not protected: a key in a file is as safe as the account that may read the file. An HSM or a threshold
signer is another class with `public_key_hex` and `sign`.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ALGORITHM = "ed25519"
KEY_BYTES = 32
_FIELD = 2**255 - 19
_KEY_FILE_BYTES_MAX = 10_000
# y coordinates of the eight points of small order: under such a "key" anybody can sign anything.
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)


class SigningError(Exception):
    """A key that cannot be used, with the reason."""


class Signer(Protocol):
    """Whoever signs releases: a file on a laptop, a hardware module, a service."""

    @property
    def public_key_hex(self) -> str:
        """Return the Ed25519 public key, 64 hex characters."""

    def sign(self, data: bytes) -> bytes:
        """Return the 64 byte Ed25519 signature of `data`."""


class FileSigner:
    """Signs with the key that `generate_key` wrote into a file."""

    def __init__(self, path: Path) -> None:
        """Read the key; raise SigningError if it is missing, damaged, or readable by other accounts."""
        key = read_private_key(path)
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningError(f"{path} holds a key that is not Ed25519")
        self._key = key

    @property
    def public_key_hex(self) -> str:
        """Return the Ed25519 public key, 64 hex characters."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, data: bytes) -> bytes:
        """Return the 64 byte Ed25519 signature of `data`."""
        return self._key.sign(data)


def generate_key(path: Path) -> str:
    """Write a new private key (PEM, PKCS#8, mode 0600) and return its public key; never overwrite a file."""
    key = Ed25519PrivateKey.generate()
    write_private_key(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def public_key_hex(path: Path) -> str:
    """Return the public key of the private key in `path`."""
    return FileSigner(path).public_key_hex


def fingerprint(public_key: str) -> str:
    """Return the SHA-256 of the 32 bytes of a public key: what people compare over another channel."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()


def is_usable_public_key(public_key: object) -> bool:
    """Say whether this is a lower-case hex Ed25519 key under which a signature means something."""
    if not isinstance(public_key, str) or len(public_key) != KEY_BYTES * 2:
        return False
    if not set(public_key) <= set("0123456789abcdef"):
        return False
    y = int.from_bytes(bytes.fromhex(public_key), "little") & ((1 << 255) - 1)
    return y < _FIELD and y not in _SMALL_ORDER_Y


def signature_holds(public_key: str, signature: bytes, data: bytes) -> bool:
    """Say whether `signature` is the Ed25519 signature of `data` under `public_key`."""
    if not is_usable_public_key(public_key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def write_private_key(path: Path, pem: bytes) -> None:
    """Write a private key that only this account may read; raise SigningError rather than overwrite a file."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise SigningError(f"{path} exists; a release key is never overwritten") from error
    except OSError as error:
        raise SigningError(f"{path}: {error.strerror}") from error
    with os.fdopen(handle, "wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(pem)
        stream.flush()
        os.fsync(stream.fileno())


def read_private_key(path: Path) -> PrivateKeyTypes:
    """Read a private key of any kind; raise SigningError if it is missing, damaged, or readable by other accounts."""
    try:
        with path.open("rb") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
                raise SigningError(f"{path} can be read by other accounts; run: chmod 600 {path}")
            pem = stream.read(_KEY_FILE_BYTES_MAX)
    except OSError as error:
        raise SigningError(f"{path}: {error.strerror}") from error
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(f"{path} holds no readable private key") from error
