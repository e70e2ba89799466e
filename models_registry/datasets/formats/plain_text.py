"""Plain text: each paragraph, that is each run of lines between blank ones, is one row of the kind `text`."""

from collections.abc import Iterator

from models_registry.datasets.formats.base import Format, Source
from models_registry.datasets.rows import RowMaker, columns_invalid


def rows(source: Source, maker: RowMaker) -> Iterator[bytes]:
    """Yield a row for each paragraph; it is named by its first line."""
    if not maker.reading.language or not maker.reading.topic:
        raise columns_invalid("a text without language and topic", "say both: plain text cannot")
    if maker.reading.columns:
        raise columns_invalid("a mapping of columns", "none: plain text has no columns")
    for number, text in _paragraphs(source):
        source.budget.records(number, "line")
        yield maker.row({"text": text}, number, "line")


def _paragraphs(source: Source) -> Iterator[tuple[int, str]]:
    parts: list[str] = []
    begun = length = 0
    for number, line in source.text_lines():
        if not line.strip():
            if parts:
                yield begun, "\n".join(parts)
            parts = []
            continue
        if not parts:
            begun, length = number, 0
        parts.append(line)
        length += len(line) + 1
        source.check_length(begun, length)
    if parts:
        yield begun, "\n".join(parts)


FORMAT = Format("text", (".txt",), "plain text", rows)
