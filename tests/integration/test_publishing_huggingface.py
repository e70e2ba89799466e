"""Publication with the official Hugging Face client against a simulated hub: once, whatever goes wrong on the way."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models_registry.publishing import HuggingFaceTarget, PublishError
from tests.integration.release_folders import MODEL, REVISION, content, make_release
from tests.simulators.hugging_face_hub import TOKEN, HuggingFaceHubSimulator


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


def titles(hub: HuggingFaceHubSimulator, revision: str = "main") -> list[str]:
    return [commit.title for commit in hub.repositories[MODEL].history(revision)]


def test_publishing_twice_makes_one_commit_and_one_tag(hub: HuggingFaceHubSimulator, release: tuple[Path, str]) -> None:
    folder, manifest = release
    publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest) == publication
    repository = hub.repositories[MODEL]
    assert titles(hub) == titles(hub, "v1") == ["initial commit", "Release version 1"]
    assert (repository.tags, set(repository.branches)) == ({"v1": publication.revision}, {"main"})
    assert len(repository.known) == 3, "the first one, the release, and main"
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


def whole(hub: HuggingFaceHubSimulator, folder: Path, revision: str) -> None:
    """Require one release commit, one tag, one commit on main, the same files everywhere, and nothing left over."""
    repository = hub.repositories[MODEL]
    assert titles(hub, "v1").count("Release version 1") == 1
    assert titles(hub).count("Release version 1") == 1
    assert sum(commit.title == "Release version 1" for commit in repository.known.values()) == 2
    assert (repository.tags, set(repository.branches)) == ({"v1": revision}, {"main"})
    for commit in (repository.at("v1"), next(c for c in repository.commits[::-1] if c.title == "Release version 1")):
        assert {path: data for path, data in commit.files.items() if path != ".gitattributes"} == content(folder)


FAULTS = {
    "the branch is made and the answer lost": ("POST", "/branch/", "drop"),
    "the hub is in trouble before the upload": ("POST", "/preupload/", "500"),
    "the line breaks in the middle of the weights": ("PUT", "/lfs/", "cut"),
    "the store is in trouble": ("POST", "/objects/batch", "503"),
    "the commit is made and the answer lost": ("POST", "/commit/release-v1", "drop"),
    "the commit is made and the answer cut short": ("POST", "/commit/release-v1", "truncate"),
    "somebody else commits first": ("POST", "/commit/release-v1", "race"),
    "the list of commits is cut short": ("GET", "/commits/", "truncate"),
    "too many requests": ("POST", "/tag/", "429"),
    "the tag is set and the answer lost": ("POST", "/tag/", "drop"),
    "somebody else commits to main first": ("POST", "/commit/main", "race"),
    "main is moved and the answer lost": ("POST", "/commit/main", "drop"),
    "the branch is removed and the answer lost": ("DELETE", "/branch/", "drop"),
    "the download is cut short": ("GET", "/resolve/.*safetensors", "truncate"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_whatever_goes_wrong_there_is_one_release_after_the_next_attempt(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], fault: tuple[str, str, str]
) -> None:
    folder, manifest = release
    hub.fail(*fault)
    refused = None
    try:
        publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    except PublishError as error:
        refused = error
        publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    if refused is not None:
        asked = 1 if fault[2] == "429" else 0
        assert (refused.permanent, refused.retry_after_seconds) == (False, asked), refused
    assert not any(failure.times for failure in hub.failures), "the fault was met"
    whole(hub, folder, publication.revision)


def child(hub: HuggingFaceHubSimulator, folder: Path, manifest: str, home: Path) -> "subprocess.Popen[bytes]":
    """Start the publishing process, as the target does."""
    order = {"task": "publish", "release_folder": str(folder), "model_id": MODEL, "version": 1, "private": False}
    order |= {"manifest_sha256": manifest, "endpoint": hub.endpoint, "token": TOKEN}
    started = subprocess.Popen(
        [sys.executable, "-m", "models_registry.publishing.huggingface_client"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"HF_HOME": str(home), "HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_XET": "1"},
    )
    assert started.stdin is not None
    started.stdin.write(json.dumps(order).encode() + b"\n" + b'{"go": true}\n' * 2)
    started.stdin.close()
    return started


KILLED_BEFORE = ["/branch/", "/preupload/release", "PUT .*/lfs/", "/commit/release", "/resolve/", "/tag/", "/commit/main", "DELETE"]  # fmt: skip


@pytest.mark.parametrize("step", KILLED_BEFORE)
def test_a_publisher_killed_at_any_step_is_resumed_by_the_next(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], tmp_path: Path, step: str
) -> None:
    folder, manifest = release
    running: list[subprocess.Popen[bytes]] = []

    def kill(request: str) -> None:
        if running and re.search(step, request):
            running.pop().kill()

    hub.before = kill
    first = child(hub, folder, manifest, tmp_path / "home")
    running.append(first)
    assert first.wait(30) == -signal.SIGKILL
    publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    whole(hub, folder, publication.revision)


def test_somebody_else_may_write_to_main_meanwhile(hub: HuggingFaceHubSimulator, release: tuple[Path, str]) -> None:
    folder, manifest = release
    hub.fail("POST", "/tag/", "500")
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == ("hub_unavailable", False)
    assert titles(hub) == ["initial commit"], "main does not show what is not tagged"
    hub.commit_by_somebody_else(MODEL)
    publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert titles(hub) == ["initial commit", "a note", "Release version 1"]
    assert "NOTES.md" not in hub.repositories[MODEL].commits[-1].files
    whole(hub, folder, publication.revision)


def test_an_older_version_that_comes_late_gets_its_tag_and_leaves_main_alone(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], tmp_path: Path
) -> None:
    folder, manifest = release
    newer = tmp_path / "newer"
    newer_manifest = make_release(newer, weights=b"\x05" * 3000)
    to_huggingface(hub).publish(newer, MODEL, 2, "cd" * 20, newer_manifest)
    to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    repository = hub.repositories[MODEL]
    assert set(repository.tags) == {"v1", "v2"}
    assert titles(hub)[-1] == "Release version 2"
    assert set(repository.branches) == {"main"}


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
    hub.repositories[MODEL].history("release-v1")[-1].files["README.md"] = b"# Wine"
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == ("hub_differs", True)
    assert hub.repositories[MODEL].tags == {}


def test_the_token_is_in_no_argument_list_and_no_environment(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest = release
    seen: list[bytes] = []

    def look(_request: str) -> None:
        ours = [place for place in Path("/proc").glob("[0-9]*") if f"PPid:\t{os.getpid()}\n" in status(place)]
        seen.extend((place / name).read_bytes() for place in ours for name in ("cmdline", "environ"))

    hub.before = look
    monkeypatch.setenv("SECRET_KEY", "of the web process")
    to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    visible = b"".join(seen)
    assert b"huggingface_client" in visible
    assert b"HF_HUB_DISABLE_XET=1" in visible
    assert TOKEN.encode() not in visible
    assert b"of the web process" not in visible


def status(place: Path) -> str:
    try:
        return (place / "status").read_text()
    except OSError:
        return ""  # it ended meanwhile
