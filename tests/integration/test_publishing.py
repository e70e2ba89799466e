"""Publication, with the real targets: our own hub's folder, and the official client against a simulated hub."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.evidence.canonical import canonical_bytes
from models_registry.publishing import TARGETS, HubTarget, HuggingFaceTarget, PublishError
from tests.simulators.hugging_face_hub import TOKEN, HuggingFaceHubSimulator

MODEL = "commons/water-assistant"
REVISION = "ab" * 20


def make_release(folder: Path, *, weights: bytes = b"\x01" * 2048, extra: dict[str, str] | None = None) -> str:
    """Write a release folder and return the SHA-256 of its manifest. Targets do not look inside the weights."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    for name, text in (
        {"config.json": "{}", "tokenizer.json": "{}", "README.md": "# Water", "LICENSE": "CC0"} | (extra or {})
    ).items():
        (folder / name).write_text(text)
    files = [
        {"path": path.name, "size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.iterdir())
    ]
    manifest = canonical_bytes({"version": 1, "files": files})
    (folder / "provenance").mkdir()
    (folder / "provenance" / "manifest.json").write_bytes(manifest)
    for name in ("records.jsonl", "ballots.jsonl", "statement.json"):
        (folder / "provenance" / name).write_text("{}\n")
    return hashlib.sha256(manifest).hexdigest()


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "release"
    return folder, make_release(folder)


@pytest.fixture
def hub() -> Iterator[HuggingFaceHubSimulator]:
    with HuggingFaceHubSimulator("/hf").running() as simulator:
        yield simulator


def to_huggingface(hub: HuggingFaceHubSimulator, *, token: str = TOKEN, timeout_seconds: int = 60) -> HuggingFaceTarget:
    return HuggingFaceTarget(token, endpoint=hub.endpoint, timeout_seconds=timeout_seconds)


def titles(hub: HuggingFaceHubSimulator) -> list[str]:
    return [commit.title for commit in hub.repositories[MODEL].commits]


# -- every target --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_is_described_and_publishes_the_same_release_once(
    name: str, tmp_path: Path, release: tuple[Path, str], hub: HuggingFaceHubSimulator
) -> None:
    target = HubTarget(tmp_path / "artifacts") if name == "hub" else to_huggingface(hub)
    assert target.name == name
    assert target.label
    assert target.description
    folder, manifest = release
    first = target.publish(folder, MODEL, 1, REVISION, manifest)
    assert target.publish(folder, MODEL, 1, REVISION, manifest) == first


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    ("model_id", "version", "revision", "manifest"),
    [
        ("../../etc", 1, REVISION, "0" * 64),
        ("one", 1, REVISION, "0" * 64),
        ("a/b/c", 1, REVISION, "0" * 64),
        ("a/..", 1, REVISION, "0" * 64),
        (MODEL, 0, REVISION, "0" * 64),
        (MODEL, 1, "main", "0" * 64),
        (MODEL, 1, REVISION, "zz"),
    ],
)
def test_malformed_names_are_refused_for_good(
    name: str, model_id: str, version: int, revision: str, manifest: str, tmp_path: Path
) -> None:
    target = HubTarget(tmp_path / "root") if name == "hub" else HuggingFaceTarget(TOKEN, endpoint="http://127.0.0.1:9")
    with pytest.raises(PublishError) as caught:
        target.publish(tmp_path, model_id, version, revision, manifest)
    assert (caught.value.code, caught.value.permanent) == ("malformed_field", True)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "damage",
    ["swapped weights", "extra file", "missing file", "link", "other manifest", "no manifest", "refused format"],
)
def test_a_folder_that_is_not_the_signed_release_is_refused_for_good(
    name: str, damage: str, tmp_path: Path, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    if damage == "swapped weights":
        (folder / "model.safetensors").write_bytes(b"\x02" * 2048)
    elif damage == "extra file":
        (folder / "NOTICE").write_text("more")
    elif damage == "missing file":
        (folder / "LICENSE").unlink()
    elif damage == "link":
        (folder / "README.md").unlink()
        (folder / "README.md").symlink_to("/etc/hostname")
    elif damage == "other manifest":
        manifest = "0" * 64
    elif damage == "no manifest":
        (folder / "provenance" / "manifest.json").unlink()
    else:
        (folder / "pytorch_model.bin").write_bytes(b"x")
    target = HubTarget(tmp_path / "root") if name == "hub" else HuggingFaceTarget(TOKEN, endpoint="http://127.0.0.1:9")
    with pytest.raises(PublishError) as caught:
        target.publish(folder, MODEL, 1, REVISION, manifest)
    assert caught.value.permanent
    assert not (tmp_path / "root" / MODEL).exists()


# -- our own hub ---------------------------------------------------------------------------------------------------


def test_our_hub_holds_the_same_bytes_read_only(tmp_path: Path, release: tuple[Path, str]) -> None:
    folder, manifest = release
    root = tmp_path / "artifacts"
    publication = HubTarget(root).publish(folder, MODEL, 1, REVISION, manifest)
    assert publication.location == f"{MODEL}/{REVISION}"
    assert publication.revision == REVISION
    published = root / publication.location
    assert content(published) == content(folder)
    assert all(path.stat().st_mode & 0o222 == 0 for path in published.rglob("*") if path.is_file())
    assert list((root / ".staging").iterdir()) == []


def test_another_release_under_the_same_revision_is_refused(tmp_path: Path, release: tuple[Path, str]) -> None:
    folder, manifest = release
    root = tmp_path / "artifacts"
    HubTarget(root).publish(folder, MODEL, 1, REVISION, manifest)
    before = content(root / MODEL / REVISION)
    other = tmp_path / "other"
    other_manifest = make_release(other, weights=b"\x03" * 100)
    with pytest.raises(PublishError) as caught:
        HubTarget(root).publish(other, MODEL, 2, REVISION, other_manifest)
    assert (caught.value.code, caught.value.permanent) == ("publication_conflict", True)
    assert content(root / MODEL / REVISION) == before


def test_what_a_crash_left_in_staging_is_swept_by_the_next_attempt(tmp_path: Path, release: tuple[Path, str]) -> None:
    folder, manifest = release
    root = tmp_path / "artifacts"
    leftover = root / ".staging" / f"{REVISION}-crashed"
    leftover.mkdir(parents=True)
    (leftover / "model.safetensors").write_bytes(b"half")
    HubTarget(root).publish(folder, MODEL, 1, REVISION, manifest)
    assert list((root / ".staging").iterdir()) == []


def test_a_publisher_killed_at_any_file_leaves_all_or_nothing(tmp_path: Path, release: tuple[Path, str]) -> None:
    folder, manifest = release
    program = (
        "import os, sys, pathlib\n"
        "from models_registry.publishing.hub import HubTarget\n"
        "left = int(sys.argv[4])\n"
        "def kill_or(real):\n"
        "    def wrapped(*arguments):\n"
        "        global left\n"
        "        left -= 1\n"
        "        if left < 0: os._exit(9)\n"
        "        return real(*arguments)\n"
        "    return wrapped\n"
        "os.fsync = kill_or(os.fsync)\n"
        f"HubTarget(pathlib.Path(sys.argv[1])).publish(pathlib.Path(sys.argv[2]), {MODEL!r}, 1, {REVISION!r}, sys.argv[3])\n"
    )
    outcomes = set()
    for kill_after in (0, 1, 5, 9, 11, 12, 14, 99):
        root = tmp_path / f"artifacts-{kill_after}"
        command = [sys.executable, "-c", program, str(root), str(folder), manifest, str(kill_after)]
        code = subprocess.run(command, check=False, cwd=Path(__file__).parents[2]).returncode
        final = root / MODEL / REVISION
        assert not final.exists() or content(final) == content(folder)
        outcomes.add((code, final.exists()))
        HubTarget(root).publish(folder, MODEL, 1, REVISION, manifest)
        assert content(final) == content(folder)
    assert {(9, False), (0, True)} <= outcomes


def test_a_full_disk_is_a_passing_failure(
    tmp_path: Path, release: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest = release

    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", no_space)
        with pytest.raises(PublishError) as caught:
            HubTarget(tmp_path / "artifacts").publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == ("storage_failed", False)
    HubTarget(tmp_path / "artifacts").publish(folder, MODEL, 1, REVISION, manifest)


# -- the official client --------------------------------------------------------------------------------------------


def test_publishing_twice_makes_one_commit_and_one_tag(hub: HuggingFaceHubSimulator, release: tuple[Path, str]) -> None:
    folder, manifest = release
    publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest) == publication
    repository = hub.repositories[MODEL]
    assert titles(hub) == ["initial commit", "Release version 1"]
    assert repository.tags == {"v1": publication.revision}
    head = repository.commits[-1]
    assert head.message == f"Manifest-SHA256: {manifest}"
    assert {path: data for path, data in head.files.items() if path != ".gitattributes"} == content(folder)
    assert head.lfs == {"model.safetensors"}
    assert publication.location == f"{hub.endpoint}/{MODEL}/tree/v1"


def test_the_published_release_downloads_with_the_official_client(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], tmp_path: Path
) -> None:
    folder, manifest = release
    to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    program = "import sys; from huggingface_hub import snapshot_download as d; print(d(sys.argv[1], revision='v1'))"
    environment = os.environ | {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home")}
    downloaded = subprocess.run(
        [sys.executable, "-c", program, MODEL], env=environment, capture_output=True, check=True, text=True
    ).stdout.strip()
    assert {path: data for path, data in content(Path(downloaded)).items() if path != ".gitattributes"} == content(
        folder
    )


def test_a_second_version_replaces_the_files_and_keeps_the_first_tag(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], tmp_path: Path
) -> None:
    folder, manifest = release
    second = tmp_path / "second"
    second_manifest = make_release(second, weights=b"\x05" * 3000, extra={"NOTICE": "thanks"})
    first_publication = to_huggingface(hub).publish(second, MODEL, 1, "cd" * 20, second_manifest)
    publication = to_huggingface(hub).publish(folder, MODEL, 2, REVISION, manifest)
    assert hub.repositories[MODEL].tags == {"v1": first_publication.revision, "v2": publication.revision}
    assert "NOTICE" not in hub.repositories[MODEL].commits[-1].files
    assert "NOTICE" in hub.repositories[MODEL].commits[-2].files


