"""Members' own wallets in a real browser: votes and steps by transaction, power lent by signature, several owners.

The wallet of these tests passes on to a local chain, whose accounts are unlocked, what pages ask (EIP-6963, EIP-1193).
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Locator, Page, expect

from config.demo import chain as demo
from config.demo import seeds
from governance import services
from governance.chain.client import ChainClient
from governance.eip712 import checksum_address
from governance.evidence.signing import generate_key
from governance.keys import release_key_path
from governance.lifecycle import State
from governance.models import Ballot, Community, Delegation, Member, PendingBallot, Proposal, SealedBallot
from tests.integration import governed, settled
from tests.integration.books import decide, opening
from tests.integration.chromium import SITE, Chromium, Window, window
from tests.integration.commons import RULES, Commons
from tests.integration.conftest import charter_with
from tests.integration.governed import OnBothSides, moment
from tests.integration.sealed_votes import KEYHOLDERS, SealedVote, sealed_charter
from tests.vectors.governor_chain import compile_contracts
from training_jobs.models import Settlement
from training_jobs.settlement.reading import follow

pytestmark = pytest.mark.django_db

TABS_MAX = 150

WALLET = """
window.answers = {
  eth_accounts: async () => [sessionStorage.getItem("account")],
  eth_requestAccounts: async () => [sessionStorage.getItem("account")],
};
const provider = { request: ({ method, params = [] }) => (window.answers[method] ?? (() => window.ask(method, params)))() };
window.addEventListener("eip6963:requestProvider", () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", {
  detail: { info: { uuid: "5d1f2f0e-0000-4000-8000-000000000002", name: "Test wallet", icon: "", rdns: "test.wallet" }, provider },
})));
"""
VIEWS = ("proposals", "delegates", "shared_wallets", "shared_signing", "editor", "sealed", "voters")
SECONDS_BETWEEN_LOOKS = 5
UNIT = demo.UNIT
SECRET = ("tiers", "kinds", "sealing")  # what of a charter seals its ballots


@dataclass
class Tab:
    """A window with the wallet of one member."""

    opened: Window
    rpc_url: str

    def be(self, address: str) -> None:
        """Let the wallet be somebody's, after the page was opened."""
        self.opened.run(lambda page: page.evaluate("who => sessionStorage.setItem('account', who)", address))

    def press(self, button: str, wallet: bool = True, keys: bool = False) -> None:
        """Press a button, and choose the wallet where it has not been chosen before; `keys`: by the keyboard alone."""

        def work(page: Page) -> None:
            act = _by_keys if keys else Locator.click
            act(page.get_by_role("main").get_by_role("button", name=button, exact=True))
            if wallet:
                act(page.get_by_role("button", name="Test wallet"))

        self.opened.run(work)

    def sees(self, text: str) -> None:
        """Wait until the page shows a text."""
        self.opened.run(lambda page: expect(page.get_by_text(text).filter(visible=True).first).to_be_visible())

    def looks_again(self) -> None:
        """Let the time pass after which the page asks for what is new."""
        self.opened.run(lambda page: page.clock.fast_forward(SECONDS_BETWEEN_LOOKS * 1000))

    def sign_in(self, path: str, address: str) -> None:
        """Sign in on a page as its visitors do."""
        self.opened.open(path)
        self.be(address)

        def work(page: Page) -> None:
            page.get_by_role("link", name="Sign in").first.click()
            with page.expect_navigation():
                page.get_by_role("button", name="Test wallet").click()

        self.opened.run(work)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Start the browser once."""
    running = Chromium()
    yield running
    running.close()


@pytest.fixture(scope="module")
def deployed() -> Iterator[governed.Chain]:
    """Start the chain once, with a Governor, its token and its anchor."""
    compile_contracts()
    with demo.start() as node:
        yield governed.deploy(node.rpc_url)


@pytest.fixture
def chain(deployed: governed.Chain, monkeypatch: pytest.MonkeyPatch) -> Iterator[governed.Chain]:
    """The chain, whose clock is the site's; what a test does there is taken back."""
    before = demo.rpc(deployed.rpc_url, "evm_snapshot")
    monkeypatch.setattr("governance.clock.now", lambda: moment(deployed.now))
    for view in VIEWS:
        monkeypatch.setattr(f"frontend.views.{view}.now", lambda: moment(deployed.now))
    yield deployed
    assert demo.rpc(deployed.rpc_url, "evm_revert", [before])


