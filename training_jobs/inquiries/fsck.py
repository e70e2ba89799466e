"""What `fsck` says of inquiries: each ended as the log says, with the evidence that it names; none was slipped in.

As `governance.fsck`: the records and the log are the truth. Reads only.
"""

from collections.abc import Iterator

from governance.evidence.canonical import digest
from governance.fsck import Finding
from governance.fsck.finding import advised, compare, finding, guarded
from governance.models import Community, Event, Record
from models_registry.watch import MEASUREMENT
from training_jobs.models import Inquiry

TABLE = "training_jobs_inquiry"
RESTORE = "restore the row from a backup; the log has the digest of what came of it"
# The event that tells the end of an inquiry, by its kind: what of the row it has to repeat.
_ENDS = {"release_measured_again": "record", "incident_reproduced": "answers", "inquiry_failed": "code"}


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the inquiries of one community; nothing for a sound database."""
    yield from advised(RESTORE, guarded(TABLE, community.slug, _check(community)))


def _check(community: Community) -> Iterator[Finding]:
    ends: dict[object, Event] = {
        event.data.get("inquiry"): event for event in community.events.filter(kind__in=_ENDS).order_by("-position")
    }
    revisions = set()
    rows = Inquiry.objects.filter(version__model__community=community).select_related("version")
    for row in rows.order_by("pk").iterator(chunk_size=100):
        revisions.add(row.version.revision)
        yield from guarded(TABLE, row.pk, _check_row(row, ends.pop(row.pk, None)))
    for number, event in ends.items():
        yield finding("governance_event", event.pk, event.kind, f"an inquiry {number}", "none")
    subjects = [f"{MEASUREMENT}:{revision}" for revision in revisions]
    slipped = Record.objects.filter(kind=MEASUREMENT, subject__in=subjects, inquiry__isnull=True)
    for number in slipped.values_list("pk", flat=True):
        yield finding("governance_record", number, MEASUREMENT, f"a row of {TABLE}", "none")


def _check_row(row: Inquiry, event: Event | None) -> Iterator[Finding]:
    if row.answers is not None:
        yield from compare(TABLE, row.pk, {"answers": digest(row.answers)}, {"answers": row.answers_digest})
    end = row.record_id or row.answers_digest or row.failure
    told = event.data.get(_ENDS[event.kind]) if event else ""
    yield from compare(TABLE, row.pk, {"end": told}, {"end": end})
