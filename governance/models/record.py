"""Stored records: append-only, named by the digest of their canonical bytes."""

import json
from functools import lru_cache
from typing import Any, ClassVar

from django.db import models

from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record as RecordValue

# Up to so many characters, bytes that were found canonical once are not checked again while they are in use.
REMEMBERED_MAX = 16_000


class Record(models.Model):
    """A stored record: the canonical bytes are the truth, the columns beside them only find it again."""

    digest = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=300)
    canonical = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Indexes. Updating or deleting a row is refused by triggers (migration 0002)."""

        indexes: ClassVar = [models.Index(fields=["kind", "subject"])]

    def __str__(self) -> str:
        """Return kind and a short digest."""
        return f"{self.kind} {self.digest[:12]}"

    @property
    def value(self) -> RecordValue:
        """The frozen record, read back strictly from its canonical bytes."""
        return _read(self.canonical)

    @property
    def body(self) -> dict[str, Any]:
        """The body of the record."""
        return dict(self.value.body)

    def canonical_body(self) -> bytes:
        """Return the body alone in canonical form."""
        return canonical_bytes(self.body)


def _read(canonical: str) -> RecordValue:
    """Return a record of its own to whoever asks: what one reader does to a body, no other one sees."""
    if len(canonical) > REMEMBERED_MAX:
        return RecordValue.from_bytes(canonical.encode())
    _require_canonical(canonical)
    value = json.loads(canonical)
    return RecordValue(value["kind"], value["subject"], value["body"], tuple(value["parents"]), value["version"])


@lru_cache(maxsize=1_024)
def _require_canonical(canonical: str) -> None:
    RecordValue.from_bytes(canonical.encode())


class Tree(models.Model):
    """A Merkle tree that a record has the root of, as blocks (`evidence.block_tree`), for proofs by `voter_key`."""

    record = models.OneToOneField(Record, on_delete=models.PROTECT, primary_key=True, related_name="+")
    first_keys = models.JSONField()
    blocks = models.BinaryField()

    def __str__(self) -> str:
        """Return the record."""
        return self.record_id
