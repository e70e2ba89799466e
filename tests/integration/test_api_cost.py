"""No body of 64 kB costs more than 50 ms of CPU or is a defect, at any address that takes one; nor does a long address.

The bound is on the CPU time of this process (`time.process_time`), for the whole request through the test client. The
machine may be busy with other things, so the best of several repeats decides, and only where the first one was too slow.
"""

import json
import time
from functools import partial

import pytest
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st

from governance import services
from governance.models import Account
from governance.tally import METHODS
from tests.integration.commons import charter_of_members, end_of, found
from tests.integration.conftest import NOON, query
from tests.integration.strangers import JSON, ballot_of, generated, send
from tests.simulators.wallets import wallet

CPU_SECONDS_MAX = 0.05
REPEATS = 5
SIZE = 63_500
MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
MANY = [f"Choice {number}" for number in range(50)]


def cost(request):
    """Return the answer of a request, and its CPU time in seconds: the least of some repeats."""
    least = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        answer = request()
        least = min(least, time.process_time() - began)
        if least < CPU_SECONDS_MAX:
            break
    return answer, least


def assert_cheap(request, *told):
    answer, seconds = cost(request)
    # 503: no chain listens here, and what asks one says so.
    assert answer.status_code < 500 or (answer.status_code == 503 and answer.json()["code"] == "chain_unavailable"), (
        told
    )
    assert seconds < CPU_SECONDS_MAX, (*told, answer.status_code, seconds)
    return answer


SETTINGS = {"VOTING_PERIOD_SECONDS_MIN": 1, "CHAIN_RPC": "http://127.0.0.1:9", "OPEN_PROPOSALS_PER_AUTHOR": 20}


@pytest.fixture(scope="module")
def made(module_db, django_db_blocker):
    """A community with an open vote by each method and a draft that seeks sponsors, for all tests of this module."""
    with django_db_blocker.unblock(), override_settings(**SETTINGS):
        commons = found(NOON, MEMBERS)
        votes = {}
        for name in METHODS:
            binary = METHODS[name].binary
            votes[name] = commons.propose(
                "text_signal" if binary else "poll",
                None if binary else {"question": "Which?", "choices": MANY},
                method=name,
            )
        sought = services.seek_sponsors(commons.draft().pk, commons.address("Alice"), NOON)
        return commons, votes, sought, commons.draft()


@pytest.fixture
def place(made, db, at, settings):
    """The same for one test, with Alice signed in; what it changes in the database is taken back."""
    for name, value in SETTINGS.items():
        setattr(settings, name, value)
    commons, votes, sought, own = made
    at(votes["governor"].opens_at)
    client = Client()
    client.force_login(Account.objects.get_or_create(address=commons.address("Alice"))[0])
    return commons, client, votes, sought, own


def writable(place):
    """Yield (method, path) of everything that takes a body."""
    _, _, votes, sought, own = place
    proposal = votes["governor"].public_id
    yield from (("post", path) for path in ("ballots", "auth/nonce", "auth/verify", "auth/logout", "drafts"))
    yield from (("post", f"proposals/{proposal}/{action}") for action in ("cancel", "veto", "pause", "execute"))
    yield from (("post", f"drafts/{own.pk}/{action}") for action in ("seek-sponsors", "sponsors"))
    yield from (("post", f"communities/gardens/{rest}") for rest in ("delegations", "chain-delegation"))
    yield from (("put", "communities/gardens/statement"), ("put", f"drafts/{sought.pk}"))
    yield "patch", f"proposals/{proposal}"


def fill(unit, before=b"", after=b"", join=b"", size=SIZE):
    """Return as many copies of a piece as fit."""
    count = (size - len(before) - len(after)) // (len(unit) + len(join))
    return before + join.join([unit] * count) + after


