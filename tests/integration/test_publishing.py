"""Publication at every target: the same release once, nothing for a wrong one. And our own hub's folder, crash by crash."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models_registry.publishing import (
    TARGETS,
    FolderTarget,
    HubTarget,
    HuggingFaceTarget,
    PublishError,
    S3Target,
    Target,
)
from tests.integration.release_folders import MODEL, REVISION, content, make_release
from tests.simulators import s3_store
from tests.simulators.hugging_face_hub import TOKEN, HuggingFaceHubSimulator


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "release"
    return folder, make_release(folder)


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with s3_store.running() as endpoint:
        yield endpoint


@pytest.fixture
def target_named(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], tuple[Target, Callable[[], object]]]]:
    """Give a target of each name, with something real behind it, and a look at what that holds."""
    for name, value in s3_store.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    bucket = s3_store.new_bucket(store)
    (tmp_path / "published").mkdir()
    with HuggingFaceHubSimulator("/hf").running() as hub:
        made: dict[str, tuple[Target, Callable[[], object]]] = {
            "hub": (HubTarget(tmp_path / "root"), (tmp_path / "root").exists),
            "huggingface": (HuggingFaceTarget(TOKEN, endpoint=hub.endpoint), lambda: hub.repositories),
            "folder": (FolderTarget(tmp_path / "published"), lambda: list((tmp_path / "published").iterdir())),
            "s3": (S3Target(bucket, endpoint=store), lambda: s3_store.objects(store, bucket)),
        }
        yield lambda name: made[name]


# -- every target --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_is_described_and_publishes_the_same_release_once(
    name: str, release: tuple[Path, str], target_named: Callable[[str], tuple[Target, Callable[[], object]]]
) -> None:
    target, held = target_named(name)
    assert target.name == name
    assert target.label
    assert target.description
    folder, manifest = release
    first = target.publish(folder, MODEL, 1, REVISION, manifest)
    assert held()
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
    name: str,
    model_id: str,
    version: int,
    revision: str,
    manifest: str,
    tmp_path: Path,
    target_named: Callable[[str], tuple[Target, Callable[[], object]]],
) -> None:
    target, held = target_named(name)
    with pytest.raises(PublishError) as caught:
        target.publish(tmp_path, model_id, version, revision, manifest)
    assert (caught.value.code, caught.value.permanent) == ("malformed_field", True)
    assert not held()


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "damage",
    ["swapped weights", "extra file", "missing file", "link", "other manifest", "no manifest", "refused format"],
)
def test_a_folder_that_is_not_the_signed_release_is_refused_for_good(
    name: str,
    damage: str,
    release: tuple[Path, str],
    target_named: Callable[[str], tuple[Target, Callable[[], object]]],
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
    target, held = target_named(name)
    with pytest.raises(PublishError) as caught:
        target.publish(folder, MODEL, 1, REVISION, manifest)
    assert caught.value.permanent
    assert not held()


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
    leftover = root / ".staging" / f"commons-water-assistant-{REVISION}-crashed"
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