def test_a_commit_whose_answer_was_lost_is_found_and_tagged(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    hub.fail("POST", "/commit/", "drop")
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == ("hub_unavailable", False)
    assert titles(hub) == ["initial commit", "Release version 1"]
    assert hub.repositories[MODEL].tags == {}
    publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert titles(hub) == ["initial commit", "Release version 1"]
    assert hub.repositories[MODEL].tags == {"v1": publication.revision}


@pytest.mark.parametrize("how", ["500", "drop"])
def test_a_crash_between_commit_and_tag_is_resumed(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], how: str
) -> None:
    folder, manifest = release
    hub.fail("POST", "/tag/", how)
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert not caught.value.permanent
    # Meanwhile a person writes to the branch: the release stays the commit that it was.
    hub.commit_by_somebody_else(MODEL)
    publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert titles(hub) == ["initial commit", "Release version 1", "a note"]
    assert hub.repositories[MODEL].tags == {"v1": publication.revision}
    assert publication.revision == hub.repositories[MODEL].commits[1].oid


def test_a_stale_parent_is_a_passing_failure_and_the_next_attempt_wins(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    hub.fail("POST", "/commit/", "race")
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == ("stale_parent", False)
    assert titles(hub) == ["initial commit", "a note"]
    publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert titles(hub) == ["initial commit", "a note", "Release version 1"]
    assert hub.repositories[MODEL].tags == {"v1": publication.revision}
    assert "NOTES.md" not in hub.repositories[MODEL].commits[-1].files


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        ("500", "hub_unavailable", False),
        ("429", "hub_unavailable", False),
        ("403", "hub_refused", True),
        ("400", "hub_refused", True),
    ],
)
def test_a_refusal_by_the_hub_says_whether_trying_again_can_help(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], status: str, code: str, *, permanent: bool
) -> None:
    folder, manifest = release
    hub.fail("POST", "/commit/", status)
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == (code, permanent)


