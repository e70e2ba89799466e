"""Tickets: the site's signed word to a relay that its bearer is this member of this run, until then. Pure; no clock.

    base64url(canonical JSON of the ticket) "." base64url(HMAC-SHA256(secret, the first part))     without padding

Only the site and its relay know the secret (RFC 2104), so who holds a ticket can show it and cannot change it. A ticket
has one written form: anything else that would read the same is refused.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads

SECRET_BYTES_MIN = 32
TICKET_CHARACTERS_MAX = 1_000
WORKERS_MAX = 64
FENCE_MAX = 2**31 - 1
EXPIRES_MAX = 2**53 - 1

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_PART = re.compile(r"[A-Za-z0-9_-]+")


class TicketRefused(ValueError):
    """A ticket that opens nothing. `code`: ticket_malformed, ticket_forged or ticket_expired."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True)
class Ticket:
    """Who may take which seat of a run. `expires`: the first second (Unix time) at which it opens nothing any more."""

    run: str
    slot: int
    fence: int
    workers: int
    expires: int

    @property
    def member(self) -> str:
        """Return the member's name in rounds; in records, members sort by seat."""
        return f"{self.slot:02d}-{self.fence}"


def issue(ticket: Ticket, secret: bytes) -> str:
    """Return the text that opens what the ticket says; ValueError for one that could not be read again."""
    found = _ticket(vars(ticket))
    part = _encoded(canonical_bytes(vars(found)))
    return f"{part}.{_encoded(_signature(part, secret))}"


def read(text: str, secret: bytes, now: int) -> Ticket:
    """Return the ticket; TicketRefused for one that is none, was not issued with `secret`, or holds no longer.

    1. Its form. 2. Its signature, in equal time whatever it is. 3. What it says, in its one written form. 4. Its time.
    """
    if len(text) > TICKET_CHARACTERS_MAX:  # 1
        raise TicketRefused("ticket_malformed", f"{len(text)} characters, at most {TICKET_CHARACTERS_MAX} are allowed")
    part, point, signature = text.partition(".")
    if not point or not _PART.fullmatch(part) or not _PART.fullmatch(signature):
        raise TicketRefused("ticket_malformed", "two parts of base64url with a point between them are expected")
    if not hmac.compare_digest(signature, _encoded(_signature(part, secret))):  # 2
        raise TicketRefused("ticket_forged", "the site did not issue it, or the secrets differ")
    try:  # 3
        body = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        ticket = _ticket(strict_loads(body, max_bytes=TICKET_CHARACTERS_MAX))
    except (CanonicalError, binascii.Error) as error:
        raise TicketRefused("ticket_malformed", str(error)) from error
    if _encoded(canonical_bytes(vars(ticket))) != part:
        raise TicketRefused("ticket_malformed", "it is not in its one written form")
    if now >= ticket.expires:  # 4
        raise TicketRefused("ticket_expired", f"it ended at {ticket.expires}, and it is {now}")
    return ticket


def slot_of(member: str) -> int:
    """Return the seat that is in a member's name."""
    return int(member.partition("-")[0])


def _signature(part: str, secret: bytes) -> bytes:
    if len(secret) < SECRET_BYTES_MIN:
        raise ValueError(f"a secret has at least {SECRET_BYTES_MIN} bytes, not {len(secret)}")
    return hmac.digest(secret, part.encode("ascii"), hashlib.sha256)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _ticket(found: object) -> Ticket:
    """Return the ticket that these values are, or raise TicketRefused."""
    if not isinstance(found, Mapping) or found.keys() != {"run", "slot", "fence", "workers", "expires"}:
        raise TicketRefused("ticket_malformed", "run, slot, fence, workers and expires are expected")
    run = found["run"]
    if not isinstance(run, str) or not _RUN.fullmatch(run):
        raise TicketRefused("ticket_malformed", "run: at most 100 letters, digits and dashes are expected")
    workers = _whole(found, "workers", 1, WORKERS_MAX)
    return Ticket(
        run=run,
        slot=_whole(found, "slot", 0, workers - 1),
        fence=_whole(found, "fence", 1, FENCE_MAX),
        workers=workers,
        expires=_whole(found, "expires", 1, EXPIRES_MAX),
    )


def _whole(found: Mapping[str, Any], name: str, smallest: int, largest: int) -> int:
    value = found[name]
    if type(value) is not int or not smallest <= value <= largest:
        raise TicketRefused("ticket_malformed", f"{name}: a whole number from {smallest} to {largest} is expected")
    return value
