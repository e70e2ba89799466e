"""Datasets come in: read and scanned in a child process, and kept; a vote includes them.

Each service locks, reads the facts, asks the pure rules, writes facts and an event. The clock is a parameter.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from governance.errors import Conflict, Invalid, Unavailable
from governance.models import Community, Proposal, Record
from governance.records import keep
from governance.services import note, require_standing
from models_registry.datasets.boxed import Box, StorageFailed, Taken, Wanted, read_and_scan
from models_registry.datasets.canonical import tree_path
from models_registry.datasets.data_kinds import said
from models_registry.datasets.kinds import OF_ROLE, keys_of
from models_registry.datasets.rows import Limits, Reading, too_large
from models_registry.models import Dataset, Model
from models_registry.rights.settling import Rights, Settled, settle
from models_registry.rights.sources import recorded

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class NewDataset:
    """What whoever registers a dataset says of it: `digest` is the one that it must turn out to have, or empty.

    `data_kinds` and `country` are as `data_kinds` has read them; empty where nothing is said.
    """

    slug: str
    title: str
    license: str
    role: str
    file_name: str
    digest: str = ""
    reading: Reading = field(default_factory=Reading)
    rights: Rights = field(default_factory=Rights)
    data_kinds: list[str] = field(default_factory=list)
    country: str = ""


def datasets_folder() -> Path:
    """Return where all canonical rows lie."""
    folder: Path = settings.ARTIFACTS_DIR / "datasets"
    return folder


def dataset_path(digest: str) -> Path:
    """Return where the canonical rows of a dataset lie."""
    return datasets_folder() / f"{digest}.jsonl"


def register_dataset(
    community: Community, actor: str, new: NewDataset, stream: BinaryIO, now: datetime
) -> tuple[Dataset, bool]:
    """Read, canonicalise, hash and scan one file; keep its rows; return the dataset, and whether it is new.

    Registering decides nothing: only a vote includes a dataset. It takes the power that proposing takes, because a
    suite that a stranger registers could bar the members' own rows. Raises IntakeError for what cannot be read.
    """
    require_standing(community, actor, "dataset_inclusion")
    with work_folder() as folder:
        sent = folder / "sent"
        store_stream(stream, sent)
        return register_files(community, actor, new, [(new.file_name, sent)], now)


def register_files(
    community: Community, actor: str, new: NewDataset, files: Sequence[tuple[str, Path]], now: datetime
) -> tuple[Dataset, bool]:
    """Register what lies in these files (name, path) within a request, for an actor whose standing was looked at."""
    with work_folder() as folder:
        try:
            taken = read_and_scan(wanted(community, new, files), folder, box(settings.DATASET_REQUEST_SECONDS))
        except StorageFailed as error:
            raise Unavailable("storage_failed", "there is no room to read the file in; nothing was changed") from error
        return keep_taken(community, actor, new, taken, now)


def keep_taken(community: Community, actor: str, new: NewDataset, taken: Taken, now: datetime) -> tuple[Dataset, bool]:
    """Keep what a child has made: move its rows into place, write the row; return it, and whether it is new."""
    if taken.kind not in OF_ROLE[new.role]:
        detail = f"a dataset for {new.role} has rows of another kind"
        raise Invalid("rows_do_not_fit", detail, field="file", found=taken.kind, allowed=list(OF_ROLE[new.role]))
    existing = Dataset.objects.filter(community=community, digest=taken.digest).first()
    if existing:
        _finish_scans(existing, actor, taken, now)
        return existing, False
    settled = _settled(new.rights, taken)
    _move(taken)
    settled.keep(dataset_path(taken.digest))
    with transaction.atomic():
        dataset, created = Dataset.objects.get_or_create(
            community=community,
            digest=taken.digest,
            defaults={
                "slug": new.slug,
                "title": new.title,
                "license": new.license,
                "role": new.role,
                "kind": taken.kind,
                "records": taken.records,
                "size": taken.size,
                "records_root": taken.records_root,
                "shards": taken.shards,
                "languages": taken.languages,
                "data_kinds": new.data_kinds,
                "country": new.country,
                "scans": taken.scans,
                **settled.columns(),
                "registered_by": actor,
                "registered_at": now,
            },
        )
        note("dataset_registered", now, community=community, actor=actor, dataset=taken.digest)
    return dataset, created


def _finish_scans(dataset: Dataset, actor: str, taken: Taken, now: datetime) -> None:
    """Take new results for scans that were not finished before, as long as no vote has included the dataset."""
    finished = {scan["scan"]: scan for scan in taken.scans if not scan["unfinished"]}
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        wanting = [scan["scan"] for scan in locked.scans if scan.get("unfinished") and scan["scan"] in finished]
        if locked.included_at is not None or not wanting:
            return
        dataset.scans = [finished[scan["scan"]] if scan["scan"] in wanting else scan for scan in locked.scans]
        dataset.save(update_fields=["scans"])
        note("dataset_scanned_again", now, community=dataset.community, actor=actor, dataset=dataset.digest)


def include_dataset(proposal: Proposal, execution: Record, now: datetime) -> Dataset:
    """Mark the dataset that a vote included, and write its record. Runs inside the execution's transaction."""
    dataset = Dataset.objects.select_for_update().get(community=proposal.community, digest=proposal.payload["digest"])
    if dataset.included_at is not None:
        raise Conflict("already_included", "this dataset is included already", found=dataset.digest)
    try:
        with dataset_path(dataset.digest).open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise Unavailable("dataset_unreadable", "the stored rows cannot be read; nothing was changed") from error
    if found != dataset.digest:
        raise Conflict("blocked_payload_changed", "the stored rows are not the ones that were voted on")
    voted = {name: proposal.payload[name] for name in ("data_kinds", "country") if name in proposal.payload}
    if voted != said(dataset.data_kinds, dataset.country):
        raise Conflict("blocked_payload_changed", "what kinds of data it is, or its country, is not what was voted on")
    left_by = dataset.left_by
    replaced = left_by.body["digest"] if left_by else None
    parents = [execution, *([left_by] if left_by else [])]
    dataset.inclusion_record = keep("dataset", f"dataset:{dataset.digest}", record_of(dataset, replaced), parents)
    dataset.included_at, dataset.proposal = now, proposal
    dataset.save()
    note("dataset_included", now, proposal=proposal, dataset=dataset.digest)
    return dataset


