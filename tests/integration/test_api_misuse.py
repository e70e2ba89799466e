"""The API of delegation, sponsors, census and log, misused: wrong spellings, replayed signatures, other people's drafts.

What is refused changes no row and leaves one line in the audit log; reading never does.
"""

from datetime import timedelta

import pytest
from django.test import Client

from governance import clock, services
from governance.models import Account, Checkpoint, Delegation, Member, Proposal, Sponsorship
from governance.services import delegations
from tests.integration import commons as commons_module
from tests.integration.conftest import FOR, NOON, query, sign_in
from tests.integration.strangers import ORDER, PROBLEM, assert_problem, assert_refused, refusals, rows, send

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
HIGH = {"standard": {"proposal_threshold": "60"}}
HERE = "communities/gardens"


@pytest.fixture
def commons(list_community, at):
    at(NOON)
    return list_community(MEMBERS, tiers=HIGH)


def member(commons, name):
    client = Client()
    client.force_login(Account.objects.get_or_create(address=commons.address(name))[0])
    return client


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


# --- reading ------------------------------------------------------------------------------------------------------

# No spelling of a whole number; then numbers beyond everything that exists.
NO_NUMBERS = [
    "",
    " ",
    "+1",
    "-1",
    "-0",
    "1.0",
    "1e3",
    "0x1",
    "1_0",
    "１",
    "٣",
    "²",
    "NaN",
    "null",
    "[]",
    "1,2",
    "9" * 16,
    "9" * 5_000,
    "\0",
    "1\n",
]
BEYOND = ["999999999999999", "4294967296", "9007199254740"]
JUNK = [
    *NO_NUMBERS,
    *BEYOND,
    "0",
    "00",
    "[1",
    "{",
    "[" * 3_000,
    '{"1":',
    '{"1":1,"1":2}',
    "x" * 60_000,
    "%ff",
    "'; --",
    "..",
    "\u202e",
    "\ufeff1",
]


def numbers(proposal):
    yield from ((f"{HERE}/log/entries", "", name) for name in ("start", "count"))
    yield from ((f"{HERE}/log/inclusion", query(position=0, size=1), name) for name in ("position", "size"))
    yield from ((f"{HERE}/log/consistency", query(old=0, new=1), name) for name in ("old", "new"))
    yield f"proposals/{proposal.public_id}/census", "", "page"
    known = query(delegator="0x" + "ab" * 20, delegate="0x" + "ab" * 20, share_bps=1)
    yield from ((f"{HERE}/delegation-message", known, name) for name in ("share_bps", "expires_at"))


def test_numbers_in_addresses_have_one_spelling_and_may_be_too_large(client, commons):
    proposal = proposed(commons)
    before = (rows(), refusals())
    for path, known, name in numbers(proposal):
        for text in NO_NUMBERS:
            address = f"/api/v1/{path}?{known}&{query(**{name: text})}"
            assert_problem(client.get(address), 400, "malformed_field")
        for text in BEYOND:
            answer = client.get(f"/api/v1/{path}?{known}&{query(**{name: text})}")
            assert answer.status_code in {200, 400, 404, 422}, (path, name, text)
    assert (rows(), refusals()) == before, "reading changes nothing and is not in the log"


def proposed(commons):
    made = commons.draft(author="Alice")
    services.seek_sponsors(made.pk, commons.address("Alice"), NOON)
    commons.sponsor(made, "Bob")
    return services.submit(made.pk, commons.address("Alice"), NOON)


def test_any_text_in_an_address_gets_an_answer_that_is_no_defect(client, commons, sought, at):
    proposal = proposed(commons)
    at(proposal.opens_at)
    before = (rows(), refusals())
    paths = {
        f"{HERE}/delegation-message": ("delegator", "delegate", "topic", "share_bps", "expires_at"),
        f"{HERE}/log/entries": ("start", "count"),
        f"proposals/{proposal.public_id}/eligibility": ("voter",),
        f"proposals/{proposal.public_id}/ballot-message": ("voter", "choice", "reason"),
        f"proposals/{proposal.public_id}/events": ("page", "page_size", "format"),
        f"proposals/{proposal.public_id}/bundle": ("page", "format"),
        f"drafts/{sought.pk}/sponsorship-message": ("sponsor",),
        "proposals": ("community", "kind", "state", "page", "page_size"),
    }
    good = {"delegator": commons.address("Bob"), "delegate": commons.address("Alice"), "share_bps": 1, "choice": 1}
    good |= {"voter": commons.address("Bob"), "sponsor": commons.address("Bob")}
    for path, names in paths.items():
        for name in names:
            for text in JUNK:
                values = {**{key: good[key] for key in names if key in good}, name: text}
                answer = client.get(f"/api/v1/{path}?{query(**values)}")
                assert answer.status_code in {200, 400, 404, 413, 422}, (path, name, text[:20], answer.content)
                assert answer.status_code == 200 or answer["Content-Type"] == PROBLEM
    assert (rows(), refusals()) == before


