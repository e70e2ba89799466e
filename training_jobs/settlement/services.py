"""What votes do to settlements, and what a transfer does: terms, approval, withdrawal, payment.

A settlement's way through the books: approved, it goes from a site's credit to what is due; paid, from there out of the
books, with the place of the transfer on the chain; withdrawn, back to the credit. Each is safe to repeat.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from governance.clock import unix
from governance.errors import Conflict, Invalid, NotFound
from governance.models import Community, Proposal
from governance.services import note
from training_jobs.ledger.booking import (
    OUT,
    Booking,
    Line,
    Purpose,
    book,
    booked,
    lock,
    require_covered,
    said,
    site_named,
)
from training_jobs.models import LedgerEntry, Settlement, SettlementReading, SettlementTerms, Site
from training_jobs.models.ledger import DUE
from training_jobs.settlement.matching import Transfer
from training_jobs.settlement.sums import require_settled, value_of


def due_of(site: str) -> Purpose:
    """Return what a vote decided to pay a site on chain, and nobody has paid yet."""
    return Purpose(DUE, site)


# --- terms --------------------------------------------------------------------------------------------------------


def terms_in_force(community: Community, currency: str) -> SettlementTerms | None:
    """Return the terms by which debts in a currency are settled; None where they are not."""
    newest = SettlementTerms.objects.filter(community=community, currency=currency).first()
    return newest if newest is not None and newest.token else None


def all_terms(community: Community) -> list[SettlementTerms]:
    """Return the terms in force, one for each currency."""
    newest: dict[str, SettlementTerms] = {}
    for each in SettlementTerms.objects.filter(community=community):
        newest.setdefault(each.currency, each)
    return [each for _, each in sorted(newest.items()) if each.token]


def require_terms(community: Community, currency: str, field: str) -> SettlementTerms:
    """Return the terms in force, or raise Invalid."""
    found = terms_in_force(community, currency)
    if found is None:
        raise Invalid(
            "no_settlement_terms",
            "no vote has fixed how debts in this currency are settled on chain",
            field=field,
            found=currency,
            allowed=[each.currency for each in all_terms(community)],
        )
    return found


@transaction.atomic
def adopt_terms(proposal: Proposal, now: datetime) -> SettlementTerms:
    """Put the terms of a vote in force, once."""
    payload = proposal.payload
    values = {name: payload.get(name, "") for name in ("token", "treasury", "rate")}
    made, new = SettlementTerms.objects.get_or_create(
        proposal=proposal,
        defaults={
            "community": proposal.community,
            "currency": payload["currency"],
            "adopted_at": now,
            **values,
        },
    )
    if new:
        kind = "settlement_terms_adopted" if made.token else "settlement_terms_ended"
        note(kind, now, proposal=proposal, currency=made.currency, **values)
    return made


# --- one settlement -----------------------------------------------------------------------------------------------


def offer_for(community: Community, site_slug: str, currency: str, amount_text: object) -> tuple[int, dict[str, Any]]:
    """Return an amount in micro-units, and all that a vote on paying it is about; refuse what cannot be paid today."""
    terms = require_terms(community, currency, "payload.currency")
    amount = require_settled(amount_text, currency, "payload.amount")
    site = Site.objects.filter(slug=site_slug).first() if "\x00" not in site_slug else None
    if site is None:
        raise Invalid("unknown_site", "there is no such site", field="payload.site", found=site_slug[:60])
    if not site.payout_address:
        detail = "its operator has not said which address is paid on chain"
        raise Invalid("no_payout_address", detail, field="payload.site", found=site.slug)
    if site.payout_address == terms.treasury:
        raise Invalid("pays_itself", "the treasury would pay itself", field="payload.site", found=terms.treasury)
    _require_one_chain(community, site)
    require_covered(community, site_named(site.slug), currency, amount, "payload.amount")
    offer = {
        "chain_id": community.chain_id,
        "token": terms.token,
        "treasury": terms.treasury,
        "rate": terms.rate,
        "payout": site.payout_address,
        "value": str(value_of(amount, terms.rate)),
    }
    return amount, offer


def is_own_account(site: Site) -> bool:
    """Say whether a site is paid at the account with which its operator signs in: one of a key, so on every chain.

    Any other address may be a contract wallet, which stands on the chain where it was made, and perhaps on no other.
    """
    return site.payout_address == site.operator


def _require_one_chain(community: Community, site: Site) -> None:
    """Raise Invalid where an address that may be a contract wallet is paid on another chain already.

    Not checked again when the vote is carried out: one site reads one chain, so two votes on two chains do not race.
    """
    elsewhere = Settlement.objects.filter(payout=site.payout_address, withdrawn_at__isnull=True)
    there = elsewhere.exclude(chain_id=community.chain_id).values_list("chain_id", flat=True).first()
    if there is not None and not is_own_account(site):
        detail = f"this address is paid on chain {there}, and may be nobody's on chain {community.chain_id}"
        found, allowed = site.payout_address, site.operator
        raise Invalid("payout_on_another_chain", detail, field="payload.site", found=found, allowed=allowed)


@transaction.atomic
def approve(proposal: Proposal, now: datetime) -> Settlement:
    """Book as due what a vote decided to pay: with the rate and the address that were voted, whatever they are by now.

    Refused where the terms name another token or treasury by now, where the site is owed less, and before the chain was
    read for the first time: a payment could be missed.
    """
    community, payload = proposal.community, proposal.payload
    offer, currency = payload["offer"], payload["currency"]
    lock(community)
    key = f"vote:{proposal.record_id}"
    if booked(community, key) is not None:
        return Settlement.objects.get(proposal=proposal)
    terms = require_terms(community, currency, "currency")
    if (terms.token, terms.treasury) != (offer["token"], offer["treasury"]):
        raise Conflict("settlement_terms_changed", "another vote has changed the token or the treasury", found=currency)
    reading = SettlementReading.objects.filter(community=community, token=offer["token"]).first()
    if reading is None:
        raise Conflict("chain_not_read_yet", "transfers of this token were not read yet; it is tried again soon")
    made = Settlement.objects.create(
        community=community,
        proposal=proposal,
        site=payload["site"],
        currency=currency,
        amount=require_settled(payload["amount"], currency, "payload.amount"),
        approved_at=now,
        **offer,
    )
    line = Line(site_named(made.site), due_of(made.site), currency, made.amount)
    data = {"settlement": proposal.number, "site": made.site, **offer, "reason": payload["reason"]}
    entry = book(community, Booking("approved", key, [line], proposal, data=data), now)
    note("settlement_approved", now, proposal=proposal, **said(entry))
    return made


@transaction.atomic
def withdraw(proposal: Proposal, now: datetime) -> Settlement:
    """Let what a vote took back be owed as before; refused where it was paid meanwhile."""
    community, payload = proposal.community, proposal.payload
    lock(community)
    found = settlement_of(community, payload["settlement"])
    if found.withdrawal_id == proposal.pk:
        return found
    require_due(found, "settlement")
    found.withdrawal, found.withdrawn_at = proposal, now
    found.save(update_fields=["withdrawal", "withdrawn_at"])
    line = Line(due_of(found.site), site_named(found.site), found.currency, found.amount)
    data = {"settlement": found.proposal.number, "reason": payload["reason"]}
    entry = book(community, Booking("withdrawn", f"vote:{proposal.record_id}", [line], proposal, data=data), now)
    note("settlement_withdrawn", now, proposal=proposal, **said(entry))
    return found


def pay(found: Settlement, by: Transfer, now: datetime) -> LedgerEntry:
    """Book the transfer that paid a settlement. The caller holds the community's lock, inside a transaction."""
    found.block_number, found.block_hash, found.block_time = by.block_number, by.block_hash, by.block_time
    found.transaction, found.position, found.paid_at = by.transaction, by.position, now
    found.save(update_fields=["block_number", "block_hash", "block_time", "transaction", "position", "paid_at"])
    line = Line(due_of(found.site), OUT, found.currency, found.amount)
    data = {"settlement": found.proposal.number, "chain_id": found.chain_id, **told_of(by)}
    key = f"paid:{found.proposal.record_id}"
    entry = book(found.community, Booking("paid", key, [line], found.proposal, data=data), now)
    note("settlement_paid", now, proposal=found.proposal, **said(entry))
    return entry


def told_of(transfer: Transfer) -> dict[str, Any]:
    """Return what the log is told of a transfer: enough to find it on the chain."""
    return {
        "token": transfer.token,
        "treasury": transfer.sender,
        "payout": transfer.receiver,
        "value": str(transfer.value),
        "block": transfer.block_number,
        "block_hash": transfer.block_hash,
        "block_time": transfer.block_time,
        "transaction": transfer.transaction,
        "log": transfer.position,
    }


def settlement_of(community: Community, number: int) -> Settlement:
    """Return the settlement that the proposal of this number approved, or raise NotFound."""
    known = Settlement.objects.filter(community=community).select_related("proposal__community", "community")
    found = known.filter(proposal__number=number).first()
    if found is None:
        detail = "no settlement was approved by a proposal of this number"
        raise NotFound("unknown_settlement", detail, field="settlement", found=number)
    return found


def require_due(found: Settlement, field: str) -> None:
    """Raise Conflict for a settlement that is paid or withdrawn."""
    if found.state != "due":
        detail = "this settlement is not due any more"
        raise Conflict("settlement_not_due", detail, field=field, found=found.state, allowed="due")


def since(found: Settlement) -> int:
    """Return the second from which a transfer may pay a settlement."""
    return unix(found.approved_at)
