"""What people reported: each row is what was reported, by its digest, and the log says the same of every step."""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.evidence.canonical import digest
from governance.fsck.finding import Finding, compare, finding, guarded, seconds
from governance.models import Community, Event
from models_registry.incidents import services
from models_registry.models import Incident, WaitingReport

TABLE, WAITING = "models_registry_incident", "models_registry_waitingreport"
RESTORE = "restore the row from a backup; the log has the digest of the report and the answers word for word"
_KINDS = ("incident_reported", "incident_triaged", "incident_answered", "incident_withheld")


def check_incidents(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the incidents of a community: every row, and every event that has none."""
    events: dict[tuple[str, object], Event] = {}
    for event in community.events.filter(kind__in=_KINDS).order_by("-position"):
        events[event.kind, event.data.get("incident")] = event
    rows = Incident.objects.filter(community=community).select_related("version", "duplicate_of")
    for row in rows.order_by("pk").iterator(chunk_size=100):
        mine = {kind: events.pop((kind, row.number), None) for kind in _KINDS}
        yield from guarded(TABLE, row.pk, _check_row(row, mine))
    for (kind, number), event in events.items():
        yield finding("governance_event", event.pk, kind, f"an incident {number}", "none")
    yield from _check_line(community)


def _check_line(community: Community) -> Iterator[Finding]:
    """Check reports that wait: each is what came, and the log says so; none that came is gone without a word."""
    came = {event.data.get("report"): event for event in community.events.filter(kind="incident_waits")}
    answered = set(community.incidents.values_list("digest", flat=True))
    for event in community.events.filter(kind="incident_turned_away"):
        answered.add(str(event.data.get("report")))
    for row in WaitingReport.objects.filter(community=community).order_by("pk"):
        event = came.pop(row.digest, None)
        at = seconds(event.at) if event else None
        yield from compare(WAITING, row.pk, {"came_at": at}, {"came_at": seconds(row.came_at)})
        yield from guarded(WAITING, row.pk, _check_waiting(row))
    for report, event in came.items():
        if report not in answered:
            yield finding("governance_event", event.pk, event.kind, f"a waiting report {report}, or its end", "none")


def _check_waiting(row: WaitingReport) -> Iterator[Finding]:
    said = digest(services.content_of(services.Report(**row.told)))
    yield from compare(WAITING, row.pk, {"digest": said}, {"digest": row.digest})


def _check_row(row: Incident, events: Mapping[str, Event | None]) -> Iterator[Finding]:
    yield from compare(TABLE, row.pk, {"digest": digest(services.content_of(row))}, {"digest": row.digest})
    if row.contact and row.contact_erased_at is not None:
        yield finding(TABLE, row.pk, "contact", "nothing: it was erased", "a contact")
    withheld = {"incident": row.number, "reason": row.withheld_reason}
    for kind, at, by, said in (
        ("incident_reported", row.reported_at, row.reporter, services.reported_event(row)),
        ("incident_triaged", row.triaged_at, row.triaged_by, services.triaged_event(row)),
        ("incident_answered", row.answered_at, row.answered_by, services.answered_event(row)),
        ("incident_withheld", row.withheld_at, None, withheld),
    ):
        event = events[kind]
        if at is None or event is None:
            yield from compare(TABLE, row.pk, {kind: seconds(event.at) if event else None}, {kind: seconds(at)})
            continue
        told: dict[str, Any] = {**event.data, "at": seconds(event.at)}
        says: dict[str, Any] = {**said, "at": seconds(at)}
        if by is not None:
            told["by"], says["by"] = event.actor, by
        yield from compare(TABLE, row.pk, told, says)
