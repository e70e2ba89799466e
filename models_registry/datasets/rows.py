"""One row of a dataset, judged strictly: the refusals of intake, the budgets, and what a reader is told of a file.

No Django here, and nothing that reads files: `formats` does, `canonical` sorts what they found.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from models_registry.datasets.kinds import COMMON, KINDS, keys_of, kind_of, nearest_kind, problem_of

Row = dict[str, str]
Place = Literal["line", "row"]

LANGUAGES = ("en", "fr")
IDENTIFIER_CHARACTERS_MAX = 200
COLUMNS_MAX = 200
KEYS = frozenset(COMMON).union(*KINDS.values())
ID_HEX_DIGITS = 16
# How the parser says where it stopped. A row is one line, and its line in the file is said beside.
_JSON_PLACE = re.compile(r": line 1 column (\d+) \(char \d+\)")


@dataclass(frozen=True)
class Limits:
    """Budgets of one intake: bytes of the files, bytes of the rows in canonical form, rows, bytes of one row."""

    file_bytes_max: int = 64 * 1024 * 1024
    decoded_bytes_max: int = 256 * 1024 * 1024
    records_max: int = 200_000
    record_bytes_max: int = 64 * 1024


@dataclass(frozen=True)
class Reading:
    """How a file is to be read, as whoever sends it says: which column is which key of a row, and what is missing.

    `columns` maps names in the file to keys of rows; empty: the file's own names are the keys. What it does not name is
    left out. `language` and `topic` fill in what the file does not say. `dialect` is for CSV (see `formats.separated`).
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    topic: str = ""
    dialect: str = "comma"


class IntakeError(ValueError):
    """A refused file. `code` is stable, `status` is the HTTP status, `line` counts from 1 (None: the whole file).

    `place` says what `line` counts: lines of the file, or rows where a format has no lines.
    """

    def __init__(
        self, code: str, status: int, *, found: str, allowed: str, line: int | None = None, place: Place = "line"
    ) -> None:
        """Keep what was found beside what is allowed."""
        where = f"{place} {line}: " if line is not None else ""
        super().__init__(f"{code}: {where}found {found}; allowed: {allowed}")
        self.code = code
        self.status = status
        self.line = line
        self.place = place
        self.found = found
        self.allowed = allowed


def read_columns(text: str) -> dict[str, str]:
    """Read a mapping written `question:prompt,answer:reply` (key of a row, then the name in the file).

    Returns name in the file → key. Raises IntakeError for what is no mapping, or names something twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, colon, column = (piece.strip() for piece in part.partition(":"))
        if not colon or not column or key not in KEYS:
            raise columns_invalid(repr(part[:80]), f"KEY:COLUMN with a key of {sorted(KEYS)}")
        if column in found or key in found.values():
            raise columns_invalid(f"{part[:80]!r} twice", "each key and each column once")
        found[column] = key
    if len(found) > COLUMNS_MAX:
        raise columns_invalid(f"{len(found)} columns", f"at most {COLUMNS_MAX}")
    return found


def strict_object(line: bytes, number: int, limits: Limits, levels: int = 1) -> dict[str, object]:
    """Return the one JSON object that a line is, of at most so many levels; raise IntakeError for anything else."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(number, error.start) from error
    try:
        value = strict_loads(line, max_bytes=limits.record_bytes_max, max_depth=levels)
    except CanonicalError as error:
        raise malformed(number, _JSON_PLACE.sub(r" at character \1", error.detail), "one JSON object") from error
    if not isinstance(value, dict):
        raise malformed(number, f"a JSON {type(value).__name__}", "one JSON object")
    return value


def parse_row(line: bytes, number: int, limits: Limits = Limits(), kind: str | None = None) -> Row:
    """Read one canonical row strictly: exactly the keys of `kind` (None: of any kind), all text, no blank."""
    return check_row(strict_object(line, number, limits), number, kind)


def check_row(value: Mapping[str, object], number: int, kind: str | None, place: Place = "line") -> Row:
    """Return the row if it has exactly the keys of `kind`, all text, a known language and no blank."""
    found = kind_of(value)
    if found is None:
        raise _malformed_keys(number, value, kind, place)
    if kind not in {None, found}:
        raise IntakeError(
            "mixed_rows", 422, line=number, place=place, found=_described(found), allowed=_described(str(kind))
        )
    row = {key: _checked(number, key, value[key], place) for key in keys_of(found)}
    problem = problem_of(row, found)
    if problem is not None:
        raise malformed(number, *problem, place)
    return row