def record_of(dataset: Dataset, replaced: str | None) -> dict[str, object]:
    """Return the body of a dataset's record; `replaced` is the digest of the one that a removal left it of."""
    return {
        "slug": dataset.slug,
        "title": dataset.title,
        "license": dataset.license,
        "role": dataset.role,
        "kind": dataset.kind,
        "files": [{"path": f"{dataset.slug}.jsonl", "size": dataset.size, "sha256": dataset.digest}],
        "digest": dataset.digest,
        "records": dataset.records,
        "records_root": dataset.records_root,
        "shards": dataset.shards,
        "languages": dataset.languages,
        "scans": [{name: scan[name] for name in ("scan", "passed", "found", "detail")} for scan in dataset.scans],
        "sources": recorded(dataset.sources),
        "contributors": dataset.contributors,
        "contributions": dataset.contributions or None,
        "replaces": replaced,
        **said(dataset.data_kinds, dataset.country),
    }


@contextmanager
def work_folder() -> Iterator[Path]:
    """Lend an empty folder beside the datasets, which is gone afterwards whatever happens."""
    parent = datasets_folder() / ".work"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


def clear_work() -> int:
    """Remove what processes that were killed left in their folders; return how many. For the sweeper.

    The age is that of the file system, so this looks at the same clock: nothing may work for so long.
    """
    parent = datasets_folder() / ".work"
    before = time.time() - 2 * (settings.DATASET_SECONDS + settings.DATASET_FETCH_SECONDS)
    old = [path for path in parent.iterdir() if path.stat().st_mtime < before] if parent.is_dir() else []
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)


def store_stream(stream: BinaryIO, path: Path) -> int:
    """Write what was sent into a file and return its size; raise IntakeError for more than is read here."""
    size, allowed = 0, settings.DATASET_BYTES_MAX
    with path.open("xb") as file:
        while chunk := stream.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > allowed:
                raise too_large(None, f"more than {allowed} bytes", f"at most {allowed} bytes")
            file.write(chunk)
    return size


def wanted(community: Community, new: NewDataset, files: Sequence[tuple[str, Path]]) -> Wanted:
    """Return what the child has to do: the files, and what the scans compare them with."""
    known = Dataset.objects.filter(community=community)
    included = known.standing().filter(role="training").order_by("pk")
    return Wanted(
        files=files,
        reading=new.reading,
        limits=Limits(
            file_bytes_max=settings.DATASET_BYTES_MAX,
            decoded_bytes_max=settings.DATASET_DECODED_BYTES_MAX,
            records_max=settings.DATASET_RECORDS_MAX,
        ),
        digest=new.digest or None,
        licence=new.license,
        role=new.role,
        model_licences=sorted(
            set(Model.objects.filter(community=community).exclude(license="").values_list("license", flat=True))
        ),
        suites=[_stored(suite.digest) for suite in known.filter(role="evaluation").order_by("pk")],
        included=[(other.title, _stored(other.digest), other.records) for other in included],
    )


def _settled(rights: Rights, taken: Taken) -> Settled:
    """Hold what was said of the rights against what was read; raise Malformed or Invalid for what does not fit."""
    digests = {taken.digest, *(str(file["sha256"]) for file in taken.files)}
    with taken.path.open("rb") as lines:
        return settle(rights, lines, digests=digests, columns=keys_of(taken.kind))


def _stored(digest: str) -> Path:
    """Return where rows lie that new ones are compared with; raise Unavailable when they are gone."""
    path = dataset_path(digest)
    if not path.is_file():
        raise Unavailable("dataset_unreadable", "stored rows that new ones are compared with cannot be read")
    return path


def box(seconds: int) -> Box:
    """Return what a child may take here."""
    return Box(settings.DATASET_MEMORY_BYTES, settings.DATASET_SCAN_MEMORY_BYTES, seconds)


def _move(taken: Taken) -> None:
    """Put canonical rows and index where they belong: each is there whole or not at all, the index first."""
    path = dataset_path(taken.digest)
    for made, place in ((tree_path(taken.path), tree_path(path)), (taken.path, path)):
        with made.open("rb") as file:
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        made.replace(place)
