"""What a part of the site offers to whoever leaves: tables, files, checks; and what stays behind, with the reason."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from django.conf import settings
from django.db import models
from django.utils.module_loading import import_string

from governance.fsck import Finding
from governance.models import Community

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """One table of a community. All columns leave but the database's own ids, and those in `left_out`.

    `of` is the lookup that leads to the community, unless `rows` finds the rows. `key` are the columns by which other
    rows name one (empty: none does). `left_out` gives columns, each with what stands in its place elsewhere and why;
    `redact` takes out what is private within a column. `require` refuses values that could lead outside. Where it
    is `numbered` the database's id leaves, too, and is kept where it is free; nothing that is signed is found by it.
    `translate` changes a row that comes in, where numbers had to change ({model: {old: new}}). `shared`: a row of this
    name may be there already; it is the same one if these columns are equal, and then it stays as it is there.
    `key_is_global`: the key names one row of the whole site, whichever community has it.
    """

    model: type[models.Model]
    of: str = "community"
    rows: "Callable[[Community], models.QuerySet[Any]] | None" = None
    key: tuple[str, ...] = ()
    left_out: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    redact: Callable[[Row], Row] | None = None
    require: Callable[[Row], None] | None = None
    numbered: bool = False
    translate: "Callable[[Row, Mapping[type[models.Model], Mapping[int, int]]], None] | None" = None
    shared: tuple[str, ...] = ()
    key_is_global: bool = False

    @property
    def name(self) -> str:
        """How the file of the table is called, and fsck calls the table."""
        return str(self.model._meta.db_table)  # noqa: SLF001 - Django's documented interface

    def query(self, community: Community) -> "models.QuerySet[Any]":
        """Return the rows of a community in the order in which they were made."""
        if self.rows is not None:
            return self.rows(community)
        manager = self.model._base_manager  # noqa: SLF001
        return manager.filter(**{self.of: community}).order_by("pk")


class Shelf(Protocol):
    """Files of one role, named by their SHA-256. `optional`: what is not there is not missed."""

    role: str
    optional: bool

    def wanted(self, community: Community) -> Iterator[tuple[str, str]]:
        """Yield (SHA-256, what it belongs to) for each file that the rows name, again where several name it."""
        ...

    def size(self, sha256: str, of: str) -> int:
        """Return the size of a file in bytes; raise an OSError where it is not there."""
        ...

    def open(self, sha256: str, of: str) -> BinaryIO:
        """Open a file; raise an OSError where it cannot be read."""
        ...

    def keep(self, file: Path, sha256: str, of: str) -> None:
        """Keep a file whose bytes were compared with its name. Safe to repeat."""
        ...


def nothing_follows(_community: Community, _now: datetime) -> None:
    """Do nothing after the rows are in."""


@dataclass(frozen=True)
class Part:
    """What one app has of a community. `left_out` names the tables that stay behind, with the reason.

    `check` is the app's fsck; `follow` does what has to follow once all rows are in, at the moment of the import.
    """

    tables: tuple[Table, ...]
    left_out: Mapping[type[models.Model], str]
    check: Callable[[Community], Iterator[Finding]]
    shelves: tuple[Shelf, ...] = ()
    follow: Callable[[Community, datetime], None] = nothing_follows


def parts() -> list[Part]:
    """Return the parts of this site, in the order in which rows can come in."""
    return [import_string(path) for path in settings.PORTABLE]


@lru_cache(maxsize=1)
def _tables(paths: tuple[str, ...]) -> dict[type[models.Model], Table]:
    return {table.model: table for path in paths for table in import_string(path).tables}


def tables() -> dict[type[models.Model], Table]:
    """Return all tables that leave, by model, in the order in which rows can come in."""
    return _tables(tuple(settings.PORTABLE))


def shelves() -> dict[str, Shelf]:
    """Return all shelves by role."""
    return {shelf.role: shelf for part in parts() for shelf in part.shelves}


def columns(table: Table) -> "list[models.Field[Any, Any]]":
    """Return the columns that leave: all but ids that nobody names, the community, and what is left out."""
    kept = []
    for column in table.model._meta.concrete_fields:  # noqa: SLF001
        counted = isinstance(column, models.AutoField | models.BigAutoField)
        if counted and not table.numbered:
            continue
        if column.related_model is Community or column.name in table.left_out:
            continue
        kept.append(column)
    return kept


def paths_of(column: "models.Field[Any, Any]") -> tuple[str, ...]:
    """Return the lookups that give what a foreign key leads to, by the names that hold elsewhere."""
    target: Any = column.related_model
    if target is None:
        return (column.attname,)
    key = tables()[target].key
    if key == (target._meta.pk.name,):  # noqa: SLF001
        return (column.attname,)
    found = []
    for name in key:
        below = target._meta.get_field(name)  # noqa: SLF001
        found += [f"{column.name}__{path}" for path in paths_of(below)]
    return tuple(found)


def key_paths(table: Table) -> tuple[str, ...]:
    """Return the lookups of a table's own key."""
    found: list[str] = []
    for name in table.key:
        found += paths_of(table.model._meta.get_field(name))  # noqa: SLF001
    return tuple(found)
