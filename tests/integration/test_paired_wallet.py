"""A wallet on another device, in a real browser: paired over a relay on loopback, it signs in and signs as any other.

The other device is a process of Node with the library's own client; the relay stands in the same process.
"""

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from config.demo import chain as demo
from governance.chain.client import ChainClient
from governance.models import Account, Community, Delegation
from tests.integration.chromium import SECONDS_MAX, Chromium, Window, window
from tests.integration.commons import Commons
from tests.simulators.wallets import wallet

pytestmark = pytest.mark.django_db
DEVICE = Path(__file__).resolve().parents[1] / "simulators" / "paired_wallet.mjs"
# Chromium lets pages that are not secure reach nobody on this machine; a real relay is elsewhere.
RELAY_ON_LOOPBACK = "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets"
NAME = "A wallet on another device"
END = "End the pairing with the wallet on another device"
ADDRESS = "Or copy the address of this pairing into the wallet"
PAIRING = f"wc:{'ab' * 32}@2?relay-protocol=irn&symKey={'cd' * 32}"


@dataclass
class Device:
    """The other device, with Alice's wallet."""

    process: subprocess.Popen[str]
    lines: "queue.Queue[str]"

    def __post_init__(self) -> None:
        """Listen, in a thread that ends with the process."""
        threading.Thread(target=self._listen, daemon=True).start()

    def order(self, **order: Any) -> None:
        assert self.process.stdin is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)

    def said(self, opened: Window | None = None) -> dict[str, Any]:
        """Return the next thing that it says; what a page asks for meanwhile is answered."""
        if opened is not None:
            opened.run(self._wait)
        return dict(json.loads(self.lines.get(timeout=SECONDS_MAX)))

    def _wait(self, page: Page) -> None:
        ends = time.monotonic() + SECONDS_MAX
        while self.lines.empty() and time.monotonic() < ends:
            page.wait_for_timeout(50)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)


@contextmanager
def device(rpc_url: str) -> Iterator[Device]:
    """Start it; its end is the end of what it reads."""
    call = ["node", str(DEVICE), wallet("Alice").key.to_hex(), str(demo.CHAIN_ID), rpc_url]
    process = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield Device(process, queue.Queue())
        finally:
            process.kill()


def _choose(opened: Window, button: str) -> None:
    def work(page: Page) -> None:
        page.get_by_role("link", name=button).first.click()
        page.get_by_role("button", name=NAME, exact=True).click()

    opened.run(work)


def test_a_wallet_on_another_device_signs_in_signs_sends_and_is_let_go(
    list_community: Callable[..., Commons],
    community: Community,
    node: demo.DemoChain,
    client: Client,
    settings: Any,
) -> None:
    commons = list_community()
    settings.CHAIN_RPC = node.rpc_url  # which the other community reads its power from
    demo.rpc(node.rpc_url, "anvil_setBalance", [wallet("Alice").address, hex(10**18)])
    with ExitStack() as stack:
        phone = stack.enter_context(device(node.rpc_url))
        chromium = Chromium(RELAY_ON_LOOPBACK)
        stack.callback(chromium.close)
        settings.PAIRING_PROJECT, settings.PAIRING_RELAY = "tests", phone.said()["relay"]
        asked: list[str] = []
        opened = stack.enter_context(window(chromium, client, width=360))
        opened.run(lambda page: page.on("request", lambda request: asked.append(request.url)))
        opened.open("/c/gardens/")
        assert not any("built/pairing.js" in url for url in asked)

        _choose(opened, "Sign in")
        opened.run(lambda page: expect(page.locator("[data-pairing-code] svg")).to_be_visible())
        assert any("built/pairing.js" in url for url in asked)
        assert opened.sticks_out() == []
        assert opened.violations() == []
        uri = opened.run(lambda page: page.get_by_label(ADDRESS).input_value())
        phone.order(decline=1)
        phone.order(pair=uri)
        assert phone.said(opened)["asked"]["chains"] == [f"eip155:{demo.CHAIN_ID}"]
        assert phone.said(opened) == {"declined": "personal_sign"}
        assert not Account.objects.exists()

        def again(page: Page) -> None:
            page.get_by_role("link", name="Sign in").first.click()
            with page.expect_navigation():
                page.get_by_role("button", name=NAME, exact=True).click()

        opened.run(again)  # the pairing stands: nothing has to be scanned again
        assert phone.said(opened) == {"signed": "personal_sign"}
        assert Account.objects.get().address == wallet("Alice").address

        opened.open(f"/c/{commons.community.slug}/delegates/{wallet('Bob').address}/")

        def lend(page: Page) -> None:
            with page.expect_navigation():
                page.locator("[data-delegate-form] button").click()

        opened.run(lend)
        assert phone.said(opened) == {"signed": "eth_signTypedData_v4"}
        assert Delegation.objects.get().delegate == wallet("Bob").address

        opened.open(f"/c/{community.slug}/delegates/{wallet('Bob').address}/")

        def send(page: Page) -> None:
            page.locator("details:has([data-chain-send]) > summary").click()
            page.locator("[data-chain-send]").click()

        opened.run(send)
        assert phone.said(opened) == {"signed": "eth_sendTransaction"}
        opened.run(lambda page: expect(page.get_by_text("The transaction was sent.")).to_be_visible())
        assert ChainClient(node.rpc_url).delegate_of(community.token, wallet("Alice").address) == wallet("Bob").address

        def let_go(page: Page) -> None:
            page.evaluate("sessionStorage.clear()")  # as in another tab: the dialog asks which wallet
            page.locator("[data-chain-send]").click()
            page.get_by_role("button", name=END).click()

        opened.run(let_go)
        assert phone.said(opened) == {"ended": True}
        opened.run(lambda page: expect(page.get_by_text("The pairing has ended.")).to_be_visible())
        assert opened.sticks_out() == []
        assert opened.violations() == []
        opened.run(lambda page: page.get_by_role("button", name=NAME, exact=True).click())
        opened.run(lambda page: expect(page.locator("[data-pairing-code] svg")).to_be_visible())
        assert all(url.startswith(("http://testserver/", "data:")) for url in asked), asked


def test_nothing_of_pairing_is_on_a_site_without_a_relay(
    list_community: Callable[..., Commons], client: Client
) -> None:
    list_community()
    page = client.get("/c/gardens/").content.decode()
    assert "data-pairing" not in page
    assert "wallet on another device" not in page
    assert client.post("/pairing/code/", {"address": PAIRING}, content_type="application/json").status_code == 404
    assert "ws" not in client.get("/")["Content-Security-Policy"]


def test_the_code_is_drawn_for_addresses_of_pairings_alone(client: Client, settings: Any) -> None:
    settings.PAIRING_PROJECT = "tests"
    drawn = client.post("/pairing/code/", {"address": PAIRING}, content_type="application/json")
    assert drawn.json()["svg"].startswith("<svg")
    assert "no-store" in drawn["Cache-Control"]
    for wrong in ({"address": "https://example.org"}, {"address": 7}, [], {}, {"address": PAIRING + "x" * 2_000}):
        refused = client.post("/pairing/code/", json.dumps(wrong), content_type="application/json")
        assert refused.status_code == 422, wrong
    assert client.post("/pairing/code/", {"address": PAIRING}).status_code == 422  # a form
    assert client.post("/pairing/code/", "{", content_type="application/json").status_code == 422
    assert client.get("/pairing/code/").status_code == 405