@pytest.fixture
def tabs(chain: governed.Chain, chromium: Chromium) -> Iterator[Any]:
    """Open windows of people who do not share a browser; all are closed in the end."""
    with ExitStack() as stack:

        def tab(**options: Any) -> Tab:
            opened = stack.enter_context(window(chromium, Client(), **options))

            def prepare(page: Page) -> None:
                page.clock.install()
                page.expose_function("ask", lambda method, params: demo.rpc(chain.rpc_url, method, params))
                page.add_init_script(WALLET)

            opened.run(prepare)
            return Tab(opened, chain.rpc_url)

        yield tab


def barriers(tab: Tab, narrow: Tab, path: str) -> list[str]:
    """Return what is wrong with a page as it stands in one window, and in the other, narrow and French one."""
    narrow.opened.open(path)
    return [*tab.opened.violations(), *narrow.opened.violations(), *narrow.opened.sticks_out()]


# --- votes and steps by transaction -------------------------------------------------------------------------------


def test_a_member_proposes_votes_queues_and_executes_by_transactions_of_their_wallet(
    chain: governed.Chain, tabs: Any, settings: Any
) -> None:
    community = governed.found(chain, settings)
    draft = governed.draft(community, chain.accounts["Alice"])
    both = OnBothSides(chain, community, draft.pk)
    page = f"/c/{community.slug}/proposals/{draft.number}/"
    alice, narrow = tabs(), tabs(width=360, language="fr")
    alice.sign_in(f"/c/{community.slug}/", chain.accounts["Alice"])

    alice.opened.open(f"/c/{community.slug}/drafts/{draft.pk}/")
    alice.press("Propose by transaction", wallet=False, keys=True)
    alice.sees("It stands in block")
    both.follow()
    alice.opened.open(page)
    alice.sees("Voting opens")
    assert barriers(alice, narrow, page) == []

    chain.wait_until(int(both.here.opens_at.timestamp()))
    alice.looks_again()
    alice.sees("Something has happened here")
    alice.opened.run(lambda shown: shown.get_by_role("link", name="Something has happened here").click())
    alice.press("Vote by transaction", wallet=False)
    alice.sees("Choose for, against or abstain first.")
    assert barriers(alice, narrow, page) == []
    alice.opened.run(lambda shown: _by_keys(shown.get_by_role("radio", name="For"), "Space"))
    alice.opened.run(lambda shown: _by_keys(shown.get_by_role("textbox", name="Reason"), "The herons need it."))
    demo.rpc(chain.rpc_url, "evm_setAutomine", [False])
    alice.press("Vote by transaction", wallet=False, keys=True)
    alice.sees("The chain has not taken it into a block yet.")
    demo.rpc(chain.rpc_url, "evm_setAutomine", [True])
    demo.rpc(chain.rpc_url, "evm_mine")
    alice.looks_again()
    alice.sees("It stands in block")
    assert not Ballot.objects.exists(), "what is not final does not count"
    alice.opened.open(page)
    alice.sees("It stands in block")
    both.follow()
    alice.looks_again()
    alice.sees("It counts.")
    alice.opened.open(page)
    alice.sees("You voted")
    alice.sees("The herons need it.")
    assert Ballot.objects.get().power == 400 * UNIT

    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    anybody = tabs()
    anybody.opened.open(page)
    anybody.be(chain.accounts["Daouda"])
    anybody.press("Queue by transaction", keys=True)
    anybody.sees("It stands in block")
    both.follow()
    anybody.opened.open(page)
    anybody.sees("It can be carried out from")
    assert barriers(anybody, narrow, page) == []
    chain.wait_until(int(both.here.eta.timestamp()))
    anybody.looks_again()
    anybody.sees("Something has happened here")
    anybody.opened.open(page)
    anybody.press("Execute by transaction", keys=True)
    anybody.sees("It stands in block")
    both.follow()
    assert both.here.state(moment(chain.now)) == State.EXECUTED
    anybody.opened.open(page)
    anybody.sees("The outcome was recorded.")
    assert barriers(anybody, narrow, page) == []


