"""Datasets that a worker takes in: asked for here, worked on in `taking_in`. No network here.

An intake is an errand (`models_registry.errands`). A source is one of:

    {"kind": "upload", "name", "sha256"}              a file that was sent in parts (`uploads`)
    {"kind": "url", "url", "sha256", "name"}          a file elsewhere, pinned by its SHA-256
    {"kind": "repository", "repository", "revision", "files"}   data files of one commit on the Hugging Face Hub
"""

from dataclasses import asdict
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.db import transaction

from governance.errors import Forbidden, Invalid, NotFound
from governance.models import Community
from governance.services import note, require_standing
from governance.services.common import lock_community
from models_registry import errands
from models_registry.datasets import repositories, uploads
from models_registry.datasets.fetch import FetchError, require_url
from models_registry.datasets.formats import ENDINGS, format_of
from models_registry.datasets.intake import check_name
from models_registry.datasets.registering import NewDataset
from models_registry.datasets.rows import Reading
from models_registry.errands import Claim, Outcome
from models_registry.models import Dataset, DatasetIntake, DatasetUpload
from models_registry.publishing import PublishError
from models_registry.publishing.delivery import State
from models_registry.rights.settling import Rights

OPEN_MAX = 5
_STATES = {
    State.PLANNED: "planned",
    State.PUBLISHING: "reading",
    State.WAITING: "waiting",
    State.FAILED: "refused",
    State.PUBLISHED: "done",
}
Source = dict[str, Any]


def of_upload(upload: DatasetUpload) -> Source:
    """Return an upload as a source."""
    return {"kind": "upload", "name": upload.name, "sha256": upload.sha256}


def of_url(url: str, sha256: str, name: str = "") -> Source:
    """Return an address as a source; raise Invalid for one that is never fetched from, IntakeError for its name."""
    try:
        parts = require_url(url, settings.DATASET_FETCH_HOSTS)
    except FetchError as error:
        raise Invalid(error.code, error.detail, field="url", found=url[:200]) from error
    name = name or PurePosixPath(unquote(parts.path)).name
    check_name(name)
    format_of(name)
    return {"kind": "url", "url": url, "sha256": sha256, "name": name}


def of_repository(repository: str, revision: str, files: list[str]) -> Source:
    """Return a commit of a dataset repository as a source; raise Invalid for what is none."""
    if not repositories.REPOSITORY.fullmatch(repository) or ".." in repository:
        raise Invalid("malformed_field", "a repository is namespace/name", field="repository", found=repository[:200])
    if not repositories.REVISION.fullmatch(revision):
        detail = "pin a commit: a branch or a tag can change after the vote"
        raise Invalid("revision_not_pinned", detail, field="revision", found=revision[:80], allowed="40 hex digits")
    for path in files:
        if not repositories.is_plain(path):
            raise Invalid("path_forbidden", "a file is named by its path inside the repository", field="files")
        if not path.lower().endswith(tuple(ENDINGS)):
            detail = "only data files are fetched"
            raise Invalid("format_not_allowed", detail, field="files", found=path[:200], allowed=sorted(ENDINGS))
    if len(files) > repositories.FILES_MAX:
        raise Invalid("too_many_files", "name fewer files", field="files", allowed=repositories.FILES_MAX)
    return {"kind": "repository", "repository": repository, "revision": revision, "files": sorted(set(files))}


def ask(
    community: Community,
    actor: str,
    new: NewDataset,
    source: Source,
    now: datetime,
    upload: DatasetUpload | None = None,
) -> DatasetIntake:
    """Ask a worker to take a dataset in; return the intake, the same one while an equal one is under way.

    It takes the power that proposing takes. An upload has to be whole.
    """
    require_standing(community, actor, "dataset_inclusion")
    if upload is not None and not hasattr(upload, "intake"):
        uploads.require_whole(upload)
    asked = {name: value for name, value in asdict(new).items() if name != "file_name"}
    with transaction.atomic():
        lock_community(community.pk)
        if upload is not None and (known := DatasetIntake.objects.filter(upload=upload).first()) is not None:
            return known
        mine = DatasetIntake.objects.filter(community=community, actor=actor, next_at__isnull=False)
        for other in mine.order_by("pk"):
            if (other.source, other.asked) == (source, asked):
                return other
        if mine.count() >= OPEN_MAX:
            raise Forbidden("too_many_intakes", "wait until some of your datasets have come in", allowed=OPEN_MAX)
        return DatasetIntake.objects.create(
            community=community,
            actor=actor,
            source=source,
            asked=asked,
            upload=upload,
            requested_at=now,
            next_at=now,
        )


def due(now: datetime) -> list[int]:
    """Return the intakes that somebody should work on, oldest first."""
    return list(DatasetIntake.objects.filter(errands.free(now)).order_by("pk").values_list("pk", flat=True))


def claim(intake_id: int, now: datetime) -> Claim[DatasetIntake] | None:
    """Take an intake that is due, or return nothing: somebody else works on it, or there is nothing to do."""
    if intake_id not in due(now):
        return None
    row = DatasetIntake.objects.select_related("community", "upload").get(pk=intake_id)
    worn_out = errands.worn_out(row)
    if worn_out is not None:
        failed(worn_out, PublishError("reader_died", "the last attempts ended without an answer", permanent=True), now)
        return None
    return errands.claim(row, now)


def done(held: Claim[DatasetIntake], dataset: Dataset, now: datetime) -> bool:
    """Write which dataset came of it; say whether this claim was the one that counts."""
    with transaction.atomic():
        row = errands.held(held).select_for_update().first()
        if row is None:
            return False
        row.dataset, row.done_at, row.next_at, row.lease_expires_at = dataset, now, None, None
        row.error_code, row.error_detail = "", ""
        row.save()
    _forget_upload(held.row)
    return True


def failed(held: Claim[DatasetIntake], error: PublishError, now: datetime) -> bool:
    """Write why an attempt did not work, and when the next one is; say whether this claim was the one that counts."""
    with transaction.atomic():
        outcome = errands.failed(held, error, now)
        if outcome is Outcome.GIVEN_UP:
            row = held.row
            note("dataset_refused", now, community=row.community, actor=row.actor, intake=row.pk, code=error.code)
    if outcome is Outcome.GIVEN_UP:
        _forget_upload(held.row)
    return outcome is not Outcome.LOST


def state(row: DatasetIntake, now: datetime) -> str:
    """Return what an intake is doing: planned, reading, waiting (for the next attempt), refused or done."""
    return _STATES[errands.state(row, now)]


def find(intake_id: int) -> DatasetIntake:
    """Return an intake, or raise NotFound."""
    found = DatasetIntake.objects.select_related("community", "dataset").filter(pk=intake_id).first()
    if found is None:
        raise NotFound("unknown_intake", "there is no such intake", found=intake_id)
    return found


def new_dataset(row: DatasetIntake) -> NewDataset:
    """Return what was said of the dataset."""
    asked = dict(row.asked)
    read = {"reading": Reading(**asked["reading"]), "rights": Rights(**asked["rights"])}
    return NewDataset(**asked | {"file_name": row.source.get("name", ""), **read})


def origin(source: Source) -> str:
    """Return in one line where a dataset comes from."""
    if source["kind"] == "repository":
        return f"{source['repository']}@{source['revision']}"
    return str(source["url"] if source["kind"] == "url" else source["name"])


def _forget_upload(row: DatasetIntake) -> None:
    if row.upload is not None:
        uploads.forget(row.upload)
