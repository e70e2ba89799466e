"""The Croissant description of an included dataset, read by the library of its makers, rows and all."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json
import re
from pathlib import Path

import mlcroissant
import pytest
from django.test import Client

from models_registry import services as registry
from models_registry.datasets import registering
from tests.integration import commons
from tests.integration.hub_site import artifacts
from tests.integration.test_hub_clients import ROWS, included, site


# The library of a library, which none of ours asks for anything new.
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_the_library_reads_the_description_and_the_rows_that_it_names(site: commons.Commons, tmp_path: Path) -> None:
    """It raises for anything that the specification forbids, and checks the SHA-256 of what it reads."""
    dataset = included(site, ROWS)
    client = Client()
    page = client.get(f"/datasets/{dataset.digest}/").content.decode()
    address = re.search(r'href="([^"]*/croissant\.json)"', page)
    assert address is not None
    for name in ("croissant.json", "rows.jsonl"):
        answer = client.get(address[1].replace("croissant.json", name))
        (tmp_path / name).write_bytes(b"".join(answer.streaming_content) if answer.streaming else answer.content)

    read = mlcroissant.Dataset(jsonld=tmp_path / "croissant.json")
    assert list(read.metadata.ctx.issues.errors) == []
    assert list(read.metadata.ctx.issues.warnings) == []
    rows = [{name.partition("/")[2]: value.decode() for name, value in row.items()} for row in read.records("rows")]
    stored = [json.loads(line) for line in registering.dataset_path(dataset.digest).read_text().splitlines()]
    assert rows == stored
