"""A mirror of a hub: what verifies is kept and served, what does not is refused and named, a broken line is taken up."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import DisabledRepoError

from models_registry.hub import ranges
from models_registry.mirror.__main__ import main
from models_registry.models import Model, Version
from models_registry.provenance import bundle
from models_registry.storage import checks, folders
from tests.integration.hub_site import artifacts, content, model, raw, record, serving
from tests.simulators import golden_bundle
from tests.simulators.golden_bundle import KeySigner
from training_jobs import worker
from training_jobs.models import Run

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MIRRORED, REFUSED, FAILED = 0, 1, 2


@pytest.fixture
def golden(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, golden_bundle.Story]:
    """A real release with real signatures."""
    folder = tmp_path_factory.mktemp("golden") / "release"
    folder.mkdir()
    return folder, golden_bundle.build(folder)


@pytest.fixture
def hub(model: Model, artifacts: Path, golden: tuple[Path, golden_bundle.Story]) -> Iterator[str]:
    """Another hub, that has the release."""
    Version.objects.all().delete()
    offer(model, artifacts, golden[0])
    with serving() as endpoint:
        yield endpoint


def offer(model: Model, artifacts: Path, source: Path, revision: str = "", number: int = 0) -> Version:
    """Let the hub offer a folder, under what its release record says or as another version."""
    body = bundle.read(source).records[-1].body if (source / "provenance").exists() else {}
    revision, number = revision or body["revision"], number or body.get("version", 0)
    folder = f"releases/{model}/{revision}"
    shutil.copytree(source, artifacts / folder)
    return Version.objects.create(
        model=model, number=number, revision=revision, manifest_sha256="0" * 64, folder=folder,
        files=folders.keep(artifacts / folder), created_at=NOW, published_at=NOW,
        evaluation_record=record("evaluation", revision), release_record=record("release", revision),
    )  # fmt: skip


def mirror(hub: str, folder: Path, story: golden_bundle.Story, *more: str) -> int:
    return main([hub, "--folder", str(folder), "--community-key", story.release_key.public_key_hex, "--once", *more])


def index_of(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "index.json").read_text())["versions"]


def files_below(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"
    )


def test_a_release_that_verifies_is_mirrored_and_served_to_stock_clients(
    hub: str, golden: tuple[Path, golden_bundle.Story], tmp_path: Path, settings: LazySettings, model: Model
) -> None:
    source, story = golden
    assert mirror(hub, tmp_path / "mirror", story) == MIRRORED
    (entry,) = index_of(tmp_path / "mirror")
    assert content(tmp_path / "mirror" / entry["model"] / entry["revision"]) == content(source)
    before = (tmp_path / "mirror" / "index.json").read_text()
    assert mirror(hub, tmp_path / "mirror", story) == MIRRORED
    assert (tmp_path / "mirror" / "index.json").read_text() == before
    name = str(model)
    Version.objects.all().delete()
    settings.MIRROR_DIR = tmp_path / "mirror"
    info = HfApi(endpoint=hub).model_info(name)
    assert (info.id, info.sha) == (name, entry["revision"])
    downloaded = snapshot_download(name, endpoint=hub, cache_dir=tmp_path / "cache")
    assert content(Path(downloaded)) == content(source)
    assert [found.id for found in HfApi(endpoint=hub).list_models(author="commons")] == [name]


def test_what_a_vote_has_trained_goes_all_the_way_to_a_mirror(
    artifacts: Path, run: Run, stand_in: object, tmp_path: Path
) -> None:
    """A vote, a run, a release; then a mirror in a process of its own, without Django: base and release are kept."""
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert run.version is not None
    assert list(checks.check(folders.store(), timedelta(hours=1), datetime.now(UTC))) == []
    with serving() as endpoint:
        program = "import sys; from models_registry.mirror.__main__ import main; status = main(); print('django' in sys.modules); sys.exit(status)"
        command = [
            sys.executable, "-c", program, endpoint, "--folder", str(tmp_path / "mirror"), "--once",
            "--community-key", run.community.release_key, "--model", str(run.model),
        ]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == MIRRORED, done.stderr
    assert done.stdout.splitlines()[-2:] == ["2 versions are here and verified, 0 were refused", "False"]
    for version in (run.base, run.version):
        kept = content(tmp_path / "mirror" / str(run.model) / version.revision)
        assert kept == content(folders.folder_of(version))


def test_attack_a_changed_weight_is_refused_and_nothing_of_it_stays(
    hub: str, model: Model, artifacts: Path, golden: tuple[Path, golden_bundle.Story], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    source, story = golden
    bad = tmp_path / "bad"
    shutil.copytree(source, bad)
    weights = bad / "model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x07")
    offer(model, artifacts, bad, revision="b" * 40, number=99)
    assert mirror(hub, tmp_path / "mirror", story) == REFUSED
    assert "refused: " in capsys.readouterr().out
    by_revision = {entry["revision"]: entry for entry in index_of(tmp_path / "mirror")}
    assert any("model.safetensors" in problem for problem in by_revision["b" * 40]["refused"])
    assert len(by_revision) == 2
    assert [path for path in files_below(tmp_path / "mirror") if "b" * 40 in path] == []
    assert mirror(hub, tmp_path / "mirror", story) == REFUSED  # remembered, not fetched again
    assert "refused: " not in capsys.readouterr().out


@pytest.mark.parametrize(("revision", "number"), [("c" * 40, 0), ("", 98)])
def test_attack_a_good_release_under_another_name_is_refused(
    hub: str, model: Model, artifacts: Path, golden: tuple[Path, golden_bundle.Story], tmp_path: Path,
    revision: str, number: int,
) -> None:  # fmt: skip
    """A hub that hands out an old release as the newest one, or as another revision."""
    version = Version.objects.get()
    Version.objects.filter(pk=version.pk).update(revision=revision or version.revision, number=number or version.number)
    assert mirror(hub, tmp_path / "mirror", golden[1]) == REFUSED
    assert index_of(tmp_path / "mirror")[0]["files"] == []


def test_attack_a_release_of_another_community_is_refused(
    hub: str, golden: tuple[Path, golden_bundle.Story], tmp_path: Path
) -> None:
    stranger = KeySigner(99).public_key_hex
    assert main([hub, "--folder", str(tmp_path / "m"), "--community-key", stranger, "--once"]) == REFUSED
    assert any("key_untrusted" in problem for problem in index_of(tmp_path / "m")[0]["refused"])


def test_a_line_that_breaks_is_taken_up_where_it_broke(
    hub: str, golden: tuple[Path, golden_bundle.Story], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run asks for the bytes that the first one lacks, and for nothing that is complete."""
    asked: list[str] = []
    real_wanted, real_next = ranges.wanted, ranges.Part.__next__
    handed_out: dict[int, int] = {}
    broken = True

    def spy(header: str, size: int) -> tuple[int, int] | None:
        asked.append(header)
        return real_wanted(header, size)

    def cut(part: ranges.Part) -> bytes:
        handed_out[id(part)] = handed_out.get(id(part), 0) + 1
        if broken and handed_out[id(part)] > 3:
            raise ConnectionResetError
        return real_next(part)

    monkeypatch.setattr(ranges, "wanted", spy)
    monkeypatch.setattr(ranges, "CHUNK_BYTES", 100)
    monkeypatch.setattr(ranges.Part, "__next__", cut)
    assert mirror(hub, tmp_path / "mirror", golden[1]) == FAILED
    assert not (tmp_path / "mirror" / "commons").exists()
    first = len(asked)
    broken = False
    assert mirror(hub, tmp_path / "mirror", golden[1]) == MIRRORED
    assert set(asked[:first]) == {""}
    assert asked[first:].count("bytes=300-") == 1
    assert len(asked) == len([path for path in golden[0].rglob("*") if path.is_file()]) + 1


