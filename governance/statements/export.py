"""The public export of a consultation that has ended, and how it is read again to compute everything anew. Pure.

JSON: {"version", "consultation", "statements": [{"number", "text", "seed"}], "rows": [{"holds_votes", "answers"}]},
answers being {"<statement>": 1 | 0 | -1}. CSV: a line for each person, a column for each statement. No row has a name
or a moment, and rows lie in the order of what they say.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from governance.errors import Malformed
from governance.evidence.canonical import CanonicalError, strict_loads
from governance.statements.analysis import Row, sorted_rows
from governance.statements.rules import ANSWERS, PARTICIPANTS_MAX, PEOPLE_MIN, STATEMENTS_MAX

VERSION = 1
BYTES_MAX = 200_000_000
_HOUSE = "holds_votes"


def as_json(
    consultation: Mapping[str, Any], statements: Sequence[Mapping[str, Any]], rows: Iterable[Row]
) -> dict[str, Any]:
    """Return the export; no rows at all where fewer people took part than are ever shown."""
    kept = sorted_rows(rows, [each["number"] for each in statements])
    shown = kept if len(kept) >= PEOPLE_MIN else []
    return {
        "version": VERSION,
        "consultation": dict(consultation),
        "statements": [dict(each) for each in statements],
        "rows": [{_HOUSE: row.holds_votes, "answers": {str(k): v for k, v in row.answers.items()}} for row in shown],
    }


def as_csv(exported: Mapping[str, Any]) -> str:
    """Return the rows of an export as a table."""
    numbers = [each["number"] for each in exported["statements"]]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([_HOUSE, *numbers])
    for row in exported["rows"]:
        house = "" if row[_HOUSE] is None else int(row[_HOUSE])
        writer.writerow([house, *(row["answers"].get(str(number), "") for number in numbers)])
    return target.getvalue()


def read(data: bytes) -> tuple[list[Row], list[int]]:
    """Return rows and statement numbers of an export in JSON or CSV; raise Malformed for what is neither."""
    try:
        rows, numbers = _from_json(data) if data.lstrip()[:1] == b"{" else _from_csv(data)
    except (KeyError, TypeError, AttributeError, ValueError, csv.Error, CanonicalError) as error:
        raise Malformed("not_an_export", f"this is no export of a consultation: {error}"[:300]) from error
    if len(rows) > PARTICIPANTS_MAX or len(numbers) > STATEMENTS_MAX or len(set(numbers)) != len(numbers):
        raise Malformed("not_an_export", "more people or statements than a consultation has, or a statement twice")
    return rows, numbers


def _from_json(data: bytes) -> tuple[list[Row], list[int]]:
    said = strict_loads(data, max_bytes=BYTES_MAX)
    if said["version"] != VERSION:
        raise ValueError("another version")
    rows = [Row(_house(row[_HOUSE]), {int(k): _answer(v) for k, v in row["answers"].items()}) for row in said["rows"]]
    return rows, [int(each["number"]) for each in said["statements"]]


def _from_csv(data: bytes) -> tuple[list[Row], list[int]]:
    table = list(csv.reader(io.StringIO(data.decode())))
    if not table or table[0][:1] != [_HOUSE]:
        raise ValueError("the first column is not holds_votes")
    numbers = [int(name) for name in table[0][1:]]
    rows = []
    for line in table[1:]:
        house = {"": None, "0": False, "1": True}[line[0]]
        said = zip(numbers, line[1:], strict=True)
        rows.append(Row(house, {number: _answer(int(text)) for number, text in said if text}))
    return rows, numbers


def _house(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ValueError("holds_votes is true, false or null")


def _answer(value: object) -> int:
    if type(value) is int and value in ANSWERS.values():
        return value
    raise ValueError("an answer is 1, 0 or -1")
