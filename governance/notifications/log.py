"""The newest events of a community that a feed tells: public, and the same for everybody."""

from governance.models import Community, Event
from governance.notifications import telling
from governance.notifications.planning import Ask, nothing
from governance.notifications.telling import News

NEWEST_MAX = 50
KINDS = (
    "proposal_submitted",
    "voting_closed",
    "proposal_canceled",
    "proposal_vetoed",
    "execution_paused",
    "proposal_executed",
    "run_created",
    "run_judged",
    "run_failed",
    "version_released",
    "release_paused",
    "release_held",
    "release_pause_ended",
    "release_withdrawn",
    "release_rolled_back",
    "incident_reported",
    "incident_answered",
    "consultation_opened",
    "consultation_counted",
    "revote_called",
)


def newest(community: Community, facts: Ask = nothing) -> list[tuple[Event, News]]:
    """Return the newest events that a feed tells, with what is needed to say them; the newest first.

    By kind: ballots are most of a log, and each kind's newest are found by an index.
    """
    found: list[Event] = []
    for kind in KINDS:
        rows = Event.objects.filter(community=community, kind=kind, position__isnull=False)
        # A draft is its author's: that one was discarded is in the log, but its title is nobody's.
        rows = rows.exclude(proposal__isnull=False, proposal__submitted_at__isnull=True)
        found += rows.select_related("community", "proposal__record").defer("leaf").order_by("-id")[:NEWEST_MAX]
    events = sorted(found, key=lambda event: -(event.position or 0))[:NEWEST_MAX]
    return list(zip(events, telling.of_events(events, facts), strict=True))
