"""List A of bad inputs for ballots, sign-in, proposals and specifications: the code, no change, one audit event, no 500."""

import json
from datetime import timedelta

import pytest
from django.test import Client

from governance.models import Ballot, Event, Proposal
from tests.integration.conftest import FOR, NOON, opened, query, sign_in

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def open_proposal(propose, at):
    """A proposal whose voting is open on the API's clock."""
    proposal = propose()
    at(opened(proposal))
    return proposal


@pytest.fixture
def ballot(client, open_proposal, voters):
    """A good ballot of Alice, as JSON."""
    return signed(client, open_proposal, voters["Alice"])


def signed(client, proposal, voter, choice=FOR, reason=""):
    """Ask the API for the message and sign it."""
    address = f"/api/v1/proposals/{proposal.public_id}/ballot-message"
    offer = client.get(f"{address}?{query(voter=voter.address, choice=choice, reason=reason)}").json()
    return {
        "proposal": proposal.public_id,
        "voter": voter.address,
        "choice": choice,
        "reason": reason,
        "nonce": offer["nonce"],
        "signature": voter.sign(offer["typed_data"]),
    }


def post(client, path, body, content_type="application/json"):
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(f"/api/v1/{path}", data, content_type=content_type)


def assert_refused(answer, status, code):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), problem


def malleated(signature):
    r, s, v = signature[2:66], int(signature[66:130], 16), int(signature[130:], 16)
    return f"0x{r}{ORDER - s:064x}{55 - v:02x}"


def with_v(signature, v):
    return f"{signature[:130]}{v:02x}"


BALLOTS = {
    "A1 the malleated twin": (lambda b: {"signature": malleated(b["signature"])}, 422, "signature_not_canonical"),
    "A2 v is 0": (lambda b: {"signature": with_v(b["signature"], 0)}, 422, "signature_not_canonical"),
    "A2 v is 1": (lambda b: {"signature": with_v(b["signature"], 1)}, 422, "signature_not_canonical"),
    "A2 v is 29": (lambda b: {"signature": with_v(b["signature"], 29)}, 422, "signature_not_canonical"),
    "A3 compact": (lambda b: {"signature": b["signature"][:130]}, 422, "signature_not_canonical"),
    "A3 without 0x": (lambda b: {"signature": b["signature"][2:]}, 422, "signature_not_canonical"),
    "A3 upper case": (lambda b: {"signature": "0x" + b["signature"][2:].upper()}, 422, "signature_not_canonical"),
    "A4 all zero": (lambda _: {"signature": "0x" + "00" * 65}, 422, "signature_invalid"),
    "A4 r is 0": (lambda b: {"signature": "0x" + "00" * 32 + b["signature"][66:]}, 422, "signature_invalid"),
    "A4 s is 0": (lambda b: {"signature": b["signature"][:66] + "00" * 32 + "1b"}, 422, "signature_invalid"),
    "A5 choice 3": (lambda _: {"choice": 3}, 422, "choice_invalid"),
    "A5 choice 255": (lambda _: {"choice": 255}, 422, "choice_invalid"),
    "A5 choice 256": (lambda _: {"choice": 256}, 400, "malformed_field"),
    "A5 choice -1": (lambda _: {"choice": -1}, 400, "malformed_field"),
    "A6 choice as text": (lambda _: {"choice": "1"}, 400, "malformed_field"),
    "A6 choice true": (lambda _: {"choice": True}, 400, "malformed_field"),
    "A6 choice null": (lambda _: {"choice": None}, 400, "malformed_field"),
    "A6 choice list": (lambda _: {"choice": [1]}, 400, "malformed_field"),
    "A6 nonce as text": (lambda _: {"nonce": "1"}, 400, "malformed_field"),
    "A6 nonce beyond 2^53": (lambda _: {"nonce": 2**53}, 400, "malformed_field"),
    "A6 nonce -1": (lambda _: {"nonce": -1}, 400, "malformed_field"),
    "A7 weight": (lambda _: {"weight": 10**30}, 400, "unknown_field"),
    "A9 another voter": (lambda _: {"voter": "0x" + "11" * 20}, 422, "signature_invalid"),
    "A10 wrong checksum": (lambda b: {"voter": b["voter"][:2] + b["voter"][2:].swapcase()}, 400, "address_checksum"),
    "A10 no address": (lambda _: {"voter": "alice"}, 400, "malformed_field"),
    "A10 address with NUL": (lambda b: {"voter": b["voter"] + "\x00"}, 400, "forbidden_character"),
    "A15 reason of 2001": (lambda _: {"reason": "x" * 2001}, 400, "length_out_of_range"),
    "A15 reason of 60 kB": (lambda _: {"reason": "x" * 60_000}, 413, "too_large"),
    "A15 reason of 100 kB": (lambda _: {"reason": "x" * 100_000}, 413, "too_large"),
    "A15 changed reason": (lambda _: {"reason": "because"}, 422, "signature_invalid"),
    "A16 unknown proposal": (lambda _: {"proposal": "0x" + "ab" * 32}, 404, "unknown_proposal"),
    "A16 short id": (lambda _: {"proposal": "0x01"}, 400, "malformed_field"),
    "A16 upper-case id": (lambda b: {"proposal": b["proposal"].upper()}, 400, "malformed_field"),
    "A16 number": (lambda _: {"proposal": 1}, 400, "malformed_field"),
}