def test_a_vote_is_signed_in_the_page_and_sent_by_somebody_else(
    chain: governed.Chain, tabs: Any, settings: Any
) -> None:
    community = governed.found(chain, settings)
    both = governed.propose(chain, community)
    chain.wait_until(int(both.here.opens_at.timestamp()))
    bob = tabs()
    bob.opened.open(f"/c/{community.slug}/proposals/{both.here.number}/")
    bob.be(chain.accounts["Bob"])
    _say(bob, "Against", "Too dear.")
    bob.press("Sign, and let somebody else send it")
    bob.sees("Whoever sends this transaction pays its fee")
    signed = bob.opened.run(
        lambda page: page.evaluate("JSON.parse(document.querySelector('[data-contract-signed] pre').textContent)")
    )

    chain.send("Chloé", signed)
    both.follow()

    ballot = Ballot.objects.get()
    assert (ballot.voter, ballot.choice, ballot.reason) == (chain.accounts["Bob"], 0, "Too dear.")


def test_what_the_chain_refuses_and_a_wallet_on_another_chain_are_said_and_can_be_tried_again(
    chain: governed.Chain, tabs: Any, settings: Any
) -> None:
    community = governed.found(chain, settings)
    both = governed.propose(chain, community)
    chain.wait_until(int(both.here.opens_at.timestamp()))
    chain.send("Bob", governed.offering.vote(both.here, 1, "", moment(chain.now)))
    bob = tabs()
    bob.opened.open(f"/c/{community.slug}/proposals/{both.here.number}/")
    bob.be(chain.accounts["Bob"])
    _say(bob, "Against", "")
    bob.press("Vote by transaction")
    bob.sees("The chain refused the transaction.")
    bob.opened.run(lambda page: expect(page.get_by_role("button", name="Vote by transaction")).to_be_focused())

    sent = chain.governor.read("proposalVotes", both.approval.id)
    bob.opened.run(lambda page: page.evaluate("window.answers.eth_chainId = async () => '0x1'"))
    bob.press("Vote by transaction")
    bob.sees("Switch it to chain 31337")
    assert chain.governor.read("proposalVotes", both.approval.id) == sent


def test_only_the_treasury_pays_a_site_from_the_page_of_payments(
    chain: governed.Chain, tabs: Any, list_community: Any, settings: Any
) -> None:
    commons, treasury, payout = list_community(), chain.accounts["Alice"], chain.accounts["Bob"]
    settings.CHAIN_RPC = chain.rpc_url
    decide(commons, "budget_opening", opening())
    settled.owe(commons, payout)
    decide(commons, "settlement_terms", settled.terms(chain.token.address, treasury))
    follow(commons.community, chain.token.address, governed.reader(chain), moment(chain.now))
    due = settled.approved(commons)
    page, somebody, narrow = f"/c/{commons.community.slug}/books/on-chain/", tabs(), tabs(width=360, language="fr")
    somebody.opened.open(page)
    assert barriers(somebody, narrow, page) == []
    somebody.be(payout)
    somebody.press("Pay from the treasury")
    somebody.sees("Only the account")
    somebody.be(treasury)
    somebody.press("Pay from the treasury", wallet=False)
    somebody.sees("It stands in block")
    chain.finalize()
    assert follow(commons.community, chain.token.address, governed.reader(chain), moment(chain.now)) == 1
    somebody.opened.open(page)
    somebody.sees(Settlement.objects.get(pk=due.pk).transaction)
    assert barriers(somebody, narrow, page) == []


# --- power lent by signature --------------------------------------------------------------------------------------


@pytest.fixture
def gasless(chain: governed.Chain, settings: Any) -> Community:
    """A community of the same token that votes by signatures."""
    settings.CHAIN_RPC, settings.VOTING_PERIOD_SECONDS_MIN = chain.rpc_url, 1
    token = demo.prepare(chain.rpc_url)
    return _found("gasless", token, chain)


