"""Parquet: flat columns of text, read in small batches under the budgets, whatever the file says of itself.

A file of 2 MB can unpack to 20 GB. What it announces is compared with the budgets before anything is unpacked; what it
unpacks to is counted row by row; and a file that lies about a single page meets the memory limit of the child process
that this runs in. Columns of other types (nested, dictionaries of pandas, extension types, binary) are not read.

pyarrow is imported only when there is a Parquet file, in the process that reads it.
"""

from collections.abc import Iterator
from typing import Any

from models_registry.datasets.formats.base import Format, Source
from models_registry.datasets.magic import PARQUET
from models_registry.datasets.rows import COLUMNS_MAX, RowMaker, columns_invalid, format_not_allowed, malformed

BATCH_ROWS = 128
_BUFFER_BYTES = 1024 * 1024
_FOOTER_TEXT_BYTES_MAX = 1_000_000
_FOOTER_ENTRIES_MAX = 1_000_000


def rows(source: Source, maker: RowMaker) -> Iterator[bytes]:
    """Yield the rows of all row groups in order; a row is named by its number, from 1."""
    import pyarrow as pa

    source.read_to_end()
    try:
        yield from _rows(source, maker)
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(str(error)) from error


def _rows(source: Source, maker: RowMaker) -> Iterator[bytes]:
    from pyarrow import parquet

    file = parquet.ParquetFile(
        source.stream,
        buffer_size=_BUFFER_BYTES,
        pre_buffer=False,
        thrift_string_size_limit=_FOOTER_TEXT_BYTES_MAX,
        thrift_container_size_limit=_FOOTER_ENTRIES_MAX,
    )
    names = _names(file)
    wanted = maker.wanted(names)
    numbers = [names.index(name) for name in wanted]
    for name, number in zip(wanted, numbers, strict=True):
        _require_text(file, name, number)
    groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
    unpacked = sum(group.column(number).total_uncompressed_size for group in groups for number in numbers)
    announced = file.metadata.num_rows
    source.budget.announced(announced, unpacked)
    read = 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted, use_threads=False):
        columns = [batch.column(name) for name in wanted]
        for index in range(batch.num_rows):
            read += 1
            source.budget.records(read, "row")
            found = {name: column[index].as_py() for name, column in zip(wanted, columns, strict=True)}
            source.check_length(read, sum(len(text) for text in found.values() if text), "row")
            yield maker.row(found, read, "row")
    if read != announced:
        raise _unreadable(f"{announced} rows announced, {read} found")


def _names(file: Any) -> list[str]:  # noqa: ANN401 - pyarrow tells mypy nothing
    schema = file.schema
    if len(schema) > COLUMNS_MAX:
        raise columns_invalid(f"{len(schema)} columns", f"at most {COLUMNS_MAX}")
    names = [str(schema.column(number).path) for number in range(len(schema))]
    if len(set(names)) < len(names):
        raise malformed(None, "a column twice", "each column once")
    return names


def _require_text(file: Any, name: str, number: int) -> None:  # noqa: ANN401 - pyarrow tells mypy nothing
    """Refuse a column that is anything but a flat column of UTF-8 text, in the file and in what reads it."""
    import pyarrow as pa

    stored = file.schema.column(number)
    is_flat = stored.max_repetition_level == 0 and stored.max_definition_level <= 1
    is_text = stored.physical_type == "BYTE_ARRAY" and stored.logical_type.type == "STRING"
    if is_flat and is_text:
        read_as = file.schema_arrow.field(name).type
        if pa.types.is_string(read_as) or pa.types.is_large_string(read_as):
            return
    found = f"the column {name[:80]!r} of another type ({stored.physical_type}, {stored.logical_type.type})"
    raise malformed(None, found, "flat columns of text")


def require_parquet(head: bytes) -> None:
    """Refuse a file that does not begin as Parquet does."""
    if not head.startswith(PARQUET):
        raise format_not_allowed("a file that does not begin as Parquet does", "Parquet")


def _unreadable(detail: str) -> Exception:
    return malformed(None, f"a Parquet file that cannot be read: {' '.join(detail.split())[:300]}", "a whole one")


FORMAT = Format("parquet", (".parquet",), "Parquet", rows)
