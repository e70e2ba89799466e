"""Our hub, asked by the real Hugging Face client and by plain HTTP: what it serves, and what it refuses and how."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import huggingface_hub
import pytest
from django.db import OperationalError
from django.test import Client
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from models_registry.hub import ranges
from models_registry.models import Model, Version
from models_registry.storage import folders
from tests.integration.hub_site import DRAFT, FIRST, MODEL, SECOND, artifacts, content, endpoint, model, raw

# -- the real client -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("revision", "expected"), [(None, SECOND), ("main", SECOND), ("v1", FIRST), ("v2", SECOND), (FIRST, FIRST)]
)
def test_a_snapshot_has_the_same_bytes(
    endpoint: str, artifacts: Path, tmp_path: Path, revision: str | None, expected: str
) -> None:
    folder = snapshot_download(MODEL, revision=revision, endpoint=endpoint, cache_dir=tmp_path / "cache")
    assert Path(folder).name == expected
    assert content(Path(folder)) == content(artifacts / "releases" / MODEL / expected)


def test_one_file_downloads_and_is_not_sent_again(endpoint: str, tmp_path: Path) -> None:
    for _ in range(2):
        path = hf_hub_download(MODEL, "config.json", revision="v1", endpoint=endpoint, cache_dir=tmp_path / "cache")
        assert json.loads(Path(path).read_text()) == {"marker": "number 1"}
    inner = hf_hub_download(MODEL, "provenance/manifest.json", endpoint=endpoint, cache_dir=tmp_path / "cache")
    assert Path(inner).read_text() == "{}"


def test_the_client_reads_what_a_model_is(endpoint: str, artifacts: Path) -> None:
    api = HfApi(endpoint=endpoint)
    info = api.model_info(MODEL, files_metadata=True)
    assert (info.id, info.sha, info.author, info.private) == (MODEL, SECOND, "commons", False)
    assert info.last_modified == datetime(2026, 1, 2, tzinfo=UTC)
    by_path = {sibling.rfilename: sibling for sibling in info.siblings or []}
    weights = (artifacts / "releases" / MODEL / SECOND / "model.safetensors").read_bytes()
    assert by_path["model.safetensors"].lfs is not None
    assert by_path["model.safetensors"].lfs.sha256 == hashlib.sha256(weights).hexdigest()
    config = (artifacts / "releases" / MODEL / SECOND / "config.json").read_bytes()
    assert by_path["config.json"].blob_id == hashlib.sha1(b"blob %d\0" % len(config) + config).hexdigest()
    assert api.repo_exists(MODEL)
    assert api.revision_exists(MODEL, "v1")
    assert not api.revision_exists(MODEL, "v9")
    assert api.file_exists(MODEL, "README.md")
    assert not api.file_exists(MODEL, "pytorch_model.bin")


def test_the_client_lists_files_folders_tags_and_history(endpoint: str) -> None:
    api = HfApi(endpoint=endpoint)
    assert api.list_repo_files(MODEL, revision="v1") == [
        "README.md", "config.json", "model.safetensors", "provenance/manifest.json", "provenance/records.jsonl",
    ]  # fmt: skip
    top = [entry.path for entry in api.list_repo_tree(MODEL)]
    assert top == ["README.md", "config.json", "model.safetensors", "provenance"]
    assert [entry.path for entry in api.list_repo_tree(MODEL, "provenance")] == [
        "provenance/manifest.json", "provenance/records.jsonl",
    ]  # fmt: skip
    refs = api.list_repo_refs(MODEL)
    assert {tag.name: tag.target_commit for tag in refs.tags} == {"v1": FIRST, "v2": SECOND}
    assert [(branch.name, branch.target_commit) for branch in refs.branches] == [("main", SECOND)]
    assert [commit.commit_id for commit in api.list_repo_commits(MODEL)] == [SECOND, FIRST]
    assert [commit.title for commit in api.list_repo_commits(MODEL, revision="v1")] == ["Version 1"]


def test_the_client_lists_models_and_the_pages_follow_each_other(endpoint: str, model: Model) -> None:
    for number in range(3):
        other = Model.objects.create(
            community=model.community, namespace="other", name=f"m{number}", title_en="", title_fr="", license="MIT"
        )
        Version.objects.create(
            model=other, number=0, revision=f"{number}a" * 20, manifest_sha256="", folder="releases/none", files=[],
            created_at=datetime(2026, 1, 1, tzinfo=UTC), published_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
    api = HfApi(endpoint=endpoint)
    assert [entry.id for entry in api.list_models()] == [MODEL, "other/m0", "other/m1", "other/m2"]
    assert [entry.id for entry in api.list_models(author="other", limit=2)] == ["other/m0", "other/m1"]
    assert [entry.id for entry in api.list_models(search="WATER")] == [MODEL]
    status, headers, body = raw(endpoint, "/api/models?limit=3")
    assert (status, len(json.loads(body))) == (200, 3)
    following = headers["link"].split(">")[0].removeprefix("<").removeprefix(endpoint)
    assert [entry["id"] for entry in json.loads(raw(endpoint, following)[2])] == ["other/m2"]


def test_a_connection_cut_in_the_middle_is_taken_up_where_it_stopped(
    endpoint: str, artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real_wanted, real_next = ranges.wanted, ranges.Part.__next__

    def spy(header: str, size: int) -> tuple[int, int] | None:
        asked.append(header)
        return real_wanted(header, size)

    def cut_once(part: ranges.Part) -> bytes:
        chunk = real_next(part)
        if len(asked) == 1 and part._remaining < 300_000:
            raise ConnectionResetError
        return chunk

    monkeypatch.setattr(ranges, "wanted", spy)
    monkeypatch.setattr(ranges, "CHUNK_BYTES", 50_000)
    monkeypatch.setattr(ranges.Part, "__next__", cut_once)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 50_000)
    path = hf_hub_download(MODEL, "model.safetensors", endpoint=endpoint, cache_dir=tmp_path / "cache")
    assert Path(path).read_bytes() == (artifacts / "releases" / MODEL / SECOND / "model.safetensors").read_bytes()
    assert asked == ["", "bytes=300000-"]


@pytest.mark.parametrize("model_id", ["commons/unknown", "nobody/water-assistant", "water-assistant"])
def test_an_unknown_model_is_the_clients_own_error(endpoint: str, tmp_path: Path, model_id: str) -> None:
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=endpoint).model_info(model_id)
    with pytest.raises(RepositoryNotFoundError):
        snapshot_download(model_id, endpoint=endpoint, cache_dir=tmp_path / "cache")
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download(model_id, "config.json", endpoint=endpoint, cache_dir=tmp_path / "cache")


@pytest.mark.parametrize(
    "revision", ["v3", "v9", "v0", "V1", "1", "0" * 40, DRAFT, SECOND[:7], "dev", "refs/pr/1", "v01", "v１"]
)
def test_an_unknown_or_unpublished_revision_is_the_clients_own_error(
    endpoint: str, tmp_path: Path, revision: str
) -> None:
    with pytest.raises(RevisionNotFoundError):
        HfApi(endpoint=endpoint).model_info(MODEL, revision=revision)
    with pytest.raises((RevisionNotFoundError, LocalEntryNotFoundError)):
        snapshot_download(MODEL, revision=revision, endpoint=endpoint, cache_dir=tmp_path / "cache")


@pytest.mark.parametrize("path", ["missing.json", "provenance", "Config.json", "provenance/missing.json"])
def test_a_missing_file_is_the_clients_own_error(endpoint: str, tmp_path: Path, path: str) -> None:
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(MODEL, path, endpoint=endpoint, cache_dir=tmp_path / "cache")


def test_a_missing_folder_is_the_clients_own_error(endpoint: str) -> None:
    with pytest.raises(EntryNotFoundError):
        list(HfApi(endpoint=endpoint).list_repo_tree(MODEL, "missing"))


def test_nothing_can_be_written_through_the_hub(endpoint: str) -> None:
    api = HfApi(endpoint=endpoint, token="hf_any")
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_repo("commons/mine")
    assert caught.value.response.status_code == 405
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE"):
        status, headers, _ = raw(endpoint, f"/{MODEL}/resolve/main/config.json", method)
        assert status == 405
        assert headers["allow"] == "GET, HEAD, OPTIONS"


def test_transformers_load_the_model_from_the_hub(endpoint: str, artifacts: Path, tmp_path: Path, model: Model) -> None:
    """A stock client in its own process, told only HF_ENDPOINT: a tiny model of random weights is made, served and loaded."""
    folder = artifacts / "releases" / "tiny"
    # One process makes it and loads it: importing torch and transformers is most of the time that this takes.
    program = """
