"""Datasets and their way in: each row is what its record and the log say; an intake is as far as it can be.

The rows of datasets are files, and so are uploads: `dataset_files` looks at those.
"""

from collections.abc import Iterator

from governance.fsck.finding import Finding, advised, compare, finding, guarded
from governance.models import Community, Event
from models_registry.datasets.registering import record_of
from models_registry.models import Dataset, DatasetIntake, DatasetUpload
from models_registry.publishing import delivery

DATASETS, INTAKES, UPLOADS = (
    "models_registry_dataset",
    "models_registry_datasetintake",
    "models_registry_datasetupload",
)
RESTORE = "restore the row from a backup; the record is right"
AGAIN = "delete the row in `manage.py shell`, and ask for the dataset to be taken in again"
_INCLUDED, _REGISTERED, _REFUSED = "dataset_included", "dataset_registered", "dataset_refused"


def check_datasets(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with datasets, intakes and uploads of a community.

    1. every dataset is what its record says, by the vote that it names. 2. every event names a dataset. 3. every intake
    is due, failed or done as it says. 4. every upload is small enough, and asked for once.
    """
    rows = Dataset.objects.filter(community=community).select_related("inclusion_record", "proposal", "community")
    included = set(_told(community, _INCLUDED))
    for row in rows.order_by("pk").iterator(chunk_size=50):  # 1
        yield from guarded(DATASETS, row.pk, _check_dataset(row, row.digest in included))
    known = set(rows.values_list("digest", flat=True))
    standing = set(rows.filter(included_at__isnull=False).values_list("digest", flat=True))
    for kind, there in ((_REGISTERED, known), (_INCLUDED, standing)):  # 2
        for digest, event in _told(community, kind).items():
            if digest not in there:
                yield finding("governance_event", event.pk, kind, f"a dataset {digest}", "none")
    intakes = DatasetIntake.objects.filter(community=community).select_related("dataset", "upload")
    refused = {event.data.get("intake") for event in community.events.filter(kind=_REFUSED)}
    for intake in intakes.order_by("pk"):  # 3
        yield from advised(AGAIN, guarded(INTAKES, intake.pk, _check_intake(intake, intake.pk in refused)))
    for upload in DatasetUpload.objects.filter(community=community).order_by("pk"):  # 4
        if not upload.size or len(upload.sha256) != 64:  # noqa: PLR2004 - hex digits of a SHA-256
            found = f"{upload.size} bytes, {upload.sha256!r}"
            yield finding(UPLOADS, upload.pk, "size", "what was announced of a file", found, todo=AGAIN)


def _told(community: Community, kind: str) -> dict[str, Event]:
    events = community.events.filter(kind=kind).order_by("-position")
    return {str(event.data.get("dataset")): event for event in events}


def _check_dataset(row: Dataset, told: bool) -> Iterator[Finding]:  # noqa: FBT001 - a fact, not a mode
    record = row.inclusion_record
    counted = sum(sum(entry["records"].values()) for entry in row.contributors)
    if counted != row.records:
        yield finding(DATASETS, row.pk, "contributors", f"{row.records} records in all", counted)
    if record is None:
        return
    value, vote = record.value, row.proposal
    left_by = row.made_by.filter(record__in=value.parents).select_related("dataset").first()
    yield from compare(DATASETS, row.pk, value.body, record_of(row, left_by.dataset.digest if left_by else None))
    if vote is None or vote.execution_record_id not in value.parents:
        yield finding(DATASETS, row.pk, "proposal", "the vote that its record rests on", row.proposal_id)
    if not told and not (left_by and left_by.proposal_id == row.proposal_id):
        yield finding(DATASETS, row.pk, "included_at", f"an event {_INCLUDED}, or a removal that left it", "none")


def _check_intake(row: DatasetIntake, refused: bool) -> Iterator[Finding]:  # noqa: FBT001 - a fact, not a mode
    if row.attempts > delivery.ATTEMPTS_MAX:
        yield finding(INTAKES, row.pk, "attempts", f"at most {delivery.ATTEMPTS_MAX}", row.attempts)
    if row.fence < row.attempts:
        yield finding(INTAKES, row.pk, "fence", f"at least {row.attempts}, one for each attempt", row.fence)
    if row.next_at is None and row.lease_expires_at is not None:
        yield finding(INTAKES, row.pk, "lease_expires_at", "none: nobody works on it", row.lease_expires_at)
    if row.next_at is not None and row.source.get("kind") == "upload" and row.upload is None:
        yield finding(INTAKES, row.pk, "upload", "the file that it reads", None)
    if row.upload is not None and row.upload.community_id != row.community_id:
        yield finding(INTAKES, row.pk, "upload", "a file of its community", row.upload_id)
    if row.dataset is not None and row.dataset.community_id != row.community_id:
        yield finding(INTAKES, row.pk, "dataset", "a dataset of its community", row.dataset.digest)
    if (row.failed_at is not None) != refused:
        expected = "an event dataset_refused" if row.failed_at else "no event dataset_refused"
        yield finding(INTAKES, row.pk, "failed_at", expected, row.failed_at)