def test_power_is_lent_by_a_signature_and_taken_back(chain: governed.Chain, gasless: Community, tabs: Any) -> None:
    alice, bob = chain.accounts["Alice"], chain.accounts["Bob"]
    tab, narrow = tabs(), tabs(width=360, language="fr")
    page = f"/c/gasless/delegates/{bob}/"
    tab.sign_in(page, alice)
    assert barriers(tab, narrow, page) == []
    tab.opened.run(lambda shown: shown.get_by_label("Share, in percent").fill("40"))
    with_answer(tab, "Sign the delegation", "delegations")
    (lent,) = Delegation.objects.all()
    assert (lent.delegator, lent.delegate, lent.share_bps) == (alice, bob, 4_000)
    tab.sees("40%")

    tab.opened.open(f"/c/gasless/delegates/{alice}/")
    with_answer(tab, "Take it back Bob", "delegations")
    assert Delegation.objects.get(superseded_at=None).share_bps == 0


@pytest.mark.parametrize("relayed", [True, False])
def test_power_is_lent_in_the_token_by_a_signature_that_somebody_else_pays_for(
    chain: governed.Chain, tabs: Any, settings: Any, relayed: bool
) -> None:
    """In a community that governs by contract, where nothing but the token counts."""
    community = governed.found(chain, settings)
    chloe, bob = chain.accounts["Chloé"], chain.accounts["Bob"]
    if relayed:
        settings.CHAIN_RELAYER = checksum_address(demo.rpc(chain.rpc_url, "eth_accounts")[8])
    tab, narrow = tabs(), tabs(width=360, language="fr")
    page = f"/c/{community.slug}/delegates/{bob}/"
    tab.sign_in(page, chloe)
    tab.sees("counts what is delegated in the token itself")
    assert tab.opened.run(lambda shown: shown.get_by_role("button", name="Sign the delegation").count()) == 0
    tab.press("Sign, and let somebody else send it", wallet=False)
    if relayed:
        tab.sees("The transaction was sent.")
    else:
        tab.sees("Whoever sends this transaction pays its fee")
        call = tab.opened.run(
            lambda shown: shown.evaluate("JSON.parse(document.querySelector('[data-chain-call]').textContent)")
        )
        chain.send("Daouda", call)
    assert barriers(tab, narrow, page) == []
    assert ChainClient(chain.rpc_url).delegate_of(chain.token.address, chloe) == bob


# --- a wallet of several owners -----------------------------------------------------------------------------------


def test_the_owners_of_a_shared_wallet_sign_one_after_the_other_until_its_ballot_is_cast(
    chain: governed.Chain, gasless: Community, tabs: Any
) -> None:
    first, second = chain.accounts["Alice"], chain.accounts["Bob"]
    safe = _shared(chain, gasless.token)
    proposal = _proposed(gasless, first, chain)
    page = f"/c/gasless/proposals/{proposal.number}/wallets/"
    alice, bob, narrow = tabs(), tabs(), tabs(width=360, language="fr")

    alice.sign_in(page, first)
    alice.sees("No shared wallet has begun a ballot in this vote.")
    _begin(alice, safe)
    alice.sees("1 signature missing")
    alice.sees("has not signed")
    assert not Ballot.objects.exists()
    assert barriers(alice, narrow, page) == []

    stranger = tabs()
    stranger.opened.open(page)
    stranger.be(chain.accounts["Daouda"])
    stranger.press("Sign as an owner")
    stranger.sees("The wallet does not name this account among its owners.")

    bob.opened.open(page)
    bob.be(second)
    with_answer(bob, "Sign as an owner", "wallet-ballots", wallet=True)
    ballot = Ballot.objects.get()
    assert (ballot.voter, ballot.power) == (safe, 90_000 * UNIT)
    assert PendingBallot.objects.get().record_id == ballot.record_id
    bob.sees("cast")
    assert barriers(bob, narrow, page) == []
    bob.opened.run(lambda shown: shown.get_by_role("link", name="The receipt").click())
    bob.sees("counted")


