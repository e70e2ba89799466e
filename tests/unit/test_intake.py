"""Intake of JSON lines: the canonical form, and the refusals A36 to A41 with their variations."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import pickle
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.evidence.canonical import canonical_bytes
from models_registry.datasets.canonical import read_rows
from models_registry.datasets.intake import IntakeError, Limits, take_in
from models_registry.datasets.rows import parse_row
from tests.simulators.intake import taken

ROW = {
    "id": "en-1",
    "language": "en",
    "question": "When do I water?",
    "answer": "At dawn.",
    "topic": "irrigation",
}


def row(**changes: Any) -> dict[str, Any]:
    return ROW | changes


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in rows)


def refusal(data: bytes, name: str = "pairs.jsonl", limits: Limits | None = None, **promised: str) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        taken(data, name, limits=limits, **promised)
    return caught.value


def archive(kind: str) -> bytes:
    """Return a true archive of the given kind around a good file."""
    good = lines(ROW)
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as zipped:
            zipped.writestr("pairs.jsonl", good)
    elif kind.startswith("tar"):
        tar_format = {
            "tar-gnu": tarfile.GNU_FORMAT,
            "tar-pax": tarfile.PAX_FORMAT,
            "tar-v7": tarfile.USTAR_FORMAT,
        }[kind]
        with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as tar:
            member = tarfile.TarInfo("pairs.jsonl")
            member.size = len(good)
            tar.addfile(member, io.BytesIO(good))
        if kind == "tar-v7":
            return as_v7(buffer.getvalue())
    return buffer.getvalue()


def as_v7(tar: bytes) -> bytes:
    """Take the mark off the first header, as tar wrote it before POSIX, and mend its checksum."""
    header = bytearray(tar[:512])
    header[257:265] = b"\0" * 8
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar[512:]


def test_a_good_file_is_taken_in() -> None:
    data = lines(row(id="fr-1", language="fr"), ROW)
    intake, canonical = taken(data, "pairs.jsonl")
    assert (intake.canonical.records, intake.canonical.repeated, intake.languages) == (2, 0, ("en", "fr"))
    assert intake.files[0].path == "pairs.jsonl"
    assert intake.files[0].size == len(data)
    assert intake.files[0].sha256 == hashlib.sha256(data).hexdigest()
    assert intake.canonical.size == len(canonical)
    assert {parse_row(line, 1)["id"] for line in canonical.splitlines()} == {"en-1", "fr-1"}


def test_the_digest_is_the_sha256_of_sorted_unique_canonical_rows() -> None:
    rows = [row(id=str(number), answer=f"Réponse {number}") for number in range(5)]
    intake, canonical = taken(lines(*rows))
    expected = b"".join(sorted(canonical_bytes(value) + b"\n" for value in rows))
    assert canonical == expected
    assert intake.digest == hashlib.sha256(expected).hexdigest()


def test_order_spelling_and_repetition_do_not_change_the_digest() -> None:
    other = row(id="en-2", answer="À l'aube.")
    plain, _ = taken(lines(ROW, other))
    respelled = json.dumps(dict(reversed(other.items())), ensure_ascii=False, indent=None, separators=(" , ", " : "))
    shuffled = respelled.encode() + b"\r\n" + lines(ROW) + lines(ROW).rstrip(b"\n")
    again, _ = taken(shuffled)
    assert again.digest == plain.digest
    assert (again.canonical.records, again.canonical.repeated) == (2, 1)


def test_the_canonical_form_is_its_own_canonical_form() -> None:
    first, canonical = taken(lines(row(id="b"), row(id="a")))
    second, again = taken(canonical, "canonical.jsonl", expected_digest=first.digest, expected_file_sha256=first.digest)
    assert again == canonical
    assert second.canonical == first.canonical


@given(
    st.lists(
        st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        max_size=4,
    )
)
def test_any_text_survives_intake(answers: list[str]) -> None:
    rows = [row(id=str(number), answer="=" + answer) for number, answer in enumerate(answers)] or [ROW]
    _, canonical = taken(lines(*rows))
    assert sorted((parse_row(line, 1) for line in canonical.splitlines()), key=lambda value: value["id"]) == rows
    assert canonical == b"".join(sorted(canonical_bytes(value) + b"\n" for value in rows))


class OneByteAtATime(io.RawIOBase):
    """A stream as slow as a network: neither `peek` nor whole reads."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(1)