def test_a_choice_in_an_address_has_one_spelling(client, commons):
    path = f"/api/v1/proposals/{proposed(commons).public_id}/ballot-message?voter={commons.address('Bob')}&"
    for text in ("01", "00", "+1", "1 ", "１", "256", "1000", "1.0", "-1", ""):
        assert_problem(
            client.get(path + query(choice=text)),
            *((409, "voting_not_open") if text == "256" else (400, "malformed_field")),
        )


WORDS = [
    "%00",
    "a%00b",
    "%ff",
    "１",
    "..%2f..",
    "%0a",
    "x" * 3_000,
    "0x" + "ab" * 20,
    "0x" + "AB" * 20,
    "-1",
    "9" * 400,
    "'%3B--",
]


@pytest.mark.parametrize("text", WORDS, ids=lambda text: text[:12])
def test_names_in_addresses_are_found_or_not(client, commons, text):
    proposal = proposed(commons)
    for address in (
        "communities/{}/charter",
        "communities/{}/history",
        "communities/{}/delegates",
        "communities/{}/log",
        "communities/{}/log/entries",
        "communities/{}/log/inclusion?position=0&size=1",
        "communities/{}/delegation-message?share_bps=1",
        "communities/{}/chain-delegation",
        "communities/gardens/delegates/{}",
        f"proposals/{proposal.public_id}/census/{{}}",
        "proposals/{}/census",
        "proposals/{}/eligibility",
        "proposals/{}/bundle",
        "drafts/{}/sponsors",
        "drafts/{}/sponsorship-message",
    ):
        answer = client.get(f"/api/v1/{address.format(text)}")
        known = address.startswith("communities/gardens/delegates") and text == "0x" + "ab" * 20
        assert answer.status_code in ({200} if known else {400, 404}), (address, answer.status_code)
        assert known or answer["Content-Type"] == PROBLEM, address
    for page in (
        "/c/gardens/delegates/{}/",
        "/c/{}/log/",
        "/c/{}/delegates/",
        "/c/gardens/sponsor/{}/",
        "/c/gardens/history/{}/",
    ):
        assert client.get(page.format(text)).status_code in {200, 301, 400, 404}, page


def test_proofs_exist_for_trees_that_existed_and_for_no_others(client, commons):
    proposed(commons)
    size = type(commons.community).objects.get().log_size
    for path, found in (
        (f"inclusion?position=0&size={size}", 200),
        (f"inclusion?position={size - 1}&size={size}", 200),
        (f"inclusion?position={size}&size={size}", 404),
        (f"inclusion?position=0&size={size + 1}", 404),
        ("inclusion?position=0&size=0", 404),
        ("inclusion?position=1&size=1", 404),
        (f"consistency?old=0&new={size}", 200),
        (f"consistency?old={size}&new={size}", 200),
        (f"consistency?old={size}&new={size + 1}", 404),
        (f"consistency?old={size}&new=0", 404),
        ("inclusion?size=1", 400),
        ("consistency?old=1", 400),
    ):
        assert client.get(f"/api/v1/{HERE}/log/{path}").status_code == found, path
    assert client.get(f"/api/v1/{HERE}/log").json() == {"size": size, "checkpoint": None}
    assert Checkpoint.objects.count() == 0


def test_a_bundle_is_sent_to_whoever_asks_for_lines_of_json(client, commons):
    address = f"/api/v1/proposals/{proposed(commons).public_id}/bundle"
    for accept in ("*/*", "application/jsonl", "application/json", "application/x-ndjson", "text/html"):
        answer = client.get(address, headers={"accept": accept})
        assert answer.status_code == 200, accept
        assert b"".join(answer.streaming_content).endswith(b"\n")


METHODS = ("put", "patch", "delete", "post", "options", "head")


def test_no_method_on_any_address_is_a_defect(client, commons, sought):
    proposal = proposed(commons)
    mallory = member(commons, "Mallory")
    for path in (
        *(f"{HERE}{rest}" for rest in ("", "/charter", "/history", "/delegates", "/statement", "/delegations", "/log")),
        *(
            f"proposals/{proposal.public_id}{rest}"
            for rest in ("", "/veto", "/census", "/bundle", "/ballots", "/execute")
        ),
        *(f"drafts/{sought.pk}{rest}" for rest in ("", "/submit", "/sponsors", "/seek-sponsors")),
        *("methods", "kinds", "ballots", "auth/nonce", "auth/session"),
    ):
        before = rows()
        for method in METHODS:
            for who in (client, mallory):
                answer = (
                    getattr(who, method)(f"/api/v1/{path}", "{}", content_type="application/json")
                    if method != "head"
                    else who.head(f"/api/v1/{path}")
                )
                assert answer.status_code < 500, (method, path)
        assert rows() == before, path


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
