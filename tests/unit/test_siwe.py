"""Sign-in texts: the one accepted form, the policy, and time that grows no faster than the text."""

import contextlib
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import coincurve
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance import eip712, siwe
from governance.siwe import SiweError, SiweMessage

KEY = coincurve.PrivateKey(bytes(31) + b"\x01")
ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
MESSAGE = SiweMessage(
    domain="commons.example",
    address=ADDRESS,
    uri="https://commons.example/sign-in",
    chain_id=1,
    nonce="abcdefgh12345678",
    issued_at=NOW,
    statement="Sign in to the water commons.",
    expiration_time=NOW + timedelta(minutes=10),
)
FULL = replace(
    MESSAGE,
    scheme="https",
    not_before=NOW,
    request_id="request-1",
    resources=("https://commons.example/rules", "https://commons.example/a?b=c#d"),
)
TEXT = siwe.render(MESSAGE)
FULL_TEXT = siwe.render(FULL)
POLICY: dict[str, Any] = {
    "now": NOW,
    "domains": {"commons.example"},
    "chain_ids": {1},
    "nonce": "abcdefgh12345678",
}


def sign(text: str, key: coincurve.PrivateKey = KEY) -> str:
    raw = key.sign_recoverable(eip712.personal_message_digest(text), hasher=None)
    return "0x" + raw[:64].hex() + f"{raw[64] + 27:02x}"


def refusal_of(text: Any) -> SiweError:
    with pytest.raises(SiweError) as refusal:
        siwe.parse(text)
    return refusal.value


def meaning_of(text: str) -> SiweMessage | None:
    """Return what a text means, None if it is malformed; any other refusal is an error of ours."""
    try:
        return siwe.parse(text)
    except SiweError as error:
        if error.code != "siwe_malformed":
            raise
        return None


# --- the good case ---


def test_a_signed_text_of_this_site_signs_in() -> None:
    assert siwe.verify(TEXT, sign(TEXT), **POLICY) == MESSAGE
    assert siwe.verify(FULL_TEXT, sign(FULL_TEXT), **POLICY, request_id="request-1") == FULL


def test_the_text_is_the_one_of_the_standard() -> None:
    expected = (
        "commons.example wants you to sign in with your Ethereum account:\n"
        f"{ADDRESS}\n"
        "\n"
        "Sign in to the water commons.\n"
        "\n"
        "URI: https://commons.example/sign-in\n"
        "Version: 1\n"
        "Chain ID: 1\n"
        "Nonce: abcdefgh12345678\n"
        "Issued At: 2026-11-21T12:00:00Z\n"
        "Expiration Time: 2026-11-21T12:10:00Z"
    )
    assert expected == TEXT


def test_a_text_without_a_statement_keeps_the_two_empty_lines() -> None:
    text = siwe.render(replace(MESSAGE, statement=None))
    assert f"{ADDRESS}\n\n\nURI: " in text
    assert siwe.parse(text).statement is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T12:00:00Z", NOW),
        ("2026-11-21T13:00:00+01:00", NOW),
        ("2026-11-21T06:30:00-05:30", NOW),
        ("2026-11-21T12:00:00-00:00", NOW),
        ("2026-11-21T12:00:00.5Z", NOW.replace(microsecond=500_000)),
        ("2026-11-21T12:00:00.123456789Z", NOW.replace(microsecond=123_456)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_times_of_the_standard_are_read(text: str, moment: datetime) -> None:
    assert siwe.parse(TEXT.replace("2026-11-21T12:00:00Z", text)).issued_at == moment


# --- A21, A22, A24 and their kin: malformed ---

LINES = FULL_TEXT.split("\n")


def swapped(first: int, second: int) -> str:
    lines = list(LINES)
    lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)


def without(line: int) -> str:
    return "\n".join(LINES[:line] + LINES[line + 1 :])


def doubled(line: int) -> str:
    return "\n".join([*LINES[: line + 1], *LINES[line:]])


