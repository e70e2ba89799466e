"""The API of delegation, sponsors, census and log, misused: wrong spellings, replayed signatures, other people's drafts.

What is refused changes no row and leaves one line in the audit log; reading never does.
"""

from datetime import timedelta

import pytest
from django.test import Client

from governance import clock, services
from governance.models import Delegation, Member, Proposal, Sponsorship
from governance.services import delegations
from tests.integration import commons as commons_module
from tests.integration.conftest import FOR, NOON, query, sign_in
from tests.integration.strangers import (
    JUNK,
    ORDER,
    assert_problem,
    assert_refused,
    member,
    rows,
    send,
)

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
HIGH = {"standard": {"proposal_threshold": "60"}}
HERE = "communities/gardens"


@pytest.fixture
def commons(list_community, at):
    at(NOON)
    return list_community(MEMBERS, tiers=HIGH)


def delegation(commons, *args, **other):
    return dict(commons.sign_delegation(*args, **other).__dict__)


def signature_variants(good):
    r, s, v = good[2:66], int(good[66:130], 16), int(good[130:], 16)
    yield from (
        (text, "signature_not_canonical") for text in (good[2:], good.upper(), "0x" + good[2:].upper(), good[:130])
    )
    yield from ((good[:130] + f"{n:02x}", "signature_not_canonical") for n in (0, 1, 29, 255))
    yield f"0x{r}{ORDER - s:064x}{55 - v:02x}", "signature_not_canonical"
    yield f"0x{r}{s:064x}{55 - v:02x}", "signature_invalid"
    yield "0x" + "00" * 65, "signature_invalid"


# --- delegations --------------------------------------------------------------------------------------------------

NUMBERS = ["1", "", None, True, [], {}, -1, 2**53, 2**64, 10**99, "１", "1e3"]
ADDRESSES = ["", "alice.eth", None, 1, [], "0x12", "0x" + "１" * 40, "0x" + "ab" * 21]
DELEGATIONS = [
    *((name, value, 400, "malformed_field") for name in ("share_bps", "expires_at", "nonce") for value in NUMBERS),
    *((name, value, 400, "malformed_field") for name in ("delegator", "delegate") for value in ADDRESSES),
    *((name, "0x" + "AB" * 20, 400, "address_checksum") for name in ("delegator", "delegate")),
    ("share_bps", 10_001, 400, "malformed_field"),
    ("share_bps", 65_536, 400, "malformed_field"),
    *(("topic", value, 400, "malformed_field") for value in (None, 1, [], {})),
    ("topic", "poll\0", 400, "forbidden_character"),
    ("weight", 1, 400, "unknown_field"),
    ("delegate", "0x" + "00" * 20, 422, "signature_invalid"),
    ("topic", "poll", 422, "signature_invalid"),
    ("topic", " ", 422, "signature_invalid"),
    ("topic", "x" * 50_000, 422, "signature_invalid"),
    ("share_bps", 9_999, 422, "signature_invalid"),
    ("share_bps", 0, 422, "signature_invalid"),
    ("expires_at", 2**53 - 1, 422, "signature_invalid"),
    ("nonce", 2, 422, "signature_invalid"),
    *(("signature", value, 400, "malformed_field") for value in ("", "0x", None, 1, [], "x" * 50_000)),
]


def test_a_delegation_has_one_spelling_and_every_field_is_signed(client, commons):
    path, good = f"{HERE}/delegations", delegation(commons, "Bob", "Alice")
    for field, value, status, code in DELEGATIONS:
        assert_refused(client, path, {**good, field: value}, status, code)
    for text, code in signature_variants(good["signature"]):
        assert_refused(client, path, {**good, "signature": text}, 422, code)
    for name in good:
        body = {key: value for key, value in good.items() if key != name}
        assert_refused(client, path, body, 400, "missing_field")
    first = send(client, path, {**good, "delegator": good["delegator"].lower()})
    again = send(client, path, good)
    assert (first.status_code, again.status_code, first.content) == (201, 200, again.content)
    assert (Delegation.objects.count(), Delegation.objects.get().delegator) == (1, commons.address("Bob"))


