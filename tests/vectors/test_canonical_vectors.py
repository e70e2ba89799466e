"""Our canonical JSON against golden vectors, and against npm canonicalize live (an implementation of RFC 8785).

Both sides start from the same JSON text, so our strict parser is compared too. Where we refuse what the standard
allows, on purpose: numbers with a fraction or an exponent, integers beyond 2^53-1, NUL, and equal keys.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.canonical import CanonicalError, canonical_bytes, digest, strict_loads
from tests.vectors.batch import ask_all

GOLDEN = json.loads(Path(__file__).with_name("canonical.json").read_bytes())["cases"]
PEER = "canonical_peer.mjs"
INTEGER_MAX = 2**53 - 1
# Characters whose order differs between UTF-8 and UTF-16, that have a short escape, a long one, or none.
ALPHABET = (
    'abAB019 _-~"\\/\b\t\n\f\r\x01\x1f\x7f\x80\xa0éàœ\u2028\ud7ff\ue000\ufb33\ufeff\uffff水💧😀\U00010000\U0010ffff'
)


def parsed(text: str) -> Any:
    return strict_loads(text.encode(), max_bytes=100_000)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_golden_texts_have_the_bytes_and_the_digest_of_the_independent_implementation(case: dict[str, str]) -> None:
    value = parsed(case["json"])
    assert canonical_bytes(value) == case["canonical"].encode()
    assert digest(value) == case["sha256"]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_a_golden_form_is_its_own_canonical_form(case: dict[str, str]) -> None:
    assert canonical_bytes(parsed(case["canonical"])) == case["canonical"].encode()


def test_the_golden_vectors_are_what_the_peer_says_today() -> None:
    assert len(GOLDEN) == 61
    answers = ask_all(PEER, ({"json": case["json"]} for case in GOLDEN))
    assert answers == [{"canonical": case["canonical"], "sha256": case["sha256"]} for case in GOLDEN]


def random_value(source: random.Random, depth: int) -> Any:
    kind = source.randrange(8 if depth else 6)
    if kind == 0:
        return source.choice([None, True, False])
    if kind <= 2:
        magnitude = source.choice([0, 1, source.randrange(100), source.randrange(INTEGER_MAX), INTEGER_MAX])
        return source.choice([1, -1]) * magnitude
    if kind <= 5:
        return random_text(source)
    if kind == 6:
        return [random_value(source, depth - 1) for _ in range(source.randrange(5))]
    return {random_text(source): random_value(source, depth - 1) for _ in range(source.randrange(7))}


def random_text(source: random.Random) -> str:
    return "".join(source.choice(ALPHABET) for _ in range(source.randrange(6)))


def random_spelling(source: random.Random, value: Any) -> str:
    """Write the value as JSON in one of the many ways that mean the same."""
    space = source.choice(["", " ", "\n\t", "\r\n "])
    separators = (space + "," + space, space + ":" + space)
    return space + json.dumps(value, ensure_ascii=source.random() < 0.5, separators=separators) + space


def test_random_values_in_random_spellings_have_the_bytes_and_digests_of_the_peer() -> None:
    source = random.Random(31)
    values = [{"value": random_value(source, 5), "other": random_value(source, 3)} for _ in range(500)]
    texts = [random_spelling(source, value) for value in values]
    for value, text, answer in zip(values, texts, ask_all(PEER, ({"json": text} for text in texts)), strict=True):
        assert parsed(text) == value
        assert answer == {"canonical": canonical_bytes(value).decode(), "sha256": digest(value)}, text


@pytest.mark.parametrize(
    "text",
    [
        '"\\ud83d"',
        '"\\udca7\\ud83d"',
        '{"\\ud83d":1}',
        '["\\udfffa"]',
        "NaN",
        "Infinity",
        "[1,]",
        "{'a':1}",
        "01",
        "+1",
        "",
    ],
)
def test_both_sides_refuse_what_is_not_interoperable_json(text: str) -> None:
    assert "error" in ask_all(PEER, [{"json": text}])[0]
    with pytest.raises(CanonicalError):
        canonical_bytes(parsed(text))


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("1.5", "1.5"),
        ("1.0", "1"),
        ("1e2", "100"),
        ("-0.0", "0"),
        ("9007199254740992", "9007199254740992"),
        ("-9007199254740992", "-9007199254740992"),
        ("9007199254740993", "9007199254740992"),  # the peer's number is not the one that was written
        ('"\\u0000"', '"\\u0000"'),
        ('{"a":1,"a":2}', '{"a":2}'),
    ],
)
def test_what_the_standard_allows_and_we_refuse(text: str, theirs: str) -> None:
    assert ask_all(PEER, [{"json": text}])[0]["canonical"] == theirs
    with pytest.raises(CanonicalError):
        canonical_bytes(parsed(text))
