"""What is left of a dataset when records are taken out: computed for a vote, written, registered, included.

The rows that are left keep their order, so they are in the canonical form and have the digest that anybody gets who
takes the same records out. What the scans found is what they found in the dataset that is replaced.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.errors import Conflict, Invalid, Unavailable
from governance.models import Proposal, Record
from governance.records import keep
from models_registry.datasets import canonical
from models_registry.datasets.registering import dataset_path
from models_registry.models import Dataset
from models_registry.rights.contributors import Attribution, Owned, attribution_of, owners_of
from models_registry.rights.leaves import named, numbered
from models_registry.rights.settling import contributions_path

# Where its rows may go follows from these: no vote loosens it by taking records out.
_BOUND = ("data_kinds", "country")


@dataclass(frozen=True)
class Left:
    """What is left: its identity, its size, its languages, and whose each row is."""

    digest: str
    records: int
    size: int
    languages: tuple[str, ...]
    attribution: Attribution

    def to_payload(self) -> dict[str, Any]:
        """Return what a vote freezes of it."""
        return {
            "digest": self.digest,
            "records": self.records,
            "size": self.size,
            "languages": list(self.languages),
        }


@dataclass
class _Counted:
    """What is counted while rows go by."""

    hashed: Any = field(default_factory=hashlib.sha256)
    records: int = 0
    size: int = 0
    languages: set[str] = field(default_factory=set)
    removed: int = 0


def compute(dataset: Dataset, removed: Collection[str]) -> Left:
    """Return what would be left. Raises Invalid for a digest that is no record of it, and where that is nothing."""
    return _left(dataset, removed, lambda _line: None)


def write(dataset: Dataset, removed: Collection[str]) -> Left:
    """Write the rows that are left, and whose they are, under their digest; return what they are. Safe to repeat."""
    folder = dataset_path(dataset.digest).parent
    descriptor, name = tempfile.mkstemp(prefix=".left.", dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as rows:
            os.fchmod(descriptor, 0o644)
            left = _left(dataset, removed, rows.write)
            rows.flush()
            os.fsync(descriptor)
        target = dataset_path(left.digest)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    if left.attribution.rows:
        contributions_path(target).write_bytes(left.attribution.rows)
    return left


def register(dataset: Dataset, left: Left, now: datetime) -> Dataset:
    """Return the row of what is left: registered, included by no vote yet.

    Anybody may have registered the same rows before, and may have said that they may go further: what was voted counts.
    """
    described = canonical.describe(dataset_path(left.digest))
    found, _created = Dataset.objects.get_or_create(
        community=dataset.community,
        digest=left.digest,
        defaults={
            **{name: getattr(dataset, name) for name in _KEPT},
            "records": left.records,
            "size": left.size,
            "languages": list(left.languages),
            "contributors": list(left.attribution.entries),
            "contributions": _digest_of(left.attribution),
            "records_root": described.records_root,
            "shards": [shard.to_dict() for shard in described.shards],
            "registered_at": now,
        },
    )
    if found.included_at is None:
        found.data_kinds, found.country = dataset.data_kinds, dataset.country
        found.save(update_fields=_BOUND)
    return found


def include(dataset: Dataset, left: Left, proposal: Proposal, parents: Iterable[Record], now: datetime) -> Dataset:
    """Include what is left by the vote that made it, with its record. Runs inside the execution's transaction."""
    successor = register(dataset, left, now)
    if successor.included_at is not None:
        return successor
    if dataset.inclusion_record is None:
        raise Conflict("dataset_not_included", "only an included dataset is removed", found=dataset.digest)
    body = {
        **dataset.inclusion_record.body,
        "files": [{"path": f"{dataset.slug}.jsonl", "size": left.size, "sha256": left.digest}],
        "digest": left.digest,
        "records": left.records,
        "languages": list(left.languages),
        "contributors": list(left.attribution.entries),
        "contributions": _digest_of(left.attribution) or None,
        "records_root": successor.records_root,
        "shards": successor.shards,
        "replaces": dataset.digest,
    }
    successor.inclusion_record = keep("dataset", f"dataset:{left.digest}", body, parents)
    successor.included_at, successor.proposal = now, proposal
    successor.save(update_fields=["inclusion_record", "included_at", "proposal"])
    return successor