def test_a_signed_delegation_that_can_never_hold_is_refused(client, commons):
    path = f"{HERE}/delegations"
    offer = services.offer_delegation(
        commons.community, commons.address("Bob"), commons.address("Alice"), "", 1, 0, NOON
    )
    for field, name, value, code in (
        ("topic", "topic", "coup", "unknown_topic"),
        ("topic", "topic", "Poll", "unknown_topic"),
        ("topic", "topic", "x" * 20_000, "unknown_topic"),
        ("topic", "topic", "\u202epoll", "unknown_topic"),
        ("expires", "expires_at", 1, "expired"),
        ("expires", "expires_at", clock.unix(NOON), "expired"),
    ):
        good = delegation(commons, "Bob", "Alice", 1)
        typed = {**offer.typed_data, "message": {**offer.typed_data["message"], field: value}}
        body = {**good, name: value, "signature": commons.wallet("Bob").sign(typed)}
        assert_refused(client, path, body, 422, code)
    assert send(client, path, delegation(commons, "Bob", "Alice", 6_000)).status_code == 201
    too_much = services.offer_delegation(
        commons.community, commons.address("Bob"), commons.address("Chloé"), "", 1, 0, NOON
    )
    typed = {**too_much.typed_data, "message": {**too_much.typed_data["message"], "share": 4_001}}
    body = {
        **delegation(commons, "Bob", "Chloé", 1),
        "share_bps": 4_001,
        "signature": commons.wallet("Bob").sign(typed),
    }
    assert_refused(client, path, body, 422, "shares_exceed_whole")


def test_replay_of_a_delegation_elsewhere_or_later_changes_nothing(client, commons):
    good = delegation(commons, "Bob", "Alice")
    sibling = commons_module.found(NOON, MEMBERS, slug="meadows")
    assert_refused(client, "communities/meadows/delegations", good, 422, "signature_invalid")
    assert_refused(client, "communities/nowhere/delegations", good, 404, "unknown_community")
    theirs = delegation(sibling, "Bob", "Alice")
    assert_refused(client, f"{HERE}/delegations", theirs, 422, "signature_invalid")
    assert send(client, f"{HERE}/delegations", good).status_code == 201
    back = delegation(commons, "Bob", "Alice", 0)
    assert send(client, f"{HERE}/delegations", back).status_code == 201
    before = rows()
    assert send(client, f"{HERE}/delegations", good).status_code == 200, (
        "an old one again is answered, and stays replaced"
    )
    assert rows() == before
    assert Delegation.objects.get(nonce=1).superseded_at is not None
    for nonce in (0, 1, 2):
        body = delegation(commons, "Bob", "Chloé", nonce=nonce)
        assert_refused(client, f"{HERE}/delegations", body, 409, "nonce_conflict")


def test_a_stranger_s_delegations_cannot_make_votes_dearer(client, commons):
    """Whoever has no power, their own or lent, has nothing to lend; taking back what is not lent is nothing either."""
    mallory = commons.address("Mallory")
    message = query(delegator=mallory, delegate=commons.address("Alice"), share_bps=10_000)
    assert_problem(client.get(f"/api/v1/{HERE}/delegation-message?{message}"), 422, "no_voting_power")
    assert send(client, f"{HERE}/delegations", delegation(commons, "Bob", "Mallory")).status_code == 201
    onward = delegation(commons, "Mallory", "Alice")
    back = delegation(commons, "Bob", "Mallory", 0)
    assert send(client, f"{HERE}/delegations", back).status_code == 201
    assert_refused(client, f"{HERE}/delegations", onward, 422, "no_voting_power")
    again = delegation(commons, "Bob", "Mallory")
    assert send(client, f"{HERE}/delegations", again).status_code == 201
    assert send(client, f"{HERE}/delegations", onward).status_code == 201


def test_a_member_changes_delegations_so_often_in_a_day_and_no_more(client, commons, monkeypatch, at):
    monkeypatch.setattr(delegations, "CHANGES_PER_DAY_MAX", 3)
    path = f"{HERE}/delegations"
    made = [
        delegation(commons, "Bob", "Alice", share, nonce=nonce) for nonce, share in enumerate((1, 0, 2, 3), start=1)
    ]
    for body in made[:3]:
        assert send(client, path, body).status_code == 201
    assert_refused(client, path, made[3], 409, "too_many_changes")
    assert send(client, path, made[0]).status_code == 200
    assert send(client, path, delegation(commons, "Chloé", "Alice")).status_code == 201
    at(NOON + timedelta(days=1))
    assert send(client, path, made[3]).status_code == 201


