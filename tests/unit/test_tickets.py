"""Tickets to a relay: what was issued reads back, and nothing else opens anything."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.evidence.canonical import canonical_bytes
from training_jobs.exchange import tickets
from training_jobs.exchange.payload import is_member
from training_jobs.exchange.tickets import Ticket, TicketRefused

SECRET = b"thirty-two bytes or a few more.."
NOW = 1_800_000_000
TICKET = Ticket("0123456789abcdef-7", slot=1, fence=3, workers=2, expires=NOW + 60)
FACTS = vars(TICKET)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(body: bytes, secret: bytes = SECRET) -> str:
    """Return a text whose signature is right, whatever it says."""
    part = encoded(body)
    return f"{part}.{encoded(tickets._signature(part, secret))}"


def refused(code: str, text: str, now: int = NOW) -> None:
    with pytest.raises(TicketRefused, match=f"^{code}:") as refusal:
        tickets.read(text, SECRET, now)
    assert refusal.value.code == code


def test_a_ticket_reads_back_and_names_its_member() -> None:
    text = tickets.issue(TICKET, SECRET)
    assert tickets.read(text, SECRET, NOW) == TICKET
    assert TICKET.member == "01-3"
    assert is_member(TICKET.member)
    assert tickets.slot_of(TICKET.member) == 1


def test_a_ticket_is_one_text_that_another_implementation_would_write() -> None:
    """Made with Python's hmac and json alone."""
    body = b'{"expires":1800000060,"fence":3,"run":"0123456789abcdef-7","slot":1,"workers":2}'
    assert tickets.issue(TICKET, SECRET) == signed(body)
    assert json.loads(base64.urlsafe_b64decode(tickets.issue(TICKET, SECRET).split(".")[0] + "==")) == FACTS


@given(
    st.integers(1, 64).flatmap(lambda workers: st.tuples(st.just(workers), st.integers(0, workers - 1))),
    st.integers(1, tickets.FENCE_MAX),
    st.integers(NOW + 1, tickets.EXPIRES_MAX),
)
def test_every_ticket_reads_back(seats: tuple[int, int], fence: int, expires: int) -> None:
    ticket = Ticket("a-1", seats[1], fence, seats[0], expires)
    assert tickets.read(tickets.issue(ticket, SECRET), SECRET, NOW) == ticket


def test_a_ticket_ends_in_the_second_that_it_says() -> None:
    text = tickets.issue(TICKET, SECRET)
    assert tickets.read(text, SECRET, TICKET.expires - 1) == TICKET
    refused("ticket_expired", text, TICKET.expires)
    refused("ticket_expired", text, TICKET.expires + 10**9)


def test_a_ticket_of_another_secret_is_forged() -> None:
    refused("ticket_forged", tickets.issue(TICKET, b"another secret of thirty-two byte"))


def test_every_flipped_character_is_found() -> None:
    text = tickets.issue(TICKET, SECRET)
    for place, character in enumerate(text):
        other = "B" if character == "A" else "A"
        with pytest.raises(TicketRefused, match=r"^ticket_(forged|malformed):"):
            tickets.read(f"{text[:place]}{other}{text[place + 1 :]}", SECRET, NOW)


def test_every_cut_ticket_is_refused() -> None:
    text = tickets.issue(TICKET, SECRET)
    for length in range(len(text)):
        with pytest.raises(TicketRefused, match=r"^ticket_(forged|malformed):"):
            tickets.read(text[:length], SECRET, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a",
        "a.",
        ".a",
        "a.b.c",
        "a b.c",
        "ä.b",
        "a.b\n",
        "a=.b",
        "a+/.b",
        "\x00.\x00",
        "Bearer a.b",
        "x" * 10_000_000,
        "a" * 500 + "." + "b" * 500,
    ],
)
def test_what_has_not_the_form_of_a_ticket_is_malformed(text: str) -> None:
    refused("ticket_malformed", text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b"{}",
        b"\xff",
        b"{",
        json.dumps(FACTS).encode(),  # with blanks
        b" " + canonical_bytes(FACTS),
        canonical_bytes(FACTS) + b"\n",
        canonical_bytes({**FACTS, "more": 1}),
        canonical_bytes({name: FACTS[name] for name in ("run", "slot", "fence", "workers")}),
        canonical_bytes(FACTS).replace(b'"fence":3', b'"fence":3,"fence":3'),
        canonical_bytes(FACTS).replace(b'"fence":3', b'"fence":3.0'),
        canonical_bytes(FACTS).replace(b'"fence":3', b'"fence":3e0'),
        canonical_bytes(FACTS).replace(b'"run":"0', b'"run":"\\u0030'),
    ],
)
def test_a_right_signature_under_another_form_is_malformed(body: bytes) -> None:
    refused("ticket_malformed", signed(body))


@pytest.mark.parametrize(
    "change",
    [
        {"slot": -1},
        {"slot": 2},
        {"slot": True},
        {"slot": "1"},
        {"slot": None},
        {"fence": 0},
        {"fence": -3},
        {"fence": 2**31},
        {"workers": 0},
        {"workers": 65},
        {"workers": "2"},
        {"workers": []},
        {"expires": 0},
        {"expires": None},
        {"expires": "never"},
        {"run": ""},
        {"run": "../a"},
        {"run": "a/b"},
        {"run": "a.b"},
        {"run": "-a"},
        {"run": "a" * 101},
        {"run": "ä"},
        {"run": 7},
        {"run": "a\n"},
    ],
)
def test_wrong_values_are_refused_when_read_and_never_issued(change: dict[str, Any]) -> None:
    facts = {**FACTS, **change}
    refused("ticket_malformed", signed(canonical_bytes(facts)))
    with pytest.raises(TicketRefused, match=r"^ticket_malformed:"):
        tickets.issue(Ticket(**facts), SECRET)


def test_the_same_bits_in_another_spelling_are_refused() -> None:
    """The last character of base64 has bits that nobody reads: only one of its spellings is a ticket's."""
    part, signature = tickets.issue(TICKET, SECRET).split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same = alphabet[alphabet.index(signature[-1]) ^ 1]
    refused("ticket_forged", f"{part}.{signature[:-1]}{same}")


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        tickets.issue(TICKET, b"short")
