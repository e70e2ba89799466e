"""A community that owes a site money and pays it on chain: what tests of settlements share."""

from typing import Any

from django.db import transaction

from tests.integration.books import EURO, decide, metered
from tests.integration.commons import Commons
from tests.integration.conftest import NOON
from tests.integration.site_places import LAKE
from training_jobs.ledger import services as books
from training_jobs.ledger.booking import lock
from training_jobs.models import Settlement, SettlementReading
from training_jobs.settlement import services
from training_jobs.settlement.matching import Transfer
from training_jobs.sites import services as sites

RATE = 10**16  # a token of eighteen digits for one euro
TOKEN, TREASURY, PAYOUT = ("0x" + digit * 40 for digit in "123")
SECONDS = int(NOON.timestamp())


def owe(commons: Commons, payout: str, euros: int = 100) -> None:
    """Let the site "grid" earn so much, from a budget that has it."""
    sites.register(payout, {**LAKE, "slug": "grid", "name": "Grid", "payout_address": payout.lower()}, NOON)
    books.hold(commons.community, "request:1", euros * EURO, "EUR", NOON)
    books.settle(commons.community, "request:1", "attempt:1", metered(3_600, price=euros * EURO // 2), NOON)


def terms(token: str = TOKEN, treasury: str = TREASURY, **changes: Any) -> dict[str, Any]:
    """Return what a vote says that begins to settle."""
    said = {"decision": "begin", "currency": "EUR", "token": token, "treasury": treasury, "rate": str(RATE)}
    return {**said, **changes}


def approved(commons: Commons, amount: str = "12.50") -> Settlement:
    """Let a vote approve a payment."""
    payload = {"site": "grid", "currency": "EUR", "amount": amount, "reason": "As metered."}
    return Settlement.objects.get(proposal=decide(commons, "site_settlement", payload))


def pay_on_chain(commons: Commons) -> None:
    """Settle without a chain: one payment made, one due, one taken back."""
    owe(commons, PAYOUT, 50)
    decide(commons, "settlement_terms", terms())
    block = {"first_block": 1, "block_number": 9, "block_hash": "0x" + "a" * 64, "block_time": SECONDS}
    SettlementReading.objects.create(community=commons.community, token=TOKEN, **block)
    paid, _due, lost = (approved(commons, amount) for amount in ("1.00", "2.00", "3.00"))
    place = {"block_number": 8, "block_hash": "0x" + "b" * 64, "block_time": SECONDS, "transaction": "0x" + "c" * 64}
    sent = Transfer(TOKEN, TREASURY, PAYOUT, int(paid.value), position=4, **place)
    with transaction.atomic():
        lock(commons.community)
        services.pay(services.settlement_of(commons.community, paid.proposal.number), sent, NOON)
    decide(commons, "settlement_withdrawal", {"settlement": lost.proposal.number, "reason": "The key is lost."})
