"""The figures as files: JSON (RFC 8259, canonical), CSV (RFC 4180) and Parquet. docs/compute-feed.md gives every field.

All three are one long table with the same columns; equal figures give equal bytes (Parquet: with one version of
pyarrow, whose name it writes into the file). Values are exact, as whole numbers or fractions in text; `decimal` beside
them is rounded for those who only want to draw. pyarrow is imported with the first Parquet file that is asked for.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

from governance.errors import Invalid, Malformed
from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.transparency.figures import Figure, Figures
from training_jobs.transparency.world import ALL

SCHEMA_VERSION = 1
FORMATS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
COLUMNS = ("period", "table", "group", "measure", "unit", "value", "decimal", "suppressed", "at")
FEED_BYTES_MAX = 256 * 1024 * 1024
_PLACES = Decimal("0.000001")
_EXACT = re.compile(r"-?[0-9]{1,400}(/[1-9][0-9]{0,399})?")
_DECIMAL_DIGITS_MAX = 200

Row = dict[str, str | None]


def written(figures: Figures, form: str) -> bytes:
    """Return the feed in a format of FORMATS; raise Invalid for another one."""
    if form == "json":
        rows = list(rows_of(figures))
        return canonical_bytes({"schema_version": SCHEMA_VERSION, "figures": [_typed(row) for row in rows]}) + b"\n"
    if form == "csv":
        return _csv(figures)
    if form == "parquet":
        return _parquet(figures)
    raise Invalid("unknown_format", "this is no format of the figures", field="format", found=form, allowed=[*FORMATS])


def rows_of(figures: Figures) -> Iterator[Row]:
    """Yield the rows as text: what they were computed from, then the figures. None is an empty cell."""
    about = (
        ("schema_version", "version", SCHEMA_VERSION),
        ("logs", "logs", figures.logs),
        ("size", "entries", figures.size),
        ("until", "UNIX seconds", figures.until),
        ("strays", "entries", figures.strays),
    )
    for measure, unit, value in about:
        yield _row(Figure(ALL, "log", ALL, measure, unit, value))
    for figure in figures.rows:
        yield _row(figure)


def read(data: bytes, form: str) -> list[Row]:
    """Return the rows of a published feed. Raises Malformed for bytes that are none, Invalid for another format."""
    if form not in FORMATS:
        raise Invalid(
            "unknown_format", "this is no format of the figures", field="format", found=form, allowed=[*FORMATS]
        )
    if len(data) > FEED_BYTES_MAX:
        raise Malformed("malformed_feed", "this is larger than any feed of figures", allowed=FEED_BYTES_MAX)
    readers = {"json": _read_json, "csv": _read_csv, "parquet": _read_parquet}
    return readers[form](data)


def _row(figure: Figure) -> Row:
    value = figure.value
    return {
        "period": figure.period,
        "table": figure.table,
        "group": figure.group,
        "measure": figure.measure,
        "unit": figure.unit,
        "value": None if value is None else str(value),
        "decimal": None if value is None else _decimal(value),
        "suppressed": "true" if value is None else "false",
        "at": None if figure.at is None else str(figure.at),
    }


def _decimal(value: int | Fraction) -> str:
    if isinstance(value, int) or value.denominator == 1:
        return str(int(value))
    with localcontext(prec=_DECIMAL_DIGITS_MAX):
        rounded = (Decimal(value.numerator) / value.denominator).quantize(_PLACES, ROUND_HALF_EVEN)
    return f"{rounded:f}"


def _typed(row: Row) -> dict[str, object]:
    """Return a row as JSON has it: `suppressed` is true or false, `at` a number."""
    return {**row, "suppressed": row["suppressed"] == "true", "at": None if row["at"] is None else int(row["at"])}


def _csv(figures: Figures) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(["" if row[name] is None else row[name] for name in COLUMNS] for row in rows_of(figures))
    return out.getvalue().encode()


def _parquet(figures: Figures) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    rows = list(rows_of(figures))
    read_as: dict[str, tuple[Any, Any]] = {
        "decimal": (pa.float64(), float),
        "suppressed": (pa.bool_(), lambda text: text == "true"),
        "at": (pa.int64(), int),
    }
    columns = []
    for name in COLUMNS:
        kind, convert = read_as.get(name, (pa.string(), str))
        values = [None if (text := row[name]) is None else convert(text) for row in rows]
        columns.append(pa.array(values, kind))
    out = io.BytesIO()
    table = pa.Table.from_arrays(columns, names=list(COLUMNS))
    parquet.write_table(table, out, compression="snappy", store_schema=False)
    return out.getvalue()


def _read_json(data: bytes) -> list[Row]:
    try:
        found = strict_loads(data, max_bytes=FEED_BYTES_MAX)
    except CanonicalError as error:
        raise Malformed("malformed_feed", error.detail) from error
    feed = found if isinstance(found, dict) else {}
    version, rows = feed.get("schema_version"), feed.get("figures")
    if version != SCHEMA_VERSION or not isinstance(rows, list):
        shown = str(version)[:80]
        raise Malformed("malformed_feed", "this is no feed of this version", found=shown, allowed=SCHEMA_VERSION)
    return [_as_text(row) for row in rows]


def _as_text(row: object) -> Row:
    """Return a row of JSON as text."""
    if not isinstance(row, dict) or set(row) != set(COLUMNS):
        raise _bad_columns(list(row) if isinstance(row, dict) else [])
    return {
        name: None
        if (value := row[name]) is None
        else value
        if isinstance(value, str)
        else json.dumps(value, default=str)
        for name in COLUMNS
    }


def _read_csv(data: bytes) -> list[Row]:
    try:
        lines = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Malformed("malformed_feed", f"this is no CSV: {error}") from error
    if not lines or tuple(lines[0]) != COLUMNS or any(len(line) != len(COLUMNS) for line in lines):
        raise _bad_columns(lines[0] if lines else [])
    return [{name: cell or None for name, cell in zip(COLUMNS, line, strict=True)} for line in lines[1:]]


def _read_parquet(data: bytes) -> list[Row]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise Malformed("malformed_feed", f"this is no Parquet: {error}"[:300]) from error
    if tuple(table.column_names) != COLUMNS:
        raise _bad_columns(table.column_names)
    return [_of_parquet(row) for row in table.to_pylist()]


def _of_parquet(row: dict[str, Any]) -> Row:
    """Return a row as text. Its rounded decimal is written again from the exact value, which stands beside it."""
    value = row["value"]
    if value is not None and not _EXACT.fullmatch(str(value)):
        raise Malformed("malformed_feed", "a value is a whole number or a fraction", found=str(value)[:80])
    exact = None if value is None else Fraction(str(value))
    texts = {name: None if row[name] is None else str(row[name]) for name in COLUMNS}
    is_said = exact is not None and row["decimal"] == float(_decimal(exact))
    decimal = _decimal(exact) if exact is not None and is_said else texts["decimal"]
    return {**texts, "decimal": decimal, "suppressed": str(row["suppressed"]).lower()}


def _bad_columns(found: object) -> Malformed:
    return Malformed("malformed_feed", "these are not the columns of a feed", found=str(found)[:200], allowed=COLUMNS)
