"""Canonical form, records and Merkle trees: laws, vectors, and what strangers send."""

import contextlib
import hashlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.evidence import merkle
from governance.evidence.canonical import CanonicalError, canonical_bytes, digest, strict_loads
from governance.evidence.record import Record

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(value=PLAIN)
def test_what_is_written_is_read_back_the_same(value):
    written = canonical_bytes(value)
    assert strict_loads(written, max_bytes=10**6, max_depth=64) == value
    assert canonical_bytes(json.loads(written)) == written


@given(value=st.dictionaries(TEXT, st.integers(0, 9), min_size=2, max_size=6))
def test_the_order_of_keys_does_not_change_the_digest(value):
    assert digest(value) == digest(dict(reversed(list(value.items()))))


def test_canonical_form_sorts_keys_as_rfc_8785_does():
    # RFC 8785, section 3.2.3: by UTF-16 code units, so that the euro sign comes before the emoji, and after é.
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}
    keys = [key for key, _ in json.loads(canonical_bytes(value), object_pairs_hook=list)]
    assert keys == ["\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), 2**53, -(2**53), "\ud800", "a\x00", {1: 2}, {1, 2}, b"x", Decimal(1)]
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(CanonicalError):
        canonical_bytes({"value": value})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":1,"a":2}', "duplicate_key"),
        ('{"a":{"b":1,"b":1}}', "duplicate_key"),
        ("NaN", "malformed_json"),
        ("-Infinity", "malformed_json"),
        ("1e400", "number_out_of_range"),
        ("1" * 101, "number_out_of_range"),
        ("[" * 17 + "]" * 17, "too_deep"),
        ('"\\ud800"', "forbidden_character"),
        ('"\\u0000"', "forbidden_character"),
        ('{"\\u0000":1}', "forbidden_character"),
        ("\ufeff1", "malformed_json"),
        ("", "malformed_json"),
        ("01", "malformed_json"),
        ("{'a':1}", "malformed_json"),
        ("1 2", "malformed_json"),
        ('"' + "x" * 1000 + '"', "too_large"),
    ],
)
def test_strict_parsing_refuses(text, code):
    with pytest.raises(CanonicalError) as refusal:
        strict_loads(text.encode("utf-8", "surrogatepass"), max_bytes=1000)
    assert refusal.value.code == code


def test_strict_parsing_never_makes_a_float():
    assert strict_loads(b"[1.0, 1e2, 0.1]", max_bytes=99) == [Decimal("1.0"), Decimal("1e2"), Decimal("0.1")]
    assert type(strict_loads(b"1.0", max_bytes=99)) is Decimal


def test_a_bracket_inside_text_is_no_nesting():
    assert strict_loads(json.dumps("[" * 100 + '"\\').encode(), max_bytes=999) == "[" * 100 + '"\\'


@given(body=st.dictionaries(TEXT, PLAIN, max_size=4), parents=st.lists(st.binary(min_size=32, max_size=32), max_size=4))
def test_a_record_reads_back_from_its_bytes_and_keeps_its_digest(body, parents):
    record = Record.make("kind", "subject", body, [parent.hex() for parent in parents])
    again = Record.from_bytes(record.canonical())
    assert (again, again.digest) == (record, record.digest)
    assert record.digest == hashlib.sha256(record.canonical()).hexdigest()


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_another_record_or_none(position, bit):
    record = Record.make("ballot", "subject", {"choice": 1, "reason": "Because."}, ["ab" * 32])
    data = bytearray(record.canonical())
    data[position % len(data)] ^= 1 << bit
    with contextlib.suppress(CanonicalError):
        assert Record.from_bytes(bytes(data)).digest != record.digest


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(":", ": ", 1),
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace('"kind":"k",', ""),
        lambda text: text.replace('"version":1', '"version":1.0'),
        lambda text: text.replace('"parents":[]', '"parents":["AB"]'),
        lambda text: text.replace("{}", '{"a":1,"a":1}'),
    ],
)
def test_another_spelling_of_a_record_is_refused(change):
    text = Record.make("k", "s", {}).canonical().decode()
    changed = change(text)
    assert changed != text
    with pytest.raises(CanonicalError):
        Record.from_bytes(changed.encode())


# Roots of the first trees over the test leaves of RFC 6962's reference implementation (certificate-transparency).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize(("count", "expected"), ROOTS.items())
def test_merkle_roots_match_the_reference(count, expected):
    assert merkle.root(LEAVES[:count]) == expected


@given(leaves=st.lists(st.binary(max_size=8), min_size=1, max_size=40), data=st.data())
def test_every_leaf_has_a_proof_and_no_other_leaf_has_it(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    root = merkle.root(leaves)
    proof = merkle.inclusion_proof(leaves, index)
    assert merkle.verify_inclusion(leaves[index], index, len(leaves), proof, root)
    assert not merkle.verify_inclusion(leaves[index] + b"x", index, len(leaves), proof, root)
    assert not merkle.verify_inclusion(leaves[index], index, len(leaves), [*proof, "00" * 32], root)
    assert not merkle.verify_inclusion(leaves[index], len(leaves), len(leaves), proof, root)
    if proof:
        assert not merkle.verify_inclusion(leaves[index], index, len(leaves), proof[:-1], root)
        assert not merkle.verify_inclusion(leaves[index], index, len(leaves), ["zz", *proof[1:]], root)
