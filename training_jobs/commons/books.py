"""What the page of a community's books shows beside accounts and entries: what is set aside, and how well plans hold.

Reads only.
"""

from dataclasses import dataclass

from django.db.models import QuerySet

from governance.models import Community
from training_jobs.ledger.estimates import past_runs
from training_jobs.models import LedgerHold
from training_jobs.scheduling.prices import MONEY_MAX, Coverage, Estimate, coverage, estimate
from training_jobs.scheduling.values import BPS


@dataclass(frozen=True)
class Plans:
    """How much of their plan past runs took, as a share, and how often the interval held."""

    interval: Estimate  # in basis points of the plan
    coverage: Coverage


def open_holds(community: Community) -> QuerySet[LedgerHold]:
    """Return what is set aside and was not given back yet, newest first."""
    held = LedgerHold.objects.filter(community=community, released_at__isnull=True)
    return held.select_related("budget").order_by("-pk")


def plans(community: Community) -> Plans:
    """Return what past runs say of plans: between which shares of its plan the next run will end."""
    pasts = past_runs(community)
    return Plans(estimate(BPS, MONEY_MAX, pasts), coverage(pasts))
