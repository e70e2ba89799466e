"""Questions about communities: who they are, by which rules they decide, who guards, and what they brought along."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count as SqlCount
from django.db.models import QuerySet

from governance import lifecycle
from governance.charter import Charter
from governance.errors import NotFound
from governance.kinds import ProposalKind, all_kinds
from governance.models import Community, Council, ImportedVote, Member, Proposal
from governance.outcome import Rules
from governance.services.common import charter_of
from governance.services.guardians import council_in_office


@dataclass(frozen=True)
class CommunityCard:
    """A community with the numbers that a list shows."""

    community: Community
    open_count: int
    proposal_count: int
    member_count: int


@dataclass(frozen=True)
class Tier:
    """One tier of risk with its rules and the kinds of proposals that it is for."""

    name: str
    rules: Rules
    kinds: tuple[ProposalKind, ...]


@dataclass(frozen=True)
class RuleBook:
    """How a community decides: charter, tiers, council, and the proposals that changed the charter."""

    charter: Charter
    tiers: tuple[Tier, ...]
    council: Council | None
    changes: tuple[Proposal, ...]


def communities(now: datetime) -> list[CommunityCard]:
    """Return every community with its numbers, oldest first."""
    submitted = Proposal.objects.submitted()
    total = _per_community(submitted)
    is_open = _per_community(submitted.in_state(lifecycle.State.ACTIVE, now))
    members = _per_community(Member.objects.exclude(name=""))
    return [
        CommunityCard(community, is_open.get(community.pk, 0), total.get(community.pk, 0), members.get(community.pk, 0))
        for community in Community.objects.order_by("id")
    ]


def all_communities() -> list[Community]:
    """Return every community, oldest first."""
    return list(Community.objects.order_by("id"))


def community_named(slug: str) -> Community:
    """Return the community, or raise NotFound."""
    community = Community.objects.select_related("record", "charter").filter(slug=slug).first()
    if community is None:
        raise NotFound("community_not_found", "there is no community with this name", field="slug", found=slug)
    return community


def rule_book(community: Community, now: datetime) -> RuleBook:
    """Return how the community decides."""
    charter = charter_of(community)
    by_tier: dict[str, list[ProposalKind]] = {name: [] for name in charter.tiers}
    for kind in all_kinds().values():
        by_tier[charter.tier_of(kind.name)].append(kind)
    changes = community.proposals.filter(kind="governance_rules", executed_at__isnull=False).order_by("-executed_at")
    return RuleBook(
        charter,
        tuple(Tier(name, rules, tuple(by_tier[name])) for name, rules in charter.tiers.items()),
        council_in_office(community, now),
        tuple(changes),
    )


def imported_votes(community: Community) -> list[ImportedVote]:
    """Return the votes that the community brought from elsewhere, the newest first."""
    return list(community.imported_votes.all())


def imported_vote(slug: str, vote_id: int) -> ImportedVote:
    """Return one of them, or raise NotFound."""
    vote = ImportedVote.objects.select_related("community", "record").filter(community__slug=slug, pk=vote_id).first()
    if vote is None:
        raise NotFound("vote_not_found", "there is no imported vote with this number", field="id", found=vote_id)
    return vote


def member_names(community: Community, addresses: Iterable[str]) -> dict[str, str]:
    """Return the names that the community knows these addresses by."""
    wanted = {address for address in addresses if address}
    return dict(Member.objects.filter(community=community, address__in=wanted).values_list("address", "name"))


def chain_ids() -> list[int]:
    """Return the chains of the communities of this site, each once."""
    return sorted(set(Community.objects.values_list("chain_id", flat=True)))


def known_members() -> list[Member]:
    """Return every named member once, as the oldest community knows them: the accounts that the demo wallet offers."""
    members = Member.objects.exclude(name="").select_related("community").order_by("-id")
    return sorted({member.address: member for member in members}.values(), key=lambda member: member.pk)


def name_of(address: str) -> str:
    """Return a name that some community knows an address by, or nothing."""
    return Member.objects.filter(address=address).exclude(name="").values_list("name", flat=True).first() or ""


def _per_community(query: QuerySet[Any]) -> dict[int, int]:
    """Count the rows of each community, in one query."""
    counted = query.order_by().values("community_id").annotate(rows=SqlCount("pk"))
    return dict(counted.values_list("community_id", "rows"))
