"""A Croissant file beside an upload: what it may say, what is made of it, and how a bad one is refused."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from governance.errors import Invalid, Malformed, Refusal
from models_registry.rights.croissant import check, read
from models_registry.rights.sources import read_sources

ROWS = "a" * 64
GOOD: dict[str, Any] = {
    "@context": {"@vocab": "https://schema.org/"},
    "@type": "sc:Dataset",
    "name": "Water letters",
    "url": "https://example.org/water",
    "license": "https://creativecommons.org/licenses/by/4.0/",
    "conformsTo": "http://mlcommons.org/croissant/1.0",
    "creator": [{"@type": "sc:Organization", "name": "Waterworks", "email": "mailto:data@example.org"}],
    "rai:dataCollectionTimeframe": ["2026-01-01T00:00:00", "2026-03-31T00:00:00"],
    "distribution": [{"@type": "cr:FileObject", "@id": "rows.jsonl", "sha256": ROWS}],
    "recordSet": {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "field": [{"@type": "cr:Field", "source": {"fileObject": {"@id": "rows.jsonl"}, "extract": {"column": "id"}}}],
    },
}
Change = Callable[[dict[str, Any]], object]


def document(change: Change | None = None) -> bytes:
    made = copy.deepcopy(GOOD)
    if change:
        change(made)
    return json.dumps(made).encode()


def test_the_dataset_itself_is_the_source_where_it_names_none() -> None:
    described = read(document())
    assert described.sources == (
        {
            "name": "Water letters",
            "license": "CC-BY-4.0",
            "consent": "unknown",
            "url": "https://example.org/water",
            "contact": "data@example.org",
            "collected_from": "2026-01-01",
            "collected_to": "2026-03-31",
            "place": "",
        },
    )
    check(described, {ROWS}, {"id", "question"})


def test_a_licence_may_be_an_spdx_address_or_a_work_and_an_unknown_one_is_not_guessed() -> None:
    for said, expected in (
        ("https://spdx.org/licenses/MIT.html", "MIT"),
        ({"@type": "sc:CreativeWork", "url": "https://www.apache.org/licenses/LICENSE-2.0"}, "Apache-2.0"),
        ("CC0-1.0", "CC0-1.0"),
        ("https://example.org/our-own-terms", "NOASSERTION"),
        (None, "NOASSERTION"),
    ):
        found = read(document(lambda root, said=said: root.update(license=said)))  # type: ignore[misc]
        assert found.sources[0]["license"] == expected


def described_badly(**values: Any) -> Change:
    return lambda root: root.update(values)


BAD: dict[str, tuple[Change, str]] = {
    "no context": (lambda root: root.pop("@context"), "croissant.@context"),
    "another type": (described_badly(**{"@type": "sc:Recipe"}), "croissant.@type"),
    "a list of types": (described_badly(**{"@type": [["sc:Dataset"]]}), "croissant.@type"),
    "no version": (lambda root: root.pop("conformsTo"), "croissant.conformsTo"),
    "another version": (described_badly(conformsTo="http://mlcommons.org/croissant/9.0"), "croissant.conformsTo"),
    "no file": (lambda root: root.pop("distribution"), "croissant.distribution"),
    "a file without digest": (lambda root: root["distribution"][0].pop("sha256"), "croissant.distribution"),
    "a digest that is none": (described_badly(distribution=[{"@type": "cr:FileObject", "sha256": "1"}]), "croissant.distribution[0].sha256"),
    "a number as file": (described_badly(distribution=[7]), "croissant.distribution[0]"),
    "a text as record set": (described_badly(recordSet=["rows"]), "croissant.recordSet[0]"),
    "a text as field": (lambda root: root["recordSet"].update(field="id"), "croissant.recordSet[0].field[0]"),
    "no name and no address": (lambda root: (root.pop("name"), root.pop("url")), "croissant[0].name"),
    "a number as name": (described_badly(name=1), "croissant.name"),
    "a source that is a number": (described_badly(isBasedOn=[1]), "croissant.isBasedOn[0]"),
    "a source at a strange address": (described_badly(isBasedOn={"name": "x", "url": "file:///etc/passwd"}), "croissant.isBasedOn[0].url"),
    "a period that ends before it begins": (described_badly(isBasedOn={"name": "x", "temporalCoverage": "2026-02-01/2026-01-01"}), "croissant.isBasedOn[0].collected_to"),
    "a licence that is a list of lists": (described_badly(license=[[]]), "croissant.license"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "place"), BAD.values(), ids=BAD.keys())
def test_bad_json_ld_is_refused_with_what_and_where(change: Change, place: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(document(change))
    assert caught.value.field == place
    assert caught.value.code


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"@type": "sc:Dataset", "@type": "sc:Dataset"}',
        b"[" * 50_000,
        b'{"a": NaN}',
        b" " * 1_000_001,
    ],
)
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(data)
    assert caught.value.code == "croissant_malformed"


def test_a_description_of_other_data_is_refused() -> None:
    with pytest.raises(Invalid, match="croissant_of_other_data") as caught:
        check(read(document()), {"b" * 64}, {"id"})
    assert caught.value.allowed == ["b" * 64]
    with pytest.raises(Invalid, match="croissant_of_other_data") as caught:
        check(read(document()), {ROWS}, {"question", "answer"})
    assert (caught.value.field, caught.value.found) == ("croissant.recordSet[0]", ["id"])


SOURCE = {"name": "Letters", "license": "CC-BY-4.0", "consent": "own_work"}
BAD_SOURCES: dict[str, tuple[object, str]] = {
    "no list": ({}, "sources"),
    "a text": (["Letters"], "sources[0]"),
    "no consent": ([{"name": "x", "license": "MIT"}], "sources[0].consent"),
    "another consent": ([{**SOURCE, "consent": "they did not complain"}], "sources[0].consent"),
    "no name": ([{**SOURCE, "name": " "}], "sources[0].name"),
    "a licence in words": ([{**SOURCE, "license": "free, I think!"}], "sources[0].license"),
    "an address with a password": ([{**SOURCE, "url": "https://me:secret@example.org"}], "sources[0].url"),
    "a script as address": ([{**SOURCE, "url": "javascript:alert(1)"}], "sources[0].url"),
    "a contact that is none": ([{**SOURCE, "contact": "ask around"}], "sources[0].contact"),
    "31 June": ([{**SOURCE, "collected_from": "2026-06-31"}], "sources[0].collected_from"),
    "a hidden mark in the name": ([{**SOURCE, "name": "Let\u200bters"}], "sources[0].name"),
    "NUL": ([{**SOURCE, "place": "\x00"}], "sources[0].place"),
    "an unknown key": ([{**SOURCE, "licence": "MIT"}], "sources[0].licence"),
    "one name twice": ([SOURCE, SOURCE], "sources[1].name"),
    "a number as licence": ([{**SOURCE, "license": 4}], "sources[0].license"),
    "too long": ([{**SOURCE, "name": "x" * 201}], "sources[0].name"),
    "too many": ([{**SOURCE, "name": str(n)} for n in range(51)], "sources"),
}


@pytest.mark.parametrize(("value", "place"), BAD_SOURCES.values(), ids=BAD_SOURCES.keys())
def test_a_bad_source_is_refused_with_what_and_where(value: object, place: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_sources(value)
    assert caught.value.field == place