MALFORMED: dict[str, Any] = {
    "A21 lower-case address": TEXT.replace(ADDRESS, ADDRESS.lower()),
    "upper-case address": TEXT.replace(ADDRESS, "0x" + ADDRESS[2:].upper()),
    "wrong checksum": TEXT.replace(ADDRESS, ADDRESS.replace("E", "e", 1)),
    "short address": TEXT.replace(ADDRESS, ADDRESS[:-1]),
    "A22 CRLF": TEXT.replace("\n", "\r\n"),
    "CR only": TEXT.replace("\n", "\r"),
    "one CR": TEXT.replace("\nNonce", "\r\nNonce"),
    "A22 trailing line feed": TEXT + "\n",
    "leading line feed": "\n" + TEXT,
    "trailing space": TEXT + " ",
    "A22 two nonce lines": doubled(8),
    "A24 version 2": TEXT.replace("Version: 1", "Version: 2"),
    "version 01": TEXT.replace("Version: 1", "Version: 01"),
    "version full-width": TEXT.replace("Version: 1", "Version: １"),
    "no version value": TEXT.replace("Version: 1", "Version: "),
    "lower-case field name": TEXT.replace("Nonce:", "nonce:"),
    "no space after the colon": TEXT.replace("Nonce: ", "Nonce:"),
    "two spaces after the colon": TEXT.replace("Nonce: ", "Nonce:  "),
    "nonce of seven": TEXT.replace("abcdefgh12345678", "abcdefg"),
    "nonce with a dash": TEXT.replace("abcdefgh12345678", "abcdefgh-12345678"),
    "nonce without end": TEXT.replace("abcdefgh12345678", "a" * 97),
    "nonce empty": TEXT.replace("abcdefgh12345678", ""),
    "chain id with a leading zero": TEXT.replace("Chain ID: 1", "Chain ID: 01"),
    "chain id zero": TEXT.replace("Chain ID: 1", "Chain ID: 0"),
    "chain id hex": TEXT.replace("Chain ID: 1", "Chain ID: 0x1"),
    "chain id negative": TEXT.replace("Chain ID: 1", "Chain ID: -1"),
    "chain id signed": TEXT.replace("Chain ID: 1", "Chain ID: +1"),
    "chain id with a fraction": TEXT.replace("Chain ID: 1", "Chain ID: 1.0"),
    "chain id full-width": TEXT.replace("Chain ID: 1", "Chain ID: １"),
    "chain id endless": TEXT.replace("Chain ID: 1", "Chain ID: " + "9" * 17),
    "URI javascript": TEXT.replace("https://commons.example/sign-in", "javascript:alert(1)"),
    "URI data": TEXT.replace("https://commons.example/sign-in", "data:text/html,hi"),
    "URI ftp": TEXT.replace("https://commons.example/sign-in", "ftp://commons.example/"),
    "URI without scheme": TEXT.replace("https://commons.example/sign-in", "//commons.example/"),
    "URI with a user name": TEXT.replace("https://commons.example/", "https://commons.example@evil.example/"),
    "URI upper-case scheme": TEXT.replace("https://", "HTTPS://"),
    "URI with a space": TEXT.replace("/sign-in", "/sign in"),
    "URI with a backslash": TEXT.replace("/sign-in", "\\sign-in"),
    "URI with a bad escape": TEXT.replace("/sign-in", "/%zz"),
    "URI with two fragments": TEXT.replace("/sign-in", "/#a#b"),
    "URI with a quote": TEXT.replace("/sign-in", '/"'),
    "URI with an IPv6 address that is none": TEXT.replace("https://commons.example/", "https://[:1]/"),
    "URI empty": TEXT.replace("https://commons.example/sign-in", ""),
    "domain empty": TEXT.removeprefix("commons.example"),
    "domain with a user name": TEXT.replace("commons.example wants", "commons.example@evil.example wants"),
    "domain with a path": TEXT.replace("commons.example wants", "commons.example/ wants"),
    "domain with another scheme": "ftp://" + TEXT,
    "domain in other letters": TEXT.replace("commons.example wants", "cоmmons.example wants"),
    "domain with a space": TEXT.replace("commons.example wants", "commons.example  wants"),
    "another greeting": TEXT.replace("Ethereum account", "Bitcoin account"),
    "greeting with more": TEXT.replace("account:\n", "account: \n"),
    "statement with two lines": TEXT.replace("water commons.", "water\ncommons."),
    "statement with an accent": TEXT.replace("water", "eau é"),
    "statement with a tab": TEXT.replace("water commons", "water\tcommons"),
    "statement with a NUL": TEXT.replace("water commons", "water\x00commons"),
    "statement with a control mark": TEXT.replace("water", "\u202ewater"),
    "statement with an angle bracket": TEXT.replace("water", "<b>"),
    "no empty line before the statement": TEXT.replace("\n\nSign", "\nSign"),
    "no empty line after the statement": TEXT.replace("commons.\n\n", "commons.\n"),
    "one empty line more": TEXT.replace("commons.\n\n", "commons.\n\n\n"),
    "time without zone": TEXT.replace("12:00:00Z", "12:00:00"),
    "time with a space": TEXT.replace("2026-11-21T12:00:00Z", "2026-11-21 12:00:00Z"),
    "time in lower case": TEXT.replace("2026-11-21T12:00:00Z", "2026-11-21t12:00:00z"),
    "time as a number": TEXT.replace("2026-11-21T12:00:00Z", "1795262400"),
    "time of hour 24": TEXT.replace("T12:00:00Z", "T24:00:00Z"),
    "time of second 60": TEXT.replace("T12:00:00Z", "T12:00:60Z"),
    "time of 30 February": TEXT.replace("2026-11-21T12:00:00Z", "2026-02-30T12:00:00Z"),
    "time of month 13": TEXT.replace("2026-11-21T12:00:00Z", "2026-13-01T12:00:00Z"),
    "time of the year 0": TEXT.replace("2026-11-21T12:00:00Z", "0000-01-01T12:00:00Z"),
    "time out of range by its zone": TEXT.replace("2026-11-21T12:00:00Z", "0001-01-01T00:00:00+01:00"),
    "time with a zone of 24 hours": TEXT.replace("12:00:00Z", "12:00:00+24:00"),
    "time with a zone of 60 minutes": TEXT.replace("12:00:00Z", "12:00:00+01:60"),
    "time with an empty fraction": TEXT.replace("12:00:00Z", "12:00:00.Z"),
    "time with full-width digits": TEXT.replace("12:00:00Z", "１2:00:00Z"),
    "URI and version swapped": swapped(5, 6),
    "chain id and nonce swapped": swapped(7, 8),
    "expiration and not before swapped": swapped(10, 11),
    "request id before not before": swapped(11, 12),
    "resources before the request id": swapped(12, 13),
    "no URI": without(5),
    "no version": without(6),
    "no chain id": without(7),
    "no nonce": without(8),
    "no issued at": without(9),
    "two request ids": doubled(12),
    "two headings of resources": doubled(13),
    "an unknown field": TEXT + "\nWeight: 5",
    "resources without a list": TEXT + "\nResources:",
    "resources with a space": TEXT + "\nResources: ",
    "a resource on the heading's line": TEXT + "\nResources: https://commons.example/",
    "a resource without a dash": TEXT + "\nResources:\nhttps://commons.example/",
    "a resource of javascript": TEXT + "\nResources:\n- javascript:alert(1)",
    "an empty resource": TEXT + "\nResources:\n- ",
    "seventeen resources": TEXT + "\nResources:" + "\n- https://commons.example/" * 17,
    "request id with a space": TEXT + "\nRequest ID: a b",
    "request id with a bad escape": TEXT + "\nRequest ID: %g0",
    "4,097 characters": TEXT.replace("water", "w" * (4_097 - len(TEXT) + 5)),
    "a megabyte": TEXT.replace("water", "w" * 1_000_000),
    "empty": "",
    "only line feeds": "\n" * 4_000,
    "a lone surrogate": TEXT.replace("water", "\ud800"),
    "bytes": TEXT.encode(),
    "nothing": None,
    "a number": 5,
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in MALFORMED.items()])
def test_a_text_that_is_not_exactly_a_sign_in_is_malformed(text: Any) -> None:
    start = time.process_time()
    assert refusal_of(text).code == "siwe_malformed"
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("length", range(0, len(FULL_TEXT), 7))
def test_a_text_cut_short_never_means_what_the_whole_means(length: int) -> None:
    assert meaning_of(FULL_TEXT[:length]) != FULL