BODIES = {
    "nothing but opening brackets": b"[" * SIZE,
    "opening braces": fill(b'{"a":'),
    "brackets, open and closed": fill(b"[]", b"[", b"]", b","),
    "depth 16, many times": fill(b"[" * 15 + b"]" * 15, b"[", b"]", b","),
    "many keys": b"{" + b",".join(b'"k%05d":1' % n for n in range(SIZE // 11)) + b"}",
    "one key, many times": fill(b'"a":1', b"{", b"}", b","),
    "empty keys": fill(b'"":1', b"{", b"}", b","),
    "numbers of 100 digits": fill(b"9" * 100, b'{"a":[', b"]}", b","),
    "one number of 60,000 digits": b'{"nonce":' + b"9" * 60_000 + b"}",
    "many exponents": fill(b"1e308", b'{"a":[', b"]}", b","),
    "tiny exponents": fill(b"1e-9", b'{"a":[', b"]}", b","),
    "a huge exponent": b'{"nonce":1e' + b"9" * 90 + b"}",
    "escapes": fill(b"\\u0041", b'{"title":"', b'"}'),
    "escaped pairs of surrogates": fill(b"\\ud83d\\ude00", b'{"title":"', b'"}'),
    "half pairs": fill(b"\\ud83d", b'{"title":"', b'"}'),
    "backslashes": fill(b"\\\\", b'{"title":"', b'"}'),
    "quotes that never close": fill(b'"', b'{"a":['),
    "quotes and brackets": fill(b'"[', b"["),
    "white space": fill(b" ", b"{", b"}"),
    "NUL": fill(b"\\u0000", b'{"title":"', b'"}'),
    "letters": fill(b"x", b'{"title":"', b'"}'),
    "combining accents": fill("\u0301".encode(), b'{"title":"e', b'"}'),
    "emoji": fill("😀".encode(), b'{"title":"', b'"}'),
    "the longest ligature": fill("\ufdfa".encode(), b'{"title":"', b'"}'),
    "no UTF-8": b"\xff" * SIZE,
    "cut in a character": fill("é".encode(), b'{"title":"')[:-1],
    "64,001 bytes": b'{"a":"' + b"x" * 64_000 + b'"}',
    "a megabyte": b'{"a":"' + b"x" * 1_000_000 + b'"}',
}


@pytest.mark.parametrize("name", BODIES)
def test_no_body_of_64_kb_costs_more_than_50_ms_or_is_a_defect_anywhere(place, name):
    _, client, *_ = place
    body = BODIES[name]
    for method, path in writable(place):
        for who in (client, Client()):
            request = partial(send, who, path, body, method)
            answer = assert_cheap(request, method, path)
            reads_it = (
                path.rpartition("/")[2] not in {"execute", "seek-sponsors", "logout", "submit"} and method != "patch"
            )
            if len(body) > 64_000 and reads_it and answer.status_code != 401:
                assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), path


def long_choices():
    places = [str(n) for n in range(1, 51)]
    yield [1] * 30_000
    yield list(range(1, 11_000))
    yield [[1]] * 15_000
    yield {str(n): 1 for n in range(1, 6_000)}
    yield {place: 9 * 10**98 + int(place) for place in places}
    yield {place: 2**53 - 1 - int(place) for place in places}
    yield dict.fromkeys(places, "9" * 1200)
    yield {"0": "9" * 20_000, "1": "9" * 20_000}
    yield {"1": "9" * 60_000}
    yield {"9" * 60_000: 1}
    yield [10**99] * 600
    yield "x" * 60_000
    yield {"1": {"1": {"1": {"1": [1] * 20_000}}}}


def test_no_choice_of_64_kb_costs_more_than_50_ms_in_any_method(place):
    commons, client, votes, *_ = place
    for name, proposal in votes.items():
        for choice in long_choices():
            body = {"proposal": proposal.public_id, "voter": commons.address("Bob"), "choice": choice, "nonce": 1}
            text = json.dumps({**body, "signature": "0x" + "11" * 64 + "1b"}, separators=(",", ":"))
            assert len(text) < 64_000
            answer = assert_cheap(partial(send, client, "ballots", text), name)
            assert answer.status_code in {400, 422}, (name, answer.content)


def test_the_dearest_good_ballot_costs_less_than_50_ms(place):
    """Fifty choices, weights as different and as large as can be signed, with the longest reason."""
    commons, client, votes, *_ = place
    weights = {str(n): 2**53 - 1 - n * n for n in range(1, 51)}
    dearest = {"weighted": weights, "quadratic": weights, "approval": list(range(1, 51)), "stv": list(range(50, 0, -1))}
    for name, choice in dearest.items():
        body = ballot_of(commons, votes[name], "Bob", choice, "😀" * 2_000)
        address = f"proposals/{votes[name].public_id}/ballot-message"
        asked = query(voter=commons.address("Bob"), choice=json.dumps(choice), reason="x" * 2_000)
        assert_cheap(lambda address=address, asked=asked: client.get(f"/api/v1/{address}?{asked}"), name)
        assert send(client, "ballots", body).status_code == 201
        assert_cheap(partial(send, client, "ballots", body), name)
        assert services.close_voting(votes[name].pk, end_of(votes[name])).passed is not None


def long_payloads():
    good = charter_of_members(MEMBERS)
    rules = good["tiers"]["standard"]
    person = {"address": "0x" + "ab" * 20, "name": "A"}
    members = {wallet(f"Member {n}").address: "1" for n in range(950)}
    yield "text_signal", {"statement": " " * 60_000}
    yield "text_signal", {"statement": "\n" * 25_000}
    yield "poll", {"question": "Q", "choices": [""] * 15_000}
    yield "poll", {"question": "Q", "choices": ["x" * 1_200] * 50}
    yield "poll", {"question": "Q", "choices": ["\ufdfa" * 120 + str(n) for n in range(50)]}
    yield "poll", {"question": "Q", "choices": [" " * 1_200 + str(n) for n in range(50)]}
    yield "poll", {"question": "Q", "choices": ["\u200b" * 110 + str(n) for n in range(50)]}
    yield "council_election", {"seats": 1, "term_days": 1, "candidates": [person] * 900}
    yield "council_election", {"seats": 1, "term_days": 1, "candidates": [{}] * 15_000}
    yield (
        "governance_rules",
        {"charter": {**good, "tiers": {f"t{n}": rules for n in range(12)}, "kinds": {"default": "t0"}}},
    )
    yield "governance_rules", {"charter": {**good, "tiers": {f"t{n}": {} for n in range(5_000)}}}
    yield (
        "governance_rules",
        {"charter": {**good, "kinds": {"default": "standard", **{f"k{n}": "standard" for n in range(2_500)}}}},
    )
    yield "governance_rules", {"charter": {**good, "tiers": {"a" * 60_000: rules}}}
    yield "governance_rules", {"charter": {**good, "tiers": {"standard": {**rules, "quorum_votes": "9" * 60_000}}}}
    yield (
        "governance_rules",
        {"charter": {**good, "power": {"source": "fixed_list", "parameters": {"members": members}}}},
    )
    yield "governance_rules", {"charter": {**good, "power": {"source": "x" * 60_000, "parameters": {}}}}
    yield "ethics_rule", {"slug": "a-" * 30_000}
    yield (
        "ethics_rule",
        {"slug": "a", "title": "T", "metric": "m" * 30_000, "comparator": [], "bound": "9" * 29_000, "scope": {}},
    )
    yield "dataset_inclusion", {"digest": "0" * 60_000}
    yield "model_update", {"spec": {"_" * 60_000: 1}}
    yield "model_update", {"spec": {f"k{n}": [] for n in range(5_000)}}


def test_no_payload_of_64_kb_costs_more_than_50_ms_to_refuse_or_keep(place):
    _, client, *_ = place
    for kind, payload in long_payloads():
        for text in ("", "x" * 2_000):
            body = json.dumps(
                {"community": "gardens", "kind": kind, "title": "T", "text": text, "payload": payload},
                separators=(",", ":"),
            )
            assert_cheap(partial(send, client, "drafts", body), kind, str(payload)[:60])


def test_a_sign_in_text_of_8_kb_costs_less_than_50_ms(place):
    _, client, *_ = place
    for text in (
        "a" * 8_000,
        "a." * 2_000 + " wants you to sign in with your Ethereum account:",
        "\n" * 4_000,
        "http://" + "a:" * 1_900 + " wants you to sign in with your Ethereum account:\n0x",
        ("testserver wants you to sign in with your Ethereum account:\n" * 65)[:4_000],
    ):
        assert_cheap(partial(send, client, "auth/verify", {"message": text, "signature": "0x" + "11" * 65}), text[:20])


LONG = ["x" * SIZE, "9" * SIZE, "%00" * 20_000, "[" * SIZE, "%5b" * 20_000, "&a=1" * 900, "é" * 10_000, "a." * 30_000]


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:6])
def test_no_address_of_64_kb_costs_more_than_50_ms_or_is_a_defect(place, text):
    _, client, votes, sought, _ = place
    proposal = votes["governor"].public_id
    for path, name in (
        ("proposals", "community"),
        ("proposals", "state"),
        ("proposals", "page"),
        ("communities", "page_size"),
        ("communities/gardens/delegation-message", "topic"),
        ("communities/gardens/delegation-message", "share_bps"),
        ("communities/gardens/chain-delegation", "delegator"),
        ("communities/gardens/log/entries", "start"),
        (f"proposals/{proposal}/ballot-message", "choice"),
        (f"proposals/{proposal}/ballot-message", "reason"),
        (f"proposals/{proposal}/eligibility", "voter"),
        (f"proposals/{proposal}/census", "page"),
        (f"drafts/{sought.pk}/sponsorship-message", "sponsor"),
    ):
        assert_cheap(lambda path=path, name=name: client.get(f"/api/v1/{path}?{name}={text}"), path, name)
    for path in ("communities/{}", "communities/gardens/delegates/{}", "proposals/{}", "records/{}", "drafts/{}", "{}"):
        assert_cheap(lambda path=path: client.get(f"/api/v1/{path.format(text)}"), path)


