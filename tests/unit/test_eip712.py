"""Ballot messages, signatures and addresses: one accepted form each, and every attack on them refused."""

import json
import random
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import coincurve
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance import eip712
from governance.eip712 import AddressError, BackendError, FieldError, SignatureError, backend, signatures
from governance.eip712.keccak import keccak

ORDER = int.from_bytes(bytes.fromhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"), "big")
KEY = coincurve.PrivateKey(bytes(31) + b"\x01")
VOTER = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
OTHER = "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"
FIELDS: dict[str, Any] = {
    "chain_id": 31337,
    "token": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "instance": "https://commons.example",
    "community": "water",
    "proposal": "0x" + "ab" * 32,
    "voter": VOTER,
    "choice": 1,
    "reason": "Parce que l’eau est à nous.",
    "nonce": 7,
}


def sign(digest: bytes, key: coincurve.PrivateKey = KEY) -> str:
    raw = key.sign_recoverable(digest, hasher=None)
    return "0x" + raw[:64].hex() + f"{raw[64] + 27:02x}"


def spelled(r: int, s: int, v: int) -> str:
    return f"0x{r:064x}{s:064x}{v:02x}"


def numbers(signature: str) -> tuple[int, int, int]:
    return int(signature[2:66], 16), int(signature[66:130], 16), int(signature[130:], 16)


DIGEST = eip712.ballot_digest(**FIELDS)
SIGNATURE = sign(DIGEST)
R, S, V = numbers(SIGNATURE)


# --- the good case ---


def test_a_signed_ballot_is_recovered_to_its_voter() -> None:
    assert eip712.recover(DIGEST, eip712.parse_signature(SIGNATURE)) == VOTER
    eip712.verify(DIGEST, SIGNATURE, VOTER)
    eip712.verify(DIGEST, SIGNATURE, VOTER.lower())


def test_the_message_for_the_wallet_is_complete_and_plain_json() -> None:
    message = eip712.ballot_message(**FIELDS)
    assert json.loads(json.dumps(message)) == message
    assert message["primaryType"] == "Ballot"
    assert message["domain"] == {
        "name": "Commonweights",
        "version": "1",
        "chainId": 31337,
        "verifyingContract": FIELDS["token"],
    }
    assert list(message["types"]) == ["EIP712Domain", "Ballot"]
    assert eip712.type_text("Ballot") == (
        "Ballot(string instance,string community,bytes32 proposal,address voter,"
        "uint8 choice,string reason,uint64 nonce)"
    )
    assert set(message["message"]) == {field["name"] for field in message["types"]["Ballot"]}


def test_a_nonce_that_javascript_would_round_is_offered_as_text() -> None:
    assert eip712.ballot_message(**FIELDS | {"nonce": 2**53 - 1})["message"]["nonce"] == 2**53 - 1
    assert eip712.ballot_message(**FIELDS | {"nonce": 2**53})["message"]["nonce"] == str(2**53)


# --- A8, A9, T12: a signature holds for these very fields ---


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 1},
        {"token": OTHER},
        {"instance": "https://commons.example/"},
        {"community": "Water"},
        {"proposal": "0x" + "ab" * 31 + "ac"},
        {"voter": OTHER},
        {"choice": 0},
        {"choice": 2},
        {"reason": ""},
        {"reason": FIELDS["reason"] + " "},
        {"nonce": 8},
        {"instance": "https://commons.examplew", "community": "ater"},
    ],
)
def test_a_ballot_replayed_with_any_field_changed_is_refused(change: dict[str, Any]) -> None:
    digest = eip712.ballot_digest(**FIELDS | change)
    with pytest.raises(SignatureError) as refusal:
        eip712.verify(digest, SIGNATURE, (FIELDS | change)["voter"])
    assert refusal.value.code == "signature_invalid"


def test_a_ballot_signed_by_one_wallet_for_another_voter_is_refused() -> None:
    digest = eip712.ballot_digest(**FIELDS | {"voter": OTHER})
    with pytest.raises(SignatureError) as refusal:
        eip712.verify(digest, sign(digest), OTHER)
    assert refusal.value.code == "signature_invalid"