def test_the_longest_text_is_still_read() -> None:
    text = TEXT.replace("water", "w" * (4_096 - len(TEXT) + 5))
    assert len(text) == 4_096
    assert siwe.parse(text).address == ADDRESS


# --- A17–A20, T15, T17: well-formed and still refused ---

REJECTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "A17 domain of another site": ({"domain": "evil.example", "uri": "https://evil.example/"}, {}),
    "domain of another site, our URI": ({"domain": "evil.example"}, {}),
    "our domain, URI of another site": ({"uri": "https://evil.example/sign-in"}, {}),
    "URI of a longer host": ({"uri": "https://commons.example.evil.example/"}, {}),
    "URI on another port": ({"uri": "https://commons.example:8443/"}, {}),
    "domain with the usual port written out": ({"domain": "commons.example:443"}, {}),
    "domain in upper case": ({"domain": "COMMONS.example"}, {}),
    "domain with a dot at the end": ({"domain": "commons.example."}, {}),
    "a subdomain": ({"domain": "a.commons.example", "uri": "https://a.commons.example/"}, {}),
    "URI of http": ({"uri": "http://commons.example/"}, {}),
    "scheme and URI differ": ({"scheme": "http"}, {}),
    "A18 no nonce was issued": ({}, {"nonce": None}),
    "A18 another nonce was issued": ({}, {"nonce": "zzzzzzzz12345678"}),
    "nonce in other case": ({}, {"nonce": "ABCDEFGH12345678"}),
    "A19 expired": ({"expiration_time": NOW - timedelta(seconds=1)}, {}),
    "expires this moment": ({"expiration_time": NOW}, {}),
    "A19 not yet valid": ({"not_before": NOW + timedelta(seconds=1)}, {}),
    "lives longer than a day": ({"expiration_time": NOW + timedelta(hours=24, seconds=1)}, {}),
    "A20 another chain": ({"chain_id": 5}, {}),
    "issued too long ago": ({"issued_at": NOW - timedelta(minutes=5, seconds=1)}, {}),
    "issued in 2001": ({"issued_at": datetime(2001, 1, 1, tzinfo=UTC), "expiration_time": None}, {}),
    "issued in the future": ({"issued_at": NOW + timedelta(minutes=5, seconds=1)}, {}),
    "issued in 2099": ({"issued_at": datetime(2099, 1, 1, tzinfo=UTC), "expiration_time": None}, {}),
    "a request id that nobody asked for": ({"request_id": "1"}, {}),
    "an empty request id that nobody asked for": ({"request_id": ""}, {}),
    "the request id is missing": ({}, {"request_id": "1"}),
    "no domain is ours": ({}, {"domains": set()}),
    "no chain is ours": ({}, {"chain_ids": set()}),
}


