"""What `fsck` says of inquiries: each ended as the log says, with the evidence that it names; none was slipped in.

As `governance.fsck`: the records and the log are the truth. Reads only. Events are matched by release, incident and
second, not by the number of the inquiry, which may be another one where a community has moved.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from governance.evidence.canonical import digest
from governance.fsck import Finding
from governance.fsck.finding import advised, compare, finding, guarded, seconds
from governance.models import Community, Event, Record
from models_registry.watch import MEASUREMENT
from training_jobs.models import Inquiry

TABLE = "training_jobs_inquiry"
RESTORE = "restore the row from a backup; the log has the digest of what came of it"
# The event that tells the end of an inquiry, by its kind: what of the row it has to repeat.
_ENDS = {"release_measured_again": "record", "incident_reproduced": "answers", "inquiry_failed": "code"}

Name = tuple[object, object, object]  # revision, number of the incident, second


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the inquiries of one community; nothing for a sound database."""
    yield from advised(RESTORE, guarded(TABLE, community.slug, _check(community)))


def _check(community: Community) -> Iterator[Finding]:
    ends: dict[Name, list[Event]] = defaultdict(list)
    for event in community.events.filter(kind__in=_ENDS).order_by("position"):
        ends[event.data.get("revision"), event.data.get("incident"), seconds(event.at)].append(event)
    revisions = set()
    rows = Inquiry.objects.filter(version__model__community=community).select_related("version", "incident")
    for row in rows.order_by("pk").iterator(chunk_size=100):
        revisions.add(row.version.revision)
        yield from guarded(TABLE, row.pk, _check_row(row, _end(row, ends)))
    for events in ends.values():
        for event in events:
            yield finding("governance_event", event.pk, event.kind, f"an inquiry {event.data.get('inquiry')}", "none")
    subjects = [f"{MEASUREMENT}:{revision}" for revision in revisions]
    slipped = Record.objects.filter(kind=MEASUREMENT, subject__in=subjects, inquiry__isnull=True)
    for number in slipped.values_list("pk", flat=True):
        yield finding("governance_record", number, MEASUREMENT, f"a row of {TABLE}", "none")


def _end(row: Inquiry, ends: Mapping[Name, list[Event]]) -> Event | None:
    """Take out the event that tells the end of an inquiry; of several in one second, the one that says the same."""
    incident = row.incident.number if row.incident else None
    there = ends.get((row.version.revision, incident, seconds(row.finished_at or row.failed_at)), [])
    same = [event for event in there if event.data.get(_ENDS[event.kind]) == _came_of(row)]
    event = next(iter(same or there), None)
    if event is not None:
        there.remove(event)
    return event


def _came_of(row: Inquiry) -> str:
    return row.record_id or row.answers_digest or row.failure


def _check_row(row: Inquiry, event: Event | None) -> Iterator[Finding]:
    if row.answers is not None:
        yield from compare(TABLE, row.pk, {"answers": digest(row.answers)}, {"answers": row.answers_digest})
    told = event.data.get(_ENDS[event.kind]) if event else ""
    yield from compare(TABLE, row.pk, {"end": told}, {"end": _came_of(row)})
