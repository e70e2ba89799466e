"""Rows of one table, out and in. Streams: what is remembered of a table is a batch, and the numbers that changed.

Out: every foreign key is followed, in the same query, to the name by which the row is known elsewhere. In: names are
looked up in batches, first come the rows that others name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, models

from governance.errors import Conflict, Invalid
from governance.insert import insert
from governance.models import Community
from governance.portability.tables import Row, Table, columns, key_paths, paths_of, tables
from governance.portability.values import decode, encode

ROWS_AT_ONCE = 500
# Of a table whose rows name each other all rows are read at once: versions, rules, incidents.
SELF_NAMING_MAX = 1_000_000

Numbers = dict[type[models.Model], dict[int, int]]
Name = tuple[Any, ...]


class _Column(NamedTuple):
    field: "models.Field[Any, Any]"
    first: int
    width: int


def write(table: Table, community: Community) -> Iterator[Row]:
    """Yield the rows of a table; raise Conflict for one that rests on another community."""
    wanted: list[str] = []
    plan: list[_Column] = []
    for column in columns(table):
        paths = paths_of(column)
        plan.append(_Column(column, len(wanted), len(paths)))
        wanted += paths
        _require_own(table, column, community)
    for values in table.query(community).values_list(*wanted).iterator(chunk_size=ROWS_AT_ONCE):
        row = {column.field.name: _value(column, values) for column in plan}
        yield table.redact(row) if table.redact else row


def read(table: Table, rows: Iterable[Row], community: Community, numbers: Numbers) -> int:
    """Insert rows; return how many. `numbers` gets those that had to change: {model: {old: new}}."""
    count = 0
    source = _in_order(table, rows) if _self_naming(table) else rows
    iterator = iter(source)
    for batch in iter(lambda: list(islice(iterator, _at_once(table))), []):
        _insert(table, batch, community, numbers)
        count += len(batch)
    return count


def reset_sequence(table: Table) -> None:
    """Let new rows get numbers after those that came in with theirs (PostgreSQL; SQLite looks by itself)."""
    if not table.numbered or connection.vendor != "postgresql":
        return
    name = connection.ops.quote_name(table.name)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence(%s, 'id'), GREATEST(COALESCE((SELECT MAX(id) FROM {name}), 1), 1))",  # noqa: S608 - a name of our own tables
            [table.name],
        )


def _require_own(table: Table, column: "models.Field[Any, Any]", community: Community) -> None:
    """Refuse what names a row of another community by a name that holds only there."""
    target = tables().get(column.related_model) if isinstance(column.related_model, type) else None
    if target is None or target.rows is not None or target.key_is_global:
        return
    foreign = table.query(community).exclude(**{f"{column.name}__isnull": True})
    found = foreign.exclude(**{f"{column.name}__{target.of}": community}).values_list("pk", flat=True).first()
    if found is not None:
        detail = f"{table.name} {found} rests on a row of another community by its {column.name}"
        raise Conflict("rests_on_another_community", detail, found=found)


def _value(column: _Column, values: Sequence[Any]) -> Any:  # noqa: ANN401 - any JSON
    found = values[column.first : column.first + column.width]
    if not column.field.is_relation:
        return encode(column.field, found[0])
    if found[0] is None:
        return None
    return found[0] if len(found) == 1 else list(found)


def _self_naming(table: Table) -> bool:
    return any(column.related_model is table.model for column in columns(table))


def _at_once(table: Table) -> int:
    return 1 if _self_naming(table) else ROWS_AT_ONCE


def _in_order(table: Table, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows so that each comes after the one of its own table that it names."""
    waiting = list(islice(rows, SELF_NAMING_MAX + 1))
    if len(waiting) > SELF_NAMING_MAX:
        raise Invalid("too_many_rows", f"more than {SELF_NAMING_MAX} rows of {table.name}", found=table.name)
    own = [column.name for column in columns(table) if column.related_model is table.model]
    key = table.key[0] if len(table.key) == 1 else None
    if key is None:
        raise TypeError(f"{table.name} names its own rows and has no single key")
    seen: set[Any] = set()
    while waiting:
        ready = [row for row in waiting if all(_hashed(row.get(name)) in seen | {None} for name in own)]
        if not ready:
            raise Invalid("unknown_name", f"rows of {table.name} name rows that are not there", found=table.name)
        late = [row for row in waiting if all(row is not other for other in ready)]
        yield from ready
        seen |= {_hashed(row.get(key)) for row in ready}
        waiting = late


def _hashed(value: object) -> object:
    return value if isinstance(value, str | int | None) else repr(value)


def _insert(table: Table, batch: list[Row], community: Community, numbers: Numbers) -> None:
    for row in batch:
        _require_columns(table, row)
        if table.require:
            table.require(row)
        if table.translate:
            table.translate(row, numbers)
    if table.shared:
        batch = _new(table, batch)
    resolved = {
        column.name: _resolve(column, batch, community, numbers) for column in columns(table) if column.is_relation
    }
    names = [field.attname for field in table.model._meta.concrete_fields]  # noqa: SLF001
    if not table.numbered:
        names = [name for name in names if name != "id"]
    else:
        _number(table, batch, numbers)
    made = [_values(table, row, names, resolved, community) for row in batch]
    try:
        insert(table.model, names, made)
    except IntegrityError as error:
        detail = f"a row of {table.name} is there already with other content, or contradicts itself"
        raise Conflict("row_is_taken", detail, field=table.name, found=str(error)[:300]) from error
    except (DatabaseError, ValidationError, OverflowError, ValueError, TypeError) as error:
        detail = f"this database cannot hold a row of {table.name}"
        raise Invalid("cannot_be_stored", detail, field=table.name, found=str(error)[:300]) from error


