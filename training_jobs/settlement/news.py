"""What is known about the event of a payment: who is paid, for which site, how much; and who is to look into a halt."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from governance.models import Event
from governance.notifications.planning import Facts
from governance.notifications.topics import Concern
from models_registry.incidents.services import stewards_of
from training_jobs.models import Settlement, Site

SITES_SAID_MAX = 3


def facts(event: Event) -> Facts:
    """Return who is paid, and what is said of the payments that an event is about."""
    people: dict[str, list[str]] = {}
    if event.kind == "settlement_halted" and event.community is not None:
        people[Concern.STEWARD] = [member["address"] for member in stewards_of(event.community, event.at)]
    rows = list(_about(event))
    if not rows:
        return Facts(people=people)
    sites = {site.slug: site for site in Site.objects.filter(slug__in={row.site for row in rows})}
    operators = {sites[row.site].operator for row in rows if row.site in sites}
    people[Concern.PAYEE] = sorted(operators | {row.payout for row in rows})
    return Facts(people=people, said=_said(event, rows, sites))


def _about(event: Event) -> "QuerySet[Settlement]":
    """Return the settlements that an event is about; of a transfer that pays nothing, those that it may have meant."""
    rows, said = Settlement.objects.filter(community=event.community_id).order_by("pk"), event.data
    if event.kind == "settlement_unmatched":
        there = {name: said.get(name) for name in ("token", "treasury", "payout")}
        open_then = Q(paid_at__isnull=True) | Q(paid_at__gte=event.at)
        return rows.filter(open_then, **there, approved_at__lte=event.at, withdrawn_at__isnull=True)
    if event.kind == "settlement_halted":
        return rows.filter(proposal__number=said.get("settlement", 0))  # 0: the log of an older version names none
    if event.kind == "settlement_resumed":
        return rows.filter(proposal__number__in=said["lost"])
    return rows.filter(proposal__number=said.get("facts", {}).get("settlement", 0))


def _said(event: Event, rows: Iterable[Settlement], sites: dict[str, Site]) -> dict[str, Any]:
    names = dict.fromkeys(sites[row.site].name if row.site in sites else row.site for row in rows)
    return {
        "site": ", ".join(list(names)[:SITES_SAID_MAX]),
        "amounts": [[row.amount, row.currency] for row in rows],
        "payout": ", ".join(dict.fromkeys(row.payout for row in rows)),
        "reason": event.data.get("facts", {}).get("reason", ""),
    }
