"""Publication in a folder and in a bucket: whole or not at all, whoever dies, and never two releases under one name."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from models_registry.publishing import FolderTarget, PublishError, S3Target
from tests.integration.release_folders import MODEL, REVISION, content, make_release
from tests.simulators import s3_store

PART_BYTES = 5 * 1024 * 1024  # the least that S3 allows
INDEX = f"models/{MODEL}/v1.json"
LATEST = f"models/{MODEL}/latest.json"


class Killed(BaseException):
    """The process ends here: nothing of the program runs after it."""


class Countdown:
    """Lets so many calls pass, then kills before the next one."""

    def __init__(self, left: int) -> None:
        self.left = left

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return real(*arguments, **options)

        return call


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "release"
    return folder, make_release(folder)


@pytest.fixture
def other(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "other"
    return folder, make_release(folder, weights=b"\x03" * 100)


# -- a folder ------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "drive").mkdir()
    return tmp_path / "drive"


def test_a_folder_has_readable_names_and_a_link_to_the_newest(
    root: Path, release: tuple[Path, str], other: tuple[Path, str]
) -> None:
    first = FolderTarget(root).publish(release[0], MODEL, 1, REVISION, release[1])
    assert first.location == f"{MODEL}/v1"
    assert (root / MODEL / "latest").readlink() == Path("v1")
    FolderTarget(root).publish(other[0], MODEL, 2, "cd" * 20, other[1])
    assert content(root / MODEL / "v1") == content(release[0])
    assert content(root / MODEL / "latest") == content(other[0])
    # An older one that comes late does not become the newest.
    FolderTarget(root).publish(release[0], MODEL, 1, REVISION, release[1])
    assert (root / MODEL / "latest").readlink() == Path("v2")
    assert sorted(path.name for path in (root / MODEL).iterdir()) == ["latest", "v1", "v2"]


def test_a_drive_that_is_not_mounted_is_waited_for_and_not_made(tmp_path: Path, release: tuple[Path, str]) -> None:
    with pytest.raises(PublishError) as caught:
        FolderTarget(tmp_path / "drive").publish(release[0], MODEL, 1, REVISION, release[1])
    assert (caught.value.code, caught.value.permanent) == ("target_missing", False)
    assert not (tmp_path / "drive").exists()


def test_another_release_under_the_same_version_is_refused_and_changes_nothing(
    root: Path, release: tuple[Path, str], other: tuple[Path, str]
) -> None:
    FolderTarget(root).publish(release[0], MODEL, 1, REVISION, release[1])
    with pytest.raises(PublishError) as caught:
        FolderTarget(root).publish(other[0], MODEL, 1, "cd" * 20, other[1])
    assert (caught.value.code, caught.value.permanent) == ("publication_conflict", True)
    assert content(root / MODEL / "v1") == content(release[0])


def test_a_publisher_killed_at_any_step_leaves_a_folder_whole_or_absent(
    tmp_path: Path, release: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, killed = 0, True
    while killed:
        root = tmp_path / f"drive-{steps}"
        root.mkdir()
        countdown = Countdown(steps)
        with monkeypatch.context() as patched:
            for place, name in (
                (os, "fsync"),
                (Path, "rename"),
                (Path, "replace"),
                (Path, "symlink_to"),
                (os, "mkdir"),
            ):
                patched.setattr(place, name, countdown.around(getattr(place, name)))
            try:
                FolderTarget(root).publish(release[0], MODEL, 1, REVISION, release[1])
                killed = False
            except Killed:
                pass
        final = root / MODEL / "v1"
        assert not final.exists() or content(final) == content(release[0])
        latest = root / MODEL / "latest"
        assert not latest.is_symlink() or content(latest) == content(release[0])
        FolderTarget(root).publish(release[0], MODEL, 1, REVISION, release[1])
        assert content(latest) == content(final) == content(release[0])
        assert list((root / ".staging").iterdir()) == []
        steps += 1
    assert steps > 15


# -- a bucket ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with s3_store.running() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3_store.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return s3_store.new_bucket(store)


def test_a_bucket_holds_every_file_by_its_content_and_one_index(
    store: str, bucket: str, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    target = S3Target(bucket, prefix="/our/", endpoint=store)
    publication = target.publish(folder, MODEL, 1, REVISION, manifest)
    assert publication.location == f"s3://{bucket}/our/{INDEX}"
    held = s3_store.objects(store, bucket)
    index = json.loads(held[f"our/{INDEX}"])
    assert (index["revision"], index["manifest_sha256"], index["number"]) == (REVISION, manifest, 1)
    assert {file["path"]: held[file["key"]] for file in index["files"]} == content(folder)
    assert held[f"our/{LATEST}"] == held[f"our/{INDEX}"]
    assert len(held) == len(set(content(folder).values())) + 2, "equal files are kept once"
    assert target.publish(folder, MODEL, 1, REVISION, manifest) == publication
    assert s3_store.objects(store, bucket) == held


def test_a_second_publisher_cannot_put_its_release_under_the_same_version(
    store: str, bucket: str, release: tuple[Path, str], other: tuple[Path, str]
) -> None:
    target = S3Target(bucket, endpoint=store)
    target.publish(release[0], MODEL, 1, REVISION, release[1])
    before = s3_store.objects(store, bucket)
    with pytest.raises(PublishError) as caught:
        target.publish(other[0], MODEL, 1, "cd" * 20, other[1])
    assert (caught.value.code, caught.value.permanent) == ("publication_conflict", True)
    assert s3_store.objects(store, bucket) == before


def test_two_publishers_between_look_and_write_leave_one_index(
    store: str, bucket: str, release: tuple[Path, str], other: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, fast = S3Target(bucket, endpoint=store), S3Target(bucket, endpoint=store)
    write = S3Target._put_once

    def late(self: S3Target, client: Any, key: str, index: bytes) -> None:
        if self is slow:  # it has looked and uploaded; now somebody else is faster
            fast.publish(release[0], MODEL, 1, REVISION, release[1])
        write(self, client, key, index)

    monkeypatch.setattr(S3Target, "_put_once", late)
    with pytest.raises(PublishError) as caught:
        slow.publish(other[0], MODEL, 1, "cd" * 20, other[1])
    assert caught.value.code == "publication_conflict"
    assert json.loads(s3_store.objects(store, bucket)[INDEX])["revision"] == REVISION


def test_latest_moves_forward_only(store: str, bucket: str, release: tuple[Path, str], other: tuple[Path, str]) -> None:
    target = S3Target(bucket, endpoint=store)
    target.publish(other[0], MODEL, 2, "cd" * 20, other[1])
    target.publish(release[0], MODEL, 1, REVISION, release[1])
    held = s3_store.objects(store, bucket)
    assert (json.loads(held[LATEST])["number"], INDEX in held) == (2, True)


def test_a_publisher_killed_before_a_request_leaves_no_index_without_its_files(
    store: str, bucket: str, release: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest = release
    call = BaseClient._make_api_call

    def killed_after(requests: int, bucket: str) -> int:
        countdown = Countdown(requests)
        with monkeypatch.context() as patched:
            patched.setattr(BaseClient, "_make_api_call", countdown.around(call))
            with contextlib.suppress(Killed):
                S3Target(bucket, endpoint=store).publish(folder, MODEL, 1, REVISION, manifest)
        return requests - countdown.left

    total = killed_after(1_000, bucket)
    for requests in (0, 2, 4, total - 3, total - 2, total - 1):
        bucket = s3_store.new_bucket(store)
        killed_after(requests, bucket)
        held = s3_store.objects(store, bucket)
        for index in (json.loads(data) for key, data in held.items() if key.startswith("models/")):
            assert {file["path"]: held[file["key"]] for file in index["files"]} == content(folder)
        S3Target(bucket, endpoint=store).publish(folder, MODEL, 1, REVISION, manifest)
        assert {INDEX, LATEST} < s3_store.objects(store, bucket).keys()


def test_parts_of_an_earlier_attempt_are_not_sent_again(
    store: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "release"
    manifest = make_release(folder, weights=os.urandom(3 * PART_BYTES + 7))
    sent: list[int] = []
    real = BaseClient._make_api_call

    def counted(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "UploadPart":
            sent.append(parameters["PartNumber"])
        if operation == "CompleteMultipartUpload" and len(sent) == 4:
            raise Killed
        return real(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    target = S3Target(bucket, endpoint=store, part_bytes=PART_BYTES)
    with pytest.raises(Killed):
        target.publish(folder, MODEL, 1, REVISION, manifest)
    assert sent == [1, 2, 3, 4]
    sent.append(0)
    target.publish(folder, MODEL, 1, REVISION, manifest)
    assert sent == [1, 2, 3, 4, 0], "all four were there"


def test_an_object_with_the_right_name_and_the_wrong_bytes_is_found_out(
    store: str, bucket: str, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    weights = json.loads((folder / "provenance" / "manifest.json").read_bytes())["files"][-2]["sha256"]
    s3_store.client(store).put_object(Bucket=bucket, Key=f"blobs/sha256/{weights}", Body=b"poisoned")
    target = S3Target(bucket, endpoint=store)
    with pytest.raises(PublishError) as caught:
        target.publish(folder, MODEL, 1, REVISION, manifest)
    assert (caught.value.code, caught.value.permanent) == ("hub_differs", False)
    assert INDEX not in s3_store.objects(store, bucket)
    target.publish(folder, MODEL, 1, REVISION, manifest)


REFUSALS = {
    "AccessDenied": ("hub_refused", True),
    "NoSuchBucket": ("hub_refused", True),
    "SlowDown": ("hub_unavailable", False),
    "InternalError": ("hub_unavailable", False),
}


@pytest.mark.parametrize(("answer", "expected"), REFUSALS.items(), ids=REFUSALS.keys())
def test_what_a_store_answers_says_whether_trying_again_can_help(
    store: str,
    bucket: str,
    release: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    expected: tuple[str, bool],
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise ClientError({"Error": {"Code": answer}}, "PutObject")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)
    with pytest.raises(PublishError) as caught:
        S3Target(bucket, endpoint=store).publish(release[0], MODEL, 1, REVISION, release[1])
    assert (caught.value.code, caught.value.permanent) == expected


def test_no_credentials_and_no_store_are_told_apart(
    release: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in s3_store.CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    target = S3Target("bucket", endpoint="http://127.0.0.1:9", region="us-east-1")
    with pytest.raises(PublishError) as caught:
        target.publish(release[0], MODEL, 1, REVISION, release[1])
    assert (caught.value.code, caught.value.permanent) == ("token_missing", True)
    for name, value in s3_store.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PublishError) as caught:
        target.publish(release[0], MODEL, 1, REVISION, release[1])
    assert (caught.value.code, caught.value.permanent) == ("hub_unavailable", False)
