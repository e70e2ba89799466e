"""Nothing half-published is ever visible: whatever fails between two steps of a release, readers see all of it or none."""

import os
import shutil
from pathlib import Path

import pytest
from django.test import Client

from governance.errors import Refusal
from models_registry import card, deliveries, services
from models_registry.models import Delivery, Publication, Version
from models_registry.publishing import HubTarget
from models_registry.storage import folders
from tests.integration.test_publishing_stores import Killed
from tests.unit.test_artifact_check import entry, pack
from tests.unit.test_artifact_check_kinds import ARCHIVE, bytes_tensor
from training_jobs import worker
from training_jobs.folders import attempt_folder


@pytest.fixture
def accepted(run, stand_in, monkeypatch, settings, tmp_path):
    """A run that is accepted and not yet published, of a site that publishes in a folder, too."""
    settings.PUBLICATION_TARGETS = ["hub", "folder"]
    settings.PUBLICATION_FOLDER = tmp_path / "drive"
    settings.PUBLICATION_FOLDER.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(worker, "release", lambda _run: None)
        worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert (run.verdict, run.version) == ("accepted", None)
    return run


def nothing_is_visible(run, drive: Path) -> None:
    assert Version.objects.filter(number__gt=0).count() == 0
    assert Publication.objects.count() == Delivery.objects.count() == 0
    refs = Client().get(f"/hub/api/models/{run.model}/refs").json()
    assert [tag["name"] for tag in refs["tags"]] == ["v0"]
    siblings = Client().get(f"/hub/api/models/{run.model}").json()["siblings"]
    assert not any(entry["rfilename"].startswith("provenance/") for entry in siblings)
    left = [path.name for path in (services.settings.ARTIFACTS_DIR / "releases").rglob("*") if len(path.name) == 40]
    for revision in left:  # what is in place already has no address yet
        assert Client().get(f"/releases/{revision}/").status_code == 404
        assert Client().get(f"/hub/{run.model}/resolve/{revision}/config.json").status_code == 404
    assert list(drive.iterdir()) == []


def once(run) -> None:
    run.refresh_from_db()
    assert (run.version.number, Version.objects.filter(number=1).count()) == (1, 1)
    assert [place.target for place in Publication.objects.all()] == ["hub"]
    assert [row.target for row in Delivery.objects.all()] == ["folder"]
    assert list((services.settings.ARTIFACTS_DIR / "releases" / ".staging").iterdir()) == []


STEPS = [
    (services, "require_files"),
    (card, "render"),
    (services, "_require_publishable"),
    (services, "keep"),
    (services, "_write_provenance"),
    (services, "_require_verifiable"),
    (deliveries, "other_targets"),
    (HubTarget, "publish"),
    (folders, "keep"),
    (Publication.objects, "create"),
    (deliveries, "plan"),
    (services, "note"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before each step", "after each step"])
def test_a_worker_killed_between_any_two_steps_leaves_nothing_to_see(accepted, monkeypatch, settings, after):
    for place, name in STEPS:
        real = getattr(place, name)
        # Once the last note is written, the transaction ends; there is no "after" inside.

        def killed(*arguments, real=real, **options):
            if after:
                real(*arguments, **options)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(place, name, killed)
            with pytest.raises(Killed):
                worker.release(accepted.pk)
        nothing_is_visible(accepted, settings.PUBLICATION_FOLDER)
    worker.release(accepted.pk)
    once(accepted)


def test_a_full_disk_at_any_write_leaves_nothing_to_see(accepted, monkeypatch, settings):
    real = os.fsync
    steps = 0
    while True:
        left = [steps]

        def full(descriptor, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            real(descriptor)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            worker.release(accepted.pk)
        if Version.objects.filter(number=1).exists():
            break
        nothing_is_visible(accepted, settings.PUBLICATION_FOLDER)
        steps += 4
    assert steps > 12
    worker.release(accepted.pk)
    once(accepted)


ARTIFACTS = {
    "a pickle": ("config.json", b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00]\x94.", "format_not_allowed"),
    "an archive in the weights": ("model.safetensors", bytes_tensor(ARCHIVE), "format_not_allowed"),
    "overlapping tensors": (
        "model.safetensors",
        pack({"a": entry(), "b": entry()}, bytes(16)),
        "malformed_safetensors",
    ),
    "a huge header": ("model.safetensors", b"\0\0\0\0\0\0\0\1{", "malformed_safetensors"),
    "weights that are not finite": ("model.safetensors", pack({"a": entry()}, b"\xff" * 16), "weights_not_finite"),
    "code": ("config.json", b'{"auto_map": {"AutoModel": "evil.Evil"}}', "config_key_forbidden"),
    "a program": ("modeling.py", b"import os", "format_not_allowed"),
    "an odd name": ("config.json~", b"{}", "file_not_allowed"),
    "a missing tokenizer": ("tokenizer.json", None, "file_missing"),
}


def test_a_bad_artifact_is_refused_with_its_reason_before_anything_is_published(
    accepted, monkeypatch, settings, tmp_path
):
    """Even if its run were honest about it: the gate looks at the files themselves."""
    body, here = dict(accepted.run_record.body), [""]
    good = attempt_folder(accepted.pk, body["attempt"]) / "artifact"
    listed = property(lambda _record: {**body, "artifact": [{"path": file.name} for file in Path(here[0]).iterdir()]})
    monkeypatch.setattr(type(accepted.run_record), "body", listed)
    monkeypatch.setattr(services, "require_files", lambda *_arguments: None)
    monkeypatch.setattr(card, "render", lambda *_arguments: "# Water")
    for case, (name, content, code) in ARTIFACTS.items():
        folder = tmp_path / case
        shutil.copytree(good, folder)
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content)
        here[0] = str(folder)
        candidate = services.Candidate(
            model=accepted.model,
            parent=accepted.base,
            proposal=accepted.proposal,
            artifact=folder,
            run_record=accepted.run_record,
            evaluation_record=accepted.evaluation_record,
            judged_at=accepted.judged_at,
        )
        with pytest.raises(Refusal) as caught:
            services.release(candidate)
        assert (caught.value.code, bool(caught.value.detail)) == (code, True), case
    nothing_is_visible(accepted, settings.PUBLICATION_FOLDER)