def test_the_last_nonce_is_the_last_and_the_message_says_so(client, commons):
    last = delegation(commons, "Bob", "Alice", nonce=2**53 - 1)
    assert send(client, f"{HERE}/delegations", last).status_code == 201
    message = query(delegator=commons.address("Bob"), delegate=commons.address("Alice"), share_bps=1)
    assert_problem(client.get(f"/api/v1/{HERE}/delegation-message?{message}"), 409, "nonce_exhausted")


# --- statements ---------------------------------------------------------------------------------------------------

STATEMENTS = [
    ({"statement": "x" * 5_001}, 422, "length_out_of_range"),
    ({"statement": "\u05d0" * 5_001}, 422, "length_out_of_range"),
    *(({"statement": value}, 400, "malformed_field") for value in (None, 1, True, [], {})),
    ({"statement": "\0"}, 400, "forbidden_character"),
    ({"statement": "\ud800"}, 400, "forbidden_character"),
    ({}, 400, "missing_field"),
    ({"statement": "x", "address": "0x"}, 400, "unknown_field"),
    ([], 400, "malformed_json"),
]


def test_a_statement_is_one_s_own_and_puts_no_stranger_on_the_list(client, commons):
    bob, mallory = member(commons, "Bob"), member(commons, "Mallory")
    for body, status, code in STATEMENTS:
        assert_refused(bob, f"{HERE}/statement", body, status, code, "put")
    assert_refused(bob, "communities/nowhere/statement", {"statement": "x"}, 404, "unknown_community", "put")
    listed = client.get(f"/api/v1/{HERE}/delegates").json()
    for who in (bob, mallory):
        assert send(who, f"{HERE}/statement", {"statement": "<b>Trust</b> me."}, "put").status_code == 200
        before = rows()
        assert send(who, f"{HERE}/statement", {"statement": " <b>Trust</b> me. "}, "put").status_code == 200
        assert rows() == before, "saying the same again is not worth a line"
    assert {row["address"] for row in client.get(f"/api/v1/{HERE}/delegates").json()} == {
        row["address"] for row in listed
    }
    assert Member.objects.get(address=commons.address("Mallory")).statement
    page = member(commons, "Bob").post(
        f"/c/gardens/delegates/{commons.address('Bob')}/statement/", {"statement": "x" * 5_001}
    )
    assert page.status_code == 422
    page = bob.post(f"/c/gardens/delegates/{commons.address('Alice')}/statement/", {"statement": "x"})
    assert page.status_code == 403


# --- sponsors -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sought(commons):
    made = commons.draft(author="Chloé")
    return services.seek_sponsors(made.pk, commons.address("Chloé"), NOON)


def backing(commons, draft, name):
    wallet = commons.wallet(name)
    typed = services.sponsorship_offer(Proposal.objects.get(pk=draft.pk), wallet.address)
    return {"sponsor": wallet.address, "signature": wallet.sign(typed)}


def test_a_backing_has_one_spelling_and_is_for_one_draft_by_one_member(client, commons, sought):
    path, good = f"drafts/{sought.pk}/sponsors", backing(commons, sought, "Bob")
    for value in ADDRESSES:
        assert_refused(client, path, {**good, "sponsor": value}, 400, "malformed_field")
    assert_refused(client, path, {**good, "sponsor": "0x" + "AB" * 20}, 400, "address_checksum")
    for text, code in signature_variants(good["signature"]):
        assert_refused(client, path, {**good, "signature": text}, 422, code)
    for value in ("", "0x", None, 1, []):
        assert_refused(client, path, {**good, "signature": value}, 400, "malformed_field")
    for name in ("Alice", "Mallory"):
        assert_refused(client, path, {**good, "sponsor": commons.address(name)}, 422, "signature_invalid")
    assert_refused(client, path, backing(commons, sought, "Mallory"), 422, "no_voting_power")
    assert_refused(client, path, backing(commons, sought, "Chloé"), 422, "own_draft")
    assert_refused(client, path, {**good, "power": 1}, 400, "unknown_field")
    hidden = commons.draft(author="Chloé")
    assert_refused(client, f"drafts/{hidden.pk}/sponsors", good, 404, "unknown_draft")
    for address in (
        f"drafts/{hidden.pk}/sponsors",
        f"drafts/{hidden.pk}/sponsorship-message?sponsor={good['sponsor']}",
    ):
        assert_problem(client.get(f"/api/v1/{address}"), 404, "unknown_draft")
    assert_refused(client, f"drafts/{10**30}/sponsors", good, 404, "unknown_proposal")
    assert send(client, path, good).json()["sponsors"] == [good["sponsor"]]


