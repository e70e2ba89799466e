"""Keccak-256 as Ethereum has it."""

from sha3 import keccak_256


def keccak(data: bytes) -> bytes:
    """Return Keccak-256 (the padding of Ethereum, not of SHA-3)."""
    digest: bytes = keccak_256(data).digest()
    return digest
