"""Which version of a model is in use, since when, and by which decision. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from governance.models import Proposal
from models_registry.selectors import ModelCard, VersionRow


@dataclass(frozen=True)
class InUse:
    """The version that is handed out as the current one. `returned`: a vote went back to it, which is the decision.

    `decision` is None for the base that nobody voted on.
    """

    row: VersionRow
    since: datetime
    decision: Proposal | None
    returned: bool


def in_use(card: ModelCard) -> InUse | None:
    """Return what is in use of a model; None where nothing is handed out."""
    row = card.newest
    if row is None or not row.in_use or row.version.published_at is None:
        return None
    version = row.version
    left = [each.version for each in card.versions if each.version.set_back_at and each.version.number > version.number]
    if left:
        last = max(left, key=lambda each: each.set_back_at or each.created_at)
        assert last.set_back_at is not None
        return InUse(row, last.set_back_at, Proposal.objects.get(pk=last.set_back_by_id), returned=True)
    return InUse(row, version.created_at, version.proposal, returned=False)
