"""The audit log: what happened, to what, by whom."""

from datetime import datetime
from typing import Any

from governance import log
from governance.models import Community, Event, Proposal
from governance.services.common import get_proposal

# What people say about a proposal changes nothing about its steps.
SAID = frozenset(
    f"comment_{what}"
    for what in (
        "written",
        "edited",
        "erased",
        "reported",
        "reports_settled",
        "hidden",
        "shown_again",
        "appealed",
        "appeal_declined",
        "appeal_granted",
    )
)


def note(
    kind: str,
    now: datetime,
    *,
    community: Community | None = None,
    proposal: Proposal | None = None,
    actor: str = "",
    **data: Any,  # noqa: ANN401 - any JSON
) -> None:
    """Add one line to the audit log; what concerns a community gets its place in that community's log."""
    community_id = community.pk if community else (proposal.community_id if proposal else None)
    event = Event(kind=kind, at=now, community_id=community_id, proposal=proposal, actor=actor, data=data)
    if community_id is None:
        event.save()
    else:
        log.append(community_id, [event])


def note_once(proposal_id: int, kind: str, now: datetime, **data: Any) -> None:  # noqa: ANN401 - any JSON
    """Add a line about a proposal unless its newest line says exactly this: a sweeper repeats itself."""
    proposal = get_proposal(proposal_id)
    newest = proposal.events.exclude(kind__in=SAID).first()
    if newest is None or newest.kind != kind or newest.data != data:
        note(kind, now, proposal=proposal, **data)
