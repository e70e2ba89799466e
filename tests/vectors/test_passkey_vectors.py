"""Signatures of passkeys, by both verifiers: what the one takes the other takes, and for the same address."""

import hashlib
import random
from typing import Any

from governance import eip712
from tests.simulators.authenticator import ORDER, PRESENT, VERIFIED, Authenticator, encoded
from tests.vectors.batch import ask_all

PEER = "verifier_peer.mjs"
GOOD = 5  # plain, with a port, with more words, with backup flags, on this machine by its name
DIGEST = hashlib.sha256(b"a ballot").digest()
DEVICE = Authenticator()
S_AT, DATA_AT, CLIENT_AT = 96, 128, 165
MORE: tuple[dict[str, Any], ...] = (
    {},
    {"type": "webauthn.create"},
    {"crossOrigin": True},
    {"crossOrigin": "false"},
    {"topOrigin": "https://commons.example"},
    {"origin": "https://evil.commons.example"},
    {"origin": "https://commons.example:8443"},
    {"origin": "http://commons.example"},
    {"origin": False},
    {"challenge": encoded(DIGEST) + "="},
    {"more_words": "are allowed: here~"},
    {"more": {}},
    {"more": 1},
    {"more": "\u00e9"},
    {"more": 'a "quote"'},
)


def _signatures() -> list[str]:
    """Return good ones, ones asked for something else, ones of another form, and a good one damaged at each of 120 places."""
    found = [DEVICE.sign_digest(DIGEST, rp_id="commons.example", **more) for more in MORE]
    flags = [0, PRESENT, VERIFIED, PRESENT | VERIFIED | 0x18, PRESENT | VERIFIED | 0x40, 0xFF]
    found += [Authenticator(flags=each, key=DEVICE.key).sign_digest(DIGEST) for each in flags]
    found += [Authenticator(origin="http://localhost:8000").sign_digest(DIGEST), DEVICE.sign_digest(DIGEST[::-1])]
    good = bytes.fromhex(DEVICE.sign_digest(DIGEST).removeprefix("webauthn:"))
    for place in random.Random(9).sample(range(len(good)), 120):
        found.append(_spelled(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]))
    for s in (0, ORDER, ORDER - int.from_bytes(good[S_AT:DATA_AT], "big")):
        found.append(_spelled(good[:S_AT] + s.to_bytes(32, "big") + good[DATA_AT:]))
    twice = good[CLIENT_AT:-1] + b',"type":"webauthn.get"}'
    found += [_spelled(good[:CLIENT_AT] + twice), _spelled(good[:CLIENT_AT]), _spelled(good + bytes(2_000))]
    return [*found, _spelled(good).upper(), f"{_spelled(good)}0", f"{_spelled(good)} ", "webauthn:", "webauthn:0x"]


def test_both_verifiers_take_the_same_signatures_of_passkeys() -> None:
    signatures = _signatures()
    answers = ask_all(PEER, [{"op": "recover", "digest": DIGEST.hex(), "signature": each} for each in signatures])
    ours = [_signer(each) for each in signatures]
    assert [answer["address"] for answer in answers] == ours
    assert sum(signer is not None for signer in ours) == GOOD


def _signer(signature: str) -> str | None:
    try:
        return f"0x{eip712.signer_bytes(DIGEST, signature).hex()}"
    except eip712.SignatureError:
        return None


def _spelled(given: bytes) -> str:
    return f"webauthn:{given.hex()}"