@pytest.mark.parametrize(("change", "status", "code"), BALLOTS.values(), ids=BALLOTS.keys())
def test_a_bad_ballot_is_refused_and_nothing_changes(client, ballot, change, status, code):
    before = Event.objects.filter(kind="refused").count()
    assert_refused(post(client, "ballots", {**ballot, **change(ballot)}), status, code)
    assert Ballot.objects.count() == 0
    assert Event.objects.filter(kind="refused").count() == before + 1
    assert post(client, "ballots", ballot).status_code == 201, "the original is still good"


RAW_BODIES = {
    "choice 1.0": (lambda b: json.dumps(b).replace('"choice": 1', '"choice": 1.0'), 400, "malformed_field"),
    "duplicate key": (lambda b: json.dumps(b)[:-1] + ', "choice": 0}', 400, "duplicate_key"),
    "NaN": (lambda b: json.dumps(b).replace('"choice": 1', '"choice": NaN'), 400, "malformed_json"),
    "1e400": (lambda b: json.dumps(b).replace('"choice": 1', '"choice": 1e400'), 400, "number_out_of_range"),
    "lone surrogate": (lambda b: json.dumps({**b, "reason": "\ud800"}), 400, "forbidden_character"),
    "deep": (lambda _: "[" * 30_000, 400, "too_deep"),
    "cut off": (lambda b: json.dumps(b)[:-1], 400, "malformed_json"),
    "empty": (lambda _: "", 400, "missing_field"),
    "a list": (lambda b: json.dumps([b]), 400, "malformed_json"),
    "not UTF-8": (lambda _: b'{"choice": "\xff"}', 400, "malformed_json"),
    "byte order mark": (lambda b: b"\xef\xbb\xbf" + json.dumps(b).encode(), 400, "malformed_json"),
    "70 kB": (lambda _: '{"a": "' + "x" * 70_000 + '"}', 413, "too_large"),
    "a long number": (
        lambda b: json.dumps(b).replace('"choice": 1', '"choice": ' + "1" * 5000),
        400,
        "number_out_of_range",
    ),
}


@pytest.mark.parametrize(("body", "status", "code"), RAW_BODIES.values(), ids=RAW_BODIES.keys())
def test_a_body_that_two_parsers_could_read_differently_is_refused(client, ballot, body, status, code):
    assert_refused(post(client, "ballots", body(ballot)), status, code)


