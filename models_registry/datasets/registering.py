"""Datasets come in: read, hashed, scanned and kept; a vote includes them.

Each service locks, reads the facts, asks the pure rules, writes facts and an event. The clock is a parameter.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from governance.errors import Conflict, Invalid, Unavailable
from governance.models import Community, Proposal, Record
from governance.records import keep
from governance.services import note, require_standing
from models_registry.datasets.intake import Limits, read_rows, take_in
from models_registry.datasets.scans import SCANS, Context, run_all
from models_registry.models import Dataset


@dataclass(frozen=True)
class NewDataset:
    """What whoever registers a dataset says of it."""

    slug: str
    title: str
    license: str
    role: str
    file_name: str
    digest: str = ""


def dataset_path(digest: str) -> Path:
    """Return where the canonical rows of a dataset lie."""
    return settings.ARTIFACTS_DIR / "datasets" / f"{digest}.jsonl"


def register_dataset(
    community: Community, actor: str, new: NewDataset, stream: BinaryIO, now: datetime
) -> tuple[Dataset, bool]:
    """Read, canonicalise, hash and scan a dataset; keep its rows; return it, and whether it is new.

    Registering decides nothing: only a vote includes a dataset. It takes the power that proposing takes, because a
    suite that a stranger registers could bar the members' own rows. Raises IntakeError for what cannot be read.
    """
    require_standing(community, actor, "dataset_inclusion")
    taken = take_in(
        stream,
        name=new.file_name,
        limits=Limits(file_bytes_max=settings.DATASET_BYTES_MAX),
        expected_digest=new.digest or None,
    )
    if new.role == "evaluation" and taken.kind != "dialogue":
        detail = "a model is measured by the answers it gives, so a suite needs rows with question and answer"
        raise Invalid("rows_do_not_fit", detail, field="file", found=taken.kind, allowed="dialogue")
    existing = Dataset.objects.filter(community=community, digest=taken.digest).first()
    if existing:
        return existing, False
    scans = run_all(list(taken.rows()), Context(new.license, _suite_questions(community)))
    path = dataset_path(taken.digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_whole(path, taken.canonical)
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
                "size": len(taken.canonical),
                "languages": list(taken.languages),
                "scans": [{**scan.to_dict(), "blocks": SCANS[scan.scan].blocks} for scan in scans],
                "registered_by": actor,
                "registered_at": now,
            },
        )
        note("dataset_registered", now, community=community, actor=actor, dataset=taken.digest)
    return dataset, created


def include_dataset(proposal: Proposal, execution: Record, now: datetime) -> Dataset:
    """Mark the dataset that a vote included, and write its record. Runs inside the execution's transaction."""
    dataset = Dataset.objects.select_for_update().get(community=proposal.community, digest=proposal.payload["digest"])
    if dataset.included_at is not None:
        raise Conflict("already_included", "this dataset is included already", found=dataset.digest)
    try:
        content = dataset_path(dataset.digest).read_bytes()
    except OSError as error:
        raise Unavailable("dataset_unreadable", "the stored rows cannot be read; nothing was changed") from error
    if hashlib.sha256(content).hexdigest() != dataset.digest:
        raise Conflict("blocked_payload_changed", "the stored rows are not the ones that were voted on")
    dataset.inclusion_record = keep(
        "dataset",
        f"dataset:{dataset.digest}",
        {
            "slug": dataset.slug,
            "title": dataset.title,
            "license": dataset.license,
            "role": dataset.role,
            "kind": dataset.kind,
            "files": [{"path": f"{dataset.slug}.jsonl", "size": len(content), "sha256": dataset.digest}],
            "digest": dataset.digest,
            "records": dataset.records,
            "languages": dataset.languages,
            "scans": [{name: scan[name] for name in ("scan", "passed", "found", "detail")} for scan in dataset.scans],
        },
        [execution],
    )
    dataset.included_at, dataset.proposal = now, proposal
    dataset.save()
    note("dataset_included", now, proposal=proposal, dataset=dataset.digest)
    return dataset


def _suite_questions(community: Community) -> tuple[str, ...]:
    """Return the questions of the community's evaluation suites, which no training set may contain."""
    digests = Dataset.objects.filter(community=community, role="evaluation").values_list("digest", flat=True)
    return tuple(row["question"] for digest in digests for row in read_rows(dataset_path(digest).read_bytes()))


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    # A name of its own: two threads may write the same file at once.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(descriptor, 0o644)
        handle.write(content)
        handle.flush()
        os.fsync(descriptor)
    Path(temporary).replace(path)
