"""Wallets of members, without a chain: a key each, and signatures as a browser's wallet makes them.

Messages are hashed by eth-account, which shares no code with the server that checks them.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import coincurve
from eth_account.messages import SignableMessage, encode_defunct, encode_typed_data
from sha3 import keccak_256

from governance.eip712 import checksum_address

NAMES = ("Alice", "Bob", "Chloé", "Daouda", "Emma", "Farid", "Gaëlle", "Hugo")


@dataclass(frozen=True)
class Wallet:
    """A member with a key."""

    name: str
    address: str
    key: coincurve.PrivateKey

    def sign(self, typed_data: dict[str, Any]) -> str:
        """Sign an EIP-712 message."""
        return self._sign(encode_typed_data(full_message=typed_data))

    def sign_text(self, text: str) -> str:
        """Sign a text (EIP-191)."""
        return self._sign(encode_defunct(text=text))

    def _sign(self, message: SignableMessage) -> str:
        signed = self.key.sign_recoverable(message_digest(message), hasher=None)
        return "0x" + (signed[:64] + bytes([signed[64] + 27])).hex()


def message_digest(message: SignableMessage) -> bytes:
    """Return the 32 bytes that a key signs."""
    digest: bytes = keccak_256(b"\x19" + message.version + message.header + message.body).digest()
    return digest


@lru_cache(maxsize=1024)
def wallet(name: str) -> Wallet:
    """Return the wallet of a name, always the same one."""
    key = coincurve.PrivateKey(keccak_256(name.encode()).digest())
    public = key.public_key.format(compressed=False)[1:]
    return Wallet(name, checksum_address("0x" + keccak_256(public).hexdigest()[-40:]), key)
