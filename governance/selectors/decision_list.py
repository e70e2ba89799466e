"""The list of a community's decisions: what a reader may ask for, one page of it, and all of it for other programs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from governance import lifecycle
from governance.models import Community, Proposal
from governance.selectors.communities import member_names
from governance.selectors.needs import unvoted, voted_by
from governance.selectors.proposals import PROPOSALS_PER_PAGE, ProposalPage, rows_of

# What a person wants of the decisions for themselves, and in which order lists stand; the first is the usual one.
MINE = ("", "needs", "unvoted", "voted", "written")
SORTS = ("newest", "oldest", "closing")
DOWNLOADED_MAX = 5_000
CLOSING_DAYS_MAX = 365


@dataclass(frozen=True)
class Wanted:
    """What a reader asks for. Words that nothing is known by match nothing; empty ones leave everything.

    `mine` is one of MINE and means nothing without a viewer; `closing_days` are from now, 0 for any; `among` are the
    numbers of the database that another app says it is about, None for any.
    """

    state: str = ""
    kind: str = ""
    tier: str = ""
    author: str = ""
    search: str = ""
    mine: str = ""
    closing_days: int = 0
    sort: str = ""
    among: frozenset[int] | None = field(default=None)


@dataclass(frozen=True)
class DecisionLine:
    """A decision as other programs list it: without its count, so that thousands can be listed."""

    proposal: Proposal
    state: lifecycle.State
    author_name: str


def proposals(community: Community, now: datetime, wanted: Wanted, viewer: str = "", page: int = 1) -> ProposalPage:
    """Return one page of the submitted proposals that match."""
    query = matching(community, now, wanted, viewer)
    total = query.count()
    pages = max(1, ceil(total / PROPOSALS_PER_PAGE))
    number = min(max(page, 1), pages)
    start = (number - 1) * PROPOSALS_PER_PAGE
    rows = rows_of(community, query[start : start + PROPOSALS_PER_PAGE], now)
    return ProposalPage(tuple(rows), number, pages, total)


def lines(community: Community, now: datetime, wanted: Wanted, viewer: str = "") -> Iterator[DecisionLine]:
    """Return all that match, up to a bound, in the same order as the pages."""
    found = list(matching(community, now, wanted, viewer).defer("text", "payload")[:DOWNLOADED_MAX])
    names = member_names(community, {row.author for row in found})
    for row in found:
        row.community = community
        yield DecisionLine(row, row.state(now), names.get(row.author, ""))


def needing(community: Community, now: datetime, viewer: str) -> int:
    """Return on how many open decisions somebody could vote and has not."""
    return unvoted(community.proposals.in_state(lifecycle.State.ACTIVE, now), viewer).count() if viewer else 0


def tiers_used(community: Community) -> list[str]:
    """Return the tiers that decisions of the community have had."""
    found = community.proposals.submitted().exclude(tier="").order_by("tier").values_list("tier", flat=True)
    return list(found.distinct())


def matching(community: Community, now: datetime, wanted: Wanted, viewer: str) -> QuerySet[Proposal]:
    """Return the submitted proposals that match, in the order that is wanted."""
    query = community.proposals.submitted()
    if wanted.state:
        known = wanted.state in set(lifecycle.State)
        query = query.in_state(lifecycle.State(wanted.state), now) if known else query.none()
    if wanted.kind:
        query = query.filter(kind=wanted.kind)
    if wanted.tier:
        query = query.filter(tier=wanted.tier)
    if wanted.author:
        named = community.members.filter(name__iexact=wanted.author).values("address")
        query = query.filter(Q(author__iexact=wanted.author) | Q(author__in=named))
    if wanted.search:
        query = query.filter(Q(title__icontains=wanted.search) | Q(text__icontains=wanted.search))
    if wanted.among is not None:
        query = query.filter(pk__in=wanted.among)
    if wanted.closing_days:
        soon = now + timedelta(days=min(wanted.closing_days, CLOSING_DAYS_MAX))
        query = query.in_state(lifecycle.State.ACTIVE, now).filter(closes_at__lte=soon)
    return _ordered(_of_viewer(query, wanted.mine, now, viewer), wanted.sort, now)


def _of_viewer(query: QuerySet[Proposal], mine: str, now: datetime, viewer: str) -> QuerySet[Proposal]:
    if not mine or not viewer:
        return query if not mine else query.none()
    if mine == "needs":
        active = Proposal.objects.in_state(lifecycle.State.ACTIVE, now).order_by().values("pk")
        return unvoted(query.filter(pk__in=active), viewer)
    if mine == "written":
        return query.filter(author=viewer)
    if mine == "voted":
        return query.filter(voted_by(viewer))
    return query.exclude(voted_by(viewer)) if mine == "unvoted" else query.none()


def _ordered(query: QuerySet[Proposal], sort: str, now: datetime) -> QuerySet[Proposal]:
    if sort == "oldest":
        return query.order_by("number")
    if sort == "closing":
        # What has closed stands below, the last one first; what is open, the first one first.
        over = ExpressionWrapper(Q(closes_at__lte=now), output_field=BooleanField())
        return query.annotate(is_over=over).order_by("is_over", "closes_at", "-number")
    return query.order_by("-number")
