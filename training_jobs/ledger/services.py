"""What moves money: a vote opens a budget and transfers from it; a run holds its ceiling, spends, and gives back.

A run's way through the books:

1. `hold`: its ceiling goes from a budget to what is set aside, before it starts; where a vote raises it, `hold_more`
   sets the difference aside as well;
2. `settle`: what was metered goes from there to the site, as often as a site has worked; never above the ceiling. The
   site's operator gets the device-seconds that were paid for as contribution credits;
3. `release`: what is left goes back to the budget, when the run has ended.

Each is safe to repeat. A cause that comes again with other amounts is refused, not booked beside the first.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from governance.eip712 import AddressError, parse_address
from governance.errors import Conflict, Invalid, NotFound
from governance.models import Community, Proposal
from governance.services import note
from training_jobs.ledger.booking import (
    OUT,
    SET_ASIDE,
    Booking,
    Line,
    Purpose,
    account_of,
    book,
    booked,
    budget_named,
    contributor,
    lock,
    require_covered,
    said,
    site_named,
)
from training_jobs.ledger.currencies import DEVICE_SECOND, for_people, require_amount, require_money, require_written
from training_jobs.models import LedgerEntry, LedgerHold
from training_jobs.scheduling.prices import PriceError, cost, seconds_payable

GENERAL: Final = "general"  # the budget that requests draw on where nobody names another
BY_A_VOTE: Final = "vote:"  # how the key of an entry begins that a vote itself causes
_REQUEST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,79}")
_CAUSE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,59}")
_OWNER: Final = re.compile(r"[A-Za-z0-9_-]{1,50}")


@dataclass(frozen=True, slots=True)
class Metered:
    """What a site metered of a run since it was last settled. `price`: micro-units per device-hour at that time."""

    site: str
    operator: str  # address that gets the contribution credits; empty: nobody does
    devices: int
    seconds: int
    price: int


# --- by vote ------------------------------------------------------------------------------------------------------


@transaction.atomic
def open_budget(proposal: Proposal, now: datetime) -> LedgerEntry:
    """Book the money that a vote let in. Money that the community has not got cannot be made so; the vote vouches."""
    payload = proposal.payload
    line = Line(OUT, budget_named(payload["budget"]), payload["currency"], _amount_of(payload))
    entry, new = _book_for(proposal, "opened", line, {"source": payload["source"]}, now)
    if new:
        note("budget_opened", now, proposal=proposal, **said(entry))
    return entry


@transaction.atomic
def transfer(proposal: Proposal, now: datetime) -> LedgerEntry:
    """Move what a vote decided to move; raise Conflict where the account no longer has so much."""
    payload = proposal.payload
    source, target = (Purpose.named(payload[side]) for side in ("from", "to"))
    line = Line(source, target, payload["currency"], _amount_of(payload))
    entry, new = _book_for(proposal, "transferred", line, {"reason": payload["reason"]}, now)
    if new:
        note("budget_transferred", now, proposal=proposal, **said(entry))
    return entry


# --- for a run ----------------------------------------------------------------------------------------------------


@transaction.atomic
def hold(
    community: Community,
    request: str,
    ceiling: int,
    currency: str,
    now: datetime,
    *,
    budget: str = GENERAL,
    proposal: Proposal | None = None,
) -> LedgerHold:
    """Set the ceiling of a request aside, once; raise Conflict where the budget has not got so much.

    The same again answers with what is held already; another ceiling or budget for this request is refused.
    """
    _require(_REQUEST, request, "request")
    _require(_OWNER, budget, "budget")
    if ceiling != 0:
        require_amount(ceiling, "ceiling")
    require_money(currency, "currency")
    lock(community)
    found = LedgerHold.objects.filter(community=community, request=request).select_related("budget").first()
    if found is not None:
        held = (found.ceiling, found.budget.owner, found.budget.currency)
        if held != (ceiling, budget, currency):
            raise Conflict("held_otherwise", "something else is held for this request", field="request", found=request)
        return found
    require_covered(community, budget_named(budget), currency, ceiling, "ceiling")
    # Where nothing costs anything, nothing has to be there: devices that are lent for free are booked all the same.
    purse = account_of(community, budget_named(budget), currency, now)
    made = LedgerHold.objects.create(community=community, request=request, budget=purse, ceiling=ceiling, held_at=now)
    line = Line(budget_named(budget), SET_ASIDE, currency, ceiling)
    entry = book(community, Booking("held", f"hold:{request}", [line], proposal, made), now)
    note("budget_held", now, community=community, proposal=proposal, **said(entry))
    return made


@transaction.atomic
def hold_more(community: Community, request: str, ceiling: int, proposal: Proposal, now: datetime) -> LedgerHold:
    """Raise the ceiling of a request as a vote decided, once for each vote; what it is more comes from its budget.

    Raises Conflict for a request whose rest was given back, where the ceiling is not above the present one, and where
    the budget has not got the difference.
    """
    require_amount(ceiling, "ceiling")
    lock(community)
    held = held_for(community, request)
    key = _cause_of(proposal)
    if booked(community, key) is not None:
        return held
    if held.released_at is not None:
        raise Conflict("hold_released", "what was held for this request was given back", field="request", found=request)
    purse, currency = budget_named(held.budget.owner), held.budget.currency
    if ceiling <= held.ceiling:
        found, least = (for_people(each, currency) for each in (ceiling, held.ceiling))
        detail = "more than this is held already"
        raise Conflict("not_more", detail, field="ceiling", found=found, allowed=f"above {least}")
    line = Line(purse, SET_ASIDE, currency, ceiling - held.ceiling)
    require_covered(community, purse, currency, line.amount, "ceiling")
    held.ceiling = ceiling
    held.save(update_fields=["ceiling"])
    entry = book(community, Booking("held", key, [line], proposal, held), now)
    note("budget_held", now, community=community, proposal=proposal, **said(entry))
    return held


@transaction.atomic
def settle(community: Community, request: str, cause: str, metered: Metered, now: datetime) -> LedgerEntry:
    """Pay a site for what it metered, up to what is left of the ceiling. `cause` names the piece of work, once.

    What goes beyond the ceiling is not paid and gives no credits; the entry says how much it was. Raises Conflict for
    a request whose rest was given back, and for a cause that was settled with other figures.
    """
    _require(_CAUSE, cause, "cause")
    key = f"settle:{request}:{cause}"
    lock(community)
    held = held_for(community, request)
    before = booked(community, key)
    if before is not None:
        if before.data["metered"] != _json(metered):
            detail = "this piece of work was settled with other figures"
            raise Conflict("settled_otherwise", detail, field="cause", found=cause)
        return before
    if held.released_at is not None:
        raise Conflict("hold_released", "what was held for this request was given back", field="request", found=request)
    _require(_OWNER, metered.site, "site")
    paid, seconds, owed = _payable(metered, held.left)
    lines = [Line(SET_ASIDE, site_named(metered.site), held.budget.currency, paid)]
    if metered.operator:
        credit = metered.devices * seconds
        lines.append(Line(OUT, contributor(_address(metered.operator)), DEVICE_SECOND, credit))
    held.spent += paid
    held.save(update_fields=["spent"])
    data = {"metered": _json(metered), "cost": str(owed), "paid": str(paid), "seconds_paid": seconds}
    entry = book(community, Booking("settled", key, lines, hold=held, data=data), now)
    note("budget_settled", now, community=community, **said(entry))
    return entry


@transaction.atomic
def release(community: Community, request: str, now: datetime) -> LedgerHold:
    """Give back what is left of a ceiling, once."""
    lock(community)
    held = held_for(community, request)
    if held.released_at is not None:
        return held
    line = Line(SET_ASIDE, budget_named(held.budget.owner), held.budget.currency, held.left)
    held.released_at = now
    held.save(update_fields=["released_at"])
    entry = book(community, Booking("released", f"release:{request}", [line], hold=held), now)
    note("budget_released", now, community=community, **said(entry))
    return held


def held_for(community: Community, request: str) -> LedgerHold:
    """Return what is held for a request, or raise NotFound."""
    found = LedgerHold.objects.filter(community=community, request=request).select_related("budget").first()
    if found is None:
        raise NotFound("unknown_hold", "nothing is held for this request", field="request", found=request[:80])
    return found


# --- what they share ----------------------------------------------------------------------------------------------


def _book_for(
    proposal: Proposal, kind: str, line: Line, data: dict[str, Any], now: datetime
) -> tuple[LedgerEntry, bool]:
    """Book the one line of a vote; return the entry, and whether this call made it."""
    key = _cause_of(proposal)
    lock(proposal.community)
    before = booked(proposal.community, key)
    if before is not None:
        return before, False
    return book(proposal.community, Booking(kind, key, [line], proposal, data=data), now), True


def _cause_of(proposal: Proposal) -> str:
    """Return what the books call a vote: its record, which moves with its community."""
    return f"{BY_A_VOTE}{proposal.record_id}"


def _amount_of(payload: dict[str, Any]) -> int:
    return require_written(payload["amount"], payload["currency"], "payload.amount")


def _payable(metered: Metered, left: int) -> tuple[int, int, int]:
    """Return what is paid, for how many seconds, and what all of it costs. Raises Invalid for impossible figures."""
    try:
        owed = cost(metered.price, metered.devices, metered.seconds)
        if owed <= left:
            paid, seconds = owed, metered.seconds
        else:
            seconds = seconds_payable(metered.price, metered.devices, left)
            paid = cost(metered.price, metered.devices, seconds)
    except PriceError as error:
        raise Invalid(error.code, error.detail, field=error.field, found=error.found, allowed=error.allowed) from error
    return paid, seconds, owed


def _json(metered: Metered) -> dict[str, Any]:
    return asdict(metered)


def _address(text: str) -> str:
    try:
        return parse_address(text)
    except AddressError as error:
        raise Invalid(error.code, error.detail, field="operator") from error


def _require(pattern: re.Pattern[str], text: object, field: str) -> None:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        detail = "a short name of Latin letters, digits and a few marks"
        found = text[:80] if isinstance(text, str) else type(text).__name__
        raise Invalid("malformed_name", detail, field=field, found=found, allowed=pattern.pattern)
