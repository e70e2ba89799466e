"""When things happen in open decisions: opening, closing, earliest effect, lapse; and when consultations end.

A date moves (a late quorum, a pause) or falls away (a withdrawal, a veto): `sequence` rises with each event that can
move one, and `changed_at` is when the last of them happened, as RFC 5545 wants SEQUENCE and LAST-MODIFIED.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q, QuerySet

from governance.errors import NotFound
from governance.models import Community, Consultation, Event, Proposal
from governance.services.common import terms_of

OPENS, CLOSES, EFFECT, LAPSES = "opens", "closes", "effect", "lapses"
MOVING = (
    "proposal_submitted",
    "census_taken",
    "vote_extended",
    "voting_closed",
    "proposal_queued",
    "execution_paused",
    "proposal_canceled",
    "proposal_vetoed",
    "proposal_executed",
)
# What ended stays for so long, so that calendars learn that it was withdrawn, or when it was carried out.
KEPT = timedelta(days=30)
PROPOSALS_MAX = 200


@dataclass(frozen=True)
class Date:
    """One date of a decision. `tentative`: it holds if the vote passes; `canceled`: it will not come any more."""

    proposal: Proposal
    what: str
    at: datetime
    sequence: int
    changed_at: datetime
    tentative: bool = False
    canceled: bool = False


def consultations_of(community: Community, now: datetime) -> "QuerySet[Consultation]":
    """Return the consultations that are open, or ended a short while ago; the oldest first. Their end never moves."""
    return community.consultations.filter(closes_at__gt=now - KEPT).order_by("number")[:PROPOSALS_MAX]


def of_community(community: Community, now: datetime) -> list[Date]:
    """Return the dates of the community's decisions that are open, or ended a short while ago; the oldest first."""
    lately = now - KEPT
    ended = Q(passed=False) | Q(executed_at__isnull=False) | Q(canceled_at__isnull=False) | Q(vetoed_at__isnull=False)
    recent = Q(closes_at__gt=lately) | Q(executed_at__gt=lately) | Q(canceled_at__gt=lately) | Q(vetoed_at__gt=lately)
    lapsed = Q(passed=True, executed_at__isnull=True, expires_at__lte=lately)
    found = community.proposals.submitted().exclude(lapsed).filter(~ended | recent).order_by("-number")
    return list(_dates(found[:PROPOSALS_MAX]))


def of_proposal(slug: str, number: int) -> list[Date]:
    """Return the dates of one decision, whenever it was; raise NotFound for a draft and for what does not exist."""
    found = Proposal.objects.submitted().filter(community__slug=slug, number=number)
    dates = list(_dates(found))
    if not dates:
        raise NotFound("proposal_not_found", "there is no proposal with this number", field="number", found=number)
    return dates


def _dates(proposals: "QuerySet[Proposal]") -> Iterator[Date]:
    listed = list(proposals.select_related("record", "community"))
    changes = _changes(listed)
    for proposal in reversed(listed):
        sequence, changed_at = changes.get(proposal.pk, (0, proposal.submitted_at))
        if changed_at is None:
            continue
        stopped = proposal.canceled_at or proposal.vetoed_at
        for what, at, tentative in _moments(proposal):
            canceled = stopped is not None and at > stopped
            yield Date(proposal, what, at, sequence, changed_at, tentative and not canceled, canceled)


def _moments(proposal: Proposal) -> Iterator[tuple[str, datetime, bool]]:
    """Return each date with whether it is only expected: what follows a vote is, until the vote has passed."""
    if proposal.opens_at is None or proposal.closes_at is None:
        return
    yield OPENS, proposal.opens_at, proposal.census_at is None
    yield CLOSES, proposal.closes_at, proposal.census_at is None
    if proposal.passed is False:
        return
    rules = terms_of(proposal).rules
    effect = proposal.executed_at or proposal.eta or proposal.closes_at + timedelta(seconds=rules.timelock_seconds)
    if proposal.executed_at is None and proposal.paused_until is not None:
        effect = max(effect, proposal.paused_until)
    yield EFFECT, effect, proposal.eta is None
    if proposal.executed_at is None:
        window = timedelta(seconds=rules.execution_window_seconds)
        yield LAPSES, proposal.expires_at or effect + window, proposal.eta is None


def _changes(proposals: Iterable[Proposal]) -> dict[int, tuple[int, datetime]]:
    """Return how often the dates of each could have moved since it was submitted, and when last: one query for all."""
    rows = (
        Event.objects.filter(proposal__in=[proposal.pk for proposal in proposals], kind__in=MOVING)
        .order_by()
        .values("proposal_id")
        .annotate(moves=Count("pk"), last=Max("at"))
    )
    return {row["proposal_id"]: (row["moves"] - 1, row["last"]) for row in rows}
