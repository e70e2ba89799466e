"""One demo and one browser for all journeys of visitors: the tests of both files change the same demo, one after another."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.journeys.services import free_port
from tests.journeys.visitor import DESK, ROOT, Visit, Visitor

SECONDS_MAX = 900
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# What the journeys of a worker share. It ends with the last of them: a database is out of reach for other tests while
# the browser's loop runs in their thread.
SHARED = ExitStack()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """After the last journey, stop demo and browser."""
    if nextitem is None or nextitem.path.parent.name != "journeys":
        SHARED.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The demo as `make demo` leaves it: finished, and the site running."""
    return SHARED.enter_context(_demo(tmp_path_factory.mktemp("demo") / "demo"))


@contextmanager
def _demo(folder: Path) -> Iterator[dict[str, Any]]:
    port = free_port()
    environment = {**os.environ, "COMMONWEIGHTS_DEMO_FOLDER": str(folder), "PYTHONPATH": str(ROOT)}
    log = folder.with_name("demo.log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.demo", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        result = _result(process, log)
        yield {"site": f"http://127.0.0.1:{port}", **result}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _result(process: "subprocess.Popen[bytes]", log: Path) -> dict[str, Any]:
    """Wait for the line of the demo that says what it made."""
    for _ in range(SECONDS_MAX * 2):
        for line in log.read_text().splitlines():
            if line.startswith("{"):
                result: dict[str, Any] = json.loads(line)
                return result
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(log.read_text()[-4000:])


@pytest.fixture(scope="session")
def browser() -> Browser:
    """Debian's Chromium."""
    playwright = SHARED.enter_context(sync_playwright())
    running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
    SHARED.callback(running.close)
    return running


@pytest.fixture
def visit(browser: Browser, demo: dict[str, Any]) -> Visit:
    """Open a fresh window; at its end the console must have had nothing to complain about."""

    @contextmanager
    def opened(viewport: dict[str, int] = DESK, locale: str = "en-GB", **options: Any) -> Iterator[Visitor]:
        context = browser.new_context(viewport=viewport, locale=locale, **options)
        visitor = Visitor(context.new_page(), demo["site"])
        context.on("console", lambda said: visitor.errors.append(said.text) if said.type == "error" else None)
        context.on("weberror", lambda error: visitor.errors.append(str(error.error)))
        try:
            yield visitor
            assert visitor.errors == []
        finally:
            context.close()

    return opened
