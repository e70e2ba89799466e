"""What a proposal to change the charter changes. Reads only."""

from dataclasses import dataclass

from governance.charter import CHARTER_KIND, Charter
from governance.charter_changes import CharterChanges, compare
from governance.models import Proposal
from governance.services.common import charter_of, charter_under


@dataclass(frozen=True)
class CharterCompared:
    """The changes against the charter that a proposal rests on; for a draft, against the one in force.

    `overtaken`: another vote has changed the charter since it was submitted, and it was not carried out yet.
    """

    changes: CharterChanges
    overtaken: bool


def charter_compared(proposal: Proposal) -> CharterCompared | None:
    """Compare with the charter that was in force at submission; None for any other kind of proposal."""
    if proposal.kind != CHARTER_KIND:
        return None
    in_force = charter_of(proposal.community)
    before = in_force if proposal.record_id is None else charter_under(proposal)
    overtaken = proposal.executed_at is None and before.to_body() != in_force.to_body()
    return CharterCompared(compare(before, Charter.from_body(proposal.payload["charter"])), overtaken)
