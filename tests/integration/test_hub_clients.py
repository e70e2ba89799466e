"""More of what stock clients do with our hub: datasets, the `hf` command, a download killed half-way, browsers."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError

from config.demo import corpus
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Dataset, Model, Version
from models_registry.storage import folders
from tests.integration import commons
from tests.integration.hub_site import FIRST, MODEL, SECOND, artifacts, endpoint, model, raw, serving
from tests.integration.read_once import read_once

ROWS = corpus.training_rows()[::40]
TITLE = "Water | pairs: <b>\nfirst"


def environment(endpoint: str, home: Path) -> dict[str, str]:
    """Return what a client's process is told: where the hub is, and nothing else of this machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_DATASETS_CACHE": str(home / "datasets")}


def registered(site: commons.Commons, rows: list[dict[str, str]], role: str, slug: str, title: str) -> Dataset:
    new = registering.NewDataset(slug, title, "CC-BY-4.0", role, f"{slug}.jsonl")
    stream = io.BytesIO(corpus.jsonl(rows))
    with read_once():
        return registering.register_dataset(site.community, site.address("Alice"), new, stream, site.founded_at)[0]


def included(site: commons.Commons, rows: list[dict[str, str]], slug: str = "pairs", title: str = TITLE) -> Dataset:
    dataset = registered(site, rows, "training", slug, title)
    proposal = site.propose("dataset_inclusion", {"digest": dataset.digest})
    for name in ("Alice", "Bob"):
        site.vote(proposal, name, 1)
    site.executed(proposal)
    return Dataset.objects.get(pk=dataset.pk)


@pytest.fixture
def site(artifacts: Path, list_community: Callable[..., commons.Commons]) -> commons.Commons:
    """A community whose votes need no chain."""
    return list_community()


# -- datasets ------------------------------------------------------------------------------------------------------


def test_load_dataset_reads_an_included_dataset_from_our_hub(site: commons.Commons, tmp_path: Path) -> None:
    """The real `datasets` library in its own process, told only HF_ENDPOINT."""
    dataset = included(site, ROWS)
    program = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
