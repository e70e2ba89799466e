"""A mirrored community's releases with all their files: brought, served, and verified by the stranger's program."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client

from governance import log
from governance.clock import now as clock
from governance.models import Mirror, MirroredDocument
from models_registry.mirror import index
from models_registry.mirror.remote import RemoteError
from models_registry.mirror_files import PublicRemote
from models_registry.models import Model
from tests.integration.hub_site import artifacts, serving
from training_jobs import worker
from training_jobs.models import Run

ENOUGH = 100_000_000


def verify(folder: Path, key: str) -> subprocess.CompletedProcess[str]:
    """Run the verifier as a stranger would, in a process of its own."""
    command = [sys.executable, "-m", "models_registry.provenance", "verify", str(folder), "--community-key", key]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def told_by(mirror: Mirror, address: str, **options: Any) -> None:
    allowed = address.removeprefix("http://")
    call_command("mirror_community", address, mirror.community, name="copy", allow=allowed, **options)


def test_a_stranger_verifies_what_a_mirror_serves(
    artifacts: Path, run: Run, stand_in: object, tmp_path: Path, settings: LazySettings, client: Client, capsys: Any
) -> None:
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert run.version is not None
    log.publish_checkpoint(run.community.pk, clock())
    name, revision, key = str(run.model), run.version.revision, run.community.release_key
    mirror = Mirror(community=run.community.slug)
    with serving() as hub:
        address = hub.removesuffix("/hub")
        with pytest.raises(CommandError, match="COMMONWEIGHTS_MIRROR"):
            told_by(mirror, address, files=ENOUGH)
        settings.MIRROR_DIR = tmp_path / "mirror"
        with pytest.raises(CommandError, match="at most 1000"):
            told_by(mirror, address, files=1_000)
        assert index.read(tmp_path / "mirror") == {}, "nothing that does not fit"
        MirroredDocument.objects.filter(place__contains=revision).update(sha256="0" * 64)
        with pytest.raises(CommandError, match="does not verify"):
            told_by(mirror, address, files=ENOUGH)
        refused = index.read(tmp_path / "mirror")[revision].refused
        assert refused == ["it is another release than the one in the log"]
        (tmp_path / "mirror" / index.INDEX).unlink()
        MirroredDocument.objects.filter(sha256="0" * 64).update(sha256=run.version.manifest_sha256)
        capsys.readouterr()
        told_by(mirror, address, files=ENOUGH)
        assert "the files of 2 versions are new" in capsys.readouterr().out, "the release and its base"

    Model.objects.update(namespace="elsewhere")  # from here on this site has no such model of its own
    listed = client.get(f"/hub/api/models/{name}/tree/{revision}?recursive=true").json()
    served = tmp_path / "served"
    for path in (each["path"] for each in listed if each["type"] == "file"):
        answer = client.get(f"/mirror/copy/hub/{name}/resolve/{revision}/{path}")
        assert answer.status_code == 200, path
        (served / path).parent.mkdir(parents=True, exist_ok=True)
        (served / path).write_bytes(b"".join(answer) if answer.streaming else answer.content)
    done = verify(served, key)
    assert done.returncode == 0, done.stdout + done.stderr
    weights = served / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x07")
    assert verify(served, key).returncode == 1

    page = re.sub(r"\s+", " ", client.get("/mirror/copy/").content.decode())
    assert "All files of this release are here, and were verified." in page
    for missing in (
        f"{name}/resolve/{'0' * 40}/config.json",
        f"{name}/resolve/{revision}/x",
        f"a/b/resolve/{revision}/x",
    ):
        assert client.get(f"/mirror/copy/hub/{missing}").status_code == 404
    assert client.get(f"/mirror/other/hub/{name}/resolve/{revision}/config.json").status_code == 404
    assert client.post(f"/mirror/copy/hub/{name}/resolve/{revision}/config.json").status_code == 405


def test_addresses_inside_a_network_are_not_asked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="https"):
        PublicRemote("http://127.0.0.1:9/hub")
    with pytest.raises(RemoteError, match="public"):
        PublicRemote("https://127.0.0.1/hub").versions("commons/x")
