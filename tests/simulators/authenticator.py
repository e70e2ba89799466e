"""An authenticator in software (WebAuthn level 2): real CBOR, COSE keys and ES256 signatures, with what can go wrong.

It plays browser and device together: the browser writes the client data, the device signs. Attestation is "none", as
sites that do not care about makers get it. What an attacker changes is a parameter.
"""

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from eth_account.messages import encode_defunct, encode_typed_data
from sha3 import keccak_256

from governance.eip712 import checksum_address
from tests.simulators.wallets import message_digest

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
AAGUID = bytes.fromhex("c0ffee00" * 4)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "===")


@dataclass
class Authenticator:
    """One device with one passkey at a time, on the page of `origin`. `counts` is false for passkeys that are synced."""

    origin: str = "https://commons.example"
    counts: bool = True
    flags: int = PRESENT | VERIFIED
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: os.urandom(32))
    handle: bytes = b""
    count: int = 0

    def create(self, options: dict[str, Any], rp_id: str = "", **client: Any) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        self.handle = decoded(options["user"]["id"])
        assert encoded(self.credential) not in [one["id"] for one in options.get("excludeCredentials", [])]
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: self.point[:32], -3: self.point[32:]})
        attested = AAGUID + len(self.credential).to_bytes(2, "big") + self.credential + cose
        data = self._data(rp_id or options["rp"]["id"], ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = self._client("webauthn.create", options, client)
        return self._answer({"clientDataJSON": encoded(said), "attestationObject": encoded(attestation)})

    def get(self, options: dict[str, Any], rp_id: str = "", **client: Any) -> dict[str, Any]:
        """Answer `navigator.credentials.get` with a signature by the passkey."""
        data = self._data(rp_id or options["rpId"])
        said = self._client("webauthn.get", options, client)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": encoded(said),
                "authenticatorData": encoded(data),
                "signature": encoded(signature),
                "userHandle": encoded(self.handle),
            }
        )

    @property
    def point(self) -> bytes:
        """The public key, x ‖ y."""
        numbers = self.key.public_key().public_numbers()
        return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    @property
    def address(self) -> str:
        """The address that a seat of this passkey has."""
        return checksum_address("0x" + keccak_256(self.point).hexdigest()[-40:])

    def sign(self, typed_data: dict[str, Any], rp_id: str = "", **client: Any) -> str:
        """Sign an EIP-712 message as the page of a site lets a passkey sign it."""
        return self.sign_digest(message_digest(encode_typed_data(full_message=typed_data)), rp_id, **client)

    def sign_text(self, text: str) -> str:
        """Sign a text (EIP-191)."""
        return self.sign_digest(message_digest(encode_defunct(text=text)))

    def sign_digest(self, digest: bytes, rp_id: str = "", **client: Any) -> str:
        """Return the whole answer of the passkey as a signature in its one spelling."""
        name = rp_id or str(urlsplit(self.origin).hostname)
        answer = self.get({"challenge": encoded(digest), "rpId": name}, **client)["response"]
        r, s = decode_dss_signature(decoded(answer["signature"]))
        parts = self.point, r.to_bytes(32, "big"), min(s, ORDER - s).to_bytes(32, "big")
        said = decoded(answer["authenticatorData"]), decoded(answer["clientDataJSON"])
        return "webauthn:" + b"".join((*parts, *said)).hex()

    def _data(self, rp_id: str, more: int = 0) -> bytes:
        if self.counts:
            self.count += 1
        flags = (self.flags | more).to_bytes(1, "big")
        return hashlib.sha256(rp_id.encode()).digest() + flags + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], changed: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps({**said, **changed}, separators=(",", ":")).encode()

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        name = encoded(self.credential)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