def _require_columns(table: Table, row: Row) -> None:
    """Refuse columns that are not known here; those that an older version did not have get their default."""
    known = {column.name: column for column in columns(table)}
    for name in row.keys() - known.keys():
        raise Invalid("unknown_column", f"{table.name} has no column {name[:60]!r} here", field=table.name)
    for name in known.keys() - row.keys():
        column = known[name]
        if not column.has_default() and not column.null:
            raise Invalid("missing_column", f"a row of {table.name} lacks {name!r}", field=table.name, found=name)
        row[name] = None if column.is_relation or not column.has_default() else encode(column, column.get_default())


def _new(table: Table, batch: list[Row]) -> list[Row]:
    """Return the rows that are not there yet; raise Conflict for one that is there with other content."""
    name = table.key[0]
    named = [row[name] for row in batch if isinstance(row[name], str)]
    rows = table.model._base_manager.filter(**{f"{name}__in": named})  # noqa: SLF001
    there = {getattr(row, name): row for row in rows}
    for row in batch:
        found = there.get(row[name])
        if found is not None and any(getattr(found, column) != row[column] for column in table.shared):
            detail = f"{table.name} {row[name]} is there already with other content"
            raise Conflict("record_differs", detail, field=table.name, found=row[name])
    once = {row[name]: row for row in batch if row[name] not in there}
    return list(once.values())


def _resolve(
    column: "models.Field[Any, Any]", batch: list[Row], community: Community, numbers: Numbers
) -> dict[Name, Any]:
    """Return the database's keys of the rows that a batch names in one column."""
    target = column.related_model
    if not isinstance(target, type):
        raise TypeError(f"{column} leads nowhere")
    table = tables()[target]
    named = {_name(column, row[column.name]) for row in batch if row[column.name] is not None}
    if not named:
        return {}
    if table.numbered:
        found: dict[Name, Any] = {name: numbers.get(target, {}).get(name[0]) for name in named}
        found = {name: key for name, key in found.items() if key is not None}
    else:
        found = _looked_up(table, named, community)
    for name in named - found.keys():
        detail = f"{column.model._meta.db_table}.{column.name} names a row of {table.name} that is not there"  # noqa: SLF001
        raise Invalid("unknown_name", detail, field=column.name, found=str(name)[:100])
    return found


def _looked_up(table: Table, named: set[Name], community: Community) -> dict[Name, Any]:
    paths = key_paths(table)
    rows = table.model._base_manager.all() if table.key_is_global else table.query(community)  # noqa: SLF001
    for place, path in enumerate(paths):
        rows = rows.filter(**{f"{path}__in": [name[place] for name in named]})
    return {tuple(name): key for key, *name in rows.values_list("pk", *paths)}


def _name(column: "models.Field[Any, Any]", value: Any) -> Name:  # noqa: ANN401 - any JSON
    parts = value if isinstance(value, list) else [value]
    if len(parts) != len(paths_of(column)) or any(type(part) not in {str, int} for part in parts):
        raise Invalid("bad_value", f"{column.name} is not a name", field=column.name, found=str(value)[:100])
    if any(isinstance(part, int) and not 0 <= part < 2**63 for part in parts):
        raise Invalid("bad_value", f"{column.name} is not a name", field=column.name, found=str(value)[:100])
    return tuple(parts)


def _number(table: Table, batch: list[Row], numbers: Numbers) -> None:
    """Let rows keep their numbers where these are free, and give them others where not."""
    mine = numbers.setdefault(table.model, {})
    manager = table.model._base_manager  # noqa: SLF001
    for row in batch:
        if type(row["id"]) is not int or not 0 < row["id"] < 2**62 or row["id"] in mine:
            raise Invalid("bad_value", "this is no number of a row", field=table.name, found=str(row["id"])[:40])
    taken = set(manager.filter(pk__in=[row["id"] for row in batch]).values_list("pk", flat=True))
    highest = manager.aggregate(highest=models.Max("pk"))["highest"] or 0
    after = max([highest, *(row["id"] for row in batch), *mine.values()]) + 1
    for row in batch:
        old = row["id"]
        if old in taken:
            row["id"], after = after, after + 1
        mine[old] = row["id"]


def _values(
    table: Table, row: Row, names: Sequence[str], resolved: Mapping[str, Mapping[Name, Any]], community: Community
) -> list[Any]:
    found = []
    for column in table.model._meta.concrete_fields:  # noqa: SLF001
        if column.attname not in names:
            continue
        if column.related_model is Community:
            found.append(community.pk)
        elif column.name in table.left_out:
            found.append(table.left_out[column.name][0])
        elif column.is_relation:
            said = row[column.name]
            if said is None and not column.null:
                raise Invalid("bad_value", f"{table.name} lacks {column.name}", field=table.name)
            found.append(None if said is None else resolved[column.name][_name(column, said)])
        else:
            found.append(decode(column, row[column.name]))
    return found