@pytest.mark.parametrize(("change", "policy"), [pytest.param(*case, id=name) for name, case in REJECTED.items()])
def test_a_correctly_signed_text_for_something_else_is_rejected(change: dict[str, Any], policy: dict[str, Any]) -> None:
    text = siwe.render(replace(MESSAGE, **change))
    with pytest.raises(SiweError) as refusal:
        siwe.verify(text, sign(text), **POLICY | policy)
    assert refusal.value.code == "siwe_rejected"


@pytest.mark.parametrize(
    ("change", "policy"),
    [
        ({"issued_at": NOW - timedelta(minutes=5)}, {}),
        ({"issued_at": NOW + timedelta(minutes=5)}, {}),
        ({"expiration_time": NOW + timedelta(hours=24)}, {}),
        ({"expiration_time": NOW + timedelta(microseconds=1)}, {}),
        ({"expiration_time": None}, {}),
        ({"not_before": NOW}, {}),
        ({"issued_at": NOW.astimezone(timezone(timedelta(hours=5)))}, {}),
        ({"uri": "http://commons.example/", "scheme": "http"}, {"schemes": {"http"}}),
        ({}, {"domains": {"other.example", "commons.example"}, "chain_ids": {1, 31337}}),
    ],
)
def test_what_lies_just_inside_the_policy_is_accepted(change: dict[str, Any], policy: dict[str, Any]) -> None:
    text = siwe.render(replace(MESSAGE, **change))
    assert siwe.verify(text, sign(text), **POLICY | policy).address == ADDRESS


# --- A23: the signature ---


def test_a_signature_of_another_wallet_is_rejected() -> None:
    with pytest.raises(SiweError) as refusal:
        siwe.verify(TEXT, sign(TEXT, coincurve.PrivateKey(bytes(31) + b"\x02")), **POLICY)
    assert refusal.value.code == "siwe_rejected"


def test_a_signature_of_another_text_is_rejected() -> None:
    with pytest.raises(SiweError) as refusal:
        siwe.verify(TEXT, sign(TEXT + "\nRequest ID: 1"), **POLICY)
    assert refusal.value.code == "siwe_rejected"


def test_a_second_spelling_of_the_signature_is_rejected() -> None:
    signature = sign(TEXT)
    with pytest.raises(SiweError) as refusal:
        siwe.verify(TEXT, signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}", **POLICY)
    assert refusal.value.code == "siwe_rejected"


def test_what_is_not_a_signature_is_malformed() -> None:
    with pytest.raises(eip712.SignatureError) as refusal:
        siwe.verify(TEXT, "0x", **POLICY)
    assert refusal.value.code == "malformed_field"


