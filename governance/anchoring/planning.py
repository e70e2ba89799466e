"""Notes what is to be anchored: the ballots of every vote that was counted. Releases are planned by who knows them.

Safe to repeat, and to begin late: what was decided before a site anchored is posted too, oldest first, with the date on
which it was posted and not an earlier one.
"""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef

from governance.anchoring.kinds import BALLOTS
from governance.models import Anchor, Ballot, Community, Proposal, Record

# How much one round notes; the rest follows in the next.
PLANNED_MAX = 100


def is_on() -> bool:
    """Say whether this site anchors."""
    return bool(settings.ANCHOR_CONTRACT)


def plan(kind: str, what: Iterable[tuple[Community, Record, str]], now: datetime) -> int:
    """Note digests of records that are to be posted; return how many were offered. Those noted before stay."""
    rows = [
        Anchor(community=community, record=record, kind=kind, digest=digest, planned_at=now, next_at=now)
        for community, record, digest in what
    ]
    Anchor.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def plan_votes(now: datetime) -> int:
    """Note the ballots of votes that were counted since. A vote in which nobody voted has nothing to post."""
    found = (
        Proposal.objects.filter(tally_record__isnull=False, tally_record__anchor__isnull=True)
        .filter(Exists(Ballot.objects.filter(proposal=OuterRef("pk"))))
        .select_related("community", "tally_record")
        .order_by("decided_at", "pk")[:PLANNED_MAX]
    )
    tallies = [(proposal.community, proposal.tally_record) for proposal in found]
    return plan(BALLOTS, [(community, tally, tally.body["ballots_root"]) for community, tally in tallies if tally], now)
