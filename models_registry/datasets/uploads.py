"""Files of datasets that members send in parts: announced with size and SHA-256, kept for a day, within a quota.

ARTIFACTS_DIR/datasets/.uploads/<number> grows until it has the announced size. What a member calls the file never
becomes a path here. Every step may be repeated: announcing the same file finds the same upload.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, Unavailable
from governance.models import Community
from governance.services import require_standing
from governance.services.common import lock_community
from models_registry.datasets.formats import format_of
from models_registry.datasets.intake import check_name
from models_registry.datasets.registering import clear_work, datasets_folder, store_stream, work_folder
from models_registry.models import DatasetUpload
from models_registry.parts import Range, append, sha256_of

UPLOADS_MAX = 20


def create(community: Community, actor: str, name: str, size: int, sha256: str, now: datetime) -> DatasetUpload:
    """Announce a file; return the upload that it goes into, the same one when it was announced before.

    It takes the power that proposing takes. Raises TooLarge for more than a file or a member may send.
    """
    check_name(name)
    format_of(name)
    if size > settings.DATASET_BYTES_MAX:
        raise TooLarge("too_large", "the file is too large", found=size, allowed=settings.DATASET_BYTES_MAX)
    require_standing(community, actor, "dataset_inclusion")
    with transaction.atomic():
        lock_community(community.pk)
        known = DatasetUpload.objects.filter(community=community, actor=actor, sha256=sha256, name=name).first()
        if known is not None:
            return _same(known, size)
        _require_room(actor, size)
        return DatasetUpload.objects.create(
            community=community, actor=actor, name=name, size=size, sha256=sha256, created_at=now
        )


def store(community: Community, actor: str, name: str, stream: BinaryIO, now: datetime) -> DatasetUpload:
    """Keep a file that came in one request, for a worker to take in; return it as an upload that is whole."""
    with work_folder() as folder:
        sent = folder / "sent"
        size = store_stream(stream, sent)
        upload = create(community, actor, name, size, sha256_of(sent), now)
        if not hasattr(upload, "intake"):
            path_of(upload).parent.mkdir(parents=True, exist_ok=True)
            sent.replace(path_of(upload))
    return upload


def find(upload_id: int, actor: str, now: datetime) -> DatasetUpload:
    """Return an upload of this member that has not expired, or raise NotFound."""
    found = DatasetUpload.objects.select_related("community").filter(pk=upload_id, actor=actor).first()
    if found is None or (expires_at(found) <= now and not hasattr(found, "intake")):
        raise NotFound("unknown_upload", "there is no such upload of yours; announce the file again", found=upload_id)
    return found


def expires_at(upload: DatasetUpload) -> datetime:
    """Return when an upload that is not asked for by then is removed."""
    return upload.created_at + timedelta(seconds=settings.DATASET_UPLOAD_SECONDS)


def path_of(upload: DatasetUpload) -> Path:
    """Return where the file lies."""
    return datasets_folder() / ".uploads" / str(upload.pk)


def received(upload: DatasetUpload) -> int:
    """Return how many bytes are there."""
    path = path_of(upload)
    return path.stat().st_size if path.exists() else 0


def take_part(upload: DatasetUpload, part: Range, sha256: bytes, stream: BinaryIO) -> int:
    """Append a part, if it is what its SHA-256 says; return how many bytes are there."""
    if hasattr(upload, "intake"):
        raise Conflict("already_asked", "this file is being taken in already", found=upload.intake.pk)
    if part.total != upload.size:
        raise Conflict("upload_differs", "this file was announced with another size", found=part.total)
    path = path_of(upload)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return append(path, part, stream, sha256)
    except OSError as error:
        detail = "the part could not be written; ask how much is there and go on from it"
        raise Unavailable("storage_failed", detail) from error


def require_whole(upload: DatasetUpload) -> None:
    """Refuse a file that is not all there, or is not the one that was announced; that one is begun anew."""
    there = received(upload)
    if there != upload.size:
        raise Conflict("upload_unfinished", "send the rest of the file first", found=there, allowed=upload.size)
    if sha256_of(path_of(upload)) != upload.sha256:
        path_of(upload).unlink(missing_ok=True)
        detail = "the file has another SHA-256 than was announced; it was removed, send it again"
        raise Invalid("digest_mismatch", detail, field="sha256", allowed=upload.sha256)


def forget(upload: DatasetUpload) -> None:
    """Remove an upload and its file; one that is being taken in stays."""
    if DatasetUpload.objects.filter(pk=upload.pk).exclude(intake__next_at__isnull=False).delete()[0]:
        path_of(upload).unlink(missing_ok=True)


def settle(now: datetime) -> int:
    """Remove what has expired, and files that nobody asks for or works on; return how many. For the sweeper."""
    over = list(_expired(now))
    for upload in over:
        forget(upload)
    orphans = list(_orphans())
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(over) + len(orphans) + clear_work()


def _same(known: DatasetUpload, size: int) -> DatasetUpload:
    if known.size != size:
        raise Conflict("upload_differs", "this file was announced with another size", found=size, allowed=known.size)
    return known


def _require_room(actor: str, size: int) -> None:
    mine = DatasetUpload.objects.filter(actor=actor)
    announced = mine.aggregate(total=Sum("size"))["total"] or 0
    if mine.count() >= UPLOADS_MAX:
        raise Forbidden("too_many_uploads", "finish or remove an upload first", allowed=UPLOADS_MAX)
    if announced + size > settings.DATASET_UPLOAD_BYTES_PER_MEMBER:
        raise TooLarge(
            "quota_exceeded",
            "you have announced as much as you may; finish or remove an upload first",
            found=announced + size,
            allowed=settings.DATASET_UPLOAD_BYTES_PER_MEMBER,
        )


def _expired(now: datetime) -> "QuerySet[DatasetUpload]":
    before = now - timedelta(seconds=settings.DATASET_UPLOAD_SECONDS)
    return DatasetUpload.objects.filter(Q(created_at__lte=before) & ~Q(intake__next_at__isnull=False))


def _orphans() -> Iterator[Path]:
    """Yield files of uploads that have no row any more. Rows are made before files, so none is only just there."""
    folder = datasets_folder() / ".uploads"
    if folder.is_dir():
        known = set(DatasetUpload.objects.values_list("pk", flat=True))
        yield from (path for path in folder.iterdir() if not (path.name.isdigit() and int(path.name) in known))
