"""Variations of list A for ballots: every spelling of a signature, a choice, a number, an address and an id but one.

Each is refused with its code, changes no row, leaves one line in the audit log, and harms nobody: the good ballot that it
was made from is accepted afterwards.
"""

import base64
import json
from datetime import timedelta

import pytest

from governance import services
from tests.integration.conftest import FOR, NOON, query
from tests.integration.strangers import ORDER, Voting, assert_problem, assert_refused, ballot_of, refusals, rows, send

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
OPEN = NOON + timedelta(seconds=50)


@pytest.fixture
def commons(list_community, at):
    at(OPEN)
    return list_community(MEMBERS)


@pytest.fixture
def voting(commons, client):
    return Voting(commons, client)


def parts(signature):
    return int(signature[2:66], 16), int(signature[66:130], 16), int(signature[130:], 16)


def written(r, s, v):
    return f"0x{r:064x}{s:064x}{v:02x}"


def der(signature):
    def number(value):
        data = value.to_bytes(33, "big").lstrip(b"\0")
        data = b"\0" + data if data[0] & 0x80 else data
        return b"\x02" + bytes([len(data)]) + data

    r, s, _ = parts(signature)
    body = number(r) + number(s)
    return "0x" + (b"\x30" + bytes([len(body)]) + body).hex()


def compact(signature):
    """Return the 64 bytes of EIP-2098, with the parity in the highest bit of s."""
    r, s, v = parts(signature)
    return f"0x{r:064x}{s | (v - 27) << 255:064x}"


