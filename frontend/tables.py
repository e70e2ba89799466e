"""Tables as files: CSV that no spreadsheet runs, and JSON, both streamed row by row."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse

# A cell that begins so is a formula to some spreadsheets (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class _Line:
    """What csv writes to: hands back each line."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> HttpResponseBase:
    """Answer with rows as CSV (RFC 4180, UTF-8 with the mark that spreadsheets look for)."""

    def lines() -> Iterator[str]:
        writer = csv.writer(_Line())
        yield "\ufeff"
        yield writer.writerow(columns)  # type: ignore[misc] - it returns what `write` returned
        for row in rows:
            yield writer.writerow([neutral(row[column]) for column in columns])  # type: ignore[misc]

    return _file(lines(), "text/csv; charset=utf-8", f"{name}.csv")


def json_file(name: str, head: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> HttpResponseBase:
    """Answer with an object: `head`, and the rows as `rows`."""

    def parts() -> Iterator[str]:
        yield json.dumps(dict(head), ensure_ascii=False)[:-1] + (", " if head else "") + '"rows": ['
        for number, row in enumerate(rows):
            yield (",\n" if number else "\n") + json.dumps(dict(row), ensure_ascii=False)
        yield "\n]}\n"

    return _file(parts(), "application/json", f"{name}.json")


def neutral(cell: object) -> str:
    """Return a cell as text that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if isinstance(cell, str) and text.startswith(_FORMULA) else text


def _file(content: Iterator[str], kind: str, name: str) -> HttpResponseBase:
    response = StreamingHttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
