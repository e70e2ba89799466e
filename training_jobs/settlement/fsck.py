"""What `fsck` says of settlements: terms, approvals, payments and withdrawals are what votes and the log say.

As `governance.fsck`: reads only, and asks no chain; `training_jobs.settlement.check` does. The books themselves are in
`ledger.fsck`, which has the same events.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from governance.fsck import Finding
from governance.fsck.finding import advised, compare, finding, guarded, seconds
from governance.models import Community, Event
from training_jobs.ledger.currencies import for_people
from training_jobs.models import Settlement, SettlementTerms
from training_jobs.settlement.sums import MICRO, value_of

TERMS, SETTLEMENT = "training_jobs_settlementterms", "training_jobs_settlement"
RESTORE = "restore the row from a backup; the log has what was voted and paid"
_TERMS = ("settlement_terms_adopted", "settlement_terms_ended")
_OFFER = ("chain_id", "token", "treasury", "rate", "payout", "value")


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the settlements of one community; nothing for a sound database."""
    yield from advised(RESTORE, guarded(TERMS, community.slug, _terms(community)))
    yield from advised(RESTORE, guarded(SETTLEMENT, community.slug, _settlements(community)))


def _terms(community: Community) -> Iterator[Finding]:
    told = {event.proposal_id: event for event in community.events.filter(kind__in=_TERMS)}
    for row in SettlementTerms.objects.filter(community=community).select_related("proposal").order_by("pk"):
        event = told.pop(row.proposal_id, None)
        payload = row.proposal.payload
        expected = {name: payload.get(name, "") for name in ("currency", "token", "treasury", "rate")}
        found = {name: getattr(row, name) for name in expected}
        yield from compare(TERMS, row.pk, {**expected, "adopted_at": seconds(event.at) if event else None}, {
            **found,
            "adopted_at": seconds(row.adopted_at),
        })  # fmt: skip
    yield from _without(told.values(), TERMS)


def _settlements(community: Community) -> Iterator[Finding]:
    """Each settlement is what its vote says, and what the log says of its payment or its withdrawal."""
    kinds = ("settlement_approved", "settlement_paid", "settlement_withdrawn")
    told: dict[str, dict[Any, Event]] = {kind: {} for kind in kinds}
    for event in community.events.filter(kind__in=kinds).order_by("position"):
        told[event.kind][event.data["facts"].get("settlement")] = event
    rows = Settlement.objects.filter(community=community).select_related("proposal", "withdrawal").order_by("pk")
    for row in rows:
        events = [told[kind].pop(row.proposal.number, None) for kind in kinds]
        yield from guarded(SETTLEMENT, row.pk, _settlement(row, *events))
    for left in told.values():
        yield from _without(left.values(), SETTLEMENT)


def _settlement(
    row: Settlement, approved: Event | None, paid: Event | None, withdrawn: Event | None
) -> Iterator[Finding]:
    if approved is None:
        yield finding(SETTLEMENT, row.pk, "event", "settlement_approved in the log", "none: it was slipped in")
        return
    payload = row.proposal.payload
    expected = {name: payload["offer"][name] for name in _OFFER}
    expected |= {name: payload[name] for name in ("site", "currency", "amount")}
    expected |= {"approved_at": seconds(approved.at), "worth": str(value_of(row.amount, row.rate))}
    found = {name: getattr(row, name) for name in (*_OFFER, "site", "currency")}
    found |= {"amount": for_people(row.amount, row.currency), "approved_at": seconds(row.approved_at)}
    yield from compare(SETTLEMENT, row.pk, expected, {**found, "worth": row.value})
    if row.amount % MICRO:
        yield finding(SETTLEMENT, row.pk, "amount", "whole minor units", row.amount)
    yield from compare(SETTLEMENT, row.pk, _payment(paid), {
        "paid_at": seconds(row.paid_at),
        "block": row.block_number,
        "block_hash": row.block_hash,
        "block_time": row.block_time,
        "transaction": row.transaction,
        "log": row.position,
    })  # fmt: skip
    if paid is not None:
        sent = {name: paid.data["facts"].get(name) for name in ("token", "treasury", "payout", "value")}
        yield from compare(SETTLEMENT, row.pk, sent, {name: getattr(row, name) for name in sent})
    end = {"withdrawn_at": seconds(withdrawn.at), "withdrawal": withdrawn.proposal_id} if withdrawn else {}
    kept = {"withdrawn_at": seconds(row.withdrawn_at), "withdrawal": row.withdrawal_id}
    yield from compare(SETTLEMENT, row.pk, end or {"withdrawn_at": None, "withdrawal": None}, kept)


def _payment(event: Event | None) -> dict[str, object]:
    names = ("block", "block_hash", "block_time", "transaction", "log")
    if event is None:
        return dict(zip(("paid_at", *names), (None, None, "", None, "", None), strict=True))
    return {"paid_at": seconds(event.at), **{name: event.data["facts"].get(name) for name in names}}


def _without(events: Iterable[Event], table: str) -> Iterator[Finding]:
    for event in events:
        yield finding("governance_event", event.pk, event.kind, f"a row of {table}", "none")
