"""What waits for one person in this app (`settings.NEEDS`): results that rules ask members to look at."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef

from governance.models import CensusEntry, Community
from governance.selectors.needs import SHOWN_MAX, Need
from training_jobs.models import Attested, Run


def reviews(viewer: str, communities: Sequence[Community], now: datetime) -> Iterable[Need]:  # noqa: ARG001 - they wait
    """Return the results in review that one may look at and has not: with power in that vote, and not one's own.

    Whether a machine of one's own worked on it is asked when one attests (`reviews.selectors.may_review`).
    """
    entry = CensusEntry.objects.filter(proposal=OuterRef("proposal"), voter_key=viewer.lower(), power__gt=0)
    said = Attested.objects.filter(run=OuterRef("pk"), reviewer=viewer)
    rows = Run.objects.unfinished().filter(
        Exists(entry), ~Exists(said), community__in=communities, reviewing_since__isnull=False, report__isnull=False
    )
    rows = rows.exclude(proposal__author=viewer).select_related("community", "proposal")
    for row in rows.defer("report").order_by("reviewing_since")[:SHOWN_MAX]:
        yield Need("review", row.community, row.pk, row.proposal.title)