def test_the_way_the_bytes_arrive_does_not_matter(tmp_path: Path) -> None:
    data = lines(ROW, row(id="en-2"))
    slow = take_in([("a.jsonl", OneByteAtATime(data))], tmp_path)  # type: ignore[list-item]
    quick, _ = taken(data, "a.jsonl")
    assert (slow.canonical, slow.files) == (quick.canonical, quick.files)
    assert [value["id"] for value in read_rows(slow.path)] == ["en-1", "en-2"]
    assert len(slow.rows()) == 2
    with pytest.raises(IntakeError, match="format_not_allowed"):
        take_in([("a.jsonl", OneByteAtATime(archive("tar-gnu")))], tmp_path)  # type: ignore[list-item]


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"",
        b"   ",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b'{"id": "en-1"',
        b"{'id': 'en-1'}",
        lines(ROW).strip() + lines(ROW).strip(),
        lines(ROW).strip() + b",",
        lines(row(id=1)).strip(),
        lines(row(answer=None)).strip(),
        lines(row(answer=["At dawn."])).strip(),
        lines(row(answer={"text": "At dawn."})).strip(),
        lines(row(answer="  ")).strip(),
        lines(row(id="")).strip(),
        lines(row(id="x" * 201)).strip(),
        lines(row(language="de")).strip(),
        lines(row(language="EN")).strip(),
        lines(row(weight=2)).strip(),
        lines({key: value for key, value in ROW.items() if key != "topic"}).strip(),
        lines(ROW).strip().replace(b'"topic"', b'"answer"'),
        lines(ROW).strip().replace(b'"id"', b'"\\ud800"'),
        lines(row(answer="\ud800")).strip(),
        lines(row(answer="\0")).strip(),
        b"\xef\xbb\xbf" + lines(ROW).strip(),
        lines(row(answer=1)).strip().replace(b" 1", b" NaN"),
        b"[" * 60_000,
        b'{"id":' * 10_000,
    ],
)
def test_a_malformed_row_is_refused_with_its_line_number(line: bytes) -> None:
    error = refusal(lines(ROW, ROW) + line + b"\n" + lines(ROW))
    assert (error.code, error.status, error.line) == ("malformed_row", 422, 3)
    assert error.found
    assert error.allowed


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", "é".encode("latin-1"), b"\x80abc"])
def test_bytes_that_are_not_utf8_are_refused_with_their_line_number(bad: bytes) -> None:
    error = refusal(lines(ROW) + lines(ROW).replace(b"At dawn.", bad))
    assert (error.code, error.status, error.line) == ("not_utf8", 422, 2)


def test_a_file_in_utf16_is_refused() -> None:
    assert refusal(lines(ROW).decode().encode("utf-16")).code == "not_utf8"


@pytest.mark.parametrize("data", [b""])
def test_an_empty_file_is_refused(data: bytes) -> None:
    assert refusal(data).code == "malformed_row"


@pytest.mark.parametrize(
    "data",
    [
        archive("zip"),
        archive("tar-gnu"),
        archive("tar-pax"),
        archive("tar-v7"),
        gzip.compress(lines(ROW)),
        bz2.compress(lines(ROW)),
        lzma.compress(lines(ROW)),
        b"\x28\xb5\x2f\xfd" + bytes(20),
        b"PAR1" + bytes(40) + b"PAR1",
        b"ARROW1\0\0" + bytes(40),
        b"\x93NUMPY\x01\x00" + bytes(40),
        b"\x89HDF\r\n\x1a\n" + bytes(40),
        b"SQLite format 3\0" + bytes(40),
    ],
)
def test_an_archive_or_binary_format_is_refused_by_its_first_bytes(data: bytes) -> None:
    error = refusal(data)
    assert (error.code, error.status) == ("format_not_allowed", 415)


