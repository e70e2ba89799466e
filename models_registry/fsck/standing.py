"""What stops versions or set them back: each column follows from the newest event of the log about it."""

from collections.abc import Iterator

from governance.fsck.finding import Finding, compare, guarded, seconds
from governance.models import Community, Event
from models_registry.models import Version
from models_registry.release_status import EVENTS

TABLE = "models_registry_version"
RESTORE = "restore the row from a backup, or say openly what happened: the log has each stop with its reason"


def check_standing(community: Community) -> Iterator[Finding]:
    """Yield the versions of a community that stand otherwise than the log says."""
    events = list(community.events.filter(kind__in=EVENTS, position__isnull=False).order_by("position"))
    rows = Version.objects.filter(model__community=community).select_related("withdrawal", "held_by", "set_back_by")
    for row in rows.defer("files").order_by("pk").iterator(chunk_size=100):
        mine = [event for event in events if row.revision in (event.data.get("revision"), *event.data.get("left", []))]
        yield from guarded(TABLE, row.pk, _check_row(row, mine))


def _check_row(row: Version, events: list[Event]) -> Iterator[Finding]:
    newest = {event.kind: event for event in events}
    ended = newest.get("release_pause_ended")
    yield from compare(TABLE, row.pk, _withdrawn(newest.get("release_withdrawn")), {
        "withdrawn_at": seconds(row.withdrawn_at), "withdrawn_reason": row.withdrawn_reason,
        "withdrawal": row.withdrawal_id,
    })  # fmt: skip
    yield from compare(TABLE, row.pk, _paused(newest.get("release_paused"), ended), {
        "paused_by": row.paused_by, "paused_reason": row.paused_reason, "paused_until": seconds(row.paused_until),
    })  # fmt: skip
    yield from compare(TABLE, row.pk, _held(newest.get("release_held"), ended), {
        "held_at": seconds(row.held_at), "held_until": seconds(row.held_until), "held_reason": row.held_reason,
        "held_by": row.held_by_id,
    })  # fmt: skip
    yield from compare(TABLE, row.pk, _set_back(newest.get("release_rolled_back"), row.revision), {
        "set_back_at": seconds(row.set_back_at), "set_back_reason": row.set_back_reason,
        "set_back_by": row.set_back_by_id,
    })  # fmt: skip


def _withdrawn(event: Event | None) -> dict[str, object]:
    if event is None:
        return {"withdrawn_at": None, "withdrawn_reason": "", "withdrawal": None}
    return {
        "withdrawn_at": seconds(event.at), "withdrawn_reason": event.data["reason"], "withdrawal": event.proposal_id,
    }  # fmt: skip


def _paused(event: Event | None, ended: Event | None) -> dict[str, object]:
    """Return what a guardian's pause leaves; a vote that ended it while it lasted set its end."""
    if event is None:
        return {"paused_by": "", "paused_reason": "", "paused_until": None}
    until = event.data["until"]
    if ended is not None and ended.position is not None and ended.position > (event.position or 0):
        until = min(until, seconds(ended.at) or 0)
    return {"paused_by": event.actor, "paused_reason": event.data["reason"], "paused_until": until}


def _held(event: Event | None, ended: Event | None) -> dict[str, object]:
    last = max((each for each in (event, ended) if each), key=lambda each: each.position or 0, default=None)
    if last is None:
        return {"held_at": None, "held_until": None, "held_reason": "", "held_by": None}
    said = {"held_reason": last.data["reason"], "held_by": last.proposal_id}
    if last is ended:
        return {"held_at": None, "held_until": None, **said}
    return {"held_at": seconds(last.at), "held_until": last.data["until"], **said}


def _set_back(event: Event | None, revision: str) -> dict[str, object]:
    if event is None or event.data.get("revision") == revision:
        return {"set_back_at": None, "set_back_reason": "", "set_back_by": None}
    return {
        "set_back_at": seconds(event.at), "set_back_reason": event.data["reason"], "set_back_by": event.proposal_id,
    }  # fmt: skip
