"""Variations of list A for signing in: other sites, other moments, other spellings, other people's signatures.

Whatever was signed wrongly gets one of two answers, which say nothing about which nonces exist; nobody is signed in; the
next good sign-in succeeds.
"""

import json
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from governance.models import Account, SignInNonce
from tests.integration.conftest import NOON, sign_in
from tests.integration.strangers import ORDER, PROBLEM, assert_problem, assert_refused, refusals, rows, send
from tests.simulators.wallets import wallet

REJECTED, MALFORMED = (401, "siwe_rejected"), (400, "siwe_malformed")


@pytest.fixture
def alice(list_community, at):
    at(NOON)
    return list_community().wallet("Alice")


def invited(client, wallet):
    return send(client, "auth/nonce", {"address": wallet.address}).json()["message"]


def lines(message, prefix, *values):
    """Return the message with the line that begins so replaced by one with each value, by none without any."""
    found = []
    for line in message.split("\n"):
        found.extend([prefix + value for value in values] if line.startswith(prefix) else [line])
    return "\n".join(found)


def nonce_of(message):
    return next(line for line in message.split("\n") if line.startswith("Nonce: "))[7:]


def domains(message):
    for domain in ("evil.example", "testserver.evil.example", "testserver:80", "testserver:443", "sub.testserver"):
        yield message.replace("testserver wants", f"{domain} wants"), REJECTED
    for domain in ("TESTSERVER", "testserver.", "https://testserver", "[::1]", "xn--testserver-abc", "127.0.0.1"):
        yield message.replace("testserver wants", f"{domain} wants"), REJECTED
    for domain in ("a@testserver", "testserver/", "testserver?", "ftp://testserver", "tеstserver", "", " testserver"):
        yield message.replace("testserver wants", f"{domain} wants"), MALFORMED
    for domain in ("testserver#", "testserver\\", "test server", "testserver\t", "[::g]", "[1.2.3.4]", "testserver:x"):
        yield message.replace("testserver wants", f"{domain} wants"), MALFORMED
    for uri in ("http://evil.example", "http://testserver.evil.example", "http://testserver:81", "http://Testserver"):
        yield lines(message, "URI: ", uri), REJECTED
    for uri in ("javascript:alert(1)", "data:,x", "file:///etc", "http://a@testserver", "http:/testserver", "", "x"):
        yield lines(message, "URI: ", uri), MALFORMED
    for uri in (
        "http://testserver/\\",
        "http://testserver/%zz",
        "http://testserver /",
        "http://testserver/é",
        "//testserver",
    ):
        yield lines(message, "URI: ", uri), MALFORMED


def nonces(message):
    nonce = nonce_of(message)
    for text in ("0" * 32, nonce.upper(), nonce + "0", nonce[:-1], nonce[::-1], "0" + nonce, "a" * 96, nonce * 2):
        yield lines(message, "Nonce: ", text), REJECTED
    for text in (
        "",
        "short",
        "a" * 97,
        nonce + " ",
        " " + nonce,
        nonce[:-1] + "-",
        nonce[:-1] + "é",
        nonce[:-1] + "１",
    ):
        yield lines(message, "Nonce: ", text), MALFORMED
    for text in (nonce + "%00", nonce + "\x01", "' OR 1=1 --", nonce[:16] + "\t" + nonce[16:]):
        yield lines(message, "Nonce: ", text), MALFORMED


