"""What waits for one person: votes, drafts, requests, things held up. Other apps add theirs (`settings.NEEDS`).

A need says what, where and until when; words and addresses are the frontend's. Each function of the table answers for
all communities at once, in a number of queries that does not grow with them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.module_loading import import_string

from governance.lifecycle import WAITING, State
from governance.models import (
    Ballot,
    CensusEntry,
    Community,
    Council,
    Event,
    GuardianVoice,
    Proposal,
    SealedBallot,
    Sponsorship,
)
from governance.selectors.proposals import HOLD_UPS

SHOWN_MAX = 50
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Need:
    """One thing that waits for somebody. `kind` and `key` say which page; `due_at` until when, where that is known."""

    kind: str
    community: Community
    key: int
    title: str
    due_at: datetime | None = None


Finder = Callable[[str, Sequence[Community], datetime], Iterable[Need]]


@cache
def finders() -> tuple[Finder, ...]:
    """Return every function of settings.NEEDS, in its order."""
    return tuple(import_string(path) for path in settings.NEEDS)


def needs(viewer: str, communities: Sequence[Community], now: datetime) -> list[Need]:
    """Return what waits for somebody in these communities: what ends first at the top, then in the table's order."""
    found = [need for finder in finders() for need in finder(viewer, communities, now)]
    return sorted(found, key=lambda need: need.due_at or _LAST)


def unvoted(proposals: QuerySet[Proposal], viewer: str) -> QuerySet[Proposal]:
    """Return those of some proposals on which somebody can vote and has not: with own power, or with what is lent."""
    key = viewer.lower()
    entry = CensusEntry.objects.filter(proposal=OuterRef("pk"), voter_key=key).filter(
        Q(power__gt=0) | Q(house_power__gt=0)
    )
    lent = Proposal.delegations.through.objects.filter(proposal=OuterRef("pk"), delegation__delegate=viewer)
    return proposals.filter(Exists(entry) | Exists(lent)).exclude(voted_by(viewer))


def voted_by(viewer: str) -> Q:
    """Return the condition that somebody has voted on a proposal, be it by a ballot that is sealed."""
    mine = {"proposal": OuterRef("pk"), "voter_key": viewer.lower(), "superseded_at__isnull": True}
    return Q(Exists(Ballot.objects.filter(**mine))) | Q(Exists(SealedBallot.objects.filter(**mine)))


def votes(viewer: str, communities: Sequence[Community], now: datetime) -> Iterable[Need]:
    """Return the open votes that somebody could take part in and has not, those that close first at the top."""
    active = Proposal.objects.in_state(State.ACTIVE, now).filter(community__in=communities)
    for row in unvoted(active, viewer).select_related("community").order_by("closes_at")[:SHOWN_MAX]:
        yield Need("vote", row.community, row.number, row.title, row.closes_at)


def guarded(viewer: str, communities: Sequence[Community], now: datetime) -> Iterable[Need]:
    """Return what passed and waits, for a guardian who has said nothing about it: they may pause or veto it."""
    newest = Council.objects.filter(community=OuterRef("community")).order_by("-elected_at", "-pk").values("pk")[:1]
    councils = Council.objects.filter(community__in=communities, term_ends_at__gt=now, pk=Subquery(newest))
    mine = [row.community_id for row in councils if viewer in {member["address"] for member in row.members}]
    waiting = Q()
    for state in sorted(WAITING):
        waiting |= Q(pk__in=Proposal.objects.in_state(state, now).order_by().values("pk"))
    spoken = GuardianVoice.objects.filter(proposal=OuterRef("pk"), guardian=viewer)
    rows = Proposal.objects.filter(waiting, ~Exists(spoken), community__in=mine).select_related("community")
    for row in rows.order_by("eta")[:SHOWN_MAX]:
        yield Need("guard", row.community, row.number, row.title, row.eta)


def drafts(viewer: str, communities: Sequence[Community], now: datetime) -> Iterable[Need]:  # noqa: ARG001 - no end
    """Return one's own drafts."""
    rows = Proposal.objects.filter(author=viewer, submitted_at__isnull=True, canceled_at__isnull=True)
    for row in rows.filter(community__in=communities).select_related("community").order_by("-created_at")[:SHOWN_MAX]:
        yield Need("draft", row.community, row.pk, row.title)


def sponsoring(viewer: str, communities: Sequence[Community], now: datetime) -> Iterable[Need]:  # noqa: ARG001
    """Return others' drafts that ask the members to sign, and that one has not signed."""
    seeking = Proposal.objects.filter(submitted_at__isnull=True, canceled_at__isnull=True, seeks_sponsors=True)
    signed = Sponsorship.objects.filter(proposal=OuterRef("pk"), sponsor=viewer)
    rows = seeking.filter(~Exists(signed), community__in=communities).exclude(author=viewer)
    for row in rows.select_related("community").order_by("-created_at")[:SHOWN_MAX]:
        yield Need("sponsor", row.community, row.pk, row.title)


def held_up(viewer: str, communities: Sequence[Community], now: datetime) -> Iterable[Need]:
    """Return one's own proposals of which a step was refused, as long as that is the newest that happened to them."""
    newest = Event.objects.filter(proposal=OuterRef("pk")).order_by("-pk").values("kind")[:1]
    alive = Q(executed_at__isnull=True, canceled_at__isnull=True, vetoed_at__isnull=True) & ~Q(passed=False)
    rows = Proposal.objects.submitted().filter(alive, author=viewer, community__in=communities)
    rows = rows.exclude(expires_at__lte=now).annotate(newest=Subquery(newest)).filter(newest__in=HOLD_UPS)
    for row in rows.select_related("community").order_by("-number")[:SHOWN_MAX]:
        yield Need("held_up", row.community, row.number, row.title, row.expires_at)
