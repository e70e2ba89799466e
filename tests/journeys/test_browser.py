"""A visitor with a real browser: sign in with the demo wallet, vote, keep the receipt, see the run and the verified release."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys.services import free_port

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 300
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo as `make demo` leaves it: finished, and the site running."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
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
        yield {"site": f"http://127.0.0.1:{port}", **_result(process, log)}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _result(process, log):
    """Wait for the journey's result line."""
    for _ in range(SECONDS_MAX * 2):
        for line in log.read_text().splitlines():
            if line.startswith("{"):
                return json.loads(line)
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(log.read_text()[-4000:])


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A fresh visitor on a phone-sized screen, with every console error a failure."""
    context = browser.new_context(viewport={"width": 360, "height": 780}, locale="en-GB")
    opened = context.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def sign_in(page: Page, site: str, member: str) -> None:
    """Sign in with the demo wallet as one of the members."""
    page.goto(f"{site}/sign-in/")
    page.get_by_role("button", name=re.compile("connect|choose|wallet", re.IGNORECASE)).first.click()
    page.get_by_role("button", name=re.compile("Demo wallet", re.IGNORECASE)).click()
    page.get_by_role("button", name=re.compile(member)).click()
    expect(page.get_by_role("banner")).to_contain_text(re.compile("0x|" + member))


def test_a_visitor_signs_in_votes_and_keeps_a_receipt(page, demo):
    site = demo["site"]
    sign_in(page, site, "Chloé")
    page.goto(f"{site}/c/water-commons/proposals/?state=active")
    page.get_by_role("link", name=re.compile("wells")).first.click()
    page.get_by_role("button", name=re.compile("^For")).click()