def test_only_json_is_read(client, ballot):
    answer = post(client, "ballots", "choice=1", "application/x-www-form-urlencoded")
    assert_refused(answer, 415, "unsupported_media_type")


def test_a8_a_ballot_for_another_chain_is_refused(client, open_proposal, voters):
    alice = voters["Alice"]
    address = f"/api/v1/proposals/{open_proposal.public_id}/ballot-message"
    offer = client.get(f"{address}?{query(voter=alice.address, choice=FOR)}").json()
    for field, value in (("chainId", 1), ("verifyingContract", "0x" + "11" * 20), ("name", "Other"), ("version", "2")):
        typed = {**offer["typed_data"], "domain": {**offer["typed_data"]["domain"], field: value}}
        body = {
            "proposal": open_proposal.public_id,
            "voter": alice.address,
            "choice": FOR,
            "reason": "",
            "nonce": offer["nonce"],
            "signature": alice.sign(typed),
        }
        assert_refused(post(client, "ballots", body), 422, "signature_invalid")


def test_a8_a_ballot_for_another_instance_community_or_proposal_is_refused(client, open_proposal, voters):
    alice = voters["Alice"]
    address = f"/api/v1/proposals/{open_proposal.public_id}/ballot-message"
    offer = client.get(f"{address}?{query(voter=alice.address, choice=FOR)}").json()
    for field, value in (("instance", "https://evil.example"), ("community", "other"), ("proposal", "0x" + "12" * 32)):
        typed = {**offer["typed_data"], "message": {**offer["typed_data"]["message"], field: value}}
        body = {
            "proposal": open_proposal.public_id,
            "voter": alice.address,
            "choice": FOR,
            "reason": "",
            "nonce": offer["nonce"],
            "signature": alice.sign(typed),
        }
        assert_refused(post(client, "ballots", body), 422, "signature_invalid")


def test_a10_a_lower_case_address_is_accepted_and_kept_checksummed(client, ballot, voters):
    answer = post(client, "ballots", {**ballot, "voter": ballot["voter"].lower()})
    assert answer.status_code == 201
    assert Ballot.objects.get().voter == voters["Alice"].address


def test_a11_replay_answers_200_with_the_same_bytes(client, ballot):
    first, second = post(client, "ballots", ballot), post(client, "ballots", ballot)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content
    assert Ballot.objects.count() == 1


def test_a13_ballots_before_and_after_the_window_are_refused(client, propose, voters, at):
    proposal = propose()
    at(opened(proposal))
    body = signed(client, proposal, voters["Alice"])
    at(proposal.opens_at - timedelta(seconds=1))
    assert_refused(post(client, "ballots", body), 409, "voting_not_open")
    at(proposal.closes_at)
    assert_refused(post(client, "ballots", body), 409, "voting_closed")


def test_a14_a_voter_without_power_at_the_snapshot_is_told(client, open_proposal, voters):
    address = f"/api/v1/proposals/{open_proposal.public_id}/ballot-message"
    answer = client.get(f"{address}?{query(voter=voters['Emma'].address, choice=FOR)}")
    assert_refused(answer, 422, "no_voting_power")


def test_a_chain_that_does_not_answer_loses_nothing_and_says_so(client, community, voters, settings):
    sign_in(client, voters["Alice"])
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    draft = post(
        client,
        "drafts",
        {"community": "water-commons", "kind": "text_signal", "title": "T", "payload": {"statement": "Yes."}},
    ).json()["draft"]
    answer = post(client, f"drafts/{draft}/submit", {})
    assert_refused(answer, 503, "chain_unavailable")
    assert answer["Retry-After"]


def test_no_chain_is_in_the_path_of_a_ballot(client, ballot, settings):
    """Everybody's power is in the census, read before voting opened."""
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    assert post(client, "ballots", ballot).status_code == 201


# --- sign-in ------------------------------------------------------------------------------------------------------


def invited(client, voter):
    return post(client, "auth/nonce", {"address": voter.address}).json()["message"]


