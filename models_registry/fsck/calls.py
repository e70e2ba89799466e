"""Calls for another vote: each row was opened and closed as the log says, and every such event has its row."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

from governance.fsck.finding import Finding, compare, finding, guarded, seconds
from governance.models import Community, Event
from models_registry.calls import services
from models_registry.models import Call

TABLE = "models_registry_call"
RESTORE = "restore the row from a backup; the log says what was called for, when, and why it ended"
_KINDS = ("revote_called", "revote_call_closed")
Name = tuple[object, ...]


def check_calls(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the calls of a community: every row, and every event that has none."""
    events: dict[Name, list[Event]] = defaultdict(list)
    for event in community.events.filter(kind__in=_KINDS).order_by("position"):
        events[_name(event.kind, event.data, event.at)].append(event)
    for row in Call.objects.filter(community=community).select_related("version").order_by("pk"):
        found = []
        for kind, at in zip(_KINDS, (row.opened_at, row.closed_at), strict=True):
            there = events[_name(kind, services.opened_event(row), at)]
            found.append(there.pop(0) if there else None)
        yield from guarded(TABLE, row.pk, _check_row(row, *found))
    for events_left in events.values():
        for event in events_left:
            yield finding("governance_event", event.pk, event.kind, f"a call {event.data.get('call')}", "none")


def _name(kind: str, said: Mapping[str, object], at: datetime | None) -> Name:
    """Return what names a call in the log wherever its community is: its number may be another one there."""
    return kind, said.get("cause"), said.get("revision"), said.get("rule"), seconds(at)


def _check_row(row: Call, opened: Event | None, closed: Event | None) -> Iterator[Finding]:
    for event, at, said in (
        (opened, row.opened_at, services.opened_event(row)),
        (closed, row.closed_at, services.closed_event(row)),
    ):
        if at is None or event is None:
            yield from compare(TABLE, row.pk, {"at": seconds(event.at) if event else None}, {"at": seconds(at)})
        else:
            told = {**event.data, "call": row.pk, "at": seconds(event.at)}
            yield from compare(TABLE, row.pk, told, {**said, "at": seconds(at)})
