"""The audit log: what happened, to what, by whom."""

from datetime import datetime
from typing import Any

from governance.models import Community, Event, Proposal
from governance.services.common import get_proposal


def note(
    kind: str,
    now: datetime,
    *,
    community: Community | None = None,
    proposal: Proposal | None = None,
    actor: str = "",
    **data: Any,  # noqa: ANN401 - any JSON
) -> None:
    """Add one line to the audit log."""
    Event.objects.create(
        kind=kind,
        at=now,
        community=community or (proposal.community if proposal else None),
        proposal=proposal,
        actor=actor,
        data=data,
    )


def note_once(proposal_id: int, kind: str, now: datetime, **data: Any) -> None:  # noqa: ANN401 - any JSON
    """Add a line about a proposal unless its newest line says exactly this: a sweeper repeats itself."""
    proposal = get_proposal(proposal_id)
    newest = proposal.events.first()
    if newest is None or newest.kind != kind or newest.data != data:
        note(kind, now, proposal=proposal, **data)