def replaced(old, new):
    return lambda message: message.replace(old, new)


SIWE = {
    "A17 another domain": (replaced("testserver wants", "evil.example wants"), 401, "siwe_rejected"),
    "A17 another origin": (replaced("URI: http://testserver", "URI: http://evil.example"), 401, "siwe_rejected"),
    "A18 a nonce never issued": (lambda m: m.replace("Nonce: ", "Nonce: 0"), 401, "siwe_rejected"),
    "A19 expired": (lambda m: swap(m, "Expiration Time: ", "2020-01-01T00:00:00Z"), 401, "siwe_rejected"),
    "A19 not yet valid": (lambda m: m + "\nNot Before: 2099-01-01T00:00:00Z", 401, "siwe_rejected"),
    "A20 another chain": (replaced("Chain ID: 31337", "Chain ID: 1"), 401, "siwe_rejected"),
    "A21 lower-case address": (lambda m: m.replace(m.split("\n")[1], m.split("\n")[1].lower()), 400, "siwe_malformed"),
    "A22 CRLF": (replaced("\n", "\r\n"), 400, "siwe_malformed"),
    "A22 trailing line": (lambda m: m + "\n", 400, "siwe_malformed"),
    "A22 two nonces": (lambda m: m.replace("Nonce: ", "Nonce: abcdefgh1\nNonce: "), 400, "siwe_malformed"),
    "A24 version 2": (replaced("Version: 1", "Version: 2"), 400, "siwe_malformed"),
    "issued long ago": (lambda m: swap(m, "Issued At: ", "2001-01-01T00:00:00Z"), 401, "siwe_rejected"),
    "script address": (replaced("URI: http://testserver", "URI: javascript:alert(1)"), 400, "siwe_malformed"),
}


def swap(message, prefix, value):
    return "\n".join(prefix + value if line.startswith(prefix) else line for line in message.split("\n"))


@pytest.mark.parametrize(("change", "status", "code"), SIWE.values(), ids=SIWE.keys())
def test_a_bad_sign_in_is_refused(client, community, voters, change, status, code):
    message = change(invited(client, voters["Alice"]))
    body = {"message": message, "signature": voters["Alice"].sign_text(message)}
    assert_refused(post(client, "auth/verify", body), status, code)
    assert client.get("/api/v1/auth/session").json() == {"address": None}


def test_a18_replay_a_nonce_signs_in_once(client, community, voters):
    message = invited(client, voters["Alice"])
    body = {"message": message, "signature": voters["Alice"].sign_text(message)}
    assert post(client, "auth/verify", body).status_code == 200
    assert_refused(post(Client(), "auth/verify", body), 401, "siwe_rejected")


def test_a18_a_nonce_of_another_browser_is_refused(client, community, voters):
    message = invited(client, voters["Alice"])
    body = {"message": message, "signature": voters["Alice"].sign_text(message)}
    assert_refused(post(Client(), "auth/verify", body), 401, "siwe_rejected")


def test_a23_the_signature_of_another_wallet_is_refused(client, community, voters):
    message = invited(client, voters["Alice"])
    body = {"message": message, "signature": voters["Bob"].sign_text(message)}
    assert_refused(post(client, "auth/verify", body), 401, "siwe_rejected")


def test_signing_in_changes_the_session_key_and_needs_csrf_afterwards(community, voters):
    client = Client(enforce_csrf_checks=True)
    post(client, "auth/nonce", {"address": voters["Alice"].address})
    before = client.session.session_key
    sign_in(client, voters["Alice"])
    assert client.session.session_key != before
    assert_refused(post(client, "drafts", {}), 403, "csrf_failed")


# --- proposals ----------------------------------------------------------------------------------------------------


@pytest.fixture
def alice(client, community, voters):
    """A client that is signed in as Alice."""
    sign_in(client, voters["Alice"])
    return client