def test_replay_of_a_backing_adds_nothing_and_fits_no_other_draft_or_text(client, commons, sought):
    path, good = f"drafts/{sought.pk}/sponsors", backing(commons, sought, "Bob")
    assert send(client, path, good).status_code == 200
    before = rows()
    for _ in range(3):
        assert send(client, path, good).status_code == 200
    assert rows() == before, "anybody could replay it: it must not cost a line each time"
    twin = commons.draft(author="Chloé")
    services.seek_sponsors(twin.pk, commons.address("Chloé"), NOON)
    assert_refused(client, f"drafts/{twin.pk}/sponsors", good, 422, "signature_invalid")
    changed = services.Draft("text_signal", "Other", "", {"statement": "No."}, {})
    services.edit_draft(sought.pk, commons.address("Chloé"), changed, NOON)
    assert_refused(client, path, good, 422, "signature_invalid")
    assert client.get(f"/api/v1/{path}").json()["sponsors"] == []
    services.cancel(sought.pk, commons.address("Chloé"), "No.", NOON)
    assert_refused(client, path, good, 409, "wrong_state")
    assert_problem(client.get(f"/api/v1/{path}"), 404, "unknown_draft")
    assert Sponsorship.objects.count() == 1


def test_no_chain_is_asked_for_a_backing_that_nobody_signed(client, commons, sought, monkeypatch):
    asked = []
    monkeypatch.setattr(services.sponsors, "require_power", lambda *args: asked.append(args))
    good = backing(commons, sought, "Bob")
    assert_refused(
        client, f"drafts/{sought.pk}/sponsors", {**good, "sponsor": commons.address("Alice")}, 422, "signature_invalid"
    )
    assert asked == []


# --- guardians ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["veto", "pause"])
def test_guardians_give_a_reason_and_nobody_else_is_heard(list_community, at, action):
    commons = list_community(MEMBERS, pause_seconds_max=300)
    at(NOON)
    council = commons.elect("Bob", "Chloé", seats=1, now=NOON)
    proposal = commons.propose(now=council.elected_at + timedelta(days=1))
    commons.vote(proposal, "Alice", FOR)
    commons.queued(proposal)
    at(Proposal.objects.get(pk=proposal.pk).queued_at)
    path, bob = f"proposals/{proposal.public_id}/{action}", member(commons, "Bob")
    for reason, status, code in (
        ("", 400, "malformed_field"),
        (" \u2003", 422, "length_out_of_range"),
        ("x" * 501, 422, "length_out_of_range"),
        (None, 400, "malformed_field"),
        (1, 400, "malformed_field"),
        ("\0", 400, "forbidden_character"),
        ("\udfff", 400, "forbidden_character"),
    ):
        assert_refused(bob, path, {"reason": reason}, status, code)
    for name in ("Alice", "Chloé", "Mallory"):
        assert_refused(member(commons, name), path, {"reason": "No."}, 403, "not_a_guardian")
    for name, value in (("until", 1), ("seconds", 10**9), ("force", True)):
        assert_refused(bob, path, {"reason": "No.", name: value}, 400, "unknown_field")
    for wrong, code in (("0x" + "ab" * 32, 404), ("0x01", 400), ("１", 400)):
        assert send(bob, f"proposals/{wrong}/{action}", {"reason": "No."}).status_code == code
    assert send(bob, path, {"reason": "\u202e" * 500}).status_code == 200
    assert send(bob, path, {"reason": "Again."}).status_code == 409


# --- on the chain -------------------------------------------------------------------------------------------------

CHAIN = "communities/water-commons/chain-delegation"


