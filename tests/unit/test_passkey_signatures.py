"""Signatures of passkeys: whose they are, and every way in which they could be somebody else's word."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from governance import eip712
from governance.eip712 import SignatureError, passkeys
from tests.simulators.authenticator import ORDER, PRESENT, VERIFIED, Authenticator, encoded

DIGEST = hashlib.sha256(b"a ballot").digest()
DEVICE = Authenticator()
S_AT, DATA_AT, CLIENT_AT = 96, 128, 165


def parts(signature: str) -> bytearray:
    return bytearray.fromhex(signature.removeprefix("webauthn:"))


def spelled(given: bytes) -> str:
    return f"webauthn:{bytes(given).hex()}"


def refused(code: str, signature: str, digest: bytes = DIGEST, signer: str = DEVICE.address) -> None:
    with pytest.raises(SignatureError) as refusal:
        eip712.verify(digest, signature, signer)
    assert refusal.value.code == code, refusal.value


def test_a_passkey_signs_as_the_address_of_its_key() -> None:
    signature = DEVICE.sign_digest(DIGEST)
    eip712.verify(DIGEST, signature, DEVICE.address)
    eip712.verify(DIGEST, signature, DEVICE.address.lower())
    assert eip712.signer_bytes(DIGEST, signature).hex() == DEVICE.address[2:].lower()
    for origin in ("http://localhost:8000", "https://water.commons.example:8443"):
        other = Authenticator(origin=origin)
        eip712.verify(DIGEST, other.sign_digest(DIGEST), other.address)


def test_browsers_that_say_more_or_say_it_in_another_order_are_understood() -> None:
    more = {
        "other_keys_can_be_added_here": "do not compare clientDataJSON against a template. See https://goo.gl/yabPex"
    }
    eip712.verify(DIGEST, DEVICE.sign_digest(DIGEST, **more), DEVICE.address)
    said = f'{{"origin":"https://commons.example","challenge":"{encoded(DIGEST)}","type":"webauthn.get"}}'.encode()
    assert eip712.signer_bytes(DIGEST, _signed_over(said)) == passkeys.address_of_point(DEVICE.point)


def test_replay_a_signature_of_another_message_or_of_another_passkey_is_refused() -> None:
    signature = DEVICE.sign_digest(DIGEST)
    refused("signature_invalid", signature, hashlib.sha256(b"another ballot").digest())
    refused("signature_invalid", signature, signer=Authenticator().address)


@pytest.mark.parametrize(
    "client",
    [
        {"type": "webauthn.create"},
        {"challenge": encoded(DIGEST[::-1])},
        {"challenge": encoded(DIGEST) + "="},
        {"challenge": DIGEST.hex()},
        {"crossOrigin": True},
        {"topOrigin": "https://evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "https://evil.commons.example"},
        {"origin": "https://commons.example.evil.example"},
        {"origin": "http://commons.example"},
        {"origin": "https://commons.example/"},
        {"origin": True},
    ],
)
def test_phishing_a_passkey_that_was_asked_elsewhere_or_for_something_else_is_refused(client: dict[str, Any]) -> None:
    refused("signature_invalid", DEVICE.sign_digest(DIGEST, rp_id="commons.example", **client))


def test_a_key_of_another_site_is_refused() -> None:
    refused("signature_invalid", DEVICE.sign_digest(DIGEST, rp_id="evil.example"))
    refused("signature_invalid", DEVICE.sign_digest(DIGEST, rp_id="example"))


@pytest.mark.parametrize("flags", [0, PRESENT, VERIFIED, PRESENT | VERIFIED | 0x40, PRESENT | VERIFIED | 0x80])
def test_a_device_that_recognised_nobody_is_refused(flags: int) -> None:
    device = Authenticator(flags=flags)
    refused("signature_invalid", device.sign_digest(DIGEST), signer=device.address)


@pytest.mark.parametrize(
    "said",
    [
        '{"type": "webauthn.get","challenge":"%s","origin":"https://commons.example"}',
        '{"type":"webauthn.get","challenge":"%s","origin":"https://commons.example"} ',
        '{"type":"webauthn.get","challenge":"%s","origin":"https:\\/\\/commons.example"}',
        '{"type":"webauthn.get","challenge":"%s","origin":"https://commons.example","more":{}}',
        '["webauthn.get","%s"]',
    ],
)
def test_client_data_of_another_form_is_refused_though_it_is_signed(said: str) -> None:
    refused("malformed_field", _signed_over((said % encoded(DIGEST)).encode()))


def test_what_is_said_twice_is_refused_though_it_is_signed() -> None:
    said = f'{{"type":"webauthn.get","challenge":"{encoded(DIGEST)}","origin":"https://commons.example"'
    for twice in ('"type":"webauthn.get"', '"origin":"https://evil.example"'):
        refused("signature_invalid", _signed_over(f"{said},{twice}}}".encode()))


def test_a_signature_has_one_spelling() -> None:
    signature = DEVICE.sign_digest(DIGEST)
    for other in (signature.upper(), f"{signature}0", f"{signature} ", signature.replace(":", ":0x"), "webauthn:"):
        refused("malformed_field", other)
    refused("malformed_field", spelled(parts(signature)[:CLIENT_AT]))
    refused("malformed_field", spelled(parts(signature) + bytes(2_000)))
    given = parts(signature)
    given[S_AT:DATA_AT] = (ORDER - int.from_bytes(given[S_AT:DATA_AT], "big")).to_bytes(32, "big")
    refused("signature_not_canonical", spelled(given))
    for number in (0, ORDER):
        given[S_AT:DATA_AT] = number.to_bytes(32, "big")
        refused("signature_invalid", spelled(given))


def test_a_flipped_bit_anywhere_fails() -> None:
    signature = DEVICE.sign_digest(DIGEST)
    for place in range(len(parts(signature))):
        given = parts(signature)
        given[place] ^= 1
        with pytest.raises(SignatureError):
            eip712.verify(DIGEST, spelled(given), DEVICE.address)


def test_what_only_a_key_can_sign_no_passkey_signs() -> None:
    with pytest.raises(SignatureError) as refusal:
        eip712.verify_key(DIGEST, DEVICE.sign_digest(DIGEST), DEVICE.address)
    assert refusal.value.code == "malformed_field"


def _signed_over(said: bytes) -> str:
    given = parts(DEVICE.sign_digest(DIGEST))
    data = bytes(given[DATA_AT:CLIENT_AT])
    r, s = decode_dss_signature(DEVICE.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256())))
    return spelled(DEVICE.point + r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big") + data + said)