def draft(**changes):
    return {
        "community": "water-commons",
        "kind": "text_signal",
        "title": "A question",
        "text": "",
        "payload": {"statement": "Yes."},
        **changes,
    }


DRAFTS = {
    "A25 no title": ({"title": ""}, 422, "length_out_of_range"),
    "A25 title of 201": ({"title": "x" * 201}, 422, "length_out_of_range"),
    "A26 period too short": ({"voting_period_seconds": 60}, 422, "period_too_short"),
    "unknown kind": ({"kind": "coup"}, 422, "unknown_kind"),
    "unknown community": ({"community": "nowhere"}, 404, "unknown_community"),
    "unknown payload key": ({"payload": {"statement": "Yes.", "extra": 1}}, 422, "unknown_field"),
    "missing payload key": ({"payload": {}}, 422, "missing_field"),
    "payload is a list": ({"payload": []}, 400, "malformed_field"),
    "unknown field": ({"weight": 1}, 400, "unknown_field"),
    "title is a number": ({"title": 1}, 400, "malformed_field"),
    "statement is a number": ({"payload": {"statement": 1}}, 422, "malformed_field"),
}


@pytest.mark.parametrize(("changes", "status", "code"), DRAFTS.values(), ids=DRAFTS.keys())
def test_a_bad_draft_is_refused(alice, changes, status, code):
    assert_refused(post(alice, "drafts", draft(**changes)), status, code)
    assert Proposal.objects.count() == 0


def test_drafts_need_a_sign_in(client, community):
    assert_refused(post(client, "drafts", draft()), 401, "not_signed_in")


def test_a25_a_script_is_kept_as_text_and_shown_escaped(alice):
    created = post(alice, "drafts", draft(title="<script>alert(1)</script>", text="<script>alert(2)</script>"))
    assert created.status_code == 201
    submitted = post(alice, f"drafts/{created.json()['draft']}/submit", {})
    assert submitted.status_code == 201, submitted.content
    page = alice.get(f"/c/water-commons/proposals/{submitted.json()['number']}/")
    assert b"<script>alert" not in page.content
    policy = page["Content-Security-Policy"]
    assert "script-src 'nonce-" in policy
    assert "script-src 'nonce-' " not in policy
    assert "script-src 'self'" not in policy


def test_a26_a_start_in_the_past_is_refused(alice):
    created = post(alice, "drafts", draft(opens_at=1))
    assert_refused(post(alice, f"drafts/{created.json()['draft']}/submit", {}), 422, "start_out_of_range")


def test_a28_a_submitted_proposal_is_frozen(alice):
    created = post(alice, "drafts", draft()).json()
    submitted = post(alice, f"drafts/{created['draft']}/submit", {}).json()
    answer = alice.patch(f"/api/v1/proposals/{submitted['id']}", "{}", content_type="application/json")
    assert_refused(answer, 409, "proposal_frozen")
    again = alice.put(f"/api/v1/drafts/{created['draft']}", json.dumps(draft()), content_type="application/json")
    assert_refused(again, 409, "proposal_frozen")


def test_a43_executing_too_early_is_refused(alice, propose, voters, at):
    proposal = propose(author="Bob")
    for moment in (NOON, opened(proposal), proposal.closes_at):
        at(moment)
        answer = post(alice, f"proposals/{proposal.public_id}/execute", {})
        assert_refused(answer, 409, "not_executable")


def test_addresses_that_do_not_exist_answer_problem_json(client, community):
    for path in ("nothing", "proposals/１", "proposals/0x01", "records/zz", "runs/999", "datasets/zz", "releases/zz"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code in {400, 404}, path
        assert answer.json()["code"], path


def test_filters_of_the_address_are_read_strictly(client, community):
    assert_refused(client.get("/api/v1/proposals?state=winning"), 400, "malformed_field")
    assert_refused(client.get("/api/v1/proposals?kind=%00"), 400, "forbidden_character")
    assert_refused(client.get("/api/v1/proposals?page=0"), 404, "not_found")
