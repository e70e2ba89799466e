"""The record: a small frozen fact, named by the digest of its canonical form, that names its parents.

Audit log, voter's receipt, lineage page, model card and offline verification are all walks over records. This module
knows the envelope only; what a body must hold is checked by `models_registry.provenance.verify`, kind by kind.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads

DIGEST_PATTERN = re.compile(r"[0-9a-f]{64}")
RECORD_BYTES_MAX = 1_000_000
_KEYS = {"kind", "version", "subject", "body", "parents"}


@dataclass(frozen=True)
class Record:
    """One fact. `parents` are the digests of the records that it rests on, sorted and without repetition."""

    kind: str
    subject: str
    body: Mapping[str, Any]
    parents: tuple[str, ...]
    version: int = 1

    @classmethod
    def make(cls, kind: str, subject: str, body: Mapping[str, Any], parents: Iterable[str] = ()) -> "Record":
        """Build a record with its parents in canonical order; raise CanonicalError for a body that has no such form."""
        record = cls(kind, subject, dict(body), tuple(sorted(set(parents))))
        record.canonical()
        return record

    @classmethod
    def from_bytes(cls, line: bytes) -> "Record":
        """Read one record from its canonical bytes; refuse any other spelling of the same content (CanonicalError)."""
        value = strict_loads(line, max_bytes=RECORD_BYTES_MAX)
        if not isinstance(value, dict) or set(value) != _KEYS:
            raise CanonicalError("malformed_record", f"a record has exactly the keys {sorted(_KEYS)}")
        parents = value["parents"]
        if (
            not isinstance(value["kind"], str)
            or not isinstance(value["subject"], str)
            or not isinstance(value["body"], dict)
            or type(value["version"]) is not int
            or not isinstance(parents, list)
            or not all(isinstance(parent, str) and DIGEST_PATTERN.fullmatch(parent) for parent in parents)
            or parents != sorted(set(parents))
        ):
            raise CanonicalError("malformed_record", "kind, version, subject, body or parents has the wrong form")
        record = cls(value["kind"], value["subject"], value["body"], tuple(parents), value["version"])
        if record.canonical() != line:
            raise CanonicalError("not_canonical", "the record is not written in its canonical form (RFC 8785)")
        return record

    def to_dict(self) -> dict[str, Any]:
        """Return the envelope as plain JSON data."""
        return {
            "kind": self.kind,
            "version": self.version,
            "subject": self.subject,
            "body": dict(self.body),
            "parents": list(self.parents),
        }

    @cached_property
    def _canonical(self) -> bytes:
        return canonical_bytes(self.to_dict())

    def canonical(self) -> bytes:
        """Return the canonical bytes (RFC 8785), computed once: a record never changes."""
        return self._canonical

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes: the name of this record."""
        return hashlib.sha256(self._canonical).hexdigest()
