"""The manifest of an export: what is written is read again; whatever else somebody writes is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import Invalid
from governance.portability import manifest
from governance.portability.manifest import File, Manifest

DIGEST = st.text("0123456789abcdef", min_size=64, max_size=64)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
COUNT = st.integers(0, 2**53 - 1)
NAMES = st.from_regex(r"tables/[a-z][a-z0-9_]{0,40}\.jsonl", fullmatch=True)
FILES = st.lists(st.builds(File, NAMES, DIGEST, COUNT, COUNT), min_size=1, max_size=5, unique_by=lambda file: file.path)
MANIFESTS = st.builds(
    Manifest,
    TEXT,
    TEXT,
    DIGEST,
    TEXT,
    TEXT,
    st.booleans(),
    FILES.map(tuple),
    st.dictionaries(TEXT, st.integers(1, 1_000), max_size=3),
    st.dictionaries(TEXT, TEXT, max_size=3),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
GOOD = Manifest("a", "b", "0" * 64, "c", "d", True, (File("tables/x.jsonl", "1" * 64, 1, 1),), {}, {})


@given(MANIFESTS)
@settings(max_examples=60)
def test_what_is_written_is_read_again(written: Manifest) -> None:
    assert manifest.read(written.to_bytes()) == written
    assert manifest.read(written.to_bytes()).to_bytes() == written.to_bytes()


@given(st.binary(max_size=60))
@settings(max_examples=60)
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    with pytest.raises(Invalid):
        manifest.read(data)


@given(st.sampled_from(sorted(json.loads(GOOD.to_bytes()))), ANYTHING)
@settings(max_examples=150)
def test_any_value_in_any_place_is_read_or_refused_by_name(name: str, value: Any) -> None:
    said = {**json.loads(GOOD.to_bytes()), name: value}
    try:
        read = manifest.read(json.dumps(said).encode())
    except Invalid:
        return
    assert json.loads(read.to_bytes()) == said


@pytest.mark.parametrize(
    "path",
    ["", "manifest.json", "/etc/passwd", "tables/../x.jsonl", "tables/X.jsonl", "tables/a/b.jsonl", "tables/x.jsonl\n"],
)
def test_no_path_leads_anywhere_else(path: str) -> None:
    said = json.loads(GOOD.to_bytes())
    said["files"][0]["path"] = path
    with pytest.raises(Invalid):
        manifest.read(json.dumps(said).encode())


def test_the_same_file_stands_there_once() -> None:
    said = json.loads(GOOD.to_bytes())
    said["files"] *= 2
    with pytest.raises(Invalid):
        manifest.read(json.dumps(said).encode())