# --- whatever else ------------------------------------------------------------------------------------------------

FIELDS = {
    "ballots": ("proposal", "voter", "choice", "reason", "nonce", "signature"),
    "auth/nonce": ("address", "chain_id"),
    "auth/verify": ("message", "signature"),
    "drafts": ("community", "kind", "title", "text", "payload", "method", "seats", "opens_at", "voting_period_seconds"),
    "communities/gardens/delegations": (
        "delegator",
        "delegate",
        "topic",
        "share_bps",
        "expires_at",
        "nonce",
        "signature",
    ),
    "communities/gardens/chain-delegation": ("delegator", "delegatee", "nonce", "expiry", "signature"),
}


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: path.rpartition("/")[2])
def test_no_generated_body_is_a_defect_or_dear(place, path):
    commons, client, votes, *_ = place
    good = {
        "ballots": ballot_of(commons, votes["fractional"], "Bob", {"1": "3"}),
        "drafts": {
            "community": "gardens",
            "kind": "poll",
            "title": "T",
            "payload": {"question": "Q", "choices": ["a", "b"]},
        },
        "communities/gardens/delegations": commons.sign_delegation("Bob", "Alice").__dict__,
    }.get(path, {})

    @generated
    @given(st.dictionaries(st.sampled_from(FIELDS[path]), JSON, max_size=3), JSON)
    def send_it(changes, other):
        for body in ({**good, **changes}, changes, other):
            assert_cheap(partial(send, client, path, body), path, body)

    send_it()
