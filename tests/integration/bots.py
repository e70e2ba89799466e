"""A real site on a real port, and real bots that talk to it: what the tests of the bot share."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.db import connections

from config.wsgi import application
from governance.clock import now as clock
from models_registry import services as registry
from models_registry.models import Model
from tests.integration.conftest import NOON
from tests.integration.test_races import using
from tests.integration.trainer_runs import make_base
from tests.testbed import migrated
from training_jobs.runners import services, tokens

ROOT = Path(__file__).resolve().parents[2]
# Whatever imports one of these in the bot's own process has no place in it.
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "rest_framework", "celery", "redis", "web3", "torch", "transformers"}:
            raise ImportError(f"{name} is not for a bot")
sys.meta_path.insert(0, Blocked())
"""


class Quiet(WSGIRequestHandler):
    """Serves without a line for each request."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Site:
    """The site as others reach it, over a line that may be bad.

    `rewrite` may change what it answers: path and body in, body out. `trouble` may spoil an answer: method and path in,
    "lost" (done, but not answered) or "cut" (half of the body) out.
    """

    def __init__(self) -> None:
        self.rewrite: Callable[[str, bytes], bytes] | None = None
        self.trouble: Callable[[str, str], str] = lambda _method, _path: ""
        self.seen: list[str] = []
        self._server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
        self._server.daemon_threads = True
        self._server.set_app(self._answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        self.seen.append(f"{environ['REQUEST_METHOD']} {path} {environ.get('HTTP_RANGE', '')}".rstrip())
        spoiled = self.trouble(environ["REQUEST_METHOD"], path)
        try:
            if self.rewrite is None and not spoiled:
                return application(environ, start_response)
            told: list[Any] = []
            answer = application(environ, lambda *parts: told.append(parts))
            body = b"".join(answer)
            answer.close()
            status, headers, *_ = told[0]
            if spoiled == "lost":
                start_response("503 Service Unavailable", [("Content-Length", "0")])
                return [b""]
            if spoiled == "cut":
                start_response(status, headers)
                return half_of(body)
            if self.rewrite is not None:
                body = self.rewrite(path, body)
            kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
            start_response(status, [*kept, ("Content-Length", str(len(body)))])
            return [body]
        finally:
            connections.close_all()


def half_of(body: bytes) -> Iterator[bytes]:
    """Send half, and break the connection."""
    yield body[: len(body) // 2]
    raise ConnectionAbortedError("the line is cut")


@pytest.fixture(scope="module")
def template(tmp_path_factory, django_db_blocker) -> str:
    """The address of an empty database with all tables, to be copied."""
    database = tmp_path_factory.mktemp("bots") / "template.sqlite3"
    with django_db_blocker.unblock(), using(f"sqlite://{database}"):
        migrated.give_tables(database)
    return f"sqlite://{database}"


@pytest.fixture
def db(template: str, tmp_path: Path, django_db_blocker) -> Iterator[str]:
    """A fresh database that other threads see, in place of the one that tests share."""
    copy = f"sqlite://{tmp_path}/site.sqlite3"
    shutil.copyfile(template.removeprefix("sqlite://"), copy.removeprefix("sqlite://"))
    with django_db_blocker.unblock(), using(copy):
        yield copy


@pytest.fixture
def site(db: str, settings: Any, tmp_path: Path) -> Iterator[Site]:
    """The site, serving."""
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()
    serving = Site()
    yield serving
    serving.close()


class Bot:
    """One bot with its own token, folder and configuration, as a process of its own."""

    def __init__(self, site: Site, community: Any, owner: str, folder: Path, **other: Any) -> None:
        self.folder = folder
        folder.mkdir()
        made = services.register(community, owner, folder.name, list(tokens.SCOPES), 90, clock())
        self.runner, self.token = made.runner, made.text
        (folder / "token").write_text(made.text)
        (folder / "path").mkdir()
        (folder / "path" / "sitecustomize.py").write_text(BLOCKED)
        self.write(site.url, community=other.get("trusted", community.record_id), limits=other.get("limits", ""))

    def write(self, url: str, community: str, limits: str = "") -> None:
        """Write the configuration."""
        (self.folder / "bot.toml").write_text(
            f'url = "{url}"\nfolder = "{self.folder}/work"\ntoken_file = "{self.folder}/token"\n'
            f'[trust]\ncommunity = "{community}"\n[limits]\n{limits}\n'
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it; whatever it says goes to its log."""
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "training_jobs.bot", "--config", str(self.folder / "bot.toml"), *arguments],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{self.folder}/path:{ROOT}"},
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def once(self, seconds: float = 600) -> int:
        """Let it do one pass; return its exit status."""
        with running(self.start("--once")) as process:
            return process.wait(seconds)

    @property
    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text()

    def left(self) -> list[str]:
        """Return what lies in its folder afterwards."""
        work = self.folder / "work"
        return sorted(path.relative_to(work).as_posix() for path in work.rglob("*"))


@contextmanager
def running(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """Kill a process that is left over, with all that it started."""
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], Any], seconds: float = 600) -> Any:
    """Look until it holds, and return what it said; fail after a while."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)
    return found


def trainable_base(community: Any, folder: Path) -> dict[str, str]:
    """Register a base model that can really be trained; return how a specification names it."""
    model = Model.objects.create(
        community=community,
        namespace="commons",
        name="water-assistant",
        title_en="Water assistant",
        title_fr="Assistant de l’eau",
        license="apache-2.0",
    )
    base = registry.register_base(model, make_base(folder), NOON)
    return {"model": str(model), "revision": base.revision, "manifest_sha256": base.manifest_sha256}
