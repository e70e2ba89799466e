"""JSON lines: one flat JSON object on each line, read strictly (no repeated key, no NUL, no lone surrogate)."""

from collections.abc import Iterator

from models_registry.datasets.formats.base import Format, Source
from models_registry.datasets.rows import RowMaker, strict_object

# Columns that a mapping leaves out may hold lists and objects; rows themselves are flat.
_LEFT_OUT_LEVELS_MAX = 16


def rows(source: Source, maker: RowMaker) -> Iterator[bytes]:
    """Yield a row for each line."""
    levels = _LEFT_OUT_LEVELS_MAX if maker.reading.columns else 1
    for number, line in source.lines():
        source.budget.records(number, "line")
        yield maker.row(strict_object(line, number, source.budget.limits, levels), number, "line")


FORMAT = Format("jsonl", (".jsonl",), "JSON lines", rows)