# --- laws ---

HOSTS = st.sampled_from(["commons.example", "localhost:8000", "127.0.0.1", "[::1]:8000", "a~b_c.example"])
# Hypothesis takes bounds without a zone and adds the zone itself.
EARLIEST, LATEST = datetime(1970, 1, 2), datetime(9998, 12, 30)  # noqa: DTZ001
TIMES = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
STATEMENTS = st.text("abcXYZ019 -._~:/?#[]@!$&'()*+,;=", min_size=1, max_size=80)
MESSAGES = st.builds(
    SiweMessage,
    scheme=st.sampled_from([None, "https", "http"]),
    domain=HOSTS,
    address=st.binary(min_size=20, max_size=20).map(lambda raw: eip712.checksum_address("0x" + raw.hex())),
    statement=st.none() | STATEMENTS,
    uri=HOSTS.map("https://{}/a?b=c#d".format),
    chain_id=st.integers(1, 10**16 - 1),
    nonce=st.text("abcXYZ019", min_size=8, max_size=96),
    issued_at=TIMES,
    expiration_time=st.none() | TIMES,
    not_before=st.none() | TIMES,
    request_id=st.none() | st.text("abc-._~:@", max_size=20),
    resources=st.lists(st.just("https://commons.example/rules"), max_size=16).map(tuple),
)


@settings(max_examples=200)
@given(MESSAGES)
def test_what_is_rendered_is_read_back_unchanged(message: SiweMessage) -> None:
    assert siwe.parse(siwe.render(message)) == message


@settings(max_examples=300)
@given(st.text(max_size=300) | st.text("abc: \n-/", max_size=300))
def test_any_text_is_read_or_named_malformed(text: str) -> None:
    meaning_of(text)


@settings(max_examples=300)
@given(at=st.integers(0, len(FULL_TEXT) - 1), new=st.characters() | st.just(""))
def test_two_texts_never_mean_the_same_sign_in(at: int, new: str) -> None:
    changed = FULL_TEXT[:at] + new + FULL_TEXT[at + 1 :]
    if changed == FULL_TEXT:
        return
    assert meaning_of(changed) != FULL


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("statement", "one\ntwo"),
        ("statement", ""),
        ("uri", "https://commons.example/\nVersion: 1"),
        ("nonce", "short"),
        ("issued_at", NOW.replace(tzinfo=None)),
        ("address", ADDRESS.lower()),
        ("request_id", "a\nResources:"),
    ],
)
def test_fields_that_would_not_be_read_back_are_not_rendered(field: str, value: Any) -> None:
    with pytest.raises(SiweError) as refusal:
        siwe.render(replace(MESSAGE, **{field: value}))
    assert refusal.value.code == "siwe_malformed"


# --- time ---


def seconds_to_parse(text: str) -> float:
    """Return the quickest of several tries: a busy machine only ever adds."""
    best = 1.0
    for _ in range(7):
        start = time.perf_counter()
        with contextlib.suppress(SiweError):
            siwe.parse(text)
        best = min(best, time.perf_counter() - start)
    return best


@pytest.mark.parametrize(
    "grown",
    [
        lambda n: TEXT.replace("water", "w" * n),
        lambda n: TEXT.replace("water", "w" * n + '"'),
        lambda n: TEXT.replace("/sign-in", "/" * n + '"'),
        lambda n: TEXT.replace("/sign-in", "/?" * (n // 2) + '"'),
        lambda n: TEXT.replace("/sign-in", "/%41" * (n // 4) + "%"),
        lambda n: TEXT.replace("/sign-in", "?" + "?#" * (n // 2)),
        lambda n: TEXT.replace("commons.example", "a." * (n // 4), 1) + '"',
        lambda n: TEXT + "\nRequest ID: " + "%41" * (n // 3) + "%",
        lambda n: TEXT + "\nResources:" + "\n- https://a" * (n // 13),
        lambda n: TEXT + "\nResources:\n- https://" + "a:" * (n // 2),
        lambda n: "\n" * n,
        lambda n: " wants you to sign in with your Ethereum account:" * (n // 49),
    ],
)
def test_time_grows_no_faster_than_the_text(grown: Any) -> None:
    short, long = seconds_to_parse(grown(450)), seconds_to_parse(grown(3_600))
    assert len(grown(3_600)) <= 4_096
    # Eight times the text: quadratic work would show as 64; the bound in seconds is for the fixed part of
    # both.
    assert long < 20 * short or long < 0.002
    assert long < 0.02
