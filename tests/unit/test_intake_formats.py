"""Intake of CSV, Parquet and plain text: the same rows are the same dataset, and bombs, liars and broken files are not."""

import io
import json
import pickle
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from models_registry.datasets.formats import ENDINGS, FORMATS
from models_registry.datasets.intake import IntakeError, Limits, Reading
from models_registry.datasets.rows import parse_row, read_columns
from tests.simulators.intake import taken

ROWS = [
    {"id": "a", "language": "en", "question": "When, exactly?", "answer": 'At "dawn".', "topic": "water"},
    {"id": "b", "language": "fr", "question": "Quand ?", "answer": "À l'aube,\nou plus tard.", "topic": "eau"},
]
SAID = Reading(language="en", topic="water")


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def as_csv(rows: list[dict[str, str]], separator: str = ",", end: str = "\r\n") -> bytes:
    def line(cells: list[str]) -> str:
        return separator.join('"' + cell.replace('"', '""') + '"' for cell in cells) + end

    return "".join([line(list(rows[0])), *(line(list(row.values())) for row in rows)]).encode()


def as_parquet(rows: list[dict[str, Any]], schema: Any = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema), buffer, **options)
    return buffer.getvalue()


def refusal(data: bytes, name: str, reading: Reading | None = None, limits: Limits | None = None) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        taken(data, name, reading, limits)
    assert caught.value.found
    assert caught.value.allowed
    return caught.value


# --- the same rows are the same dataset ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "reading"),
    [
        (as_csv(ROWS), "rows.csv", Reading()),
        (b"\xef\xbb\xbf" + as_csv(ROWS, end="\n"), "ROWS.CSV", Reading()),
        (as_csv(ROWS, ";"), "rows.csv", Reading(dialect="semicolon")),
        (as_csv(ROWS, "\t"), "rows.tsv", Reading(dialect="tab")),
        (as_csv(ROWS).rstrip(b"\r\n"), "rows.csv", Reading()),
        (as_parquet(ROWS), "rows.parquet", Reading()),
        (as_parquet(ROWS, compression="zstd", use_dictionary=False), "rows.parquet", Reading()),
        (as_parquet(ROWS, row_group_size=1, data_page_version="2.0"), "rows.parquet", Reading()),
        (
            as_parquet(ROWS, pa.schema([(name, pa.large_string()) for name in ROWS[0]])),
            "rows.parquet",
            Reading(),
        ),
        (
            as_jsonl([{**row, "score": 0.5, "tags": ["x"]} for row in ROWS]),
            "rows.jsonl",
            Reading({name: name for name in ROWS[0]}),
        ),
    ],
)
def test_the_same_rows_are_the_same_dataset_in_every_format(data: bytes, name: str, reading: Reading) -> None:
    assert taken(data, name, reading)[0].canonical == taken(as_jsonl(ROWS))[0].canonical


@pytest.mark.parametrize(
    ("make", "name"), [(as_csv, "rows.csv"), (as_parquet, "rows.parquet"), (as_jsonl, "rows.jsonl")]
)
def test_columns_are_mapped_and_what_is_missing_is_filled_in(make: Callable[..., bytes], name: str) -> None:
    foreign = [{"prompt": row["question"], "reply": row["answer"], "note": "left out"} for row in ROWS]
    reading = Reading(read_columns("question:prompt, answer:reply"), "fr", "eau")
    found, canonical = taken(make(foreign), name, reading)
    rows = [parse_row(line, 1) for line in canonical.splitlines()]
    assert {(row["question"], row["answer"], row["language"], row["topic"]) for row in rows} == {
        (row["question"], row["answer"], "fr", "eau") for row in ROWS
    }
    assert all(len(row["id"]) == 16 for row in rows)
    assert taken(make(foreign[::-1]), name, reading)[0].digest == found.digest


def test_a_made_id_depends_on_the_rest_of_the_row_alone() -> None:
    without = [{key: value for key, value in row.items() if key != "id"} for row in ROWS]
    _, canonical = taken(as_jsonl(without))
    _, one = taken(as_jsonl(without[:1]))
    assert set(one.splitlines()) < set(canonical.splitlines())
    error = refusal(as_jsonl([without[0], ROWS[1]]), "rows.jsonl")
    assert (error.code, error.line) == ("malformed_row", 2)


