"""Objects named by their SHA-256, in a folder and in a bucket: kept once, given back whole, collected, checked."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import hashlib
import io
import os
import resource
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from models_registry import services
from models_registry.models import Model, Version
from models_registry.storage import checks, folders
from models_registry.storage.base import ObjectMissing, ObjectStore, WrongBytes
from models_registry.storage.bucket import PREFIX, BucketObjects, StoreUnreachable
from models_registry.storage.collect import unreached
from models_registry.storage.local import LocalObjects
from tests.integration.hub_site import FIRST, MODEL, SECOND, artifacts, content, model, raw, serving
from tests.simulators import s3_store, tiny_model

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A real S3-compatible server on a free port."""
    with s3_store.running() as address:
        yield address


@pytest.fixture
def bucket(s3: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> str:
    """Keep the objects in a bucket of its own; return its name."""
    for name, value in (s3_store.CREDENTIALS | {"AWS_EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(name, value)
    settings.OBJECTS_BUCKET, settings.OBJECTS_ENDPOINT = s3_store.new_bucket(s3), s3
    return str(settings.OBJECTS_BUCKET)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, artifacts: Path, settings: LazySettings) -> ObjectStore:
    """Both stores there are."""
    if request.param == "bucket":
        request.getfixturevalue("bucket")
    return folders.store()


def write(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read(store: ObjectStore, name: str, first: int = 0) -> bytes:
    with store.open(name, first) as stream:
        return stream.read()


# -- both stores ---------------------------------------------------------------------------------------------------


def test_what_is_kept_comes_back_whole_and_in_parts(store: ObjectStore, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    folder = write(tmp_path / "artifacts" / "release", a=data, b=data, c=b"")
    listing = folders.keep(folder)
    assert [entry["sha256"] for entry in listing] == [sha(data), sha(data), sha(b"")]
    assert folders.keep(folder) == listing
    assert sorted(found.sha256 for found in store.objects()) == sorted([sha(data), sha(b"")])
    assert read(store, sha(data)) == data
    assert read(store, sha(data), 299_990) == data[-10:]
    assert read(store, sha(b"")) == b""
    store.fetch(sha(data), tmp_path / "artifacts" / "again")
    assert (tmp_path / "artifacts" / "again").read_bytes() == data


def test_what_is_not_there_is_said_to_be_missing(store: ObjectStore, tmp_path: Path) -> None:
    name = sha(b"nothing")
    with pytest.raises(ObjectMissing):
        store.open(name)
    with pytest.raises(ObjectMissing):
        store.fetch(name, tmp_path / "here")
    assert store.stored(name) is None
    store.delete(name)
    assert list(store.objects()) == []


def test_attack_other_bytes_under_a_good_name_are_not_kept(store: ObjectStore, tmp_path: Path) -> None:
    file = write(tmp_path / "artifacts", a=b"evil") / "a"
    with pytest.raises(WrongBytes):
        store.keep(file, sha(b"good"))
    assert list(store.objects()) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 65, "0" * 63 + "/", "０" * 64])
def test_attack_a_name_that_is_no_digest_is_refused(store: ObjectStore, tmp_path: Path, name: str) -> None:
    for ask in (store.open, store.stored, store.delete):
        with pytest.raises(ValueError, match="64 lower-case hex"):
            ask(name)


def test_a_version_whose_folder_is_gone_is_put_together_again(store: ObjectStore, model: Model) -> None:
    version = Version.objects.get(revision=FIRST)
    folder = folders.folder_of(version)
    before = content(folder)
    folder.rename(folder.with_name("lost"))
    assert content(folders.folder_of(version)) == before


def test_the_hub_serves_from_the_store_without_any_folder(store: ObjectStore, model: Model) -> None:
    folder = folders.folder_of(Version.objects.get(revision=SECOND))
    weights = (folder / "model.safetensors").read_bytes()
    folder.rename(folder.with_name("lost"))
    with serving() as endpoint:
        path = f"/{MODEL}/resolve/main/model.safetensors"
        assert raw(endpoint, path)[2] == weights
        status, headers, body = raw(endpoint, path, Range="bytes=599990-")
        assert (status, headers["content-range"], body) == (206, "bytes 599990-599999/600000", weights[-10:])
        assert raw(endpoint, path, Range="bytes=0-9")[2] == weights[:10]


def test_only_what_nothing_reaches_is_collected_and_only_after_the_grace_period(
    store: ObjectStore, model: Model, artifacts: Path, at: object, capsys: pytest.CaptureFixture[str]
) -> None:
    folders.keep(write(artifacts / "half-published", weights=b"nobody names this"))
    garbage = sha(b"nobody names this")
    before = {found.sha256 for found in store.objects()}
    later = datetime.now(UTC) + 2 * DAY
    assert [found.sha256 for found in unreached(store, DAY, later)] == [garbage]
    assert list(unreached(store, DAY, datetime.now(UTC))) == []
    with pytest.raises(ValueError, match="shorter"):
        list(unreached(store, timedelta(minutes=1), later))
    at(later)  # type: ignore[operator]
    for delete, left in ((False, before), (True, before - {garbage}), (True, before - {garbage})):
        call_command("collect_objects", delete=delete, stdout=io.StringIO())
        assert {found.sha256 for found in store.objects()} == left
    Version.objects.filter(revision=SECOND).update(withdrawn_reason="still reached")
    assert list(unreached(store, DAY, later)) == []


def test_fsck_names_what_is_missing_wrong_and_unreachable(
    store: ObjectStore, model: Model, artifacts: Path, at: object
) -> None:
    later = datetime.now(UTC) + 2 * DAY
    Version.objects.update(manifest_sha256=sha(b"{}"))
    Version.objects.filter(number=3).delete()
    assert {found.what for found in checks.check(store, DAY, later)} == {"object_unreachable"}
    listing = folders.listing_of(Version.objects.get(revision=FIRST))
    missing, wrong = listing["config.json"].sha256, listing["README.md"].sha256
    store.delete(missing)
    spoil(store, wrong)
    Version.objects.filter(revision=SECOND).update(manifest_sha256="f" * 64)
    found = {(each.what, each.key) for each in checks.check(store, DAY, later)}
    assert ("object_missing", missing) in found
    assert ("object_wrong", wrong) in found
    assert ("listing_wrong", str(Version.objects.get(revision=SECOND).pk)) in found
    Version.objects.filter(revision=SECOND).update(files=[])
    assert "listing_empty" in {each.what for each in checks.check(store, DAY, later)}


def spoil(store: ObjectStore, name: str) -> None:
    """Let the store hold other bytes under a name."""
    if isinstance(store, LocalObjects):
        path = store.path(name)
        path.unlink()
        path.write_bytes(b"spoiled")
    else:
        assert isinstance(store, BucketObjects)
        store._bucket.put_object(Key=f"{PREFIX}{name[:2]}/{name[2:]}", Body=b"spoiled")


def test_attack_a_store_that_gives_other_bytes_makes_no_folder(store: ObjectStore, model: Model) -> None:
    version = Version.objects.get(revision=FIRST)
    folder = folders.folder_of(version)
    folder.rename(folder.with_name("lost"))
    spoil(store, folders.listing_of(version)["config.json"].sha256)
    with pytest.raises(WrongBytes):
        folders.folder_of(version)
    assert not folder.exists()
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


# -- the folder ----------------------------------------------------------------------------------------------------


def test_the_same_file_of_two_releases_lies_there_once(artifacts: Path) -> None:
    data = os.urandom(100_000)
    first, second = write(artifacts / "one", weights=data, x=b"1"), write(artifacts / "two", weights=data, x=b"2")
    for folder in (first, second):
        folders.keep(folder)
    assert (first / "weights").samefile(second / "weights")
    assert (first / "weights").stat().st_nlink == 3
    assert (first / "weights").stat().st_mode & 0o222 == 0
    assert (second / "weights").read_bytes() == data


def test_many_releases_with_one_file_at_the_same_time_share_one_sound_object(artifacts: Path) -> None:
    data = os.urandom(2_000_000)
    releases = [write(artifacts / f"release-{number}", weights=data) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(folders.keep, releases))
    assert [found.sha256 for found in folders.store().objects()] == [sha(data)]
    assert read(folders.store(), sha(data)) == data
    assert all((folder / "weights").read_bytes() == data for folder in releases)
    left = list(artifacts.rglob(".*"))
    assert left == []


def test_a_spoiled_object_is_replaced_by_the_next_release_that_has_it(artifacts: Path) -> None:
    store = folders.store()
    folders.keep(write(artifacts / "one", weights=b"good"))
    spoil(store, sha(b"good"))
    folders.keep(write(artifacts / "two", weights=b"good"))
    assert read(store, sha(b"good")) == b"good"


def test_a_base_whose_copy_was_changed_is_copied_anew_when_it_is_registered_again(model: Model, tmp_path: Path) -> None:
    base, now = tiny_model.write(tmp_path / "base"), datetime.now(UTC)
    address = {"namespace": "commons", "name": "another", "title_en": "A", "title_fr": "A", "license": "apache-2.0"}
    another = Model.objects.create(community=model.community, **address)
    folder = folders.folder_of(services.register_base(another, base, now))
    for spoilt in ("config.json", "not a name.exe"):
        (folder / spoilt).unlink(missing_ok=True)
        (folder / spoilt).write_text("{}")
        services.register_base(another, base, now)
        assert content(folder) == content(base)


def test_links_in_a_folder_are_never_followed(artifacts: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("classified")
    folder = write(artifacts / "one", weights=b"w")
    (folder / "link").symlink_to(tmp_path / "secret")
    assert [entry["path"] for entry in folders.keep(folder)] == ["weights"]


# -- the bucket ----------------------------------------------------------------------------------------------------


def test_a_bucket_that_does_not_answer_is_a_passing_failure(bucket: str, model: Model, settings: LazySettings) -> None:
    settings.OBJECTS_BUCKET = "another-bucket"
    with pytest.raises(StoreUnreachable):
        list(folders.store().objects())
    with serving() as endpoint:
        status, headers, _ = raw(endpoint, f"/{MODEL}/resolve/main/config.json")
    assert (status, headers["retry-after"]) == (503, "30")


def test_without_a_bucket_no_library_for_it_is_imported(artifacts: Path) -> None:
    program = "import sys, django; django.setup(); import models_registry.hub.views; print('boto3' in sys.modules)"
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = kept | {"DJANGO_SETTINGS_MODULE": "config.settings", "COMMONWEIGHTS_DATA": str(artifacts / "data")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


# -- memory --------------------------------------------------------------------------------------------------------


def test_a_large_file_is_served_with_flat_memory(model: Model, artifacts: Path) -> None:
    """200 MB leave this very process; the most memory that it ever took grows by a small part of that."""
    size = 200_000_000
    folder = artifacts / "releases" / "large"
    folder.mkdir()
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(size)
    Version.objects.filter(revision=SECOND).update(files=folders.keep(folder))
    with serving() as endpoint:
        raw(endpoint, f"/{MODEL}/resolve/main/model.safetensors", Range="bytes=0-999999")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        received = 0
        with urllib.request.urlopen(f"{endpoint}/{MODEL}/resolve/main/model.safetensors") as answer:
            while chunk := answer.read(256 * 1024):
                received += len(chunk)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert received == size
    assert (after - before) * 1024 < 20_000_000
