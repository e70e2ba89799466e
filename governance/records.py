"""Keeping records: the table is append-only, and keeping the same record twice keeps it once."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from governance.evidence.record import Record as RecordValue
from governance.models import Record


@transaction.atomic
def keep(kind: str, subject: str, body: Mapping[str, Any], parents: Iterable[Record] = ()) -> Record:
    """Store a record and return its row."""
    value = RecordValue.make(kind, subject, body, [parent.digest for parent in parents])
    row, _ = Record.objects.get_or_create(
        digest=value.digest,
        defaults={"kind": value.kind, "subject": value.subject, "canonical": value.canonical().decode()},
    )
    return row


def closure(start: Record) -> dict[str, RecordValue]:
    """Return `start` and everything that it rests on, by digest: what a lineage walk and a bundle need."""
    found: dict[str, RecordValue] = {start.digest: start.value}
    frontier = {start.digest}
    while frontier:
        wanted = {parent for digest in frontier for parent in found[digest].parents} - found.keys()
        rows = Record.objects.filter(digest__in=wanted)
        found.update({row.digest: row.value for row in rows})
        frontier = wanted & found.keys()
    return found