class RowMaker:
    """Makes strict rows of what a format found: maps columns, fills in what is missing, sees to one kind of row.

    Whether the file has ids is decided by its first row; without, a row's id is the start of the SHA-256 of the rest.
    """

    def __init__(self, reading: Reading, limits: Limits) -> None:
        """Take how the file is to be read; refuse a mapping that cannot be one."""
        unknown = sorted(set(reading.columns.values()) - KEYS)
        if unknown or len(set(reading.columns.values())) < len(reading.columns):
            raise columns_invalid(f"the keys {sorted(reading.columns.values())}", f"each once, of {sorted(KEYS)}")
        if reading.language and reading.language not in LANGUAGES:
            raise columns_invalid(f"language {reading.language[:40]!r}", f"one of {list(LANGUAGES)}")
        self.reading = reading
        self._limits = limits
        self._makes_ids: bool | None = None
        self.kind: str | None = None
        self.languages: set[str] = set()

    def wanted(self, names: list[str]) -> list[str]:
        """Return which columns of a table are read; raise IntakeError where the mapping names one that is not there."""
        if not self.reading.columns:
            return names
        missing = sorted(set(self.reading.columns) - set(names))
        if missing:
            raise columns_invalid(
                f"no column {', '.join(missing)[:200]}", f"columns of the file: {', '.join(names)[:200]}"
            )
        return [name for name in names if name in self.reading.columns]

    def row(self, found: Mapping[str, object], number: int, place: Place) -> bytes:
        """Return the canonical bytes of one row; raise IntakeError with its number."""
        value = self._mapped(found)
        for key in ("language", "topic"):
            default = getattr(self.reading, key)
            if default and key not in value:
                value[key] = default
        if self._makes_ids is None:
            self._makes_ids = "id" not in value
        if self._makes_ids and "id" not in value:
            value["id"] = _made_id(value, number, place)
        elif self._makes_ids:
            raise malformed(number, "an id", "no id, as in the first row", place)
        row = check_row(value, number, self.kind, place)
        self.kind = self.kind or kind_of(row)
        self.languages.add(row["language"])
        try:
            data = canonical_bytes(row)
        except CanonicalError as error:
            raise malformed(number, error.detail, "text without NUL and lone surrogates", place) from error
        if len(data) > self._limits.record_bytes_max:
            raise record_too_large(number, self._limits.record_bytes_max, place)
        return data

    def _mapped(self, found: Mapping[str, object]) -> dict[str, object]:
        columns = self.reading.columns
        return {columns[name]: value for name, value in found.items() if name in columns} if columns else dict(found)


def _made_id(value: Mapping[str, object], number: int, place: Place) -> str:
    try:
        return hashlib.sha256(canonical_bytes(dict(value))).hexdigest()[:ID_HEX_DIGITS]
    except CanonicalError as error:
        raise malformed(number, error.detail, "text", place) from error


def _checked(line: int, key: str, text: object, place: Place) -> str:
    if not isinstance(text, str):
        raise malformed(line, f"{key} that is not text", "text", place)
    if not text.strip():
        raise malformed(line, f"a blank {key}", "text that says something", place)
    if key == "language" and text not in LANGUAGES:
        raise malformed(line, f"language {text[:40]!r}", f"one of {list(LANGUAGES)}", place)
    if key in {"id", "topic"} and len(text) > IDENTIFIER_CHARACTERS_MAX:
        raise malformed(
            line, f"{key} of {len(text)} characters", f"at most {IDENTIFIER_CHARACTERS_MAX} characters", place
        )
    return text


def _malformed_keys(line: int, row: Mapping[str, object], kind: str | None, place: Place) -> IntakeError:
    """Say which keys are missing and which are too many, for the kind of the file or else the most likely one."""
    wanted = keys_of(kind or nearest_kind(row))
    missing = sorted(set(wanted) - set(row))
    extra = sorted(key[:40] for key in set(row) - set(wanted))
    allowed = f"exactly {list(wanted)}"
    if kind is None:
        others = [list(keys_of(other)) for other in KINDS if keys_of(other) != wanted]
        allowed += f", or {' or '.join(map(str, others))}"
    return malformed(line, f"missing keys {missing}, unknown keys {extra[:20]}", allowed, place)


def _described(kind: str) -> str:
    return f"rows of the kind {kind} ({', '.join(KINDS[kind])})"


# --- the refusals that several formats share ----------------------------------------------------------------------


def malformed(line: int | None, found: str, allowed: str, place: Place = "line") -> IntakeError:
    """Return the refusal of a row that is not one."""
    return IntakeError("malformed_row", 422, line=line, place=place, found=found, allowed=allowed)


def not_utf8(line: int, position: int) -> IntakeError:
    """Return the refusal of a byte that is no text."""
    found = f"an invalid byte at position {position}"
    return IntakeError("not_utf8", 422, line=line, found=found, allowed="UTF-8 text")


def too_large(line: int | None, found: str, allowed: str, place: Place = "line") -> IntakeError:
    """Return the refusal of more bytes or rows than are read."""
    return IntakeError("decoded_too_large", 413, line=line, place=place, found=found, allowed=allowed)


def record_too_large(line: int, allowed: int, place: Place = "line") -> IntakeError:
    """Return the refusal of one row that is too long."""
    found, limit = f"more than {allowed} bytes", f"at most {allowed} bytes per row"
    return IntakeError("record_too_large", 413, line=line, place=place, found=found, allowed=limit)


def too_many_rows(line: int, allowed: int, place: Place = "line") -> IntakeError:
    """Return the refusal of one row too many."""
    return too_large(line, f"more than {allowed} rows", f"at most {allowed} rows", place)


def columns_invalid(found: str, allowed: str) -> IntakeError:
    """Return the refusal of a mapping of columns that does not fit."""
    return IntakeError("columns_invalid", 422, found=found, allowed=allowed)


def format_not_allowed(found: str, allowed: str) -> IntakeError:
    """Return the refusal of a file that is of no format of ours."""
    return IntakeError("format_not_allowed", 415, found=found, allowed=allowed)
