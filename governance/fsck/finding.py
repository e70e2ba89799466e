"""What fsck says: one place, what was expected there and what was found; and the comparisons that all checks share."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model

from governance.clock import unix
from governance.errors import Refusal
from governance.evidence.record import Record as RecordValue
from governance.models import Community, Event, Record

BATCH = 2_000
SHOWN_MAX = 160
ABSENT = "nothing"
# What reading damaged data can end in: bytes that are no record, numbers that are none, rows that are not there.
DAMAGED = (ArithmeticError, AttributeError, LookupError, ObjectDoesNotExist, Refusal, TypeError, ValueError)

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """Something wrong: table, primary key of the row (or what names it), column or aspect, expected and found.

    `todo` is what an operator can do about it; nothing where that is said once for all (docs/operations.md).
    """

    table: str
    key: str
    what: str
    expected: str
    found: str
    todo: str = ""

    def __str__(self) -> str:
        """Return one line."""
        line = f"{self.table} {self.key}: {self.what}: expected {self.expected}, found {self.found}"
        return f"{line}; {self.todo}" if self.todo else line


def finding(table: str, key: object, what: str, expected: object, found: object, *, todo: str = "") -> Finding:
    """Make a finding of any values."""
    return Finding(table, str(key), what, _shown(expected), _shown(found), todo)


def compare(table: str, key: object, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for every name under which the two say something else."""
    for name in {**expected, **found}:
        wanted, there = expected.get(name, ABSENT), found.get(name, ABSENT)
        if not _same(wanted, there):
            yield finding(table, key, name, wanted, there)


def against_record(
    row: Model, record: Record, kind: str, subject: str, body: Mapping[str, Any], parents: Iterable[str]
) -> Iterator[Finding]:
    """Yield where a row, from which this record would be made, says something else than the record that it names."""
    expected = RecordValue.make(kind, subject, body, parents)
    if expected.canonical() == record.canonical.encode():
        return
    value = record.value
    envelope = {"kind": value.kind, "subject": value.subject, "parents": list(value.parents), "version": value.version}
    made = {"kind": kind, "subject": subject, "parents": list(expected.parents), "version": expected.version}
    yield from compare(row._meta.db_table, row.pk, {**envelope, **value.body}, {**made, **body})  # noqa: SLF001


def advised(todo: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings with what to do about them, where they do not say it themselves."""
    for found in findings:
        yield found if found.todo else replace(found, todo=todo)


def guarded(table: str, key: object, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings; where the data is too damaged to go on, say so as a finding."""
    try:
        yield from findings
    except DAMAGED as error:
        yield finding(table, key, "cannot be read", "data that can be checked", f"{type(error).__name__}: {error}")


def batches(rows: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Yield the rows in lists."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def seconds(moment: datetime | None) -> int | None:
    """Return whole UNIX seconds, as records have them, or None."""
    return None if moment is None else unix(moment)


def announced(community: Community, name: str, *kinds: str) -> dict[str, Event]:
    """Return the events of these kinds by the digest that each names; one that repeats another is left out."""
    found: dict[str, Event] = {}
    for event in community.events.filter(kind__in=kinds).order_by("position"):
        found.setdefault(str(event.data.get(name)), event)
    return found


def unclaimed(events: Mapping[str, Event], community: Community, name: str, *kinds: str) -> Iterator[Finding]:
    """Yield the events of these kinds that nothing stands behind. `events` are those left over of `announced`."""
    for digest, event in events.items():
        yield finding("governance_event", event.pk, f"data.{name}", "something that exists", digest)
    repeated = community.events.filter(kind__in=kinds).count()
    distinct = len(announced(community, name, *kinds))
    if repeated != distinct:
        yield finding("governance_event", community.slug, f"events of {', '.join(kinds)}", distinct, repeated)


def _same(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return False
    return one == other and (not isinstance(one, dict | list) or _text(one) == _text(other))


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…"