@pytest.fixture
def chain_good(community, voters, client, at):
    """A good delegation of Emma to Bob on the chain, signed, as JSON; the client is signed in as Alice."""
    sign_in(client, voters["Alice"])
    emma, bob = voters["Emma"], voters["Bob"]
    offer = client.get(f"/api/v1/{CHAIN}?{query(delegator=emma.address, delegatee=bob.address)}").json()["by_signature"]
    body = {"delegator": emma.address, "delegatee": bob.address, "nonce": offer["nonce"], "expiry": offer["expiry"]}
    return {**body, "signature": emma.sign(offer["typed_data"])}


def test_a_delegation_on_the_chain_is_checked_before_anybody_sends_it(client, chain_good, voters):
    for name in ("nonce", "expiry"):
        for value in ("1", "", None, True, [], {}, "１"):
            assert_refused(client, CHAIN, {**chain_good, name: value}, 400, "malformed_field")
    for value in (-1, 2**256, 10**99):
        assert_refused(client, CHAIN, {**chain_good, "nonce": value}, 409, "delegation_nonce")
    for value in (2**256, 10**99):
        assert_refused(client, CHAIN, {**chain_good, "expiry": value}, 400, "malformed_field")
    assert_refused(client, CHAIN, {**chain_good, "expiry": -1}, 422, "delegation_expired")
    for name in ("delegator", "delegatee"):
        for value in ADDRESSES:
            assert_refused(client, CHAIN, {**chain_good, name: value}, 400, "malformed_field")
    assert_refused(client, CHAIN, {**chain_good, "expiry": 1}, 422, "delegation_expired")
    assert_refused(client, CHAIN, {**chain_good, "nonce": chain_good["nonce"] + 1}, 409, "delegation_nonce")
    assert_refused(client, CHAIN, {**chain_good, "expiry": chain_good["expiry"] + 1}, 422, "signature_invalid")
    assert_refused(client, CHAIN, {**chain_good, "delegatee": voters["Alice"].address}, 422, "signature_invalid")
    for text, code in signature_variants(chain_good["signature"]):
        assert_refused(client, CHAIN, {**chain_good, "signature": text}, 422, code)
    assert send(client, CHAIN, chain_good).json()["hash"] is None
    assert_refused(Client(), CHAIN, chain_good, 401, "not_signed_in")
    for junk in JUNK:
        for name in ("delegator", "delegatee"):
            values = {"delegator": chain_good["delegator"], "delegatee": chain_good["delegatee"], name: junk}
            assert_problem(client.get(f"/api/v1/{CHAIN}?{query(**values)}"), 400, "malformed_field")


def test_the_relayer_pays_a_few_times_a_day_for_one_member_and_never_without_end(
    client, chain_good, settings, monkeypatch, at
):
    from governance.chain import relay

    paid = []
    settings.CHAIN_RELAYER = chain_good["delegator"]
    monkeypatch.setattr(relay, "relay", lambda *args: paid.append(args) or "0x" + "ab" * 32)
    for _ in range(3):
        assert send(client, CHAIN, chain_good).json()["hash"] == "0x" + "ab" * 32
    assert_refused(client, CHAIN, chain_good, 409, "too_many_relays")
    monkeypatch.setattr(delegations, "RELAYS_PER_DAY_MAX", 99)
    monkeypatch.setattr(delegations, "RELAYS_OF_ALL_PER_DAY_MAX", 4)
    assert send(client, CHAIN, chain_good).status_code == 200
    assert_refused(client, CHAIN, chain_good, 409, "too_many_relays")
    assert len(paid) == 4


def test_a_charter_that_names_a_token_that_is_none_is_refused_and_is_no_fault_of_the_chain(client, community, voters):
    sign_in(client, voters["Alice"])
    charter = dict(community.charter.body)
    for address in (voters["Bob"].address, "0x" + "00" * 20, "0x" + "00" * 19 + "01"):
        for source in ("erc20_votes", "erc721_votes"):
            changed = {**charter, "power": {"source": source, "parameters": {"token": address}}}
            body = {
                "community": "water-commons",
                "kind": "governance_rules",
                "title": "T",
                "payload": {"charter": changed},
            }
            answer = send(client, "drafts", body)
            assert answer.status_code == 422, answer.content
