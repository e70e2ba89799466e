"""A visitor with a real browser, over the demo as `make demo` leaves it.

Read, sign in with the demo wallet, vote, keep the receipt, propose, follow the update from its decision to the verified
release: on a telephone and on a desk, in both languages, by keyboard alone, without JavaScript. Every console message of
the level "error" fails the test in which it appears: a broken script, a blocked resource, a violated content policy.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.journeys.services import free_port

pytestmark = pytest.mark.journey

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
PHONE = {"width": 360, "height": 780}
DESK = {"width": 1280, "height": 900}
COMMUNITY = "/c/water-commons/"
QUESTION = "Should the assistant also answer questions about wells?"
GOOD_UPDATE = "Teach the assistant our own answers"
TABS_MAX = 60
PAGES_OF_ONE_FORM_MAX = 6


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

    def was_refused(self, status: int) -> None:
        """Forget the one line that a browser writes about a refused request: the test has seen what the page says."""
        told = [error for error in self.errors if f"status of {status}" in error]
        assert len(told) == 1, self.errors
        self.errors.remove(told[0])


Visit = Callable[..., AbstractContextManager[Visitor]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield running
        running.close()


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


# The tests share one demo and stand in the order in which they change it: Chloé's ballot is the first on the open question.

# --- voting ---------------------------------------------------------------------------------------------------------


def test_a_member_votes_on_a_telephone_keeps_the_receipt_and_changes_the_vote(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = visitor.open("/")
        visitor.sign_in("Chloé")
        page.get_by_role("link", name="Water commons").click()
        page.get_by_role("link", name=QUESTION).click()

        signed = visitor.vote("For", "Our well is deep.")
        expect(signed).to_contain_text(QUESTION)
        expect(signed.locator("[data-vote-choice]")).to_have_text("For")
        expect(signed.locator("[data-vote-power]")).to_have_text("230,000")
        expect(signed.locator("[data-vote-reason]")).to_have_text("Our well is deep.")
        expect(signed).to_contain_text("a signature without a fee")
        signed.get_by_text("The exact message your wallet shows").click()
        expect(signed.locator("[data-vote-message]")).to_contain_text('"primaryType": "Ballot"')
        signed.get_by_role("button", name="Sign with the wallet").click()

        expect(page.get_by_role("heading", name="Voted: For", level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Accepted")
        first = page.url
        receipt = downloaded_receipt(page)
        assert record_digest(receipt["ballot"]) == receipt["digest"] == first.rstrip("/").rsplit("/", 1)[1]
        assert receipt["ballot"]["body"]["choice"] == 1
        assert receipt["ballot"]["body"]["reason"] == "Our well is deep."
        assert receipt["ballot"]["body"]["power"] == str(230_000 * 10**18)

        page.get_by_role("main").get_by_role("link", name=QUESTION).click()
        expect(option(page, "For")).to_contain_text("100% 230,000 votes")
        expect(page.get_by_role("table").get_by_role("row", name=re.compile("Chloé"))).to_contain_text("For")
        expect(page.locator("#vote-panel")).to_contain_text("You voted For")

        visitor.vote("Against").get_by_role("button", name="Sign with the wallet").click()
        expect(page.get_by_role("heading", name="Voted: Against", level=1)).to_be_visible()
        second = downloaded_receipt(page)
        assert second["digest"] != receipt["digest"]
        assert record_digest(second["ballot"]) == second["digest"]
        page.get_by_role("main").get_by_role("link", name=QUESTION).click()
        expect(option(page, "For")).to_contain_text("0% 0 votes")
        expect(option(page, "Against")).to_contain_text("100% 230,000 votes")
        expect(page.get_by_role("table")).to_contain_text("1 member voted")
        page.goto(first)
        expect(page.get_by_role("main")).to_contain_text("Replaced by a later ballot")


def test_everything_from_the_skip_link_to_the_ballot_works_by_keyboard_alone(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=active")
        tab_to(page, page.get_by_role("link", name=QUESTION))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=QUESTION)).to_be_visible()

        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()

        choice = page.get_by_role("radio", name="For")
        tab_to(page, choice)
        assert outline(page.locator("label.choice--for")) >= 2
        page.keyboard.press("Space")
        expect(choice).to_be_checked()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("radio", name="Against")).to_be_checked()
        page.keyboard.press("ArrowUp")
        expect(choice).to_be_checked()
        page.keyboard.press("Tab")
        expect(page.get_by_role("textbox", name="Reason")).to_be_focused()
        page.keyboard.type("By keyboard.")
        review = page.get_by_role("button", name="Review and sign")
        tab_to(page, review)
        assert outline(review) >= 2
        page.keyboard.press("Enter")

        tab_to(page, page.get_by_role("button", name="Demo wallet"))
        page.keyboard.press("Space")
        tab_to(page, page.get_by_role("button", name=re.compile("Alice")))
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="What you are about to sign")
        expect(dialog.locator("[data-vote-power]")).to_have_text("400,000")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(review).to_be_focused()

        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name="Demo wallet"))
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name=re.compile("Alice")))
        page.keyboard.press("Space")
        tab_to(page, dialog.get_by_role("button", name="Sign with the wallet"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Voted: For", level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("By keyboard.")


def test_a_member_without_power_is_told_so_before_anything_is_signed(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=active")
        page.get_by_role("link", name=QUESTION).click()
        visitor.sign_in("Emma")
        dialog = visitor.vote("For")
        expect(page.locator("[data-vote-status]")).to_have_text(
            "This account had no voting power at the snapshot of this proposal, so it cannot vote here."
        )
        expect(dialog).to_be_hidden()
        visitor.was_refused(422)


def test_a_visitor_who_has_not_signed_in_sees_how_to_vote_and_how_to_propose(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=active")
        page.get_by_role("link", name=QUESTION).click()
        expect(page.locator("#vote-panel")).to_contain_text("You need not sign in first")
        page.get_by_role("button", name="Review and sign").click()
        expect(page.locator("[data-vote-status]")).to_have_text("Choose for, against or abstain first.")

        visitor.open(f"{COMMUNITY}propose/")
        page.get_by_role("link", name="Text signal").click()
        expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("You sign in with the wallet that holds your votes")
        page.get_by_role("button", name="Sign in with a wallet").click()
        visitor.choose_wallet("Daouda")
        expect(page.get_by_role("heading", name="Text signal", level=1)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()


# --- proposing ------------------------------------------------------------------------------------------------------


def test_a_member_writes_a_text_signal_corrects_it_and_submits_it(visit: Visit) -> None:
    title = "Should we meet at the mill?"
    with visit() as visitor:
        page = visitor.open(COMMUNITY)
        visitor.sign_in("Bob")
        page.get_by_role("link", name="Propose something").click()
        page.get_by_role("link", name="Text signal").click()
        page.get_by_label("Why, and what to consider").fill("It has a **roof**.")
        page.get_by_label("Statement").fill("We meet at the mill.")
        page.get_by_role("button", name="Save and preview").click()

        expect(page.get_by_role("alert").filter(has_text="The draft was not saved yet.")).to_be_focused()
        empty = page.get_by_label("Title", exact=True)
        expect(empty).to_have_attribute("aria-invalid", "true")
        expect(empty).to_have_accessible_description(re.compile("This is needed"))
        expect(page.get_by_label("Statement")).to_have_value("We meet at the mill.")
        visitor.was_refused(422)

        empty.fill(title)
        page.get_by_role("button", name="Save and preview").click()
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Only you see it now.")
        expect(page.locator("strong", has_text="roof")).to_be_visible()
        page.get_by_role("button", name="Submit to the vote").click()

        expect(page).to_have_url(re.compile(r"/proposals/\d+/$"))
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        # The page was made before voting opened; it notices by itself.
        expect(page.locator("#state-pill")).to_have_text("Open for voting", timeout=15_000)
        visitor.open(f"{COMMUNITY}proposals/?kind=text_signal&search=mill")
        expect(page.get_by_role("link", name=title)).to_be_visible()


# --- from the decision to the release -------------------------------------------------------------------------------


def test_the_accepted_update_leads_from_its_decision_over_its_run_to_a_verified_release(
    visit: Visit, demo: dict[str, Any]
) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/")
        page.get_by_role("link", name=GOOD_UPDATE).click()
        expect(page.locator("#state-pill")).to_have_text("Carried out")
        expect(page.get_by_role("heading", name="It passed, so")).to_be_visible()
        page.get_by_role("link", name=f"Training run {demo['accepted_run']}").click()

        expect(page.get_by_role("status").filter(has_text="The result satisfies every rule in force.")).to_be_visible()
        curve = page.get_by_role("img", name=re.compile(r"Loss from [\d.]+ at step 1 to [\d.]+ at step \d+"))
        expect(curve).to_be_visible()
        assert curve.locator(".chart__line").get_attribute("d").count("L") > 10
        gates = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="Has to be"))
        expect(gates.get_by_role("row", name=re.compile("equal-service"))).to_contain_text("yes")
        page.get_by_role("link", name="See the release").click()

        expect(page.get_by_role("main").get_by_text("Verified", exact=True)).to_be_visible()
        findings = page.locator(".findings > li")
        expect(findings).to_have_count(12)
        assert page.locator(".finding__number").all_text_contents() == [str(number) for number in range(1, 13)]
        expect(findings.filter(has_text="Holds")).to_have_count(10)
        expect(findings.filter(has_text="Not checked")).to_have_count(2)
        expect(page.get_by_role("main")).to_contain_text("10 checks hold")
        expect(page.get_by_role("link", name="Equal service in both languages")).to_be_visible()
        assert page.url.rstrip("/").rsplit("/", 1)[1] == Path(demo["release"]).name


def test_the_commands_on_the_page_of_a_release_work_as_they_stand(visit: Visit, tmp_path: Path) -> None:
    with visit() as visitor:
        page = visitor.open("/models/commons/water-assistant/")
        page.get_by_role("link", name="Version 1").click()
        expect(page.get_by_role("heading", name="Download")).to_be_visible()
        download, verify, use = page.locator(".command pre").all_inner_texts()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "OMP_WAIT_POLICY": "PASSIVE",
    }

    def paste(command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    paste(["bash", "-c", download])
    assert "Verified: commons/water-assistant version 1" in paste(["bash", "-c", verify])
    assert paste(["python", "-c", f"{use}\nprint(type(model).__name__)"]).strip() == "LlamaForCausalLM"


def test_the_rejected_run_says_which_rule_it_broke_and_that_nothing_was_published(
    visit: Visit, demo: dict[str, Any]
) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/")
        page.get_by_role("link", name="A cheaper update, in English only").click()
        expect(page.get_by_role("main")).to_contain_text("Breaks “equal-service”")
        page.get_by_role("link", name=f"Training run {demo['rejected_run']}").click()
        verdict = page.get_by_role("status").filter(has_text="Rejected.")
        expect(verdict).to_contain_text("The rule “equal-service” is broken: Language gap is")
        expect(verdict).to_contain_text("at most 10% (1/10)")
        expect(verdict).to_contain_text("Nothing was published.")
        expect(page.get_by_role("link", name="See the release")).to_have_count(0)
        visitor.open("/models/commons/water-assistant/")
        expect(page.get_by_role("heading", name=re.compile(r"^Version \d+$"))).to_have_text(["Version 1", "Version 0"])


# --- every reader ---------------------------------------------------------------------------------------------------


def test_the_language_switch_shows_the_same_page_in_french_and_back(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=executed")
        page.get_by_role("link", name=GOOD_UPDATE).click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        address = page.url
        page.get_by_role("button", name="Français").click()
        expect(page.locator("html")).to_have_attribute("lang", "fr")
        assert page.url == address
        expect(page.get_by_role("heading", name=GOOD_UPDATE)).to_be_visible()
        expect(page.get_by_role("heading", name="Elle a été adoptée, donc")).to_be_visible()
        expect(page.get_by_role("heading", name="Bulletins")).to_be_visible()
        expect(option(page, "Pour")).to_contain_text("88\u00a0%")
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_decision_run_and_release_can_be_read_without_javascript(visit: Visit, demo: dict[str, Any]) -> None:
    with visit(PHONE, java_script_enabled=False) as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=active")
        page.get_by_role("link", name=QUESTION).click()
        expect(page.get_by_role("heading", name="Results")).to_be_visible()
        # The browser keeps what stands in <noscript> out of sight of locators.
        assert "Everything on this page can be read without it." in page.content()
        visitor.open(f"/runs/{demo['accepted_run']}/")
        expect(page.get_by_role("img", name=re.compile("Loss from"))).to_be_visible()
        expect(page.get_by_role("heading", name="Measured against the rules")).to_be_visible()
        page.get_by_role("link", name="See the release").click()
        expect(page.locator(".findings > li")).to_have_count(12)
        expect(page.get_by_role("heading", name="From the weights to the ballots")).to_be_visible()
        expect(page.get_by_text("4 signed ballots").first).to_be_visible()


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_every_page_fits_a_telephone_and_loads_without_a_complaint(
    visit: Visit, demo: dict[str, Any], locale: str
) -> None:
    with visit(PHONE, "en-GB") as visitor:
        page = visitor.open("/sign-in/")
        fits(page)
        visitor.sign_in("Bob")
        if locale == "fr-FR":
            page.get_by_role("button", name="Français").click()
            expect(page.locator("html")).to_have_attribute("lang", "fr")
        seen: dict[str, list[str]] = {}
        waiting = ["/", f"{COMMUNITY}proposals/?state=defeated&search=nothing"]
        while waiting:
            path = waiting.pop(0)
            form = re.sub(r"[0-9a-f]{12,}|\d+", "*", urlsplit(path).path)
            if path in seen.setdefault(form, []) or len(seen[form]) >= PAGES_OF_ONE_FORM_MAX:
                continue
            seen[form].append(path)
            visitor.open(path)
            fits(page)
            waiting.extend(links(page, demo["site"]))
        assert {
            "/", "/api/docs/", "/runs/*/", "/releases/*/", "/datasets/*/", "/receipts/*/", "/models/commons/water-assistant/",
            *(f"{COMMUNITY}{rest}" for rest in ("", "proposals/", "proposals/*/", "models/", "runs/", "datasets/", "rules/")),
            *(f"{COMMUNITY}propose/{kind}/" for kind in ("model_update", "dataset_inclusion", "ethics_rule", "text_signal")),
        } <= set(seen)  # fmt: skip


# --- helpers --------------------------------------------------------------------------------------------------------


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


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the wanted control has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(TABS_MAX):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached with the Tab key")


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


def links(page: Page, site: str) -> list[str]:
    """Return the addresses of this site that a page links to, without files to download."""
    found = page.eval_on_selector_all("a[href]:not([download])", "all => all.map(link => link.getAttribute('href'))")
    absolute = [urldefrag(urljoin(page.url, address))[0] for address in found]
    paths = [address.removeprefix(site) for address in absolute if address.startswith(f"{site}/")]
    return [path for path in paths if not path.startswith(("/api/schema", "/hub/"))]