# --- A1–A4, T13: one spelling of a signature ---

NOT_CANONICAL = {
    "A1 high s with flipped v": spelled(R, ORDER - S, 55 - V),
    "high s with the same v": spelled(R, ORDER - S, V),
    "s just above the half": spelled(R, ORDER // 2 + 1, V),
    "A2 v 0": spelled(R, S, 0),
    "A2 v 1": spelled(R, S, 1),
    "v 2": spelled(R, S, 2),
    "v 26": spelled(R, S, 26),
    "v 29": spelled(R, S, 29),
    "v 31, compressed keys elsewhere": spelled(R, S, 31),
    "v 37, chain 1 by EIP-155": spelled(R, S, 37),
    "v 255": spelled(R, S, 255),
    "A3 compact, EIP-2098": "0x" + SIGNATURE[2:66] + f"{S | ((V - 27) << 255):064x}",
    "64 bytes without v": SIGNATURE[:130],
    "upper-case digits": "0x" + SIGNATURE[2:].upper(),
    "one upper-case digit": SIGNATURE[:2] + SIGNATURE[2:].replace("a", "A", 1),
    "0X": "0X" + SIGNATURE[2:],
    "no 0x": SIGNATURE[2:],
}
INVALID = {
    "A4 all zero": "0x" + "00" * 65,
    "A4 r zero": spelled(0, S, V),
    "A4 s zero": spelled(R, 0, V),
    "r is the order": spelled(ORDER, S, V),
    "s is the order": spelled(R, ORDER, V),
    "r above the order": spelled(2**256 - 1, S, V),
    "s above the order": spelled(R, 2**256 - 1, V),
    "r zero and v zero": spelled(0, S, 0),
    "no point has this r": spelled(5, S, V),
    "all ones": "0x" + "ff" * 65,
}
MALFORMED: dict[str, Any] = {
    "empty": "",
    "only 0x": "0x",
    "one digit short": SIGNATURE[:-1],
    "one digit long": SIGNATURE + "0",
    "a byte long": SIGNATURE + "1b",
    "a megabyte": "0x" + "00" * 500_000,
    "ERC-6492 wrapped": SIGNATURE + "6492" * 16,
    "not hex": "0x" + "zz" * 65,
    "space before": " " + SIGNATURE,
    "line feed after": SIGNATURE + "\n",
    "space within": SIGNATURE[:-1] + " ",
    "full-width digit": SIGNATURE[:-1] + "１",
    "underscore": SIGNATURE[:10] + "_" + SIGNATURE[11:],
    "NUL": SIGNATURE[:-1] + "\x00",
    "bytes": SIGNATURE.encode(),
    "a number": int(SIGNATURE, 16),
    "nothing": None,
    "a list": [SIGNATURE],
    "an object": {"r": R, "s": S, "v": V},
}


def cases(code: str, texts: dict[str, Any]) -> list[Any]:
    return [pytest.param(code, text, id=name) for name, text in texts.items()]


@pytest.mark.parametrize(
    ("code", "text"),
    cases("signature_not_canonical", NOT_CANONICAL)
    + cases("signature_invalid", INVALID)
    + cases("malformed_field", MALFORMED),
)
def test_a_signature_that_is_not_the_one_accepted_form_is_refused(code: str, text: Any) -> None:
    with pytest.raises(SignatureError) as refusal:
        eip712.verify(DIGEST, text, VOTER)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "signature",
    [bytes(65), bytes.fromhex(spelled(R, ORDER - S, 55 - V)[2:]), bytes.fromhex(spelled(R, S, V - 27)[2:])],
)
def test_recover_refuses_other_forms_of_bytes_too(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        eip712.recover(DIGEST, signature)


def test_recover_refuses_other_lengths() -> None:
    for digest, signature in (
        (DIGEST[:-1], bytes.fromhex(SIGNATURE[2:])),
        (DIGEST, bytes.fromhex(SIGNATURE[2:130])),
    ):
        with pytest.raises(SignatureError) as refusal:
            eip712.recover(digest, signature)
        assert refusal.value.code == "malformed_field"


def re_encodings(signature: str) -> list[Any]:
    r, s, v = numbers(signature)
    return [
        spelled(r, ORDER - s, 55 - v),
        spelled(r, ORDER - s, v),
        spelled(r, s, v - 27),
        spelled(r, s, v + 8),
        signature[:66] + f"{s | ((v - 27) << 255):064x}",
        signature[2:],
        "0X" + signature[2:],
        "0x" + signature[2:].upper(),
        signature + "00",
        " " + signature,
        signature + " ",
    ]


@settings(max_examples=150)
@given(key=st.integers(1, ORDER - 1), digest=st.binary(min_size=32, max_size=32))
def test_exactly_one_encoding_of_a_signature_is_accepted(key: int, digest: bytes) -> None:
    signature = sign(digest, coincurve.PrivateKey(key.to_bytes(32, "big")))
    parsed = eip712.parse_signature(signature)
    assert "0x" + parsed.hex() == signature
    voter = eip712.recover(digest, parsed)
    for other in re_encodings(signature):
        if other == signature:  # upper-case of a text without letters
            continue
        with pytest.raises(SignatureError):
            eip712.verify(digest, other, voter)


@settings(max_examples=300)
@given(at=st.integers(0, 131), new=st.characters())
def test_no_changed_character_of_a_signature_passes(at: int, new: str) -> None:
    changed = SIGNATURE[:at] + new + SIGNATURE[at + 1 :]
    if changed == SIGNATURE:
        return
    with pytest.raises(SignatureError):
        eip712.verify(DIGEST, changed, VOTER)


@settings(max_examples=300)
@given(st.text(max_size=140) | st.text(alphabet="0123456789abcdefxX", max_size=140) | st.none() | st.binary())
def test_any_other_input_is_a_named_refusal(text: Any) -> None:
    with pytest.raises(SignatureError):
        eip712.parse_signature(text)


# --- fields ---


@pytest.mark.parametrize(
    "change",
    [
        *({"choice": value} for value in (256, -1, 2**70, "1", 1.0, True, None, [1.5], {1: 1}, (1,))),
        *({"nonce": value} for value in (-1, 2**64, "7", 7.0, True, None)),
        *({"chain_id": value} for value in (0, -1, 2**53, "1", 1.0, True, None)),
        *({"reason": value} for value in (None, 7, b"reason", "\ud800", "a\udfffb", ["x"])),
        *({"instance": value} for value in (None, 7, "\ud83d")),
        *({"community": value} for value in (None, 7)),
        *(
            {"proposal": value}
            for value in (
                "0x01",
                "ab" * 32,
                "0x" + "AB" * 32,
                "0X" + "ab" * 32,
                "0x" + "ab" * 33,
                "0x" + "ab" * 32 + "\n",
                "",
                None,
                int("ab" * 32, 16),
                bytes.fromhex("ab" * 32),
            )
        ),
    ],
)
def test_a_field_of_another_type_or_form_is_refused_and_never_converted(change: dict[str, Any]) -> None:
    # The good value first, so that a cache that mistook True for 1 would be filled.
    eip712.ballot_digest(**FIELDS | {"chain_id": 1})
    for function in (eip712.ballot_digest, eip712.ballot_message):
        with pytest.raises(FieldError) as refusal:
            function(**FIELDS | change)
        assert refusal.value.code == "malformed_field"


@pytest.mark.parametrize("missing", sorted(FIELDS))
def test_a_missing_or_an_extra_field_cannot_be_passed(missing: str) -> None:
    with pytest.raises(TypeError):
        eip712.ballot_digest(**{key: value for key, value in FIELDS.items() if key != missing})
    with pytest.raises(TypeError):
        eip712.ballot_digest(**FIELDS, weight=10**30)


# --- A10: addresses ---


@pytest.mark.parametrize("text", [VOTER, VOTER.lower(), OTHER.lower()])
def test_a_checksummed_or_lower_case_address_is_accepted_and_comes_back_checksummed(text: str) -> None:
    assert eip712.parse_address(text) in (VOTER, OTHER)


def test_an_address_of_digits_only_needs_no_case() -> None:
    assert eip712.parse_address("0x" + "12" * 20) == "0x" + "12" * 20


@pytest.mark.parametrize(
    "text",
    [VOTER.replace("E", "e", 1), "0x" + VOTER[2:].upper(), VOTER[:-1] + "F", "0x" + VOTER[2:].swapcase()],
)
def test_an_address_with_a_wrong_checksum_is_refused(text: str) -> None:
    with pytest.raises(AddressError) as refusal:
        eip712.parse_address(text)
    assert refusal.value.code == "address_checksum"


@pytest.mark.parametrize(
    "text",
    ["", "0x", VOTER[2:], VOTER[:-1], VOTER + "0", "0X" + VOTER[2:].lower(), VOTER + "\n", " " + VOTER,
     "alice.eth", VOTER[:-1] + "１", None, 5, VOTER.encode(), [VOTER]],
)  # fmt: skip
def test_what_is_not_an_address_is_malformed(text: Any) -> None:
    for function in (eip712.parse_address, eip712.checksum_address):
        with pytest.raises(AddressError) as refusal:
            function(text)
        assert refusal.value.code == "malformed_field"


def slow_checksum(lower: str) -> str:
    """EIP-55 as its text says it, digit by digit."""
    nibbles = keccak(lower.encode()).hex()
    return "0x" + "".join(c.upper() if int(n, 16) >= 8 else c for c, n in zip(lower, nibbles, strict=False))


@given(st.binary(min_size=20, max_size=20))
def test_the_fast_checksum_is_the_checksum_of_the_standard(address: bytes) -> None:
    expected = slow_checksum(address.hex())
    assert eip712.checksum_address("0x" + address.hex().upper()) == expected
    assert eip712.parse_address(expected) == expected


# --- back end and threads ---


def test_the_fast_back_end_is_in_use() -> None:
    eip712.assert_fast_backend()


def test_start_up_stops_when_recovery_runs_at_the_speed_of_pure_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fast = signatures.recover_bytes

    def slow(digest: bytes, signature: bytes) -> bytes:
        time.sleep(0.003)
        return fast(digest, signature)

    monkeypatch.setattr(signatures, "recover_bytes", slow)
    with pytest.raises(BackendError, match="libsecp256k1 is not what runs"):
        eip712.assert_fast_backend()


compiled_keccak = backend.keccak_256


def keccak_of_elsewhere(data: bytes) -> Any:
    return compiled_keccak(data)


@pytest.mark.parametrize(
    ("where", "replace", "by", "says"),
    [
        (backend, "keccak", lambda _data: bytes(32), "wrong digest"),
        (signatures, "recover_bytes", lambda _digest, _signature: bytes(20), "wrong answer"),
        (backend, "keccak_256", keccak_of_elsewhere, "does not come from safe-pysha3"),
    ],
)
def test_start_up_stops_when_a_back_end_is_wrong(
    monkeypatch: pytest.MonkeyPatch, where: ModuleType, replace: str, by: Callable[..., Any], says: str
) -> None:
    monkeypatch.setattr(where, replace, by)
    with pytest.raises(BackendError, match=says):
        eip712.assert_fast_backend()


def test_threads_do_not_mix_up_voters() -> None:
    source = random.Random(3)
    work = []
    for _ in range(200):
        key = coincurve.PrivateKey(source.randbytes(32))
        digest = source.randbytes(32)
        parsed = eip712.parse_signature(sign(digest, key))
        work.append((digest, parsed, eip712.recover(digest, parsed)))
    wrong: list[str] = []

    def again() -> None:
        for digest, parsed, voter in work * 3:
            if eip712.recover(digest, parsed) != voter:
                wrong.append(voter)

    threads = [threading.Thread(target=again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
