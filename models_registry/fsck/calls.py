"""Calls for another vote: each row was opened and closed as the log says, and every such event has its row."""

from collections.abc import Iterator

from governance.fsck.finding import Finding, compare, finding, guarded, seconds
from governance.models import Community, Event
from models_registry.calls import services
from models_registry.models import Call

TABLE = "models_registry_call"
RESTORE = "restore the row from a backup; the log says what was called for, when, and why it ended"
_KINDS = ("revote_called", "revote_call_closed")


def check_calls(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the calls of a community: every row, and every event that has none."""
    events: dict[tuple[str, object], Event] = {}
    for event in community.events.filter(kind__in=_KINDS):
        events[event.kind, event.data.get("call")] = event
    for row in Call.objects.filter(community=community).select_related("version").order_by("pk"):
        opened, closed = (events.pop((kind, row.pk), None) for kind in _KINDS)
        yield from guarded(TABLE, row.pk, _check_row(row, opened, closed))
    for (kind, number), event in events.items():
        yield finding("governance_event", event.pk, kind, f"a call {number}", "none")


def _check_row(row: Call, opened: Event | None, closed: Event | None) -> Iterator[Finding]:
    for event, at, said in (
        (opened, row.opened_at, services.opened_event(row)),
        (closed, row.closed_at, services.closed_event(row)),
    ):
        if at is None or event is None:
            yield from compare(TABLE, row.pk, {"at": seconds(event.at) if event else None}, {"at": seconds(at)})
        else:
            told = {**event.data, "at": seconds(event.at)}
            yield from compare(TABLE, row.pk, told, {**said, "at": seconds(at)})
