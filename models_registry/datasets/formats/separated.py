"""CSV as in RFC 4180, strictly: a header, then rows of as many cells; a quoted cell may hold line breaks.

The separator is said by whoever sends the file, never guessed: a guess would depend on the content. What RFC 4180
leaves open is refused: a quote inside an unquoted cell, text after a closing quote, rows of another length.
"""

import re
from collections.abc import Iterator

from models_registry.datasets.formats.base import Format, Source
from models_registry.datasets.rows import COLUMNS_MAX, RowMaker, columns_invalid, malformed

DIALECTS = {"comma": ",", "semicolon": ";", "tab": "\t"}


def rows(source: Source, maker: RowMaker) -> Iterator[bytes]:
    """Yield a row for each record after the header; a row is named by the line that it begins on."""
    separator = DIALECTS.get(maker.reading.dialect)
    if separator is None:
        raise columns_invalid(f"the dialect {maker.reading.dialect[:40]!r}", f"one of {list(DIALECTS)}")
    cell = re.compile(rf'(?:"((?:[^"]|"")*+)"|([^"{separator}\r\n]*+))({separator}|\Z)')
    records = _records(source)
    first, header = next(records, (1, ""))
    names = _cells(first, header, cell)
    _check_header(names)
    wanted = set(maker.wanted(names))
    for number, record in records:
        source.budget.records(number, "line")
        cells = _cells(number, record, cell)
        if len(cells) != len(names):
            raise malformed(number, f"{len(cells)} cells", f"{len(names)} cells, as in the header")
        found = {name: text for name, text in zip(names, cells, strict=True) if name in wanted}
        yield maker.row(found, number, "line")


def _records(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (first line, text) of each record: lines are joined as long as a quote is open."""
    begun, parts, length, is_open = 0, [""], 0, False
    for number, line in source.text_lines():
        if not is_open:
            begun, parts, length = number, [], 0
        parts.append(line)
        length += len(line) + 1
        source.check_length(begun, length)
        if line.count('"') % 2:
            is_open = not is_open
        if not is_open:
            yield begun, "\n".join(parts)
    if is_open:
        raise malformed(begun, "a quote that is never closed", "a closing quote")


def _cells(number: int, record: str, cell: re.Pattern[str]) -> list[str]:
    cells, position = [], 0
    while True:
        match = cell.match(record, position)
        if match is None:
            found = f"text that is no cell at character {position + 1}"
            raise malformed(number, found, 'cells as in RFC 4180: quotes around all of a cell, "" for a quote in it')
        quoted, plain, separator = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        if not separator:
            return cells
        position = match.end()


def _check_header(names: list[str]) -> None:
    if len(names) > COLUMNS_MAX:
        raise columns_invalid(f"{len(names)} columns", f"at most {COLUMNS_MAX}")
    if not all(name.strip() for name in names):
        raise malformed(1, "a column without a name", "a header with a name for each column")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise malformed(1, f"the column {twice[0][:80]!r} twice", "each column once")


FORMAT = Format("csv", (".csv", ".tsv"), "CSV", rows)
