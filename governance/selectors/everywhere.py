"""What is open in all communities at once, and figures that can be counted: for who comes to look."""

from dataclasses import dataclass
from datetime import datetime

from governance.lifecycle import State
from governance.models import Community, Member, Proposal
from governance.selectors.proposals import ProposalRow
from governance.selectors.results import results
from governance.services.common import required_record
from governance.standing import standings


@dataclass(frozen=True)
class Figures:
    """What can be counted, at a moment."""

    communities: int
    open: int
    carried_out: int


def open_everywhere(now: datetime, most: int) -> list[ProposalRow]:
    """Return the decisions of all communities that can be voted on now, those that close first at the top."""
    active = Proposal.objects.in_state(State.ACTIVE, now).select_related("record", "census_record", "community")
    listed = list(active.order_by("closes_at", "pk")[:most])
    counted = standings(listed)
    authors = Member.objects.filter(address__in={row.author for row in listed}).exclude(name="")
    names = {(pk, address): name for pk, address, name in authors.values_list("community_id", "address", "name")}
    return [
        ProposalRow(
            row,
            State.ACTIVE,
            results(counted[row.pk], required_record(row.record).body["snapshot"]),
            names.get((row.community_id, row.author), ""),
        )
        for row in listed
    ]


@dataclass(frozen=True)
class CommunityFigures:
    """What can be counted in one community."""

    members: int
    decided: int
    carried_out: int


def figures_of(community: Community) -> CommunityFigures:
    """Return how much there is in one community."""
    return CommunityFigures(
        community.members.exclude(name="").count(),
        community.proposals.filter(decided_at__isnull=False).count(),
        community.proposals.filter(executed_at__isnull=False).count(),
    )


def figures(now: datetime) -> Figures:
    """Return how much there is."""
    return Figures(
        Community.objects.count(),
        Proposal.objects.in_state(State.ACTIVE, now).count(),
        Proposal.objects.filter(executed_at__isnull=False).count(),
    )
