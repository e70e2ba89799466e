"""Members whose seat a passkey holds: how it gets an address, and that its word counts wherever a wallet's does."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page

from governance import fsck, log, selectors, services
from governance.eip712 import SignatureError
from governance.models import Delegation, PasskeySeat, Proposal, Reader
from governance.receipts.verify import verify_receipt
from governance.sealed import box, casting
from governance.sealed.facts import keys_of
from governance.sealed.opening import content_of
from tests.integration import commons as commons_module
from tests.integration.chromium import Chromium, Window, window
from tests.integration.commons import Commons, charter_of_members, end_of, recounted
from tests.integration.conftest import FOR, NOON
from tests.integration.sealed_votes import KEYHOLDERS, MEMBERS, SealedVote, sealed_charter, set_clock
from tests.simulators.authenticator import Authenticator, encoded

pytestmark = pytest.mark.django_db

ORIGIN = "https://commons.example"
SEATS = "/api/v1/passkey-seats"
DEVICE = Authenticator(origin=ORIGIN)
VIRTUAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.PASSKEY_ORIGIN, settings.VOTING_PERIOD_SECONDS_MIN = ORIGIN, 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def seated(address: str, charter: dict[str, Any]) -> Commons:
    """Found a community in which this address has a seat of 50, beside those of four wallets."""
    charter["power"]["parameters"]["members"][address] = "50"
    found = commons_module.found(NOON, MEMBERS, charter=charter)
    return Commons(found.community, NOON, {**found.members, "Pia": DEVICE})  # type: ignore[dict-item]  # signs as a wallet does


@pytest.fixture
def commons() -> Commons:
    return seated(DEVICE.address, charter_of_members(MEMBERS))


def sound(commons: Commons) -> list[Any]:
    log.publish_checkpoint(commons.community.pk, NOON + timedelta(hours=1))
    return list(fsck.check())


# --- how a passkey gets an address ------------------------------------------------------------------------------------


def test_a_passkey_gets_its_address_and_is_found_again_by_its_credential_and_nobody_is_signed_in() -> None:
    client, device = Client(), Authenticator(origin=ORIGIN)
    options = post(client, f"{SEATS}/begin", {}).json()["public_key"]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [-7]
    made = post(client, SEATS, {"answer": device.create(options)})
    assert (made.status_code, made.json()["address"]) == (201, device.address)
    assert client.get(f"{SEATS}/{encoded(device.credential)}").json() == made.json()
    assert made.json()["public_key"] == f"04{device.point.hex()}"
    assert not Reader.objects.exists()
    assert client.get("/me/settings/").status_code == 302
    assert list(fsck.check()) == []
    PasskeySeat.objects.update(address=DEVICE.address)
    assert [(found.table, found.what) for found in fsck.check()] == [("governance_passkeyseat", "address")]


def test_a_passkey_that_recognised_nobody_another_site_s_and_a_question_answered_twice_make_no_seat() -> None:
    client = Client()

    def begin() -> Any:
        return post(client, f"{SEATS}/begin", {}).json()["public_key"]

    def refused(answer: Any, status: int, code: str) -> None:
        got = post(client, SEATS, {"answer": answer})
        assert (got.status_code, got.json()["code"]) == (status, code), got.content

    refused(Authenticator(origin=ORIGIN, flags=1).create(begin()), 401, "passkey_rejected")
    refused(Authenticator(origin="https://evil.example").create(begin()), 401, "passkey_rejected")
    device = Authenticator(origin=ORIGIN)
    answer = device.create(begin())
    assert post(client, SEATS, {"answer": answer}).status_code == 201
    refused(answer, 401, "challenge_gone")
    refused(device.create(begin()), 409, "passkey_known")
    refused({"response": {}}, 400, "malformed_passkey")
    assert client.get(f"{SEATS}/nobody").json()["code"] == "unknown_seat"
    assert PasskeySeat.objects.count() == 1


# --- its word counts --------------------------------------------------------------------------------------------------


def test_a_passkey_votes_changes_its_vote_and_everything_is_checked_offline(commons: Commons) -> None:
    proposal = commons.propose()
    services.take_census(proposal.pk, NOON)
    proposal.refresh_from_db()
    first, newer = commons.vote(proposal, "Pia", 0), commons.vote(proposal, "Pia", FOR)
    assert newer.signature.startswith("webauthn:")
    assert Proposal.objects.get().ballots.counting().get().record_id == newer.record_id
    commons.vote(proposal, "Bob", FOR)
    commons.executed(proposal)
    assert recounted(proposal).passed is True
    assert sound(commons) == []
    for ballot, status in ((newer, "counted"), (first, "replaced")):
        document = selectors.receipt_document(selectors.receipt(ballot.record_id))
        report = verify_receipt(document, commons.community.release_key)
        assert (report.ok, report.status.value) == (True, status), report


def test_theft_nobody_votes_with_a_seat_by_another_key_passkey_or_site(commons: Commons) -> None:
    proposal = commons.propose()
    services.take_census(proposal.pk, NOON)
    proposal.refresh_from_db()
    during = proposal.opens_at + timedelta(seconds=5)
    offer = services.offer_ballot(proposal, DEVICE.address, FOR, "", during)
    thief, elsewhere = Authenticator(origin=ORIGIN), Authenticator(origin="https://evil.example", key=DEVICE.key)
    for signature in (
        thief.sign(offer.typed_data),
        commons.wallet("Bob").sign(offer.typed_data),
        elsewhere.sign(offer.typed_data, rp_id="commons.example"),
        DEVICE.sign_text("a ballot"),
    ):
        asked = services.BallotRequest(proposal.public_id, DEVICE.address, FOR, "", offer.nonce, signature)
        with pytest.raises(SignatureError) as refusal:
            services.cast_ballot(asked, during)
        assert refusal.value.code == "signature_invalid"
    assert not proposal.ballots.exists()


def test_a_passkey_delegates_sponsors_and_signs_in(commons: Commons, client: Client) -> None:
    commons.delegate("Pia", "Bob")
    commons.delegate("Alice", "Pia")
    draft = services.seek_sponsors(commons.draft(author="Chloé").pk, commons.address("Chloé"), NOON)
    commons.sponsor(draft, "Pia")
    proposal = services.submit(draft.pk, commons.address("Chloé"), NOON)
    services.take_census(proposal.pk, NOON)
    proposal.refresh_from_db()
    commons.vote(proposal, "Bob", FOR)
    commons.executed(proposal)
    assert Delegation.objects.get(delegate=DEVICE.address).share_bps == 10_000
    assert recounted(proposal).totals == {"for": "120", "against": "0", "abstain": "0"}
    assert sound(commons) == []

    asked = post(client, "/api/v1/auth/nonce", {"address": DEVICE.address}).json()["message"]
    answer = post(client, "/api/v1/auth/verify", {"message": asked, "signature": DEVICE.sign_text(asked)})
    assert answer.json() == {"address": DEVICE.address}


def test_a_passkey_votes_in_secret() -> None:
    vote = SealedVote.opened(seated(DEVICE.address, sealed_charter()))
    sealed = box.seal(content_of(FOR, "Because."), keys_of(vote.fresh()).context(DEVICE.address), bytes(32))
    offer = casting.offer_sealed_ballot(vote.proposal, DEVICE.address, box.digest_of(sealed), vote.during)
    fields = (vote.proposal.public_id, DEVICE.address, box.to_text(sealed), offer.nonce)
    casting.cast_sealed_ballot(casting.SealedRequest(*fields, DEVICE.sign(offer.typed_data)), vote.during)
    for name in KEYHOLDERS[:2]:
        vote.publish_secret(name)
    vote.close()
    report = recounted(vote.proposal)
    assert (report.passed, report.totals) == (True, {"for": "50", "against": "0", "abstain": "0"})
    assert sound(vote.commons) == []


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Start the browser once."""
    running = Chromium()
    yield running
    running.close()


