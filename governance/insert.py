"""Many rows of one table in one statement, without an object for each: what a burst of ballots needs.

Values go through the conversions of their fields, as with `bulk_create`; keys do not come back and nobody is signalled.
One statement for many rows, and not one for each: with every statement a thread gives up its turn to the others.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections, models

# These store the value that they are given.
_AS_IT_IS = {models.CharField, models.TextField, models.BigIntegerField, models.PositiveSmallIntegerField}
_PARAMETERS_MAX = 900  # below the limit of every SQLite


class _Plan(NamedTuple):
    """What is the same for every insert into these columns."""

    head: str
    row: str
    conversions: Sequence[Callable[..., Any] | None]


def insert(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows; `columns` are attribute names (`proposal_id` for a foreign key), each row has a value for each."""
    connection = connections[DEFAULT_DB_ALIAS]
    plan = _plan(model, tuple(columns), connection.vendor)
    at_once = _PARAMETERS_MAX // len(columns)
    with connection.cursor() as cursor:
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            values = [
                value if convert is None else convert(value, connection)
                for row in some
                for value, convert in zip(row, plan.conversions, strict=True)
            ]
            cursor.execute(plan.head + ",".join([plan.row] * len(some)), values)


@lru_cache
def _plan(model: type[models.Model], columns: tuple[str, ...], _vendor: str) -> _Plan:
    meta = model._meta  # noqa: SLF001 - public by its documentation
    fields = {field.attname: field for field in meta.concrete_fields}
    chosen = [fields[name] for name in columns]
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    names = ", ".join(quote(field.column) for field in chosen)
    return _Plan(
        f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES ",  # noqa: S608 - names of our own tables
        f"({', '.join(['%s'] * len(chosen))})",
        [None if _stores_as_it_is(field) else field.get_db_prep_save for field in chosen],
    )


def _stores_as_it_is(field: Any) -> bool:  # noqa: ANN401 - any field
    return type(field.target_field if field.is_relation else field) in _AS_IT_IS