def test_what_the_hub_has_withdrawn_is_no_longer_served_by_the_mirror(
    hub: str, model: Model, artifacts: Path, golden: tuple[Path, golden_bundle.Story], tmp_path: Path,
    settings: LazySettings,
) -> None:  # fmt: skip
    assert mirror(hub, tmp_path / "mirror", golden[1]) == MIRRORED
    version = Version.objects.get()
    Version.objects.filter(pk=version.pk).update(
        paused_by="0x1", paused_reason="It names a neighbour.", paused_until=datetime(2999, 1, 1, tzinfo=UTC)
    )
    Version.objects.create(
        model=model, number=0, revision="d" * 40, manifest_sha256="", folder="x", created_at=NOW, published_at=NOW
    )
    mirror(hub, tmp_path / "mirror", golden[1])
    Version.objects.all().delete()
    settings.MIRROR_DIR = tmp_path / "mirror"
    with pytest.raises(DisabledRepoError, match="It names a neighbour"):
        HfApi(endpoint=hub).model_info(str(model))


def test_the_base_is_kept_when_a_verified_release_starts_from_it(model: Model, artifacts: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text('{"model_type":"llama"}')
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type":"gpt2"}')
    digest = hashlib.sha256(bundle.manifest_bytes(base)).hexdigest()

    def edit(kind: str, body: dict[str, Any]) -> None:
        spec = body if kind == "spec" else body.get("payload", {}).get("spec") if kind == "proposal" else None
        if spec:
            spec["base"]["manifest_sha256"] = digest

    release = tmp_path / "release"
    release.mkdir()
    story = golden_bundle.build(release, golden_bundle.Story(edit=edit))
    Version.objects.all().delete()
    offer(model, artifacts, release)
    for source, outcome in ((base, MIRRORED), (other, REFUSED)):
        Version.objects.filter(number=0).delete()
        Version.objects.create(
            model=model, number=0, revision=("e" if source is base else "f") * 40, manifest_sha256="", folder="x",
            files=folders.keep(source), created_at=NOW, published_at=NOW,
        )  # fmt: skip
        with serving() as endpoint:
            assert mirror(endpoint, tmp_path / "mirror", story) == outcome


@pytest.mark.parametrize(
    "arguments",
    [
        ["ftp://hub.example"],
        ["not an address"],
        ["http://127.0.0.1:9"],
        ["http://127.0.0.1:9", "--community-key", "zz"],
    ],
)
def test_arguments_that_make_no_sense_end_with_two(arguments: list[str], tmp_path: Path) -> None:
    try:
        status = main([*arguments, "--folder", str(tmp_path / "m"), "--community-key", "0" * 64, "--once"])
    except SystemExit as error:
        status = int(error.code or 0)
    assert status == FAILED
