"""A visitor with a real browser: what they do on many pages, and what a test reads off a page.

Holds no test and starts nothing: the demo and the browser are the fixtures of `conftest.py`.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"width": 360, "height": 780}
DESK = {"width": 1280, "height": 900}
COMMUNITY = "/c/water-commons/"
QUESTION = "Should the assistant also answer questions about wells?"
TABS_MAX = 60
WAITS_MAX, WAIT_MILLISECONDS = 300, 100
COMMAND_SECONDS_MAX = 120


@dataclass
class Visitor:
    """A browser window, with what its console complained about."""

    page: Page
    site: str
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a page of the site."""
        self.page.goto(f"{self.site}{path}")
        return self.page

    def sign_in(self, member: str) -> None:
        """Sign in with the demo wallet as one of the members."""
        self.page.get_by_role("banner").get_by_role("link", name="Sign in").click()
        self.choose_wallet(member)
        expect(self.page.get_by_role("banner").locator(".viewer")).to_contain_text(member)

    def choose_wallet(self, member: str) -> None:
        """Answer the two questions: which wallet, which account."""
        self.page.get_by_role("dialog", name="Choose a wallet").get_by_role("button", name="Demo wallet").click()
        who = self.page.get_by_role("dialog", name="Demo wallet: who are you?")
        who.get_by_role("button", name=re.compile(member)).click()

    def vote(self, choice: str, reason: str = "") -> Locator:
        """Choose, and go on to what will be signed."""
        panel = self.page.locator("#vote-panel")
        panel.get_by_role("radio", name=choice).check()
        panel.get_by_role("textbox", name="Reason").fill(reason)
        panel.get_by_role("button", name="Review and sign").click()
        return self.page.get_by_role("dialog", name="What you are about to sign")

    def sign_and_send(self) -> None:
        """Sign the ballot that is shown, and send it without waiting for the moments in which it could be undone."""
        dialog = self.page.get_by_role("dialog", name="What you are about to sign")
        dialog.get_by_role("button", name="Sign with the wallet").click()
        dialog.get_by_role("button", name="Send now").click()

    def was_refused(self, status: int) -> None:
        """Forget the one line that a browser writes about a refused request: the test has seen what the page says."""
        told = [error for error in self.errors if f"status of {status}" in error]
        assert len(told) == 1, self.errors
        self.errors.remove(told[0])


Visit = Callable[..., AbstractContextManager[Visitor]]


def option(page: Page, label: str) -> Locator:
    """Return the line of the results about one choice."""
    return page.locator("#proposal-live .option").filter(has_text=label)


def downloaded_receipt(page: Page) -> dict[str, Any]:
    """Download the receipt of the page that is open."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the receipt").click()
    receipt: dict[str, Any] = json.loads(download.value.path().read_bytes())
    return receipt


def record_digest(record: dict[str, Any]) -> str:
    """Return the SHA-256 of a record's canonical form, as a stranger without our code would compute it."""
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab (or Shift+Tab) until the wanted control has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(TABS_MAX):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{wanted} cannot be reached with the {key} key")


def until(page: Page, holds: str) -> None:
    """Wait until a function of the page answers true. `wait_for_function` evaluates text, which the site forbids."""
    for _ in range(WAITS_MAX):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(WAIT_MILLISECONDS)
    raise AssertionError(f"{page.url}: not so in time: {holds}")


def outline(control: Locator) -> float:
    """Return the width in pixels of the ring around a focused control; 0 when none is drawn."""
    width: float = control.evaluate(
        "element => { const style = getComputedStyle(element);"
        " return style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth); }"
    )
    return width


def fits(page: Page) -> None:
    """Check that nothing sticks out sideways, and that the page has a title and one first heading."""
    if page.url.endswith("/api/docs/"):
        expect(page.locator(".opblock").first).to_be_visible(timeout=30_000)
    else:
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert page.title()
    wide, shown = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= shown, f"{page.url} is {wide} px wide on a screen of {shown} px"


def paste(folder: Path, command: list[str]) -> str:
    """Run a command that a page shows, in a folder of the visitor's own; return what it prints."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
