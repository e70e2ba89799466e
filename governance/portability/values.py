"""How values stand in the files: lines of JSON with sorted keys, times in UTC, bytes as base64, powers as text.

Numbers with a fraction occur only in what runs report of themselves; no digest of a record is made of them.
"""

import base64
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from governance.errors import Invalid
from governance.evidence.canonical import CanonicalError, strict_loads
from governance.fields import PowerField
from governance.portability.tables import Row

LINE_BYTES_MAX = 64_000_000
DEPTH_MAX = 64
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"
_POWER = re.compile(r"0|[1-9][0-9]{0,77}")
_SHOWN = 100


def encode(column: "models.Field[Any, Any]", value: Any) -> Any:  # noqa: ANN401 - any column
    """Return the JSON value of a column's value."""
    if value is None:
        return None
    if isinstance(column, models.DateTimeField):
        return time_text(value)
    if isinstance(column, models.BinaryField):
        return base64.b64encode(bytes(value)).decode()
    if _is_large(column):
        return str(value)
    return value


def decode(column: "models.Field[Any, Any]", value: Any) -> Any:  # noqa: ANN401 - any column
    """Return the value of a column from JSON; raise Invalid for what the column cannot hold."""
    if value is None:
        if not column.null:
            raise _bad(column, value, "a value")
        return None
    if isinstance(column, models.JSONField):
        return value
    if isinstance(column, models.DateTimeField):
        return _time(column, value)
    if isinstance(column, models.BinaryField):
        return _bytes(column, value)
    if _is_large(column):
        if not isinstance(value, str) or not _POWER.fullmatch(value):
            raise _bad(column, value, "a whole number as text")
        return int(value) if isinstance(column, PowerField) else _validated(column, Decimal(value))
    kind = bool if isinstance(column, models.BooleanField) else int if isinstance(column, models.IntegerField) else str
    if type(value) is not kind:
        raise _bad(column, value, kind.__name__)
    return _validated(column, value)


def _is_large(column: "models.Field[Any, Any]") -> bool:
    """Whether a column has whole numbers that exceed what JSON keeps: powers, and fees in the smallest unit."""
    return isinstance(column, PowerField) or (isinstance(column, models.DecimalField) and column.decimal_places == 0)


def read_line(line: bytes) -> Row:
    """Return the object that a line holds; raise Invalid. The depth is bounded before anything is parsed."""
    try:
        value = strict_loads(line, max_bytes=LINE_BYTES_MAX, max_depth=DEPTH_MAX)
    except CanonicalError as error:
        raise Invalid("unreadable_line", f"a line cannot be read: {error.detail[:_SHOWN]}") from error
    if not isinstance(value, dict):
        raise Invalid("unreadable_line", "a line is not a JSON object", found=type(value).__name__)
    return {name: _with_floats(each) for name, each in value.items()}


def write_line(row: object) -> bytes:
    """Return a line; raise Invalid for what JSON does not know."""
    try:
        text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return text.encode() + b"\n"
    except ValueError as error:
        raise Invalid("cannot_be_written", f"a row cannot be written as JSON: {error}") from error


def time_text(moment: datetime) -> str:
    """Return a moment as it stands in the files."""
    return moment.astimezone(UTC).strftime(_FORM)


def _time(column: "models.Field[Any, Any]", value: object) -> datetime:
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return datetime.strptime(value, _FORM).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise _bad(column, value, "a moment in UTC with six digits of a second")


def _bytes(column: "models.Field[Any, Any]", value: object) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "-", validate=True)
    except ValueError as error:
        raise _bad(column, value, "base64") from error


def _validated(column: "models.Field[Any, Any]", value: Any) -> Any:  # noqa: ANN401 - any column
    try:
        column.run_validators(value)
    except ValidationError as error:
        raise _bad(column, value, "; ".join(error.messages)) from error
    named = {name for name, _ in column.choices or ()}
    if named and value not in named and value:
        raise _bad(column, value, sorted(map(str, named)))
    if isinstance(value, str) and "\x00" in value:
        raise _bad(column, value, "text without NUL")
    return value


def _bad(column: "models.Field[Any, Any]", value: object, allowed: object) -> Invalid:
    name = f"{column.model._meta.db_table}.{column.name}"  # noqa: SLF001
    detail = f"{name} cannot be this"
    return Invalid("bad_value", detail, field=name, found=str(value)[:_SHOWN], allowed=allowed)


def _with_floats(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return what a database stores: numbers with a fraction as the strict reader does not give them."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_with_floats(each) for each in value]
    if isinstance(value, dict):
        return {name: _with_floats(each) for name, each in value.items()}
    return value
