"""What pages and the API ask of settlements: the terms, what each site is owed, what is due, and what would pay it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from governance.chain import governor
from governance.models import Community, Event
from training_jobs.models import LedgerAccount, Settlement, SettlementReading, SettlementTerms, Site
from training_jobs.models.ledger import DUE, SITE_CREDIT
from training_jobs.settlement.reading import HALTED, UNMATCHED
from training_jobs.settlement.services import all_terms, is_own_account, require_due, settlement_of

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
    own: bool  # the address is the account of its operator


@dataclass(frozen=True)
class Halt:
    """Why a token is read no further: the payment (by its proposal) and its block; 0 where an older log names none."""

    why: str
    settlement: int
    block: int


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
            own=slug in known and is_own_account(known[slug]),
        )
        for (slug, currency), kinds in sorted(sums.items())
    ]


def to_others(found: Iterable[Settlement]) -> set[int]:
    """Return those, by key, that pay another address than the account of their site's operator.

    Such an address may be a contract wallet, which need not exist on the community's chain.
    """
    rows = list(found)
    operators = dict(Site.objects.filter(slug__in={each.site for each in rows}).values_list("slug", "operator"))
    return {each.pk for each in rows if operators.get(each.site) != each.payout}


def readings(community: Community) -> QuerySet[SettlementReading]:
    """Return how far transfers were read, by token."""
    return SettlementReading.objects.filter(community=community)


def halts(community: Community) -> list[Halt]:
    """Return the readings that go no further, each with what the log says of why."""
    found = []
    for reading in readings(community).exclude(halted=""):
        told = community.events.filter(kind=HALTED, data__token=reading.token).order_by("-position").first()
        said = told.data if told is not None else {}
        found.append(Halt(reading.halted, said.get("settlement", 0), said.get("block", 0)))
    return found


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
