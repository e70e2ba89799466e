"""What pages and the API ask of settlements: the terms, what each site is owed, what is due, and what would pay it."""

from dataclasses import dataclass

from django.db.models import QuerySet

from governance.chain import governor
from governance.models import Community, Event
from training_jobs.models import LedgerAccount, Settlement, SettlementReading, SettlementTerms, Site
from training_jobs.models.ledger import DUE, SITE_CREDIT
from training_jobs.settlement.reading import UNMATCHED
from training_jobs.settlement.services import all_terms, require_due, settlement_of

MISSED_MAX = 20


@dataclass(frozen=True)
class Owed:
    """What a site is owed in one currency, in micro-units: `credit` without a vote, `due` with one."""

    site: str
    currency: str
    credit: int
    due: int
    payout: str
    name: str  # of the site; empty where it is unknown here


def settlements(community: Community) -> QuerySet[Settlement]:
    """Return the settlements of a community, newest first."""
    found = Settlement.objects.filter(community=community)
    return found.select_related("proposal__community", "withdrawal__community", "community")


def terms(community: Community) -> list[SettlementTerms]:
    """Return the terms in force, with their votes."""
    return all_terms(community)


def owed(community: Community) -> list[Owed]:
    """Return what each site is owed, by site and currency."""
    rows = LedgerAccount.objects.filter(community=community, kind__in=[SITE_CREDIT, DUE], balance__gt=0)
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for account in rows:
        sums.setdefault((account.owner, account.currency), {})[account.kind] = account.balance
    known = {site.slug: site for site in Site.objects.filter(slug__in={site for site, _ in sums})}
    return [
        Owed(
            site=slug,
            currency=currency,
            credit=kinds.get(SITE_CREDIT, 0),
            due=kinds.get(DUE, 0),
            payout=known[slug].payout_address if slug in known else "",
            name=known[slug].name if slug in known else "",
        )
        for (slug, currency), kinds in sorted(sums.items())
    ]


def readings(community: Community) -> QuerySet[SettlementReading]:
    """Return how far transfers were read, by token."""
    return SettlementReading.objects.filter(community=community)


def missed(community: Community) -> QuerySet[Event]:
    """Return the newest transfers that went to a site for which money was due, and were of another value."""
    found: QuerySet[Event] = community.events.filter(kind=UNMATCHED).order_by("-position")
    return found[:MISSED_MAX]


def payment_for(community: Community, number: int) -> tuple[Settlement, dict[str, str]]:
    """Return a settlement that is due, and the transaction that pays it; refuse one that is paid or withdrawn."""
    found = settlement_of(community, number)
    require_due(found, "settlement")
    return found, payment_of(found)


def payment_of(found: Settlement) -> dict[str, str]:
    """Return what the treasury sends. A treasury that is a contract takes the same as an action of a proposal."""
    data = governor.call("transfer", ("address", "uint256"), (found.payout, int(found.value)))
    return {"to": found.token, "data": data, "chainId": hex(found.chain_id)}