def with_device(opened: Window) -> None:
    """Give the window a device that keeps passkeys, and presses its own button."""

    def work(page: Page) -> None:
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": VIRTUAL})

    opened.run(work)


def test_a_member_makes_a_passkey_in_the_browser_and_votes_with_it(
    settings: Any, chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PASSKEY_ORIGIN, settings.ALLOWED_HOSTS = "http://localhost", ["localhost"]
    set_clock(monkeypatch, NOON)
    with window(chromium, Client(SERVER_NAME="localhost"), width=360) as opened:
        with_device(opened)

        def go(path: str) -> None:
            opened.run(lambda page: page.goto(f"http://localhost{path}", wait_until="load"))

        go("/passkey-seat/")
        assert opened.violations() == []

        def make(page: Page) -> str:
            page.get_by_role("button", name="Make a passkey that votes").click()
            page.locator("[data-seat-address]").wait_for()
            return page.locator("[data-seat-address]").inner_text()

        address = opened.run(make)
        assert PasskeySeat.objects.get().address == address
        assert opened.sticks_out() == []
        assert opened.violations() == []

        commons = seated(address, charter_of_members(MEMBERS))
        proposal = commons.propose()
        services.take_census(proposal.pk, NOON)
        proposal.refresh_from_db()
        set_clock(monkeypatch, proposal.opens_at + timedelta(seconds=5))
        go(f"/c/gardens/proposals/{proposal.number}/")

        def vote(page: Page) -> None:
            page.get_by_role("radio", name="For").check(force=True)
            page.get_by_role("textbox", name="Reason").fill("L\u2019eau d\u2019abord.")
            page.get_by_role("button", name="Review and sign").click()
            page.get_by_role("button", name="Passkey of this site").click()
            page.get_by_role("button", name="Sign with the wallet").click()
            page.get_by_role("button", name="Send now").click()
            page.wait_for_url("**/receipts/**")

        opened.run(vote)
        ballot = proposal.ballots.get()
        assert (ballot.voter, ballot.choice, ballot.reason) == (address, FOR, "L\u2019eau d\u2019abord.")

        def sign_in(page: Page) -> None:
            page.goto("http://localhost/sign-in/")
            page.get_by_role("main").get_by_role("button", name="Sign in with a wallet").click()
            page.get_by_role("button", name="Passkey of this site").click()
            page.wait_for_url(lambda url: "sign-in" not in url)

        opened.run(sign_in)
    services.close_voting(proposal.pk, end_of(proposal))
    assert recounted(proposal).passed is True