def records_named(dataset: Dataset, names: Collection[str], *, field: str) -> set[str]:
    """Return the digests of the records that are named by digest or id; raise Invalid for a name that fits none."""
    if not names:
        raise Invalid("missing_field", "name at least one record by its digest or its id", field=field)
    with _opened(dataset) as lines:
        found, unknown = named(lines, frozenset(names))
    if unknown:
        detail = "the dataset has no record of this digest or id"
        raise Invalid("unknown_record", detail, field=field, found=sorted(name[:80] for name in unknown)[:20])
    return found


def present(dataset: Dataset, leaves: Collection[str]) -> list[str]:
    """Return those of these digests that are records of the dataset, sorted."""
    if not leaves:
        return []
    with _opened(dataset) as lines:
        return sorted(set(leaves) & {leaf for _number, leaf, _line in numbered(lines)})


def records_of_contributor(dataset: Dataset, address: str) -> set[str]:
    """Return the digests of the records that somebody contributed."""
    owners = owners_of(_contributions(dataset))
    if address not in owners.values():
        return set()
    with _opened(dataset) as lines:
        return {leaf for number, leaf, _line in numbered(lines) if owners.get(number) == address}


def holds(dataset: Dataset, leaf: str) -> bool:
    """Say whether a record of this digest is in the dataset. Reads its rows."""
    with _opened(dataset) as lines:
        return any(found == leaf for _number, found, _line in numbered(lines))


_KEPT = ("slug", "title", "license", "role", "kind", "scans", "sources", "registered_by", *_BOUND)


def _left(dataset: Dataset, removed: Collection[str], put: Any) -> Left:  # noqa: ANN401 - what a file's write is
    wanted, owners = frozenset(removed), owners_of(_contributions(dataset))
    whole, kept = hashlib.sha256(), _Counted()
    missing = set(wanted)

    def owned(lines: Iterable[bytes]) -> Iterator[Owned]:
        for number, leaf, line in numbered(lines):
            whole.update(line)
            if leaf in wanted:
                missing.discard(leaf)
                continue
            put(line)
            kept.hashed.update(line)
            kept.records, kept.size = kept.records + 1, kept.size + len(line)
            language = str(json.loads(line)["language"])
            kept.languages.add(language)
            yield language, owners.get(number)

    with _opened(dataset) as lines:
        attribution = attribution_of(owned(lines))
    if whole.hexdigest() != dataset.digest:
        raise Conflict("blocked_payload_changed", "the stored rows are not the ones that were registered")
    if missing:
        detail = "the dataset has no record of this digest"
        raise Invalid("unknown_record", detail, field="payload.records", found=sorted(missing)[:20])
    if not kept.records:
        detail = "nothing would be left; remove the whole dataset instead"
        raise Invalid("nothing_left", detail, field="payload.records", found=len(wanted))
    return Left(kept.hashed.hexdigest(), kept.records, kept.size, tuple(sorted(kept.languages)), attribution)


def _opened(dataset: Dataset) -> Any:  # noqa: ANN401 - a binary file
    try:
        return dataset_path(dataset.digest).open("rb")
    except OSError as error:
        raise Unavailable("dataset_unreadable", "the stored rows cannot be read just now") from error


def _contributions(dataset: Dataset) -> bytes:
    """Return whose each row is, as it was registered; nothing where nobody is named."""
    if not dataset.contributions:
        return b""
    try:
        content = contributions_path(dataset_path(dataset.digest)).read_bytes()
    except OSError as error:
        raise Unavailable("dataset_unreadable", "who contributed which rows cannot be read just now") from error
    if hashlib.sha256(content).hexdigest() != dataset.contributions:
        raise Conflict("blocked_payload_changed", "who contributed which rows is not what was registered")
    return content


def _digest_of(attribution: Attribution) -> str:
    return hashlib.sha256(attribution.rows).hexdigest() if attribution.rows else ""