rows = load_dataset(sys.argv[1], split="train")
pinned = load_dataset(sys.argv[1], revision=sys.argv[2], split="train[:2]")
print(json.dumps([get_dataset_config_names(sys.argv[1]), rows.column_names, list(rows), len(pinned)]))
"""
    with serving() as endpoint:
        command = [sys.executable, "-c", program, "gardens/pairs", dataset.digest[:40]]
        done = subprocess.run(command, env=environment(endpoint, tmp_path), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    configs, columns, rows, pinned = json.loads(done.stdout.splitlines()[-1])
    assert (configs, pinned) == (["default"], 2)
    stored = [json.loads(line) for line in registering.dataset_path(dataset.digest).read_text().splitlines()]
    assert sorted(columns) == sorted(stored[0])
    assert rows == stored


def test_a_dataset_says_what_its_record_says(site: commons.Commons, tmp_path: Path) -> None:
    dataset = included(site, ROWS)
    with serving() as endpoint:
        api = HfApi(endpoint=endpoint)
        info = api.dataset_info("gardens/pairs", files_metadata=True)
        assert (info.id, info.sha, info.author) == ("gardens/pairs", dataset.digest[:40], "gardens")
        assert "license:cc-by-4.0" in (info.tags or [])
        assert api.list_repo_files("gardens/pairs", repo_type="dataset") == [
            "README.md",
            "croissant.json",
            "rows.jsonl",
        ]
        assert [entry.id for entry in api.list_datasets(author="gardens")] == ["gardens/pairs"]
        path = snapshot_download("gardens/pairs", repo_type="dataset", endpoint=endpoint, cache_dir=tmp_path)
    assert hashlib.sha256((Path(path) / "rows.jsonl").read_bytes()).hexdigest() == dataset.digest
    card = (Path(path) / "README.md").read_text()
    assert f"`{dataset.digest}`" in card
    assert f"`{dataset.inclusion_record_id}`" in card
    assert "# Water / pairs: ‹b› first" in card
    assert info.card_data is None or info.card_data.license == "cc-by-4.0"
    croissant = json.loads((Path(path) / "croissant.json").read_text())
    assert croissant["distribution"][0]["sha256"] == dataset.digest
    columns = [field["name"] for field in croissant["recordSet"][0]["field"]]
    assert sorted(columns) == sorted(json.loads((Path(path) / "rows.jsonl").read_text().splitlines()[0]))


def test_datasets_of_one_name_are_revisions_of_one_repository(site: commons.Commons) -> None:
    first, second = included(site, ROWS[:20]), included(site, ROWS[20:40])
    with serving() as endpoint:
        refs = HfApi(endpoint=endpoint).list_repo_refs("gardens/pairs", repo_type="dataset")
    assert {tag.name: tag.target_commit for tag in refs.tags} == {"v1": first.digest[:40], "v2": second.digest[:40]}
    assert refs.branches[0].target_commit == second.digest[:40]


def test_what_no_vote_has_included_is_not_on_the_hub(site: commons.Commons) -> None:
    registered(site, ROWS, "training", "pairs", "Not voted on")
    registered(site, corpus.evaluation_rows()[::20], "evaluation", "held-out", "A suite")
    with serving() as endpoint:
        api = HfApi(endpoint=endpoint)
        assert list(api.list_datasets()) == []
        for name in ("gardens/pairs", "gardens/held-out", "nobody/pairs"):
            with pytest.raises(RepositoryNotFoundError):
                api.dataset_info(name)
            with pytest.raises(RepositoryNotFoundError):
                hf_hub_download(name, "rows.jsonl", repo_type="dataset", endpoint=endpoint)


# -- models --------------------------------------------------------------------------------------------------------


def test_paths_are_described_as_the_client_asks_for_them(endpoint: str) -> None:
    api = HfApi(endpoint=endpoint)
    wanted = ["config.json", "provenance", "missing", "model.safetensors", "config.json", "../config.json", ""]
    found = {entry.path: entry for entry in api.get_paths_info(MODEL, wanted, revision="v1")}
    assert set(found) == {"config.json", "provenance", "model.safetensors"}
    assert found["model.safetensors"].lfs.size == found["model.safetensors"].size == 600_000
    assert api.get_paths_info(MODEL, "config.json")[0].path == "config.json"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ('{"paths": ["config.json"]}', "application/json", 200),
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ('{"paths": [1]}', "application/json", 400),
        ('{"paths": "config.json"}', "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ("", "application/x-www-form-urlencoded", 400),
        ("&".join(["paths=x"] * 1001), "application/x-www-form-urlencoded", 400),
        ("paths=%00", "application/x-www-form-urlencoded", 200),
    ],
)
def test_a_strange_question_for_paths_is_refused(
    model: Model, client: Client, body: str, content_type: str, status: int
) -> None:
    answer = client.generic("POST", f"/hub/api/models/{MODEL}/paths-info/main", body, content_type)
    assert answer.status_code == status


def test_the_hf_command_downloads_a_release(endpoint: str, artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "here"
    command = [Path(sys.executable).with_name("hf"), "download", MODEL, "--revision", "v1", "--local-dir", target]
    done = subprocess.run(command, env=environment(endpoint, tmp_path), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for file in (artifacts / "releases" / MODEL / FIRST).rglob("*"):
        if file.is_file():
            copied = target / file.relative_to(artifacts / "releases" / MODEL / FIRST)
            assert copied.read_bytes() == file.read_bytes()


# -- browsers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/models",
        f"/api/models/{MODEL}",
        f"/{MODEL}/resolve/main/config.json",
        "/no/such",
        f"/api/models/{MODEL}/refs",
    ],
)
def test_any_page_may_read_the_hub(endpoint: str, path: str) -> None:
    status, headers, _ = raw(endpoint, path, Origin="https://verifier.example")
    assert status in {200, 404}
    assert headers["access-control-allow-origin"] == "*"
    assert {"etag", "content-range", "x-repo-commit", "x-error-message"} <= set(
        headers["access-control-expose-headers"].lower().split(", ")
    )
    assert "access-control-allow-credentials" not in headers


def test_a_browser_that_asks_first_may_send_ranges(endpoint: str) -> None:
    status, headers, body = raw(
        endpoint, f"/{MODEL}/resolve/main/config.json", "OPTIONS", Origin="https://verifier.example",
        Access_Control_Request_Method="GET", Access_Control_Request_Headers="range,if-none-match",
    )  # fmt: skip
    assert (status, body) == (204, b"")
    assert headers["access-control-allow-origin"] == "*"
    assert {"range", "if-none-match"} <= set(headers["access-control-allow-headers"].lower().split(", "))
    assert "POST" not in headers["access-control-allow-methods"]
