"""The Croissant description of an included dataset, read by the library of its makers, rows and all."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import mlcroissant
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.demo import corpus
from models_registry.datasets import registering
from models_registry.models import Dataset
from models_registry.rights.settling import Rights
from tests.integration import commons
from tests.integration.hub_site import artifacts
from tests.integration.pages_story import signed_in
from tests.integration.test_hub_clients import ROWS, included, site

SOURCES = [
    {
        "name": "Letters of the waterworks",
        "url": "https://example.org/letters",
        "license": "CC-BY-4.0",
        "consent": "consent_of_persons",
        "contact": "data@example.org",
        "collected_from": "2026-01-01",
        "collected_to": "2026-03-31",
        "place": "Valley",
    },
    {
        "name": "Minutes",
        "url": "",
        "license": "CC0-1.0",
        "consent": "public_domain",
        "contact": "https://example.org/ask",
        "collected_from": "",
        "collected_to": "",
        "place": "",
    },
]


def files_of(digest: str, folder: Path) -> Path:
    """Fetch description and rows as a reader finds them from the page; return where the description lies."""
    client = Client()
    page = client.get(f"/datasets/{digest}/").content.decode()
    address = re.search(r'href="([^"]*/croissant\.json)"', page)
    assert address is not None
    for name in ("croissant.json", "rows.jsonl"):
        answer = client.get(address[1].replace("croissant.json", name))
        (folder / name).write_bytes(b"".join(answer.streaming_content) if answer.streaming else answer.content)
    return folder / "croissant.json"


# The library of a library, which none of ours asks for anything new.
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_the_library_reads_the_description_and_the_rows_that_it_names(site: commons.Commons, tmp_path: Path) -> None:
    """It raises for anything that the specification forbids, and checks the SHA-256 of what it reads."""
    new = registering.NewDataset(
        "pairs", "Pairs", "CC-BY-4.0", "training", "pairs.jsonl", rights=Rights(sources=SOURCES)
    )
    stream, alice = io.BytesIO(corpus.jsonl(ROWS)), site.address("Alice")
    registering.register_dataset(site.community, alice, new, stream, site.founded_at)
    dataset = included(site, ROWS)
    read = mlcroissant.Dataset(jsonld=files_of(dataset.digest, tmp_path))
    assert list(read.metadata.ctx.issues.errors) == []
    assert list(read.metadata.ctx.issues.warnings) == []
    rows = [{name.partition("/")[2]: value.decode() for name, value in row.items()} for row in read.records("rows")]
    stored = [json.loads(line) for line in registering.dataset_path(dataset.digest).read_text().splitlines()]
    assert rows == stored
    rai = read.metadata
    assert "Letters of the waterworks" in str(rai.data_collection)
    assert [f"{day:%Y-%m-%d}" for day in rai.data_collection_timeframe or []] == ["2026-01-01", "2026-03-31"]


def test_our_own_description_beside_the_rows_brings_the_sources_back(
    site: commons.Commons, list_community: Callable[..., commons.Commons], tmp_path: Path
) -> None:
    """Out and in again: another community reads what this one wrote. A description of other rows leaves nothing."""
    new = registering.NewDataset(
        "pairs", "Pairs", "CC-BY-4.0", "training", "pairs.jsonl", rights=Rights(sources=SOURCES)
    )
    stream, alice = io.BytesIO(corpus.jsonl(ROWS)), site.address("Alice")
    registering.register_dataset(site.community, alice, new, stream, site.founded_at)
    described = files_of(included(site, ROWS).digest, tmp_path).read_bytes()
    list_community(slug="orchards")
    client = Client()
    signed_in(client, site.wallet("Alice"))
    form = {"community": "orchards", "slug": "again", "title": "Again", "license": "CC-BY-4.0", "role": "training"}

    def send(rows: list[dict[str, str]], document: bytes, **more: str) -> dict[str, object]:
        files = {
            "file": SimpleUploadedFile("rows.jsonl", corpus.jsonl(rows)),
            "croissant": SimpleUploadedFile("croissant.json", document),
        }
        answer = client.post("/api/v1/datasets", {**form, **files, **more})
        return {"status": answer.status_code, **answer.json()}

    before = sorted(registering.datasets_folder().iterdir())
    for rows, document, more, status, code in (
        (ROWS[:-1], described, {}, 422, "croissant_of_other_data"),
        (ROWS, described[:-40], {}, 400, "croissant_malformed"),
        (ROWS, b"\xff", {}, 400, "croissant_malformed"),
        (ROWS, described, {"sources": "[]"}, 400, "sources_twice"),
        (ROWS, described, {"contributors": "{"}, 400, "malformed_json"),
        (ROWS, described, {"contributors": '{"all": "Bob"}'}, 400, "malformed_field"),
        (ROWS, described, {"contributors": json.dumps({"records": {alice: ["none"]}})}, 422, "fits_no_record"),
        (ROWS, described, {"contributors": json.dumps({"prefixes": {alice: []}})}, 400, "malformed_field"),
    ):
        refused = send(rows, document, **more)
        assert (refused["status"], refused["code"]) == (status, code), refused
    assert sorted(registering.datasets_folder().iterdir()) == before
    assert Dataset.objects.count() == 1

    taken = send(ROWS, described, contributors=json.dumps({"all": alice}))
    assert taken["status"] == 201, taken
    assert taken["sources"] == [{**source, "contact": ""} for source in SOURCES], "whom to ask is not for ever"
    assert [entry["share"] for entry in taken["contributors"]] == [{"numerator": 1, "denominator": 1}]  # type: ignore[attr-defined]