def test_the_owners_of_a_shared_wallet_vote_in_secret_and_each_sees_what_they_sign(
    chain: governed.Chain, tabs: Any, settings: Any
) -> None:
    settings.CHAIN_RPC, settings.VOTING_PERIOD_SECONDS_MIN = chain.rpc_url, 1
    secret = sealed_charter()
    community = _found("secret", demo.prepare(chain.rpc_url), chain, **{name: secret[name] for name in SECRET})
    first, second = chain.accounts["Alice"], chain.accounts["Bob"]
    safe = _shared(chain, community.token)
    submitted = services.submit(governed.draft(community, first).pk, first, moment(chain.now))
    vote = SealedVote(Commons(community, moment(chain.now)), submitted)
    for name in KEYHOLDERS:
        vote.publish_key(name)
    chain.wait_until(int(vote.during.timestamp()))
    page = f"/c/secret/proposals/{submitted.number}/wallets/"
    alice, bob, narrow = tabs(), tabs(), tabs(width=360, language="fr")
    sent: list[str] = []

    alice.sign_in(page, first)
    alice.opened.run(lambda shown: shown.on("request", lambda asked: sent.append(f"{asked.url} {asked.post_data}")))
    alice.opened.run(lambda shown: shown.get_by_label("Reason").fill("L’eau d’abord."))
    _begin(alice, safe)
    alice.sees("This ballot says: For")
    link = alice.opened.run(lambda shown: shown.get_by_label("Link for the other owners of this wallet").input_value())
    waiting = PendingBallot.objects.get()
    assert (waiting.choice, waiting.reason) == (None, "")
    seed = re.search(r"seed%22%3A%22([0-9a-f]{64})", link)
    assert seed
    assert not any(said in each for each in sent for said in ("abord", "choice", seed[1])), sent
    assert barriers(alice, narrow, page) == []

    bob.opened.open(page)
    bob.be(second)
    bob.press("Sign as an owner", wallet=False)
    bob.sees("You would not see what you sign.")
    path = link.removeprefix(SITE)
    bob.opened.open(path.replace("%22choice%22%3A1", "%22choice%22%3A0"))
    bob.sees("This link does not say what a ballot here says.")
    assert not bob.opened.run(lambda shown: shown.get_by_text("This ballot says:").is_visible())
    bob.opened.open(path)
    bob.sees("This ballot says: For")
    bob.sees("L’eau d’abord.")
    with_answer(bob, "Sign as an owner", "wallet-ballots", wallet=True)
    assert (SealedBallot.objects.get().voter, Ballot.objects.count()) == (safe, 0)

    for name in KEYHOLDERS[:2]:
        vote.publish_secret(name)
    vote.close()
    ballot = Ballot.objects.get()
    assert (ballot.voter, ballot.choice, ballot.reason) == (safe, 1, "L’eau d’abord.")