class Harmful:
    """A pickle of this would run a command; nothing here ever unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what unpickling would call."""
        return (print, ("it ran",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", [Harmful(), [ROW], ROW, (ROW, ROW), [], {}, [1, 2]])
def test_a_pickle_named_jsonl_is_refused_by_its_first_bytes(value: object, protocol: int, capsys: Any) -> None:
    error = refusal(pickle.dumps(value, protocol=protocol))
    assert (error.code, error.status) == ("format_not_allowed", 415)
    assert capsys.readouterr().out == ""


def test_a_handwritten_pickle_is_refused() -> None:
    assert refusal(b"cos\nsystem\n(S'true'\ntR.").code == "format_not_allowed"
    assert refusal(b"(cos\nsystem\nS'true'\no.").code == "format_not_allowed"


@pytest.mark.parametrize("name", ["pairs.zip", "pairs.json", "pairs.jsonl.gz", "pairs.py", "pairs.pkl", "jsonl"])
def test_another_file_extension_is_refused(name: str) -> None:
    error = refusal(lines(ROW), name=name)
    assert (error.code, error.status) == ("format_not_allowed", 415)


@pytest.mark.parametrize(
    "name",
    [
        "../pairs.jsonl",
        "/etc/pairs.jsonl",
        "a/b.jsonl",
        "a\\b.jsonl",
        "a\0.jsonl",
        ".jsonl",
        "",
        "a" * 300 + ".jsonl",
    ],
)
def test_a_name_that_is_a_path_is_refused(name: str) -> None:
    error = refusal(lines(ROW), name=name)
    assert (error.code, error.status) == ("path_forbidden", 400)


def test_a_row_of_fifty_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        served = 0

        def read(self, size: int = -1) -> bytes:
            self.served += size
            return b"x" * size if self.served < 50_000_000 else b""

    stream = Endless()
    tracemalloc.start()
    with pytest.raises(IntakeError) as caught:
        take_in([("pairs.jsonl", stream)], tmp_path)  # type: ignore[list-item]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (caught.value.code, caught.value.status, caught.value.line) == ("record_too_large", 413, 1)
    assert stream.served < 1_000_000
    assert peak < 2_000_000


def test_a_long_row_among_good_ones_is_refused_by_number() -> None:
    error = refusal(lines(ROW, row(answer="x" * 2000), ROW), limits=Limits(record_bytes_max=1000))
    assert (error.code, error.line) == ("record_too_large", 2)


def test_a_row_of_exactly_the_limit_is_taken_in() -> None:
    size = len(lines(ROW)) - 1
    assert taken(lines(ROW), limits=Limits(record_bytes_max=size))[0].canonical.records == 1
    assert refusal(lines(ROW), limits=Limits(record_bytes_max=size - 1)).code == "record_too_large"


def test_more_bytes_than_the_budget_are_refused() -> None:
    error = refusal(lines(*[row(id=str(number)) for number in range(100)]), limits=Limits(file_bytes_max=5000))
    assert (error.code, error.status) == ("decoded_too_large", 413)


def test_more_rows_than_the_budget_are_refused() -> None:
    error = refusal(lines(*[row(id=str(number)) for number in range(11)]), limits=Limits(records_max=10))
    assert (error.code, error.status, error.line) == ("decoded_too_large", 413, 11)


def test_a_promised_digest_that_does_not_match_is_refused() -> None:
    for promise in (
        {"expected_digest": "0" * 64},
        {"expected_file_sha256": "f" * 64},
        {"expected_digest": "nonsense"},
    ):
        error = refusal(lines(ROW), **promise)
        assert (error.code, error.status) == ("digest_mismatch", 422)


def test_one_changed_byte_changes_the_digest() -> None:
    good, _ = taken(lines(ROW))
    assert refusal(lines(row(answer="At dusk.")), expected_digest=good.digest).code == "digest_mismatch"


def test_a_row_reads_back_as_it_was_written() -> None:
    assert parse_row(canonical_bytes(ROW), 1) == ROW