def test_a_wrong_token_is_refused_for_good_and_never_quoted(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub, token="hf_wrong").publish(folder, MODEL, 1, REVISION, manifest)
    assert caught.value.permanent
    assert "hf_wrong" not in str(caught.value)
    assert hub.repositories == {}


def test_a_hub_that_hangs_is_left_after_the_time_limit(hub: HuggingFaceHubSimulator, release: tuple[Path, str]) -> None:
    folder, manifest = release
    hub.fail("POST", "/commit/", "hang")
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub, timeout_seconds=6).publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == ("hub_unavailable", False)


def test_no_hub_at_all_is_a_passing_failure(release: tuple[Path, str]) -> None:
    folder, manifest = release
    with pytest.raises(PublishError) as caught:
        HuggingFaceTarget(TOKEN, endpoint="http://127.0.0.1:9", timeout_seconds=30).publish(
            folder, MODEL, 1, REVISION, manifest
        )
    assert (caught.value.code, caught.value.permanent) == ("hub_unavailable", False)


def test_a_tag_that_points_elsewhere_is_never_moved(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], tmp_path: Path
) -> None:
    folder, manifest = release
    first = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    other = tmp_path / "other"
    other_manifest = make_release(other, weights=b"\x07" * 999)
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(other, MODEL, 1, "cd" * 20, other_manifest)
    assert (caught.value.code, caught.value.permanent) == ("tag_conflict", True)
    assert hub.repositories[MODEL].tags == {"v1": first.revision}


def test_a_hub_that_keeps_other_bytes_is_found_out_before_the_tag(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    hub.fail("POST", "/tag/", "500")
    with pytest.raises(PublishError):
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    hub.repositories[MODEL].commits[-1].files["README.md"] = b"# Wine"
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == ("hub_differs", True)
    assert hub.repositories[MODEL].tags == {}


def test_the_token_is_in_no_argument_list_and_no_environment(
    release: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest = release
    seen = {}

    def look(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        seen["visible"] = json.dumps([command, options["env"]])
        seen["input"] = str(options["input"])
        answer = {"publication": {"location": "somewhere", "revision": REVISION}}
        return subprocess.CompletedProcess(command, 0, json.dumps(answer).encode())

    monkeypatch.setattr(subprocess, "run", look)
    monkeypatch.setenv("SECRET_KEY", "of the web process")
    HuggingFaceTarget(TOKEN, endpoint="http://127.0.0.1:9").publish(folder, MODEL, 1, REVISION, manifest)
    assert TOKEN in seen["input"]
    assert TOKEN not in seen["visible"]
    assert "of the web process" not in seen["visible"]
    assert '"HF_HUB_DISABLE_XET": "1"' in seen["visible"]
    shutil.rmtree(folder)