@pytest.mark.parametrize(
    "text", ["question", "question:", ":prompt", "colour:prompt", "question:a,question:b", "question:a,answer:a"]
)
def test_a_mapping_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(IntakeError, match="columns_invalid"):
        read_columns(text)


@pytest.mark.parametrize(("make", "name"), [(as_csv, "rows.csv"), (as_parquet, "rows.parquet")])
def test_a_mapping_of_a_column_that_is_not_there_is_refused(make: Callable[..., bytes], name: str) -> None:
    error = refusal(make(ROWS), name, Reading(read_columns("question:prompt")))
    assert (error.code, error.status) == ("columns_invalid", 422)
    assert "prompt" in error.found


# --- CSV ----------------------------------------------------------------------------------------------------------

HEADER = b"id,language,question,answer,topic\n"
GOOD = b"a,en,When?,At dawn.,water\n"


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (HEADER + GOOD + b"b,en,When?,At dawn.\n", "malformed_row", 3),
        (HEADER + GOOD + b"b,en,When?,At dawn.,water,more\n", "malformed_row", 3),
        (HEADER + GOOD + b"\n" + GOOD, "malformed_row", 3),
        (HEADER + GOOD + b'b,en,"When?,At dawn.,water\n' + GOOD, "malformed_row", 3),
        (HEADER + GOOD + b'b,en,Wh"en?,At dawn.,water\n', "malformed_row", 3),
        (HEADER + GOOD + b'b,en,"When"?,At dawn.,water\n', "malformed_row", 3),
        (HEADER + GOOD + b"b,en,When?\rThen?,At dawn.,water\n", "malformed_row", 3),
        (HEADER + GOOD + b"b,en,,At dawn.,water\n", "malformed_row", 3),
        (HEADER + GOOD + b'b,en,"",At dawn.,water\n', "malformed_row", 3),
        (HEADER + GOOD + b"b,de,When?,At dawn.,water\n", "malformed_row", 3),
        (HEADER + GOOD + b"b,en,When\0?,At dawn.,water\n", "malformed_row", 3),
        (HEADER + GOOD + b"b,en,When\xff,At dawn.,water\n", "not_utf8", 3),
        (HEADER + b'a,en,"When?\nThen?",At dawn.,water\nb,en\n', "malformed_row", 4),
        (HEADER + GOOD.replace(b",", b";"), "malformed_row", 2),
        (b"id;language;question;answer;topic\n" + GOOD, "malformed_row", 2),
        (b"id,language,question,answer,answer\n" + GOOD, "malformed_row", 1),
        (b"id,language,question,,topic\n" + GOOD, "malformed_row", 1),
        (b"id,language,question,reply,topic\n" + GOOD, "malformed_row", 2),
        (HEADER.decode().encode("utf-16") + GOOD, "not_utf8", 1),
        (HEADER, "malformed_row", 1),
        (b"", "malformed_row", 1),
        (b",".join(b"c%d" % number for number in range(300)) + b"\n", "columns_invalid", None),
        (HEADER + b'a,en,"' + b"x" * 70_000 + b'",At dawn.,water\n', "record_too_large", 2),
        (HEADER + b'a,en,"' + b"x\n" * 40_000 + b'",At dawn.,water\n', "record_too_large", 2),
        (HEADER + b'"' * 69_999, "record_too_large", 2),
    ],
)
def test_a_broken_csv_is_refused_with_its_line(data: bytes, code: str, line: int | None) -> None:
    error = refusal(data, "rows.csv")
    assert (error.code, error.line) == (code, line)


