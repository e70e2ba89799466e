"""Which records are a community's: those that its rows name, all that they rest on, and what rests on them.

Ballots are many and are read from the database in order; of all others the digests are remembered.
"""

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice

from governance.errors import Conflict
from governance.evidence.canonical import CanonicalError
from governance.evidence.record import Record as RecordValue
from governance.models import Ballot, Community, Record
from governance.portability.tables import Row, columns, tables
from governance.portability.values import time_text

AT_ONCE = 500


def own_records(community: Community) -> Iterator[Row]:
    """Yield the records of a community by digest; raise Conflict for one that is not what its digest says."""
    ballots = Record.objects.filter(ballot__proposal__community=community).order_by("digest")
    others = _by_digest(sorted(_digests(community)))
    rows = heapq.merge(ballots.iterator(chunk_size=AT_ONCE), others, key=lambda row: row.digest)
    before = ""
    for row in rows:
        if row.digest == before:
            continue
        before = row.digest
        _require_sound(row)
        yield {
            "digest": row.digest,
            "kind": row.kind,
            "subject": row.subject,
            "canonical": row.canonical,
            "created_at": time_text(row.created_at),
        }


def _require_sound(row: Record) -> None:
    try:
        value = row.value
    except CanonicalError as error:
        raise Conflict("record_is_damaged", f"record {row.digest} cannot be read: {error}", found=row.digest) from error
    if (value.digest, value.kind, value.subject) != (row.digest, row.kind, row.subject):
        raise Conflict("record_is_damaged", f"record {row.digest} is not what its digest says", found=row.digest)


def _digests(community: Community) -> set[str]:
    """Return the digests of all records but ballots."""
    found: set[str] = {community.record_id, community.charter_id}
    for table in tables().values():
        if table.model in {Record, Ballot, Community}:
            continue
        for column in columns(table):
            if column.related_model is Record:
                named = table.query(community).exclude(**{f"{column.name}__isnull": True}).order_by()
                found |= set(named.values_list(column.attname, flat=True).iterator())
    _add_ancestors(found)
    while more := _children(found):
        found |= more
    return found


def _add_ancestors(found: set[str]) -> None:
    frontier = set(found)
    while frontier:
        wanted = {parent for row in _by_digest(frontier) for parent in row.value.parents}
        frontier = wanted - found
        found |= frontier


def _children(found: set[str]) -> set[str]:
    """Return the records that rest on these and that no row names: such as charters that are in force no more."""
    children = set()
    rest = Record.objects.exclude(kind="ballot").values_list("digest", "canonical")
    for digest, canonical in rest.iterator(chunk_size=AT_ONCE):
        if digest not in found and not found.isdisjoint(RecordValue.from_bytes(canonical.encode()).parents):
            children.add(digest)
    return children - _named_by_rows(children)


def _named_by_rows(digests: set[str]) -> set[str]:
    """Return those that some row names: that of another community, since ours are known."""
    named: set[str] = set()
    for relation in Record._meta.get_fields(include_hidden=True):  # noqa: SLF001 - Django's documented interface
        if relation.auto_created and relation.is_relation and not relation.concrete:
            column = relation.field.attname
            rows = relation.related_model._base_manager.all()  # noqa: SLF001
            for some in _batches(digests):
                named |= set(rows.filter(**{f"{column}__in": some}).values_list(column, flat=True))
    return named


def _by_digest(digests: Iterable[str]) -> Iterator[Record]:
    for some in _batches(digests):
        yield from Record.objects.filter(digest__in=some).order_by("digest")


def _batches(digests: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(digests)
    while some := list(islice(iterator, AT_ONCE)):
        yield some
