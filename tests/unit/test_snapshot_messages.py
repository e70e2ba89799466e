"""Snapshot's votes: the published types, known digests, and signatures in the spellings that Snapshot takes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.eip712 import FieldError, SignatureError
from governance.snapshot_messages import (
    CURRENT,
    DOMAIN,
    DOMAIN_SEPARATOR,
    MANY,
    ONE,
    PUBLISHED,
    TEXT,
    choice_type,
    published,
    signer,
    vote_digest,
)
from tests.simulators.wallets import wallet

HASHED = Path(__file__).parents[2] / "node_modules/@snapshot-labs/snapshot.js/src/sign/hashedTypes.json"
ADDRESS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"  # of the key 0x11…11
VECTORS = [
    (1, ONE, "19a0f0e627fe15086115221eb133d66ab710e250fa1101816b5d778b5101babf"),
    ([2, 1, 3], MANY, "12642d2c78c0c5effb9883cede9c6bd60380b85f64968f23542bad96323844b5"),
    ('{"1":2,"3":1}', TEXT, "d0813cfbb0ce5ee63ae63633ae6b9d2488b584b2f80ff77f2206b3e2a6cac790"),
]


def vote(choice: Any, **other: Any) -> dict[str, Any]:
    plain = {"space": "model.eth", "timestamp": 1_700_000_000, "proposal": "0x" + "ab" * 32, "choice": choice}
    return {"from": ADDRESS, **plain, "reason": "", "app": "", "metadata": "{}", **other}


def types_of(fields):
    return {"Vote": [{"name": name, "type": kind} for name, kind in fields]}


def peer_digest(message, fields) -> bytes:
    return bytes(_hash_eip191_message(encode_typed_data(dict(DOMAIN), types_of(fields), message)))


@pytest.mark.parametrize(("choice", "kind", "digest"), VECTORS)
def test_the_known_votes_have_the_known_digests(choice, kind, digest):
    assert vote_digest(vote(choice), CURRENT[kind]).hex() == digest
    assert peer_digest(vote(choice), CURRENT[kind]).hex() == digest


def test_the_domain_names_neither_a_chain_nor_a_contract():
    assert DOMAIN_SEPARATOR.hex() == "484fce18f892e8535a4b6700e197a8026f4213f809d23ae117da03b497e18670"


def test_the_published_types_are_exactly_those_that_snapshot_hashes():
    theirs = {digest for digest, name in json.loads(HASHED.read_text()).items() if name.startswith("vote")}
    ours = {hashlib.sha256(json.dumps(types_of(f), separators=(",", ":")).encode()).hexdigest() for f in PUBLISHED}
    assert ours == theirs
    assert len(ours) == 36


@settings(max_examples=60)
@given(
    fields=st.sampled_from(sorted(PUBLISHED)),
    one=st.integers(0, 2**32 - 1),
    many=st.lists(st.integers(0, 2**32 - 1), max_size=40),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    timestamp=st.integers(0, 2**64 - 1),
)
def test_every_published_type_is_hashed_as_eth_account_hashes_it(fields, one, many, text, timestamp):
    choice = {ONE: one, MANY: many, TEXT: text}[choice_type(fields)]
    message = vote(choice, timestamp=timestamp, reason=text, app=text)
    named = {name: message[name] for name, _ in fields}
    assert vote_digest(named, fields) == peer_digest(named, fields)


@pytest.mark.parametrize(
    "types",
    [
        None,
        {},
        {"Vote": []},
        {"Vote": "uint32"},
        {"Proposal": []},
        {"Vote": [{"name": "choice", "type": "uint32"}]},
        {**types_of(CURRENT[ONE]), "Extra": []},
        {"Vote": [*types_of(CURRENT[ONE])["Vote"], {"name": "more", "type": "string"}]},
        types_of([(name, kind.replace("uint32", "uint256")) for name, kind in CURRENT[ONE]]),
    ],
)
def test_types_that_snapshot_never_published_are_unknown(types):
    assert published(types) is None


def test_published_types_are_recognized_with_and_without_the_domain_beside_them():
    for fields in PUBLISHED:
        assert published(types_of(fields)) == fields
        assert published({**types_of(fields), "EIP712Domain": []}) == fields


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (ONE, vote("1")),
        (ONE, vote(True)),
        (ONE, vote(-1)),
        (ONE, vote(2**32)),
        (ONE, vote([1])),
        (MANY, vote(1)),
        (MANY, vote([1, "2"])),
        (MANY, vote([1, 2**32])),
        (TEXT, vote({"1": 1})),
        (TEXT, vote("\ud800")),
        (ONE, vote(1, timestamp=None)),
        (ONE, vote(1, space=None)),
    ],
)
def test_a_field_that_its_type_does_not_allow_is_refused(kind, message):
    with pytest.raises(FieldError):
        vote_digest(message, CURRENT[kind])


def test_a_list_of_fields_from_elsewhere_is_never_hashed():
    with pytest.raises(FieldError, match="published"):
        vote_digest(vote(1), (("from", "string"), ("choice", "uint32")))


def test_a_signature_is_understood_in_each_spelling_that_snapshot_takes():
    order = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
    digest = vote_digest(vote(1), CURRENT[ONE])
    signed = wallet("Alice").key.sign_recoverable(digest, hasher=None)
    r, s, v = signed[:32], int.from_bytes(signed[32:64], "big"), signed[64]
    plain = signed[:64] + bytes([v + 27])
    spellings = [
        "0x" + plain.hex(),
        "0x" + plain.hex().upper(),
        "0x" + signed.hex(),
        "0x" + (r + (order - s).to_bytes(32, "big") + bytes([28 - v])).hex(),
    ]
    assert {signer(digest, text) for text in spellings} == {wallet("Alice").address}


@pytest.mark.parametrize(
    "text", ["", "0x", "0x" + "00" * 65, "0x" + "11" * 64 + "1d", "0x" + "11" * 64, "0x" + "zz" * 65, None, 5]
)
def test_what_is_no_signature_is_refused(text):
    with pytest.raises(SignatureError):
        signer(bytes(32), text)