def test_an_open_quote_costs_no_more_than_a_row() -> None:
    class Counting(io.BytesIO):
        served = 0

        def read(self, size: int | None = -1) -> bytes:
            chunk = super().read(size)
            self.served += len(chunk)
            return chunk

    stream = Counting(HEADER + b'a,en,"' + b"line\n" * 1_000_000)
    from models_registry.datasets.formats import Budget, Source, format_of
    from models_registry.datasets.rows import RowMaker

    with pytest.raises(IntakeError, match="record_too_large"):
        list(format_of("a.csv").rows(Source("a.csv", stream, Budget(Limits())), RowMaker(Reading(), Limits())))
    assert stream.served < 500_000


# --- Parquet ------------------------------------------------------------------------------------------------------


def column(name: str, values: Any, **changes: Any) -> bytes:
    """Return the good rows with one column replaced."""
    columns = {key: pa.array([row[key] for row in ROWS]) for key in ROWS[0]} | {name: values} | changes
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2]),
        pa.array([1.5, 2.5]),
        pa.array([True, False]),
        pa.array([b"x", b"y"]),
        pa.array([b"ab", b"cd"], pa.binary(2)),
        pa.array([["x"], ["y"]]),
        pa.array([{"a": "x"}, {"a": "y"}]),
        pa.array([[("k", "v")], []], pa.map_(pa.string(), pa.string())),
        pa.array(["x", "y"]).dictionary_encode(),
        pa.array([None, None]),
        pa.array([0, 1], pa.timestamp("s")),
        pa.array([b"0" * 16, b"1" * 16], pa.uuid()),
        pa.array(['{"a": 1}', "{}"], pa.json_()),
    ],
    ids=str,
)
def test_a_column_of_another_type_is_refused(values: Any) -> None:
    error = refusal(column("answer", values), "rows.parquet")
    assert (error.code, error.status) == ("malformed_row", 422)


def test_a_column_of_another_type_that_is_not_wanted_is_left_out() -> None:
    data = column("score", pa.array([1, 2]), vector=pa.array([[0.5], [1.5]]))
    found, _ = taken(data, "rows.parquet", Reading({name: name for name in ROWS[0]}))
    assert found.digest == taken(as_jsonl(ROWS))[0].digest


@pytest.mark.parametrize("bad", [None, "", "  ", "a\0b"])
def test_a_missing_or_blank_cell_is_refused_with_its_row(bad: str | None) -> None:
    error = refusal(column("answer", pa.array(["fine", bad])), "rows.parquet")
    assert (error.code, error.line, error.place) == ("malformed_row", 2, "row")
    assert "row 2" in str(error)


GOOD_PARQUET = as_parquet(ROWS)


@pytest.mark.parametrize(
    "data",
    [
        GOOD_PARQUET[:-1],
        GOOD_PARQUET[:-8] + b"\xff\xff\xff\x7fPAR1",
        GOOD_PARQUET[:-8] + b"\0\0\0\0PAR1",
        GOOD_PARQUET[: len(GOOD_PARQUET) // 2],
        GOOD_PARQUET[:4] + bytes(len(GOOD_PARQUET) - 4),
        GOOD_PARQUET[:4] + bytes(600) + GOOD_PARQUET[604:],
        GOOD_PARQUET[:-300] + b"\xff" * 292 + GOOD_PARQUET[-8:],
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1" + b"\x15" * 5000 + b"\x88\x13\0\0PAR1",
        b"PAR1" + GOOD_PARQUET,
    ],
)
def test_a_broken_parquet_file_is_refused(data: bytes) -> None:
    assert refusal(data, "rows.parquet").code in {"malformed_row", "columns_invalid"}


@pytest.mark.parametrize("data", [as_jsonl(ROWS), b"", b"PK\x03\x04" + bytes(40), b"PARE" + bytes(40), b"ARROW1\0\0"])
def test_what_does_not_begin_as_parquet_is_refused(data: bytes) -> None:
    assert refusal(data, "rows.parquet").code == "format_not_allowed"


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.txt"])
def test_a_parquet_file_under_another_name_is_refused(name: str) -> None:
    assert refusal(GOOD_PARQUET, name, SAID).code == "format_not_allowed"


def bomb(rows: int, answer: str) -> bytes:
    """Return a small file of many rows that all have one answer."""
    columns = {name: pa.array(["x"]).take(pa.array([0] * rows)) for name in ("id", "question", "topic")}
    columns |= {"language": pa.array(["en"] * rows)}
    columns |= {"answer": pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([answer]))}
    buffer = io.BytesIO()
    schema = pa.schema([(name, pa.string()) for name in columns])
    parquet.write_table(pa.table(columns).cast(schema), buffer, compression="zstd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "limits", "code"),
    [
        (bomb(50_000, "x" * 1000), Limits(records_max=10_000), "decoded_too_large"),
        (bomb(20_000, "x" * 1000), Limits(decoded_bytes_max=1_000_000), "decoded_too_large"),
        (bomb(500, "x" * 70_000), Limits(), "record_too_large"),
        (bomb(10, "x" * 2_000_000), Limits(decoded_bytes_max=1_000_000), "decoded_too_large"),
        (bomb(100, "x"), Limits(file_bytes_max=500), "decoded_too_large"),
    ],
)
def test_a_parquet_bomb_is_refused_by_a_budget(data: bytes, limits: Limits, code: str) -> None:
    assert len(data) < 1_000_000
    error = refusal(data, "rows.parquet", None, limits)
    assert (error.code, error.status) == (code, 413)