import sys, torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
tokenizer.train_from_iterator(["water flows at dawn"] * 9, trainers.BpeTrainer(vocab_size=120, special_tokens=["<unk>"]))
PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(sys.argv[2])
torch.manual_seed(7)
shape = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
LlamaForCausalLM(LlamaConfig(vocab_size=120, max_position_embeddings=32, **shape)).save_pretrained(sys.argv[2])
print("made", flush=True)
sys.stdin.readline()
loaded = [kind.from_pretrained(sys.argv[1], revision="v0") for kind in (AutoTokenizer, AutoModelForCausalLM)]
local = [kind.from_pretrained(sys.argv[2]) for kind in (AutoTokenizer, AutoModelForCausalLM)]
words = loaded[0]("water at dawn", return_tensors="pt")["input_ids"]
assert words.tolist() == local[0]("water at dawn", return_tensors="pt")["input_ids"].tolist()
with torch.no_grad():
    assert torch.equal(loaded[1](words).logits, local[1](words).logits)
print("loaded")
"""
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
        "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "home"), "OMP_WAIT_POLICY": "PASSIVE",
    }  # fmt: skip
    tiny = Model.objects.create(
        community=model.community, namespace="commons", name="tiny", title_en="", title_fr="", license="MIT"
    )
    command = [sys.executable, "-c", program, "commons/tiny", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as client:
        assert client.stdout is not None
        assert "made\n" in client.stdout
        Version.objects.create(
            model=tiny, number=0, revision="4" * 40, manifest_sha256="", folder="releases/tiny",
            files=folders.keep(folder), created_at=datetime(2026, 1, 1, tzinfo=UTC),
            published_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        said, errors = client.communicate("\n")
    assert said.strip().endswith("loaded"), errors


# -- plain HTTP ----------------------------------------------------------------------------------------------------


def test_headers_say_what_a_client_needs(endpoint: str, artifacts: Path) -> None:
    weights = (artifacts / "releases" / MODEL / FIRST / "model.safetensors").read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    for method, body in (("HEAD", b""), ("GET", weights)):
        status, headers, found = raw(endpoint, f"/{MODEL}/resolve/v1/model.safetensors", method)
        assert (status, found) == (200, body)
        assert headers["etag"] == headers["x-linked-etag"] == f'"{digest}"'
        assert headers["x-linked-size"] == headers["content-length"] == str(len(weights))
        assert headers["x-repo-commit"] == FIRST
        assert headers["accept-ranges"] == "bytes"
        assert headers["content-type"] == "application/octet-stream"
        assert headers["x-content-type-options"] == "nosniff"
    assert raw(endpoint, f"/{MODEL}/resolve/v1/config.json")[1]["cache-control"] == "no-cache"
    assert "max-age" in raw(endpoint, f"/{MODEL}/resolve/{FIRST}/config.json")[1]["cache-control"]


@pytest.mark.parametrize(
    ("header", "status", "first", "behind"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=5-9", 206, 5, 10),
        ("bytes=599999-", 206, 599_999, 600_000),
        ("bytes=-10", 206, 599_990, 600_000),
        ("bytes=-9999999", 206, 0, 600_000),
        ("bytes=10-9999999", 206, 10, 600_000),
        ("bytes=9-5", 200, 0, 600_000),
        ("bytes=", 200, 0, 600_000),
        ("bytes=-", 200, 0, 600_000),
        ("bytes=0-1,5-6", 200, 0, 600_000),
        ("bytes=a-b", 200, 0, 600_000),
        ("bytes=１-２", 200, 0, 600_000),
        ("items=0-1", 200, 0, 600_000),
        ("bytes=0-" + "9" * 400, 200, 0, 600_000),
    ],
)
def test_a_range_is_answered_as_the_standard_says(
    endpoint: str, artifacts: Path, header: str, status: int, first: int, behind: int
) -> None:
    weights = (artifacts / "releases" / MODEL / SECOND / "model.safetensors").read_bytes()
    found, headers, body = raw(
        endpoint, f"/{MODEL}/resolve/main/model.safetensors", Range=header.encode().decode("latin-1")
    )
    assert (found, body) == (status, weights[first:behind])
    assert headers["content-length"] == str(behind - first)
    assert headers.get("content-range") == (f"bytes {first}-{behind - 1}/600000" if status == 206 else None)


@pytest.mark.parametrize("header", ["bytes=600000-", "bytes=700000-800000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(endpoint: str, header: str) -> None:
    status, headers, _ = raw(endpoint, f"/{MODEL}/resolve/main/model.safetensors", Range=header)
    assert (status, headers["content-range"]) == (416, "bytes */600000")


def test_what_has_not_changed_is_not_sent_again(endpoint: str) -> None:
    path = f"/{MODEL}/resolve/main/config.json"
    etag = raw(endpoint, path, "HEAD")[1]["etag"]
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        status, headers, body = raw(endpoint, path, If_None_Match=tags)
        assert (status, headers["etag"], body) == (304, etag, b"")
    assert raw(endpoint, path, If_None_Match='"other"')[0] == 200


def test_a_range_of_a_file_that_has_changed_is_the_whole_file(endpoint: str) -> None:
    path = f"/{MODEL}/resolve/main/config.json"
    etag = raw(endpoint, path, "HEAD")[1]["etag"]
    assert raw(endpoint, path, Range="bytes=0-3", If_Range=etag)[0] == 206
    assert raw(endpoint, path, Range="bytes=0-3", If_Range='"old"')[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "../../../secret", "..%2f..%2f..%2fsecret", "%2e%2e/%2e%2e/%2e%2e/secret", "/etc/passwd", "//etc/passwd",
        "..\\..\\secret", "provenance/../config.json", "./config.json", "config.json%00", "config.json/", "%252e%252e/secret",
        "provenance//manifest.json", "link", "folder/secret", "\uff0e\uff0e/secret", "config.json%0d%0aX-Evil:1", "%ff%fe",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_version(endpoint: str, artifacts: Path, path: str) -> None:
    (artifacts / "releases" / "commons" / "secret").write_text("classified")
    version = artifacts / "releases" / MODEL / SECOND
    (version / "link").symlink_to(artifacts / "releases" / "commons" / "secret")
    (version / "folder").symlink_to(artifacts / "releases" / "commons")
    encoded = quote(path, safe="%/.\\")
    for address in (f"/{MODEL}/resolve/main/{encoded}", f"/api/models/{MODEL}/tree/main/{encoded}"):
        status, headers, body = raw(endpoint, address)
        assert status in {400, 404}
        assert b"classified" not in body
        assert "x-evil" not in headers


def test_files_whose_bytes_are_gone_are_a_passing_failure(endpoint: str, artifacts: Path) -> None:
    (artifacts / "objects").rename(artifacts / "elsewhere")
    status, headers, _ = raw(endpoint, f"/{MODEL}/resolve/main/config.json")
    assert (status, headers["retry-after"]) == (503, "30")
    (artifacts / "elsewhere").rename(artifacts / "objects")
    assert raw(endpoint, f"/{MODEL}/resolve/main/config.json")[0] == 200


def test_a_database_that_does_not_answer_is_a_passing_failure(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr("models_registry.hub.views.revisions_of", silent)
    answer = client.get(f"/hub/api/models/{MODEL}")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


@pytest.mark.parametrize(
    "path", ["", "api/whoami-v2", "api/agent-harnesses", "api/datasets/a/b", "anything/at/all", "a" * 2000]
)
def test_every_other_address_is_a_plain_not_found(model: Model, client: Client, path: str) -> None:
    answer = client.get(f"/hub/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=abc", "limit=" + "9" * 400, "cursor=１", "cursor=-5", "author=%00", "limit=0"]
)
def test_a_strange_query_is_still_answered(model: Model, client: Client, query: str) -> None:
    assert client.get(f"/hub/api/models?{query}").status_code == 200


def test_a_large_file_is_sent_in_chunks_and_closed_when_the_reader_leaves(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(3 * ranges.CHUNK_BYTES))
    part = ranges.Part(file.open("rb"), 3 * ranges.CHUNK_BYTES - 10)
    assert len(next(part)) == ranges.CHUNK_BYTES
    part.close()
    with pytest.raises(ValueError, match="closed"):
        next(part)
    whole: Any = ranges.Part(file.open("rb"), 3 * ranges.CHUNK_BYTES - 10)
    assert [len(chunk) for chunk in whole] == [ranges.CHUNK_BYTES, ranges.CHUNK_BYTES, ranges.CHUNK_BYTES - 10]