def moments(message):
    for at in ("2026-11-21T11:54:59Z", "2026-11-21T12:05:01Z", "2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        yield lines(message, "Issued At: ", at), REJECTED
    for at in ("2026-11-21T12:00:00+05:01", "2026-11-21T12:00:00-23:59"):
        yield lines(message, "Issued At: ", at), REJECTED
    for at in ("2026-11-21T12:00:00Z", "2026-11-21T11:59:59.999Z", "1999-12-31T23:59:59Z", "2026-11-22T12:00:01Z"):
        yield lines(message, "Expiration Time: ", at), REJECTED
    for at in ("2026-11-21T12:00:01Z", "2099-01-01T00:00:00Z", "2026-11-21T12:00:00.000001Z"):
        yield f"{message}\nNot Before: {at}", REJECTED
    wrong = (
        "",
        "now",
        "1763726400",
        "2026-11-21",
        "2026-11-21 12:00:00Z",
        "2026-11-21T12:00:00",
        "2026-11-21t12:00:00z",
    )
    more = (
        "2026-02-30T12:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T12:00:60Z",
        "２026-11-21T12:00:00Z",
        "0000-01-01T00:00:00Z",
    )
    for at in (*wrong, *more, "2026-11-21T12:00:00.Z", "2026-11-21T12:00:00+24:00", "2026-11-21T12:00:00.0000000000Z"):
        yield lines(message, "Issued At: ", at), MALFORMED
        yield lines(message, "Expiration Time: ", at), MALFORMED


def chains_and_versions(message):
    for chain in ("1", "31338", "3133", "313370", "9" * 16, "5"):
        yield lines(message, "Chain ID: ", chain), REJECTED
    for chain in (
        "",
        "0",
        "-31337",
        "+31337",
        "031337",
        "31337.0",
        "3.1337e4",
        "0x7a69",
        "31 337",
        "３１３３７",
        "9" * 17,
        "31337 ",
    ):
        yield lines(message, "Chain ID: ", chain), MALFORMED
    for version in ("", "2", "0", "01", "1.0", "1 ", "１", "+1", "one"):
        yield lines(message, "Version: ", version), MALFORMED


def addresses(message):
    address = message.split("\n")[1]
    digits = address[2:]
    other = "0x" + "".join(reversed(digits))
    for text in (address.lower(), "0x" + digits.upper(), "0X" + digits, digits, address[:-1], address + "0", other, ""):
        yield message.replace(address, text, 1), MALFORMED
    for text in (
        "alice.eth",
        " " + address,
        address + " ",
        "0x" + "１" * 40,
        "0x" + digits.swapcase(),
        "eip155:1:" + address,
    ):
        yield message.replace(address, text, 1), MALFORMED
    yield message.replace(address, "0x" + "00" * 20, 1), REJECTED


def shapes(message):
    yield from (
        (text, MALFORMED) for text in (" ", "\n", "{}", message[:-1], message + "\n", message + " ", "\n" + message)
    )
    yield from (
        (text, MALFORMED) for text in (message.replace("\n", "\r\n"), message.replace("\n", "\r"), message + "\r")
    )
    yield from ((text, MALFORMED) for text in ("\ufeff" + message, message + "\u2028", message.replace("\n\n", "\n")))
    yield from (
        (text, MALFORMED) for text in (message.replace("URI: ", "Uri: "), message.replace(": ", ":"), message * 2)
    )
    for name in ("URI", "Version", "Chain ID", "Nonce", "Issued At"):
        line = next(line for line in message.split("\n") if line.startswith(f"{name}: "))
        yield message.replace(line + "\n", ""), MALFORMED
        yield message.replace(line, line + "\n" + line), MALFORMED
        yield message.replace(line, " " + line), MALFORMED
    yield message + "\nRequest ID: none-was-asked-for", REJECTED
    yield message + "\nWeight: 1", MALFORMED
    yield message + "\nResources:", MALFORMED
    yield message + "\nResources:" + "\n- http://a.example" * 17, MALFORMED
    yield message + "\nResources:\n- javascript:alert(1)", MALFORMED
    yield message.replace("Sign in to", "Signé in to"), MALFORMED
    yield message.replace("Sign in to", "Sign in\nto"), MALFORMED
    yield message + "\nResources:" + "\n- http://a.example/" + "x" * 3_800, MALFORMED
    yield message.replace("Sign in to", "x" * 7_000), MALFORMED


@pytest.mark.parametrize(
    "changed", [domains, nonces, moments, chains_and_versions, addresses, shapes], ids=lambda f: f.__name__
)
def test_a17_to_a24_a_text_that_differs_signs_nobody_in(client, alice, changed):
    template = invited(client, alice)
    for number in range(len(list(changed(template)))):
        message, (status, code) = list(changed(invited(client, alice)))[number]
        body = {"message": message, "signature": alice.sign_text(message)}
        assert_refused(client, "auth/verify", body, status, code, ignoring="SignInNonce")
    assert client.get("/api/v1/auth/session").json() == {"address": None}
    assert Account.objects.count() == 0
    sign_in(client, alice)


def test_a18_all_bad_nonces_get_the_same_answer_to_the_letter(client, alice, at):
    answers = set()
    used = invited(client, alice)
    assert send(client, "auth/verify", {"message": used, "signature": alice.sign_text(used)}).status_code == 200
    old = invited(client, alice)
    at(NOON + timedelta(seconds=601))
    never = lines(invited(client, alice), "Nonce: ", "f" * 32)
    foreign = invited(Client(), alice)
    for message in (used, lines(old, "Issued At: ", "2026-11-21T12:10:00Z"), never, foreign):
        answer = send(client, "auth/verify", {"message": message, "signature": alice.sign_text(message)})
        assert answer.status_code == 401
        answers.add(answer.content)
    assert len(answers) == 1


SIGNATURES = [
    (lambda s: "0x" + s[2:].upper(), 401, "siwe_rejected"),
    (lambda s: s[2:], 401, "siwe_rejected"),
    (lambda s: s[:130] + "00", 401, "siwe_rejected"),
    (lambda s: s[:130] + "01", 401, "siwe_rejected"),
    (lambda s: f"{s[:66]}{ORDER - int(s[66:130], 16):064x}{55 - int(s[130:], 16):02x}", 401, "siwe_rejected"),
    (lambda s: s[:130], 401, "siwe_rejected"),
    (lambda _: "0x" + "00" * 65, 401, "siwe_rejected"),
    (lambda s: s[:130] + f"{55 - int(s[130:], 16):02x}", 401, "siwe_rejected"),
    (lambda _: "", 400, "malformed_field"),
    (lambda _: "0x", 400, "malformed_field"),
    (lambda s: s + "00", 400, "malformed_field"),
    (lambda s: s + "\n", 400, "malformed_field"),
    (lambda _: None, 400, "malformed_field"),
    (lambda _: 1, 400, "malformed_field"),
    (lambda s: [s], 400, "malformed_field"),
    (lambda s: s + "\0", 400, "forbidden_character"),
]


def test_a23_a_signature_has_one_spelling_and_is_the_address_s(client, alice, list_community):
    for change, status, code in SIGNATURES:
        message = invited(client, alice)
        body = {"message": message, "signature": change(alice.sign_text(message))}
        assert_refused(client, "auth/verify", body, status, code, ignoring="SignInNonce")
    for name in ("Bob", "Mallory"):
        message = invited(client, alice)
        body = {"message": message, "signature": wallet(name).sign_text(message)}
        assert_refused(client, "auth/verify", body, 401, "siwe_rejected", ignoring="SignInNonce")
    message = invited(client, alice)
    body = {"message": message, "signature": alice.sign_text(message + " ")}
    assert_refused(client, "auth/verify", body, 401, "siwe_rejected", ignoring="SignInNonce")
    assert_problem(
        send(client, "auth/verify", {"message": message, "signature": alice.sign_text(message)}), 401, "siwe_rejected"
    )
    sign_in(client, alice)


BODIES = [
    ({}, "missing_field"),
    ({"message": "x"}, "missing_field"),
    ({"signature": "0x"}, "missing_field"),
    ({"message": None, "signature": "0x"}, "malformed_field"),
    ({"message": "", "signature": "0x"}, "malformed_field"),
    ({"message": 1, "signature": "0x"}, "malformed_field"),
    ({"message": ["x"], "signature": "0x"}, "malformed_field"),
    ({"message": "x" * 8_001, "signature": "0x"}, "malformed_field"),
    ({"message": "x", "signature": "0x", "address": "0x"}, "unknown_field"),
    ({"message": "x", "signature": "0x", "chain_id": 1}, "unknown_field"),
    ({"message": "x", "signature": "0x", "domain": "testserver"}, "unknown_field"),
    ({"message": "x\0", "signature": "0x"}, "forbidden_character"),
    ([], "malformed_json"),
    ("", "missing_field"),
    ("x", "malformed_json"),
]
INVITATIONS = [
    ({}, "missing_field"),
    ({"address": None}, "malformed_field"),
    ({"address": ""}, "malformed_field"),
    ({"address": 1}, "malformed_field"),
    ({"address": "alice.eth"}, "malformed_field"),
    ({"address": "0x" + "１" * 40}, "malformed_field"),
    ({"address": "0x" + "AB" * 20}, "address_checksum"),
    ({"address": "0x" + "ab" * 20, "chain_id": "1"}, "malformed_field"),
    ({"address": "0x" + "ab" * 20, "chain_id": None}, "malformed_field"),
    ({"address": "0x" + "ab" * 20, "chain_id": True}, "malformed_field"),
    ({"address": "0x" + "ab" * 20, "domain": "x"}, "unknown_field"),
    ({"address": "0x" + "ab" * 20 + "\0"}, "forbidden_character"),
]


def test_bodies_that_are_no_sign_in_leave_neither_session_nor_nonce(client, alice):
    for path, table in (("auth/verify", BODIES), ("auth/nonce", INVITATIONS)):
        for body, code in table:
            assert_refused(client, path, body, 400, code)
    body = json.dumps({"address": alice.address}).replace("}", ', "chain_id": 1.0}')
    assert_refused(client, "auth/nonce", body, 400, "malformed_field")
    assert (Session.objects.count(), SignInNonce.objects.count()) == (0, 0)


def test_a20_asking_for_a_chain_that_is_not_ours_gets_a_text_for_one_that_is(client, alice):
    for chain in (0, -1, 1, 2**53, 10**90, 31337):
        message = send(client, "auth/nonce", {"address": alice.address, "chain_id": chain}).json()["message"]
        assert "Chain ID: 31337\n" in message
    assert send(client, "auth/verify", {"message": message, "signature": alice.sign_text(message)}).status_code == 200


SESSION_ONLY = (
    ("post", "drafts"),
    ("put", "drafts/1"),
    ("post", "drafts/1/submit"),
    ("post", "drafts/1/seek-sponsors"),
    ("put", "communities/gardens/statement"),
    ("post", "communities/gardens/chain-delegation"),
    *(("post", f"proposals/0x{'ab' * 32}/{action}") for action in ("cancel", "veto", "pause", "execute")),
    ("patch", f"proposals/0x{'ab' * 32}"),
)


@pytest.mark.parametrize(("method", "path"), SESSION_ONLY, ids=lambda value: value[:30])
def test_what_needs_a_session_needs_one_and_its_token(alice, method, path):
    stranger, member = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    answer = send(stranger, path, {}, method)
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (401, PROBLEM, "not_signed_in")
    sign_in(member, alice)
    before, told = rows(), refusals()
    assert_problem(send(member, path, {}, method), 403, "csrf_failed")
    for headers in ({"X-CSRFToken": "c" * 32}, {"Origin": "https://evil.example"}, {"Authorization": "Bearer x"}):
        answer = getattr(member, method)(f"/api/v1/{path}", "{}", content_type="application/json", headers=headers)
        assert_problem(answer, 403, "csrf_failed")
    assert (rows(), refusals()) == (before, told + 4)


def test_a_cookie_that_is_no_session_is_nobody(alice):
    for value in ("", "x", "a" * 4_000, "%00", "é".encode().hex(), "../../x"):
        client = Client()
        client.cookies["sessionid"] = value
        assert client.get("/api/v1/auth/session").json() == {"address": None}
        assert_problem(send(client, "drafts", {}), 401, "not_signed_in")
