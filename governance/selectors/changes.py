"""What happened in some communities since a moment, grouped: what a log says, without its noise."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from governance.models import Community, Event, Proposal

# So far back one look goes in all logs together, whatever happened since; and in each of very many.
PLACES_MAX = 2_000
PLACES_MIN = 100
SUBJECTS_MAX = 3
# What others have done for themselves, what is told elsewhere, and steps that say nothing to a reader.
_QUIET = frozenset(
    {
        "draft_created",
        "draft_edited",
        "draft_preview_requested",
        "draft_preview_done",
        "draft_preview_failed",
        "draft_trial_requested",
        "draft_trial_done",
        "draft_trial_failed",
        "draft_sponsored",
        "ballot_cast",
        "census_taken",
        "preview_requested",
        "trial_requested",
        "runner_token_rotated",
        "delegation_relayed",
        "contact_erased",
        "notice_failed",
        "dataset_refused",
        "refused",
        "incident_asked",
        "compute_waits",
    }
)


@dataclass(frozen=True)
class Change:
    """One kind of event in one community: how often, when last, and the proposals that it concerned last."""

    community: Community
    kind: str
    count: int
    at: datetime
    proposals: tuple[Proposal, ...]


def changes(
    communities: Sequence[Community], since: datetime, kinds: Iterable[str] = (), most: int = 12
) -> list[Change]:
    """Return what happened, the newest first. `kinds` narrows it; a log is read back only so far."""
    if not communities:
        return []
    windows = Q()
    each = max(PLACES_MIN, PLACES_MAX // len(communities))
    for community in communities:
        windows |= Q(community=community, position__gte=max(0, community.log_size - each))
    found = Event.objects.filter(windows, at__gt=since).exclude(kind__in=_QUIET)
    if kinds:
        found = found.filter(kind__in=list(kinds))
    # Without an order of the database's: it would read a whole log backwards to find the few that are no ballots.
    rows = found.order_by().values_list("at", "position", "community_id", "kind", "proposal_id")
    grouped: dict[tuple[int, str], list[tuple[datetime, int | None]]] = defaultdict(list)
    for at, _position, community_id, kind, proposal_id in sorted(rows, key=lambda row: row[:2], reverse=True):
        grouped[community_id, kind].append((at, proposal_id))
    newest = sorted(grouped.items(), key=lambda item: item[1][0][0], reverse=True)[:most]
    wanted = {pk: _subjects(events) for pk, events in newest}
    listed = Proposal.objects.filter(submitted_at__isnull=False).in_bulk(
        {pk for some in wanted.values() for pk in some}
    )
    by_id = {community.pk: community for community in communities}
    return [
        Change(
            community=by_id[key[0]],
            kind=key[1],
            count=len(events),
            at=events[0][0],
            proposals=tuple(listed[pk] for pk in wanted[key] if pk in listed),
        )
        for key, events in newest
    ]


def _subjects(events: Sequence[tuple[datetime, int | None]]) -> list[int]:
    listed = dict.fromkeys(pk for _at, pk in events if pk is not None)
    return list(listed)[:SUBJECTS_MAX]