def test_the_owners_of_a_shared_wallet_lend_its_votes_and_take_them_back_by_handing_on_a_link(
    chain: governed.Chain, gasless: Community, tabs: Any
) -> None:
    first, second, lent_to = (chain.accounts[name] for name in ("Alice", "Bob", "Daouda"))
    safe = _shared(chain, gasless.token)
    page = "/c/gasless/shared-wallet/"
    alice, bob, narrow = tabs(), tabs(), tabs(width=360, language="fr")
    sent: list[str] = []

    alice.sign_in(f"/c/gasless/delegates/{lent_to}/", first)
    alice.opened.run(lambda shown: shown.on("request", lambda asked: sent.append(f"{asked.url} {asked.post_data}")))
    alice.opened.run(lambda shown: shown.get_by_role("link", name="Lend the votes of a wallet").click())
    assert barriers(alice, narrow, f"{page}?do=delegation&delegate={lent_to}") == []
    alice.opened.run(lambda shown: shown.get_by_label("Share, in percent").fill("40"))
    _show_what_is_signed(alice, second)
    alice.sees("No wallet that names its owners stands at this address on the chain.")
    _show_what_is_signed(alice, safe)
    alice.sees("The wallet lends its votes:")
    alice.sees("Nobody has signed yet. 2 of the owners have to.")
    alice.press("Sign as an owner", wallet=False)
    alice.sees("Signed so far: 1 of 2.")
    link = _link(alice)
    (signature,) = re.findall(r"0x[0-9a-f]{130}", link)
    assert not any(signature in each for each in sent), "the site sees no signature before all are there"
    assert not Delegation.objects.exists()
    assert barriers(alice, narrow, link) == []
    alice.press("Sign as an owner", wallet=False)
    alice.sees("This owner has signed already.")

    stranger = tabs()
    stranger.opened.open(link)
    stranger.be(lent_to)
    stranger.press("Sign as an owner")
    stranger.sees("The wallet does not name this account among its owners.")

    bob.opened.open(link.replace("4000", "9000"))
    bob.sees("What the wallet would sign today is not what this link was made for.")
    bob.opened.open(link[:-9])
    bob.sees("This link is not whole, or not of this page.")
    bob.opened.open(link.replace(signature, signature[:9] + ("1" if signature[9] == "0" else "0") + signature[10:]))
    bob.sees("A signature in this link is of nobody who owns the wallet now.")
    bob.sees("Nobody has signed yet.")
    bob.opened.open(link)
    bob.be(second)
    bob.sees("Signed so far: 1 of 2.")
    bob.opened.run(lambda shown: expect(shown.get_by_role("main").get_by_text("40%")).to_be_visible())
    bob.press("Sign as an owner", keys=True)
    bob.sees("It is done: the wallet has signed, and it counts.")
    (lent,) = Delegation.objects.all()
    assert (lent.delegator, lent.delegate, lent.share_bps) == (safe, lent_to, 4_000)
    assert lent.record.body["wallet"]["kind"] == "erc1271"
    assert barriers(bob, narrow, link) == []
    bob.opened.run(lambda shown: shown.get_by_role("link", name="See what counts now").click())
    bob.sees("To whom they lend")
    bob.opened.open(link)
    bob.sees("This was handed in already")

    bob.opened.open(f"{page}?do=revocation&delegate={lent_to}")
    _show_what_is_signed(bob, safe)
    bob.press("Sign as an owner")
    bob.sees("Signed so far: 1 of 2.")
    alice.opened.open(_link(bob))
    alice.sees("The wallet takes back the votes that it lends:")
    alice.press("Sign as an owner", wallet=False)
    alice.sees("It is done: the wallet has signed, and it counts.")
    assert Delegation.objects.get(superseded_at=None).share_bps == 0


def test_the_owners_of_a_shared_wallet_back_a_draft_and_a_change_of_it_ends_their_link(
    chain: governed.Chain, gasless: Community, tabs: Any
) -> None:
    first, second, author = (chain.accounts[name] for name in ("Alice", "Bob", "Daouda"))
    safe, now = _shared(chain, gasless.token), moment(chain.now)
    draft = services.seek_sponsors(governed.draft(gasless, author).pk, author, now)
    alice, bob, narrow = tabs(), tabs(), tabs(width=360, language="fr")

    alice.sign_in(f"/c/gasless/sponsor/{draft.pk}/", first)
    alice.opened.run(lambda shown: shown.get_by_role("link", name="Back it with a wallet").click())
    _show_what_is_signed(alice, safe)
    alice.sees("The wallet backs a draft, exactly as it is written now:")
    alice.press("Sign as an owner", wallet=False)
    alice.sees("Signed so far: 1 of 2.")
    before = _link(alice)
    fields = ("kind", "title", "text", "payload", "timing", "method", "seats")
    said = {name: getattr(draft, name) for name in fields}
    services.edit_draft(draft.pk, author, services.Draft(**said | {"text": "Something else."}), now)
    bob.opened.open(before)
    bob.sees("What the wallet would sign today is not what this link was made for.")

    alice.opened.open(f"/c/gasless/shared-wallet/?do=sponsorship&draft={draft.pk}")
    _show_what_is_signed(alice, safe)
    alice.press("Sign as an owner", wallet=False)
    alice.sees("Signed so far: 1 of 2.")
    link = _link(alice)
    assert barriers(alice, narrow, link) == []
    bob.opened.open(link)
    bob.be(second)
    bob.press("Sign as an owner")
    bob.sees("It is done: the wallet has signed, and it counts.")
    (backer,) = services.sponsors_of(Proposal.objects.get(pk=draft.pk))
    assert (backer.sponsor, backer.wallet["kind"]) == (safe, "erc1271")

    alice.opened.run(lambda page: page.reload())
    alice.sees("The wallet has said this already. Nothing is left to sign.")
    assert barriers(alice, narrow, link) == []


