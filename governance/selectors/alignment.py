"""How often two people chose the same: from the public ballots of both on the decisions that both voted on."""

from dataclasses import dataclass

from governance.models import Ballot, Community, Proposal

COMPARED_MAX = 500
SHOWN_MAX = 5


@dataclass(frozen=True)
class Alignment:
    """Of `common` decisions both chose the same on `same`; `apart` are the newest on which they did not.

    The same means the same ballot in every respect: the same ranking, the same shares.
    """

    common: int
    same: int
    apart: tuple[Proposal, ...]

    @property
    def same_bps(self) -> int:
        """Return the share of the same in basis points, rounded down."""
        return self.same * 10_000 // self.common if self.common else 0


def alignment(community: Community, viewer: str, other: str) -> Alignment | None:
    """Compare two people on the newest decisions that the first voted on; nothing for nobody, or with oneself."""
    if not viewer or viewer == other:
        return None
    cast = Ballot.objects.filter(proposal__community=community, superseded_at__isnull=True)
    mine = dict(cast.filter(voter=viewer).order_by("-cast_at").values_list("proposal_id", "choice")[:COMPARED_MAX])
    theirs = dict(cast.filter(voter=other, proposal__in=mine).values_list("proposal_id", "choice"))
    apart = [pk for pk in mine if pk in theirs and theirs[pk] != mine[pk]]
    shown = Proposal.objects.in_bulk(apart[:SHOWN_MAX])
    return Alignment(len(theirs), len(theirs) - len(apart), tuple(shown[pk] for pk in apart[:SHOWN_MAX]))
