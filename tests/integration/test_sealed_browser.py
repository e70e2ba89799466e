"""A shielded vote in a real browser: keyholders publish keys, a member votes, the keyholders open, the ballot is read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from governance.eip712 import checksum_address
from governance.models import Ballot, Proposal, SealedBallot
from tests.integration.chromium import Chromium, Window, window
from tests.integration.commons import end_of, recounted
from tests.integration.conftest import NOON
from tests.integration.sealed_votes import KEYHOLDERS, SealedVote, found_sealed, set_clock
from tests.simulators.wallets import wallet

pytestmark = pytest.mark.django_db

# A wallet of the tests: it signs with the key of whom the page is told to be (EIP-6963, EIP-1193).
WALLET = """
const provider = { request: ({ method, params }) => method === "eth_signTypedData_v4"
  ? window.signTyped(...params) : Promise.resolve([window.account]) };
const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: {
  info: { uuid: "5d1f2f0e-0000-4000-8000-000000000001", name: "Test wallet", icon: "", rdns: "test.wallet" }, provider } }));
window.addEventListener("eip6963:requestProvider", announce);
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Start the browser once."""
    running = Chromium()
    yield running
    running.close()


@pytest.fixture
def vote(settings: Any) -> SealedVote:
    """A proposal on which ballots are sealed; no key is there yet."""
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    return SealedVote.submitted(found_sealed(NOON))


def _with_wallets(opened: Window) -> None:
    """Let pages find a wallet that has everybody's keys."""
    keys = {wallet(name).address: wallet(name) for name in (*KEYHOLDERS, "Alice")}

    def sign(address: str, typed_data: str) -> str:
        return keys[checksum_address(address)].sign(json.loads(typed_data))

    def prepare(page: Page) -> None:
        page.expose_function("signTyped", sign)
        page.add_init_script(WALLET)

    opened.run(prepare)


def _be(opened: Window, name: str) -> None:
    opened.run(lambda page: page.evaluate("address => { window.account = address }", wallet(name).address))


def _press(opened: Window, button: str, sends: str) -> None:
    """Press a button, choose the wallet, and wait until something was sent and the page has come again."""

    def work(page: Page) -> None:
        page.get_by_role("button", name=button).click()
        with page.expect_navigation(), page.expect_response(f"**/{sends}") as answer:
            page.get_by_role("button", name="Test wallet").click()
        assert answer.value.ok, answer.value.text()

    opened.run(work)


def test_a_shielded_vote_from_its_keys_to_its_opening(
    vote: SealedVote, client: Client, chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_of = f"/c/gardens/proposals/{vote.proposal.number}/"
    set_clock(monkeypatch, NOON)
    with window(chromium, client) as opened:
        _with_wallets(opened)
        for place, name in enumerate(KEYHOLDERS, 1):
            opened.open(f"{page_of}keys/")
            _be(opened, name)
            _press(opened, "Publish my key", "sealing-keys")
            assert Proposal.objects.get().sealing_keys.count() == place

        set_clock(monkeypatch, vote.during)
        opened.open(page_of)
        _be(opened, "Alice")
        sent: list[str] = []

        def cast(page: Page) -> None:
            page.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
            page.get_by_role("radio", name="For").check(force=True)
            page.get_by_role("textbox", name="Reason").fill("L’eau d’abord.")
            page.get_by_role("button", name="Review and sign").click()
            page.get_by_role("button", name="Test wallet").click()
            page.get_by_role("button", name="Sign with the wallet").click()
            page.get_by_role("button", name="Send now").click()
            page.wait_for_url("**/receipts/**")

        opened.run(cast)
        assert SealedBallot.objects.count() == 1
        assert not any("d%E2%80%99abord" in each or "abord" in each or "choice" in each for each in sent)
        expect_text(opened, "sealed until voting has closed")

        end = end_of(vote.proposal)
        set_clock(monkeypatch, end)
        for name in ("Gaëlle", "Emma"):
            opened.open(f"{page_of}keys/")
            _be(opened, name)
            _press(opened, "Give my secret", "sealing-secrets")
        expect_text(opened, "The ballots are open")
        ballot = Ballot.objects.get()
        assert (ballot.choice, ballot.reason) == (1, "L’eau d’abord.")
        opened.open(page_of)
        expect_text(opened, "L’eau d’abord.")
    assert recounted(Proposal.objects.get()).passed is True


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_of_a_shielded_vote_fit_and_are_accessible(
    vote: SealedVote, client: Client, chromium: Chromium, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    page_of = f"/c/gardens/proposals/{vote.proposal.number}/"
    with window(chromium, client, width=360, language=language) as opened:
        set_clock(monkeypatch, NOON)
        opened.open(f"{page_of}keys/")
        assert opened.sticks_out() == []
        assert opened.violations() == []
        for name in KEYHOLDERS:
            vote.publish_key(name)
        vote.vote("Alice", 1, "Because.")
        set_clock(monkeypatch, vote.during)
        for address in (page_of, f"{page_of}keys/", f"{page_of}voters/"):
            opened.open(address)
            assert opened.sticks_out() == [], address
            assert opened.violations() == [], address
        set_clock(monkeypatch, end_of(vote.proposal))
        opened.open(page_of)
        assert opened.violations() == []


def expect_text(opened: Window, text: str) -> None:
    """Wait until the page shows a text."""
    opened.run(lambda page: expect(page.get_by_text(text).first).to_be_visible())