def _show_what_is_signed(tab: Tab, safe: str) -> None:
    tab.opened.run(lambda page: page.get_by_label("Address of the shared wallet").fill(safe))
    tab.press("Show what is signed", wallet=False)


def _link(tab: Tab) -> str:
    """Return the path of the link that this page offers for the other owners."""
    found = tab.opened.run(lambda page: page.get_by_label("Link for the other owners of this wallet").input_value())
    return str(found).removeprefix(SITE)


def _shared(chain: governed.Chain, token: str) -> str:
    """Deploy a wallet of three owners that needs two, and give it votes."""
    owners = [chain.accounts[name] for name in ("Alice", "Bob", "Chloé")]
    safe = seeds.shared_wallet(chain.rpc_url, chain.accounts["deployer"], owners)
    demo.command(chain.rpc_url, demo.built("CommonsToken"), token, owners[0], "transfer", safe, 90_000 * UNIT)
    # What its owners would have it send by transactions of its own.
    demo.rpc(chain.rpc_url, "anvil_setBalance", [safe, hex(10**20)])
    demo.rpc(chain.rpc_url, "anvil_impersonateAccount", [safe])
    demo.delegate(chain.rpc_url, token, safe, safe)
    demo.finalize(chain.rpc_url)
    return safe


def _by_keys(wanted: Locator, typed: str = "Enter") -> None:
    """Go to an element by the tabulator key alone, from wherever the focus is, and press a key there, or write."""
    expect(wanted).to_be_attached()
    for _ in range(TABS_MAX):
        if wanted.evaluate("element => element === document.activeElement"):
            press = wanted.page.keyboard.press if typed in {"Enter", "Space"} else wanted.page.keyboard.type
            press(typed)
            return
        wanted.page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by keys")


def _say(tab: Tab, choice: str, reason: str) -> None:
    def work(page: Page) -> None:
        page.get_by_role("radio", name=choice).check(force=True)
        page.get_by_role("textbox", name="Reason").fill(reason)

    tab.opened.run(work)


def with_answer(tab: Tab, button: str, sent_to: str, *, wallet: bool = False) -> None:
    """Press a button, and wait until something was accepted and the page has come again."""

    def work(page: Page) -> None:
        with page.expect_navigation(), page.expect_response(lambda got: got.url.endswith(f"/{sent_to}")) as answer:
            page.get_by_role("main").get_by_role("button", name=button, exact=True).click()
            if wallet:
                page.get_by_role("button", name="Test wallet").click()
        assert answer.value.ok, answer.value.text()

    tab.opened.run(work)


def _begin(tab: Tab, safe: str) -> None:
    def work(page: Page) -> None:
        page.get_by_label("Address of the shared wallet").fill(safe)
        page.get_by_label("Choice", exact=True).select_option(label="For")

    tab.opened.run(work)
    with_answer(tab, "Sign as the first owner", "wallet-ballots")


def _found(slug: str, token: demo.DemoToken, chain: governed.Chain, **charter: Any) -> Community:
    key = release_key_path(slug)
    key.unlink(missing_ok=True)
    community = services.found_community(
        services.NewCommunity(
            slug=slug,
            name_en="By signature",
            name_fr="Par signature",
            chain_id=token.chain_id,
            token=token.address,
            release_key=generate_key(key),
            charter={**charter_with(token, {"standard": RULES}), **charter},
        ),
        moment(chain.now),
    )
    for member in token.members:
        Member.objects.create(community=community, address=member.address, name=member.name)
    return community


def _proposed(community: Community, author: str, chain: governed.Chain) -> Proposal:
    """Submit a proposal, and let voting open."""
    draft = governed.draft(community, author)
    submitted = services.submit(draft.pk, author, moment(chain.now))
    proposal = services.take_census(submitted.pk, moment(chain.now))
    chain.wait_until(int(proposal.opens_at.timestamp()) + 1)
    return proposal
