"""A hub that answers: a model with files, served by a real server on a free port, and plain HTTP to ask it."""

import http.client
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.db import connections
from django.test.testcases import LiveServerThread, ThreadedWSGIServer, _StaticFilesHandler

from governance.evidence.record import Record as RecordValue
from governance.models import Community, Record
from models_registry.models import Model, Version
from models_registry.storage import folders

MODEL = "commons/water-assistant"
FIRST, SECOND, DRAFT = "1" * 40, "2" * 40, "3" * 40


def write_version(folder: Path, marker: str) -> None:
    """Write a small version: a large file by Git LFS's rule, small ones, and an inner folder."""
    (folder / "provenance").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(random.Random(marker).randbytes(600_000))
    (folder / "config.json").write_text(json.dumps({"marker": marker}))
    (folder / "README.md").write_text(f"# Assistant {marker}\n\nÉté.\n")
    (folder / "provenance" / "manifest.json").write_text("{}")
    (folder / "provenance" / "records.jsonl").write_text("{}\n")


def record(kind: str, subject: str) -> Record:
    value = RecordValue.make(kind, subject, {})
    return Record.objects.create(digest=value.digest, kind=kind, subject=subject, canonical=value.canonical().decode())


class _Server(ThreadedWSGIServer):
    """Shares the test's own connection, so that uncommitted rows are visible; it must therefore not close it."""

    def _close_connections(self) -> None:
        pass

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        """Notice the end of a test at once; the usual half second is most of the time that these tests take."""
        super().serve_forever(poll_interval)


class _Thread(LiveServerThread):
    server_class = _Server


@pytest.fixture
def artifacts(tmp_path: Path, settings: LazySettings) -> Path:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    # The middleware for static files warns when its folder is missing, and warnings are errors here.
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    return tmp_path / "artifacts"


@pytest.fixture
def model(db: None, artifacts: Path) -> Model:
    """Make a model with the published versions 1 and 2, and a version 3 that is not published yet."""
    community = Community.objects.create(
        slug="water", name_en="Water", name_fr="Eau", instance="test", chain_id=1, token="0x", release_key="0" * 64,
        record=record("community", "community:water"), charter=record("charter", "charter:water"),
    )  # fmt: skip
    return model_of(community, artifacts)


def model_of(community: Community, artifacts: Path) -> Model:
    """Give a community the model `MODEL` with its three versions."""
    namespace, name = MODEL.split("/")
    model = Model.objects.create(
        community=community, namespace=namespace, name=name, title_en="W", title_fr="E", license="Apache-2.0"
    )
    for number, revision in ((1, FIRST), (2, SECOND), (3, DRAFT)):
        folder = f"releases/{MODEL}/{revision}"
        write_version(artifacts / folder, f"number {number}")
        Version.objects.create(
            model=model, number=number, revision=revision, manifest_sha256="0" * 64, folder=folder,
            files=folders.keep(artifacts / folder),
            evaluation_record=record("evaluation", f"e{number}"), release_record=record("release", f"r{number}"),
            created_at=datetime(2026, 1, number, tzinfo=UTC),
            published_at=datetime(2026, 1, number, tzinfo=UTC) if number < 3 else None,
        )  # fmt: skip
    return model


@contextmanager
def serving() -> Iterator[str]:
    """Give the address for a client's HF_ENDPOINT: a real server on a free port, with the hub below /hub."""
    shared = connections["default"]
    thread = _Thread("127.0.0.1", static_handler=_StaticFilesHandler, connections_override={"default": shared})
    shared.inc_thread_sharing()
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    try:
        assert thread.error is None
        yield f"http://127.0.0.1:{thread.port}/hub"
    finally:
        thread.terminate()
        shared.dec_thread_sharing()


@pytest.fixture
def endpoint(model: Model) -> Iterator[str]:
    """Serve the model; give the address of the hub."""
    with serving() as address:
        yield address


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def raw(endpoint: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send one request exactly as written: no client tidies the path."""
    parts = urlsplit(endpoint)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        line.putrequest(method, parts.path + path, skip_accept_encoding=True)
        for name, value in headers.items():
            line.putheader(name.replace("_", "-"), value)
        line.endheaders()
        answer = line.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        line.close()
