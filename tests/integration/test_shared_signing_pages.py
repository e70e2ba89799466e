"""A review that a shared wallet signs, in a browser; and what its page refuses.

What the chain says is told here by a stand-in that counts the owners as a Safe does. test_wallets_browser asks a real one.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from governance import eip712
from governance.chain import Block
from governance.errors import Invalid
from governance.wallets import holders, safes
from governance.wallets.asking import Asked
from governance.wallets.holders import Holders
from tests.integration.chromium import SITE, Chromium, Window, window
from tests.integration.reviews_story import RULE, Reviewed, told_reviews, valley, work
from tests.integration.test_wallets_browser import WALLET
from tests.simulators.wallets import wallet
from training_jobs.models import Attested

__all__ = ["told_reviews", "valley"]

pytestmark = pytest.mark.django_db

CHAIN_ID = 31337
OWNERS = [wallet(name) for name in ("Farid", "Gaëlle", "Emma")]
BLOCK = Block(7, "0x" + "ab" * 32, 0)
PAGE = "/c/valley/shared-wallet/"
BY_ADDRESS = {owner.address: owner for owner in OWNERS}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Start the browser once."""
    running = Chromium()
    yield running
    running.close()


@pytest.fixture
def two_of_three(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every address be a wallet of three owners that needs two; return the signatures that it was asked about."""
    looked: list[str] = []

    def stands_by(_chain: Any, of: str, digest: bytes, signature: str) -> Asked:
        looked.append(signature)
        parts = [f"0x{signature[at : at + 130]}" for at in range(2, len(signature), 130)]
        hashed = safes.safe_digest(CHAIN_ID, of, digest)
        for owner, part in zip(sorted(BY_ADDRESS, key=str.lower), parts, strict=False):
            eip712.verify_key(hashed, part, owner)
        if len(parts) < 2:
            raise Invalid("wallet_refuses", "the wallet does not stand by this signature")
        return Asked("erc1271", BLOCK.number, BLOCK.hash)

    for where in (
        "frontend.views.shared_signing",
        "frontend.templatetags.shared_signing",
        "governance.wallets.holders",
    ):
        monkeypatch.setattr(f"{where}.asks_wallets_of", lambda _community: True)
    monkeypatch.setattr("governance.wallets.checking.asks_wallets", lambda _proposal: True)
    monkeypatch.setattr("governance.wallets.checking.stands_by", stands_by)
    found = Holders(tuple(BY_ADDRESS), 2, BLOCK)
    monkeypatch.setattr("governance.wallets.holders.holders_at", lambda _chain, _wallet: found)
    return looked


def signing(page: Page, address: str) -> None:
    """Sign as an owner, with the wallet of a browser."""
    page.evaluate("who => sessionStorage.setItem('account', who)", address)
    page.get_by_role("button", name="Sign as an owner").click()
    page.get_by_role("button", name="Test wallet").click()


def prepared(opened: Window) -> Window:
    """Give a window a wallet that signs for each owner."""

    def ask(_method: str, params: list[Any]) -> str:
        return BY_ADDRESS[params[0]].sign(json.loads(params[1]))

    def prepare(page: Page) -> None:
        page.expose_function("ask", ask)
        page.add_init_script(WALLET)

    opened.run(prepare)
    return opened


def test_the_owners_of_a_shared_wallet_attest_within_an_hour(
    valley: Reviewed, chromium: Chromium, two_of_three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, safe = work(valley.run(), valley.now), valley.address("Bob")
    first, second = sorted(BY_ADDRESS, key=str.lower)[:2]
    with window(chromium, Client()) as one, window(chromium, Client(), width=360, language="fr") as narrow:
        prepared(one).open(f"/runs/{run.pk}/review/")

        def begin(page: Page) -> None:
            page.get_by_role("link", name="Sign with a wallet that several people hold").click()
            page.get_by_label("Address of the shared wallet").fill(safe)
            page.get_by_label("We object to the release.").check()
            page.get_by_role("button", name="Show what is signed").click()
            expect(page.get_by_text("Say why you object.")).to_be_visible()
            page.get_by_label("Reason").fill("Two answers are wrong.")
            page.get_by_role("button", name="Show what is signed").click()
            expect(page.get_by_text(str(RULE["title"]))).to_be_visible()
            expect(page.get_by_text("Two answers are wrong.").filter(visible=True).first).to_be_visible()
            signing(page, second)  # the later address first: the page puts them in order
            expect(page.get_by_text("Signed so far: 1 of 2.")).to_be_visible()

        one.run(begin)
        link = str(one.run(lambda page: page.get_by_label("Link for the other owners").input_value())).removeprefix(
            SITE
        )
        narrow.open(link)
        assert [*one.violations(), *narrow.violations(), *narrow.sticks_out()] == []
        with monkeypatch.context() as later:
            later.setattr("governance.clock.now", lambda: run.reviewing_since + timedelta(hours=30))
            narrow.run(lambda page: page.reload())
            narrow.run(lambda page: expect(page.locator("[data-signing-panel]")).to_be_hidden())
            narrow.run(lambda page: expect(page.locator("[data-signing-status].status--error")).to_be_visible())
        with window(chromium, Client()) as other:
            prepared(other).open(link)
            other.run(lambda page: signing(page, first))
            other.run(lambda page: expect(page.get_by_text("It is done: the wallet has signed")).to_be_visible())

    row = Attested.objects.get()
    assert (row.reviewer, row.finding, row.reason) == (safe, "objects", "Two answers are wrong.")
    assert two_of_three == [row.signature]


# --- the words for a message --------------------------------------------------------------------------------------


def told(client: Client, **asked: object) -> Any:
    return client.get(f"{PAGE}meaning/", asked, headers={"HX-Request": "true"})


def lending(valley: Reviewed, **changes: object) -> dict[str, object]:
    whole = {"kind": "delegation", "wallet": valley.address("Bob"), "delegate": valley.address("Alice"), "topic": ""}
    return {**whole, "share_bps": 2_500, "expires_at": 0, "nonce": 1, **changes}


def test_the_page_says_in_words_what_a_message_means_and_whom_the_wallet_names(
    valley: Reviewed, client: Client, two_of_three: list[str]
) -> None:
    shown = told(client, **lending(valley)).content.decode()
    for expected in ("The wallet lends its votes:", "25%", "every topic", "2 of 3 owners have to sign"):
        assert expected in shown
    assert all(f'data-owner="{owner}"' in shown for owner in BY_ADDRESS)
    back = told(client, **lending(valley, share_bps=0)).content.decode()
    assert "The wallet takes back the votes that it lends:" in back


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"kind": "ballot"}, 422),
        ({"kind": ""}, 422),
        ({"wallet": "0x12"}, 400),
        ({"delegate": "Alice"}, 400),
        ({"topic": "weather"}, 422),
        ({"share_bps": "half"}, 400),
        ({"share_bps": 10_001}, 422),
        ({"expires_at": 10**13}, 400),
        ({"expires_at": 10**12 - 1}, 422),
        ({"kind": "sponsorship", "draft": 99}, 404),
        ({"kind": "attestation", "run": 99, "at": 0}, 404),
    ],
)
def test_a_message_of_another_form_is_refused_and_no_wallet_is_asked(
    valley: Reviewed, client: Client, two_of_three: list[str], monkeypatch: Any, changes: Any, status: int
) -> None:
    def nobody(*_: object) -> Holders:
        raise AssertionError("a wallet was asked")

    monkeypatch.setattr("governance.wallets.holders.holders_at", nobody)
    assert told(client, **lending(valley, **changes)).status_code == status


def test_one_network_asks_about_so_many_wallets_in_a_minute_and_what_is_known_costs_nothing(
    valley: Reviewed, two_of_three: list[str]
) -> None:
    community = valley.commons.community
    for number in range(1, holders.ASKED_PER_MINUTE_MAX + 1):
        holders.holders_of(community, f"0x{number:040x}", "stranger")
    with pytest.raises(holders.TooMany, match="too_many_wallets"):
        holders.holders_of(community, f"0x{99:040x}", "stranger")
    holders.holders_of(community, f"0x{1:040x}", "stranger")
    holders.holders_of(community, f"0x{99:040x}", "another-network")


def test_where_no_chain_is_read_there_is_no_such_page_and_no_link_to_it(valley: Reviewed, client: Client) -> None:
    assert client.get(PAGE).status_code == 404
    assert told(client, **lending(valley)).status_code == 404
    assert "shared-wallet" not in client.get(f"/c/valley/delegates/{valley.address('Bob')}/").content.decode()


@pytest.mark.parametrize("doing", ["", "delegation", "revocation", "sponsorship", "attestation", "nothing"])
def test_the_page_is_read_without_javascript_and_says_what_needs_it(
    valley: Reviewed, client: Client, two_of_three: list[str], doing: str
) -> None:
    shown = client.get(PAGE, {"do": doing, "delegate": "<b>", "run": "1e3", "draft": "x\0"})
    assert shown.status_code == 200
    assert "which needs JavaScript" in shown.content.decode()
    assert '<b>"' not in shown.content.decode()
