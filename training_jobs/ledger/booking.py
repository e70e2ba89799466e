"""How an entry gets into the books: under the community's lock, once for each cause, and into the community's log.

Bookings of one community come one after the other, so that no two of them can spend the same money. What is booked is
told to the log with every amount: the log is the truth that `fsck` holds the books against.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Max

from governance.errors import Conflict, Invalid
from governance.models import Community, Proposal
from governance.services.common import lock_community
from training_jobs.ledger.currencies import AMOUNT_MAX, for_people
from training_jobs.models import LedgerAccount, LedgerEntry, LedgerHold, LedgerPosting
from training_jobs.models.ledger import BUDGET, CONTRIBUTION_CREDIT, HELD, OUTSIDE, SITE_CREDIT

WORLD: Final = "world"  # the one owner of what is outside
RUNS: Final = "runs"  # the one owner of what is held
BALANCE_MAX: Final = 2**62  # far below what a column keeps, far above what a thousand openings bring


@dataclass(frozen=True, slots=True, order=True)
class Purpose:
    """What an account is for, beside its currency: its kind and its owner."""

    kind: str
    owner: str

    def __str__(self) -> str:
        """Return how the books call it."""
        return f"{self.kind}:{self.owner}"

    @classmethod
    def named(cls, name: str) -> "Purpose":
        """Return the purpose that the books call so."""
        kind, _colon, owner = name.partition(":")
        return cls(kind, owner)


OUT: Final = Purpose(OUTSIDE, WORLD)
SET_ASIDE: Final = Purpose(HELD, RUNS)


def budget_named(name: str) -> Purpose:
    """Return a budget of the community."""
    return Purpose(BUDGET, name)


def site_named(slug: str) -> Purpose:
    """Return what a site has earned."""
    return Purpose(SITE_CREDIT, slug)


def contributor(address: str) -> Purpose:
    """Return the device-seconds that somebody has given."""
    return Purpose(CONTRIBUTION_CREDIT, address)


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to be: an amount, in micro-units or device-seconds, from one purpose to another."""

    source: Purpose
    target: Purpose
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Booking:
    """An entry to be. `key` names the cause: the same one again books nothing."""

    kind: str
    key: str
    lines: Sequence[Line]
    proposal: Proposal | None = None
    hold: LedgerHold | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def booked(community: Community, key: str) -> LedgerEntry | None:
    """Return the entry of a cause, if it was booked."""
    return LedgerEntry.objects.filter(community=community, key=key).first()


@transaction.atomic
def book(community: Community, booking: Booking, now: datetime) -> LedgerEntry:
    """Write an entry with its postings. The caller holds the community's lock and has asked `booked` for the cause.

    Lines of nothing are left out. Raises Conflict where an account would be overdrawn, and changes nothing then.
    """
    newest = LedgerEntry.objects.filter(community=community).aggregate(newest=Max("number"))["newest"]
    entry = LedgerEntry.objects.create(
        community=community,
        number=(newest or 0) + 1,
        kind=booking.kind,
        key=booking.key,
        at=now,
        proposal=booking.proposal,
        hold=booking.hold,
        data=dict(booking.data),
    )
    for line in booking.lines:
        if line.amount:
            _post(entry, line, now)
    return entry


def lock(community: Community) -> None:
    """Let nobody else book for this community until the transaction ends."""
    lock_community(community.pk)


def account(community: Community, purpose: Purpose, currency: str) -> LedgerAccount | None:
    """Return an account, if there is one."""
    found = LedgerAccount.objects.filter(community=community, kind=purpose.kind, owner=purpose.owner)
    return found.filter(currency=currency).first()


def account_of(community: Community, purpose: Purpose, currency: str, now: datetime) -> LedgerAccount:
    """Return the account of a purpose, opened now where there is none."""
    found, _new = LedgerAccount.objects.get_or_create(
        community=community, kind=purpose.kind, owner=purpose.owner, currency=currency, defaults={"opened_at": now}
    )
    return found


def balance(community: Community, purpose: Purpose, currency: str) -> int:
    """Return what is in an account: nothing where there is none."""
    found = account(community, purpose, currency)
    return found.balance if found else 0


def require_covered(community: Community, purpose: Purpose, currency: str, amount: int, field: str) -> None:
    """Raise Conflict unless an account has so much."""
    there = balance(community, purpose, currency)
    if purpose.kind != OUTSIDE and there < amount:
        detail = "there is not so much in this account"
        asked, most = (f"{for_people(each, currency)} {currency}" for each in (amount, there))
        raise Conflict("account_exhausted", detail, field=field, found=asked, allowed=f"at most {most}")


def said(entry: LedgerEntry) -> dict[str, Any]:
    """Return what the log is told of an entry. Amounts are decimal text: they may be larger than JSON's numbers."""
    return {
        "entry": entry.number,
        "key": entry.key,
        "request": entry.hold.request if entry.hold else "",
        "postings": [
            {
                "from": posting.source.name,
                "to": posting.target.name,
                "currency": posting.source.currency,
                "amount": str(posting.amount),
            }
            for posting in entry.postings.select_related("source", "target").order_by("pk")
        ],
        "facts": entry.data,
    }


def _post(entry: LedgerEntry, line: Line, now: datetime) -> None:
    """Move one amount, and keep the balances of both accounts equal to their postings."""
    if not 0 < line.amount <= AMOUNT_MAX:
        raise Invalid(
            "amount_out_of_range", "this cannot be booked", found=str(line.amount), allowed=f"1 to {AMOUNT_MAX}"
        )
    require_covered(entry.community, line.source, line.currency, line.amount, "amount")
    source, target = (account_of(entry.community, each, line.currency, now) for each in (line.source, line.target))
    if min(source.balance - line.amount, -target.balance - line.amount) < -BALANCE_MAX:
        raise Conflict("balance_out_of_range", "no account of this size is kept", allowed=str(BALANCE_MAX))
    LedgerPosting.objects.create(entry=entry, source=source, target=target, amount=line.amount)
    LedgerAccount.objects.filter(pk=source.pk).update(balance=F("balance") - line.amount)
    LedgerAccount.objects.filter(pk=target.pk).update(balance=F("balance") + line.amount)