OTHER_SPELLINGS = {
    "0X": lambda g: "0X" + g[2:],
    "no prefix": lambda g: g[2:],
    "upper case": lambda g: "0x" + g[2:].upper(),
    "upper case with 0X": lambda g: g.upper(),
    "one letter upper case": lambda g: g[:2] + g[2:].replace("a", "A", 1).replace("b", "B", 1),
    "high s with the other v": lambda g: written(parts(g)[0], ORDER - parts(g)[1], 55 - parts(g)[2]),
    "high s with the same v": lambda g: written(parts(g)[0], ORDER - parts(g)[1], parts(g)[2]),
    "s one above the half": lambda g: written(parts(g)[0], ORDER // 2 + 1, parts(g)[2]),
    "EIP-2098": compact,
    **{
        f"v {v}": (lambda g, v=v: g[:130] + f"{v:02x}") for v in (0, 1, 2, 26, 29, 30, 31, 34, 35, 36, 37, 38, 127, 255)
    },
}
IMPOSSIBLE = {
    "the other v": lambda g: written(*parts(g)[:2], 55 - parts(g)[2]),
    "r is the order": lambda g: written(ORDER, *parts(g)[1:]),
    "r is all ones": lambda g: "0x" + "f" * 64 + g[66:],
    "r is one off": lambda g: written(parts(g)[0] ^ 1, *parts(g)[1:]),
    "s is the order": lambda g: written(parts(g)[0], ORDER, parts(g)[2]),
    "s is all ones": lambda g: written(parts(g)[0], 2**256 - 1, parts(g)[2]),
    "s is one off": lambda g: written(parts(g)[0], parts(g)[1] ^ 1, parts(g)[2]),
    "r and s exchanged": lambda g: written(min(parts(g)[:2]), min(parts(g)[:2]), parts(g)[2]),
    "all one": lambda _: "0x" + "01" * 64 + "1b",
}
NO_SIGNATURES = {
    "empty": lambda _: "",
    "0x": lambda _: "0x",
    "one digit less": lambda g: g[:-1],
    "one digit more": lambda g: g + "0",
    "66 bytes": lambda g: g + "00",
    "EIP-1271 padding": lambda g: g + "00" * 31,
    "a space before": lambda g: " " + g,
    "a space after": lambda g: g + " ",
    "a line feed after": lambda g: g + "\n",
    "twice 0x": lambda g: "0x" + g,
    "a sign": lambda g: "0x-" + g[3:],
    "underscores": lambda g: g[:66] + "_" + g[66:],
    "full-width digits": lambda g: "0x" + g[2:].translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
    "a letter beyond f": lambda g: g[:-1] + "g",
    "a Cyrillic а": lambda g: g[:4] + "а" + g[5:],
    "base64": lambda g: base64.b64encode(bytes.fromhex(g[2:])).decode(),
    "DER": der,
    "50 kB": lambda _: "0x" + "00" * 25_000,
    "a number": lambda g: parts(g)[0] % 2**53,
    "null": lambda _: None,
    "true": lambda _: True,
    "a list": lambda g: [g],
    "an object": lambda g: {"r": g[:66]},
}


def test_a1_to_a4_a_signature_has_one_spelling(voting):
    voting.open()
    good = voting.ballot["signature"]
    for table, status, code in (
        (OTHER_SPELLINGS, 422, "signature_not_canonical"),
        (IMPOSSIBLE, 422, "signature_invalid"),
        (NO_SIGNATURES, 400, "malformed_field"),
    ):
        for change in table.values():
            voting.refuses({"signature": change(good)}, status, code)
    voting.refuses({"signature": good + "\0"}, 400, "forbidden_character")
    voting.refuses({"signature": good + "\ud800"}, 400, "forbidden_character")
    voting.still_takes_the_good_one()


NUMBERS = ["1", "", None, True, False, -1, -(2**63), 2**53, 2**63, 2**64, 10**99, [1], {"n": 1}, "１", "0x1", "1e0"]


def test_a6_and_a12_a_nonce_is_a_whole_number_that_rises(voting, client, commons):
    voting.open()
    for nonce in NUMBERS:
        voting.refuses({"nonce": nonce}, 400, "malformed_field")
    for nonce in (0, 2, 2**53 - 1):
        voting.refuses({"nonce": nonce}, 422, "signature_invalid")
    for text in ("1.0", "1e0", "1E0", "10e-1", "0.1e1"):
        body = json.dumps(voting.ballot).replace('"nonce": 1', f'"nonce": {text}')
        assert_refused(client, "ballots", body, 400, "malformed_field")
    for text in ("01", "+1", "1_0", "0x1", "１", "NaN", "Infinity", "-Infinity", "1.", ".1", "1e", "- 1"):
        body = json.dumps(voting.ballot).replace('"nonce": 1', f'"nonce": {text}')
        assert_refused(client, "ballots", body, 400, "malformed_json")
    voting.still_takes_the_good_one()
    first, second = voting.ballot, ballot_of(commons, voting.proposal, "Alice", 0)
    assert send(client, "ballots", second).status_code == 201
    assert send(client, "ballots", first).status_code == 200, "what was accepted once is answered for ever"
    for nonce, code in ((0, "ballot_superseded"), (1, "nonce_conflict"), (2, "nonce_conflict")):
        assert_refused(client, "ballots", signed_with(commons, voting.proposal, nonce), 409, code)


def signed_with(commons, proposal, nonce, choice=2):
    """Return a ballot that Alice really signed with this nonce."""
    alice = commons.wallet("Alice")
    offer = services.offer_ballot(proposal, alice.address, choice, "", OPEN)
    typed = {**offer.typed_data, "message": {**offer.typed_data["message"], "nonce": nonce}}
    values = {"choice": choice, "reason": "", "nonce": nonce, "signature": alice.sign(typed)}
    return {"proposal": proposal.public_id, "voter": alice.address, **values}


def test_a_ballot_with_the_last_nonce_is_the_last_one_and_the_message_for_another_says_so(voting, client, commons):
    voting.open()
    assert send(client, "ballots", signed_with(commons, voting.proposal, 2**53 - 1)).status_code == 201
    address = f"/api/v1/proposals/{voting.proposal.public_id}/ballot-message"
    answer = client.get(f"{address}?{query(voter=commons.address('Alice'), choice=1)}")
    assert_problem(answer, 409, "nonce_exhausted")


EXTRA = [
    "weight",
    "power",
    "Choice",
    "choice ",
    "sig",
    "voter_key",
    "cast_at",
    "id",
    "__proto__",
    "constructor",
    "рroposal",
]


def test_a7_a_ballot_has_these_fields_and_no_others(voting, client):
    voting.open()
    for name in EXTRA:
        voting.refuses({name: 1}, 400, "unknown_field")
    for name in ("proposal", "voter", "choice", "nonce", "signature"):
        body = {key: value for key, value in voting.ballot.items() if key != name}
        assert_refused(client, "ballots", body, 400, "missing_field")
    for name in voting.ballot:
        body = json.dumps(voting.ballot)[:-1] + f', "{name}": {json.dumps(voting.ballot[name])}}}'
        assert_refused(client, "ballots", body, 400, "duplicate_key")
    body = json.dumps(voting.ballot)[:-1] + ', "\\u0063hoice": 0}'
    assert_refused(client, "ballots", body, 400, "duplicate_key")
    for body in ("null", "1", '"x"', "[]", "true", " ", "\0", "{}{}", "{'choice': 1}", "/**/{}", '{"choice": 1,}'):
        before, told = rows(), refusals()
        answer = send(client, "ballots", body)
        assert answer.status_code == 400, (body, answer.content)
        assert (rows(), refusals()) == (before, told + 1)
    voting.still_takes_the_good_one()


def test_a8_every_field_that_was_signed_for_something_else_is_refused(voting, client, commons):
    voting.open()
    alice = commons.wallet("Alice")
    offer = services.offer_ballot(voting.proposal, alice.address, FOR, "", OPEN).typed_data
    for field, value in (
        ("name", "Commonweights "),
        ("name", "commonweights"),
        ("name", ""),
        ("version", "1.0"),
        ("version", ""),
        ("chainId", 31338),
        ("chainId", 1),
        ("verifyingContract", commons.address("Alice")),
        ("verifyingContract", "0x" + "00" * 20),
    ):
        signature = alice.sign({**offer, "domain": {**offer["domain"], field: value}})
        voting.refuses({"signature": signature}, 422, "signature_invalid")
    for field, value in (
        ("instance", "https://testserver"),
        ("instance", "http://testserver/"),
        ("instance", ""),
        ("community", "gardens "),
        ("community", "Gardens"),
        ("proposal", "0x" + "00" * 32),
        ("voter", commons.address("Bob")),
        ("choice", 0),
        ("reason", " "),
        ("nonce", 2),
    ):
        signature = alice.sign({**offer, "message": {**offer["message"], field: value}})
        voting.refuses({"signature": signature}, 422, "signature_invalid")
    renamed = json.loads(json.dumps(offer).replace('"Ballot"', '"Vote"'))
    voting.refuses({"signature": alice.sign(renamed)}, 422, "signature_invalid")
    voting.refuses({"signature": alice.sign_text(json.dumps(offer))}, 422, "signature_invalid")
    voting.still_takes_the_good_one()


def addresses_that_are_none(address):
    digits = address[2:]
    yield from (
        "",
        "0x",
        digits,
        "0X" + digits,
        address + " ",
        " " + address,
        address + "\n",
        address[:-1],
        address + "0",
    )
    yield from ("alice.eth", "0x" + "g" * 40, "0x" + "１" * 40, "0x" + digits[:39] + "а", address + "00" * 12)
    yield from (None, True, 1, int(address, 16), [address], {"address": address}, "0x" * 21, "x" * 50_000)


def test_a9_and_a10_an_address_has_two_spellings_and_is_the_signer_s(voting, commons):
    voting.open()
    good = voting.ballot["voter"]
    for text in addresses_that_are_none(good):
        voting.refuses({"voter": text}, 400, "malformed_field")
    swapped = next(good[:at] + good[at].swapcase() + good[at + 1 :] for at in range(2, 42) if good[at].isalpha())
    for text in (swapped, "0x" + good[2:].upper(), "0x" + good[2:].swapcase()):
        voting.refuses({"voter": text}, 400, "address_checksum")
    for name in ("Bob", "Mallory"):
        voting.refuses({"voter": commons.address(name)}, 422, "signature_invalid")
    voting.refuses({"voter": "0x" + "00" * 20}, 422, "signature_invalid")
    voting.still_takes_the_good_one()


def test_a11_the_same_ballot_in_other_bytes_is_the_same_ballot(voting, client):
    voting.open(reason="Parce que l’eau")
    first = send(client, "ballots", voting.ballot)
    assert first.status_code == 201
    good, count = voting.ballot, rows()
    others = [
        json.dumps(good, indent=4),
        json.dumps(good, ensure_ascii=False),
        json.dumps(dict(reversed(good.items()))),
        json.dumps({**good, "voter": good["voter"].lower()}),
        json.dumps(good).replace("0x", "\\u0030x"),
        "\n\t " + json.dumps(good) + "\r\n",
    ]
    for body in others:
        answer = send(client, "ballots", body)
        assert (answer.status_code, answer.content) == (200, first.content)
    assert rows() == count


def test_a13_the_window_is_open_from_its_first_second_to_the_one_before_its_last(voting, client, at):
    voting.open()
    opens, closes = voting.proposal.opens_at, voting.proposal.closes_at
    for moment, code in (
        (opens - timedelta(days=365), "voting_not_open"),
        (opens - timedelta(microseconds=1), "voting_not_open"),
        (closes, "voting_closed"),
        (closes + timedelta(microseconds=1), "voting_closed"),
        (closes + timedelta(days=3_650), "voting_closed"),
    ):
        at(moment)
        voting.refuses({}, 409, code)
    at(closes - timedelta(microseconds=1))
    voting.still_takes_the_good_one()
    at(closes + timedelta(days=1))
    assert send(client, "ballots", voting.ballot).status_code == 200


def test_a14_who_has_no_power_in_the_census_has_no_ballot(voting, client, commons):
    voting.open()
    address = f"/api/v1/proposals/{voting.proposal.public_id}/ballot-message"
    for voter in (commons.address("Mallory"), "0x" + "00" * 20, "0x" + "ff" * 20):
        assert_problem(client.get(f"{address}?{query(voter=voter, choice=1)}"), 422, "no_voting_power")
    mallory = commons.wallet("Mallory")
    offer = services.offer_ballot(voting.proposal, commons.address("Alice"), FOR, "", OPEN).typed_data
    typed = {**offer, "message": {**offer["message"], "voter": mallory.address}}
    voting.refuses({"voter": mallory.address, "signature": mallory.sign(typed)}, 422, "no_voting_power")
    voting.still_takes_the_good_one()


BAD_REASONS = [
    ("x" * 2_001, 400, "length_out_of_range"),
    ("\u05d0" * 2_001, 400, "length_out_of_range"),
    ("😀" * 2_001, 400, "length_out_of_range"),
    ("e\u0301" * 1_001, 400, "length_out_of_range"),
    ("x" * 50_001, 413, "too_large"),
    ("\\" * 25_001, 413, "too_large"),
    ("\x00", 400, "forbidden_character"),
    ("a\x00b", 400, "forbidden_character"),
    ("\ud800", 400, "forbidden_character"),
    ("\udfff", 400, "forbidden_character"),
    ("\udc00\ud800", 400, "forbidden_character"),
    (None, 400, "malformed_field"),
    (1, 400, "malformed_field"),
    (True, 400, "malformed_field"),
    ([], 400, "malformed_field"),
    ({}, 400, "malformed_field"),
    (" ", 422, "signature_invalid"),
    ("\u200b", 422, "signature_invalid"),
    ("because", 422, "signature_invalid"),
]
GOOD_REASONS = [
    "x" * 2_000,
    "😀" * 2_000,
    " spaces stay ",
    "\u202eright to left\u202c",
    "\u05e9\u05dc\u05d5\u05dd",
    "<script>alert(1)</script>",
    "%(found)s {0} ${x} {{ 7*7 }}",
    "' OR 1=1; --",
    "\ufeff\u2028\u2029\x7f\x01\x1b[31m",
    "\ufffe\uffff\U0010ffff",
    "e\u0301 is not é",
]


def test_a15_a_reason_is_text_of_at_most_2000_characters(voting):
    voting.open()
    for reason, status, code in BAD_REASONS:
        voting.refuses({"reason": reason}, status, code)
    voting.still_takes_the_good_one()


def test_a15_any_such_text_is_kept_as_it_was_signed_and_shown_escaped(voting, client, commons):
    voting.open()
    for reason in GOOD_REASONS:
        body = ballot_of(commons, voting.proposal, "Bob", FOR, reason)
        answer = send(client, "ballots", body)
        assert answer.status_code == 201, answer.content
        assert answer.json()["receipt"]["reason"] == reason
        page = client.get(answer.json()["url"])
        assert (page.status_code, b"<script>alert" in page.content) == (200, False)


def ids_that_are_none(good):
    digits = good[2:]
    yield from ("", "0x", digits, "0X" + digits, "0x" + digits.upper(), good[:-1], good + "0", " " + good, good + "\n")
    yield from (
        "1",
        1,
        0,
        None,
        True,
        [good],
        {"id": good},
        "0x" + "１" * 64,
        "0x" + "g" * 64,
        digits + "0x",
        "../../x",
    )
    yield from ("0x" + digits[:63] + "а", "0x" * 33, "x" * 50_000, f"0x{int(digits, 16):066x}")


def test_a16_an_id_has_one_spelling(voting, client):
    voting.open()
    for text in ids_that_are_none(voting.ballot["proposal"]):
        voting.refuses({"proposal": text}, 400, "malformed_field")
    voting.refuses({"proposal": "0x" + "00" * 32}, 404, "unknown_proposal")
    voting.refuses({"proposal": f"0x{voting.proposal.community.record_id}"}, 404, "unknown_proposal")
    voting.refuses({"proposal": voting.ballot["proposal"] + "\0"}, 400, "forbidden_character")
    voting.still_takes_the_good_one()