# --- plain text ---------------------------------------------------------------------------------------------------


def test_each_paragraph_is_a_row() -> None:
    text = "\ufeffOne line.\r\nAnother.\r\n\r\n  \r\n\r\nSecond – one.".encode()
    found, canonical = taken(text, "book.txt", SAID)
    assert (found.kind, found.canonical.records) == ("text", 2)
    texts = {parse_row(line, 1)["text"] for line in canonical.splitlines()}
    assert texts == {"One line.\nAnother.", "Second – one."}


@pytest.mark.parametrize(
    ("data", "reading", "code", "line"),
    [
        (b"A paragraph.", Reading(), "columns_invalid", None),
        (b"A paragraph.", Reading(language="en"), "columns_invalid", None),
        (b"A paragraph.", Reading(topic="water"), "columns_invalid", None),
        (b"A paragraph.", Reading({"text": "text"}, "en", "water"), "columns_invalid", None),
        (b"A paragraph.", Reading(language="de", topic="water"), "columns_invalid", None),
        (b"", SAID, "malformed_row", 1),
        (b"\n\n \n", SAID, "malformed_row", 1),
        (b"Fine.\n\nNot \xff fine.", SAID, "not_utf8", 3),
        (b"Fine.\n\nNot\0 fine.", SAID, "malformed_row", 3),
        (b"Fine.\n\n" + b"x" * 70_000, SAID, "record_too_large", 3),
        (b"Fine.\n\n" + b"x\n" * 40_000, SAID, "record_too_large", 3),
        ("Fine.".encode("utf-16"), SAID, "not_utf8", 1),
        (b"\x1f\x8b" + bytes(40), SAID, "format_not_allowed", None),
        (b"%PDF-1.7\n", SAID, "format_not_allowed", None),
    ],
)
def test_a_broken_text_is_refused(data: bytes, reading: Reading, code: str, line: int | None) -> None:
    error = refusal(data, "book.txt", reading)
    assert (error.code, error.line) == (code, line)


def test_the_table_of_formats_knows_each_ending_once() -> None:
    assert sorted(ENDINGS) == sorted(ending for found in FORMATS.values() for ending in found.endings)


class Harmful:
    """A pickle of this would print; nothing here ever unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what unpickling would call."""
        return (print, ("it ran",))


def test_a_pickle_in_the_schema_of_a_parquet_file_is_never_opened(capsys: pytest.CaptureFixture[str]) -> None:
    harm = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle.dumps(Harmful())}
    schema = pa.schema(
        [pa.field(name, pa.string(), metadata=harm if name == "answer" else None) for name in ROWS[0]],
        metadata={b"pandas": pickle.dumps(Harmful())},
    )
    found, _ = taken(as_parquet(ROWS, schema), "rows.parquet")
    assert found.digest == taken(as_jsonl(ROWS))[0].digest
    assert "it ran" not in capsys.readouterr().out
