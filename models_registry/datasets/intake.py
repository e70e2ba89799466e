"""Intake: turns an uploaded JSONL file into the canonical form of a dataset, whose SHA-256 is its identity.

The form: every row as canonical JSON (RFC 8785), sorted by bytes, without repetition, each followed by one newline.
Two files that hold the same rows in another order or spelling are therefore the same dataset. All rows are of the kind
of the first one (see `kinds`).

The file is read line by line under budgets (bytes, rows, bytes per row), so a hostile file costs what the budget says
and no more. Other formats are refused by their first bytes, whatever their name: an archive or a pickle is never
opened. What this module does not do: judge the content (see `scans`), fetch from the network, or touch the database.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from models_registry.datasets.kinds import KINDS, keys_of, kind_of, nearest_kind

Row = dict[str, str]

LANGUAGES = ("en", "fr")
IDENTIFIER_CHARACTERS_MAX = 200
NAME_CHARACTERS_MAX = 200
HEAD_BYTES = 4096
TAR_BLOCK_BYTES = 512
CHUNK_BYTES = 64 * 1024

# First bytes of formats that people send instead of JSON lines, and the name under which we refuse them.
_MAGIC = (
    (b"PK\x03\x04", "zip archive"),
    (b"PK\x05\x06", "zip archive"),
    (b"PK\x07\x08", "zip archive"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7-zip archive"),
    (b"Rar!\x1a\x07", "rar archive"),
    (b"PAR1", "Parquet"),
    (b"PARE", "Parquet"),
    (b"ARROW1", "Arrow"),
    (b"FEA1", "Feather"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x93NUMPY", "NumPy array"),
    (b"SQLite format 3\x00", "SQLite database"),
    (b"\x7fELF", "program"),
    (b"MZ\x90\x00", "program"),
    (b"%PDF-", "PDF"),
    (b"GGUF", "GGUF model"),
)
# How pickles of protocols 0 and 1 begin: an import ("cos\nsystem\n"), or a container with its first entry. None of
# these can begin a JSON object, so a true row is never taken for a pickle.
_TEXT_PICKLE = re.compile(
    rb"[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n"
    rb"|\(+(?:[ldt](?:p\d+\n|[.(])|[ci][A-Za-z_][\w.]*\n|S'|I-?\d+\n|V[^\n]*\np\d+\n)"
    rb"|\(*[\]})](?:q.|[.(aN])",
    re.DOTALL,
)


@dataclass(frozen=True)
class Limits:
    """Budgets of one intake. The defaults suit a community's corpus and stay far below 512 MB of memory."""

    file_bytes_max: int = 64 * 1024 * 1024
    records_max: int = 200_000
    record_bytes_max: int = 64 * 1024


@dataclass(frozen=True)
class SourceFile:
    """The file as it arrived: its name, size and SHA-256, before any change of form."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Intake:
    """A dataset in canonical form. `digest` is its identity; `repeated` counts the identical rows that were folded."""

    digest: str
    kind: str
    canonical: bytes
    records: int
    repeated: int
    languages: tuple[str, ...]
    files: tuple[SourceFile, ...]

    @property
    def bytes(self) -> int:
        """Size of the canonical form."""
        return len(self.canonical)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in canonical order."""
        return read_rows(self.canonical)


class IntakeError(ValueError):
    """A refused file. `code` is stable, `status` is the HTTP status, `line` counts from 1 (None: the whole file)."""

    def __init__(self, code: str, status: int, *, found: str, allowed: str, line: int | None = None) -> None:
        """Keep what was found beside what is allowed."""
        where = f"line {line}: " if line is not None else ""
        super().__init__(f"{code}: {where}found {found}; allowed: {allowed}")
        self.code = code
        self.status = status
        self.line = line
        self.found = found
        self.allowed = allowed


def take_in(
    source: Path | BinaryIO,
    *,
    name: str,
    limits: Limits = Limits(),
    expected_digest: str | None = None,
    expected_file_sha256: str | None = None,
) -> Intake:
    """Read `source` once and return it in canonical form, or raise IntakeError at the first thing that is wrong.

    1. The name and the first bytes say JSON lines.  2. Each line is within its budgets.  3. Each line is a strict row
    of the kind of the first.  4. The digests are the ones that the form promised (`expected_digest` is the dataset's
    identity, `expected_file_sha256` that of the file as sent).
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return _take_in(stream, name, limits, expected_digest, expected_file_sha256)
    return _take_in(source, name, limits, expected_digest, expected_file_sha256)


def read_rows(canonical: bytes) -> Iterator[Row]:
    """Yield the rows of a dataset that is already in canonical form; raise IntakeError where it is not."""
    for number, line in enumerate(canonical.splitlines(), start=1):
        yield parse_row(line, number)


def parse_row(line: bytes, number: int, limits: Limits = Limits(), kind: str | None = None) -> Row:
    """Read one row strictly: exactly the keys of `kind` (None: of any kind), all text, a known language, no blank."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IntakeError(
            "not_utf8",
            422,
            line=number,
            found=f"an invalid byte at position {error.start}",
            allowed="UTF-8 text",
        ) from error
    try:
        value = strict_loads(line, max_bytes=limits.record_bytes_max, max_depth=1)
    except CanonicalError as error:
        raise _malformed(number, error.detail, "one JSON object") from error
    if not isinstance(value, dict):
        raise _malformed(number, f"a JSON {type(value).__name__}", "one JSON object")
    found = kind_of(value)
    if found is None:
        raise _malformed_keys(number, value, kind)
    if kind not in {None, found}:
        raise IntakeError("mixed_rows", 422, line=number, found=_described(found), allowed=_described(str(kind)))
    for key in keys_of(found):
        _check_field(number, key, value[key])
    if found == "preference" and value["chosen"] == value["rejected"]:
        raise _malformed(number, "one answer both chosen and rejected", "two different answers")
    return value


def foreign_format(head: bytes) -> str | None:
    """Return the name of the format that `head` (the first bytes of a file) belongs to when it cannot be JSON lines."""
    for magic, format_name in _MAGIC:
        if head.startswith(magic):
            return format_name
    if _looks_like_tar(head):
        return "tar archive"
    if _looks_like_pickle(head):
        return "pickle"
    return None


def _take_in(
    stream: BinaryIO, name: str, limits: Limits, expected_digest: str | None, expected_file_sha256: str | None
) -> Intake:
    # 1. The name and the first bytes.
    _check_name(name)
    reader = _LineReader(stream, limits)
    format_name = foreign_format(reader.head)
    if format_name is not None:
        raise _format_not_allowed(format_name)
    seen: set[bytes] = set()
    languages: set[str] = set()
    number, kind = 0, None
    # 2. Budgets, in the reader: a line that is too long, or one line too many, is never read to its end.
    for number, line in reader.lines():
        # 3. The row itself.
        row = parse_row(line, number, limits, kind)
        kind = kind or kind_of(row)
        languages.add(row["language"])
        seen.add(canonical_bytes(row))
    if kind is None:
        raise _malformed(1, "an empty file", "at least one row")
    canonical = b"".join(row_bytes + b"\n" for row_bytes in sorted(seen))
    intake = Intake(
        digest=hashlib.sha256(canonical).hexdigest(),
        kind=kind,
        canonical=canonical,
        records=len(seen),
        repeated=number - len(seen),
        languages=tuple(sorted(languages)),
        files=(SourceFile(name, reader.size, reader.sha256.hexdigest()),),
    )
    # 4. What was promised.
    _check_promised("the dataset's digest", intake.digest, expected_digest)
    _check_promised("the file's SHA-256", intake.files[0].sha256, expected_file_sha256)
    return intake


def _check_field(line: int, key: str, text: object) -> None:
    if not isinstance(text, str):
        raise _malformed(line, f"{key} that is not text", "text")
    if not text.strip():
        raise _malformed(line, f"a blank {key}", "text that says something")
    if key == "language" and text not in LANGUAGES:
        raise _malformed(line, f"language {text[:40]!r}", f"one of {list(LANGUAGES)}")
    if key in {"id", "topic"} and len(text) > IDENTIFIER_CHARACTERS_MAX:
        raise _malformed(line, f"{key} of {len(text)} characters", f"at most {IDENTIFIER_CHARACTERS_MAX} characters")


def _malformed_keys(line: int, row: Row, kind: str | None) -> IntakeError:
    """Say which keys are missing and which are too many, for the kind of the file or else the most likely one."""
    wanted = keys_of(kind or nearest_kind(row))
    missing = sorted(set(wanted) - set(row))
    extra = sorted(key[:40] for key in set(row) - set(wanted))
    allowed = f"exactly {list(wanted)}"
    if kind is None:
        others = [list(keys_of(other)) for other in KINDS if keys_of(other) != wanted]
        allowed += f", or {' or '.join(map(str, others))}"
    return _malformed(line, f"missing keys {missing}, unknown keys {extra}", allowed)


def _described(kind: str) -> str:
    return f"rows of the kind {kind} ({', '.join(KINDS[kind])})"


class _LineReader:
    """Reads any binary stream that has `read`, in chunks, and hands out its lines within the budgets."""

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.head = b""
        while len(self.head) < HEAD_BYTES and (chunk := self._read(HEAD_BYTES - len(self.head), 1)):
            self.head += chunk

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (line number, line without its newline)."""
        number = 0
        pending = b""
        chunk = self.head
        while chunk:
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                number += 1
                self._check_line(number, line)
                yield number, line
            # An unfinished line is judged too: a line of 50 MB is refused after its first chunk.
            if pending:
                self._check_line(number + 1, pending)
            chunk = self._read(CHUNK_BYTES, number + 1)
        if pending:
            yield number + 1, pending

    def _read(self, count: int, line: int) -> bytes:
        chunk = self._stream.read(count)
        self.size += len(chunk)
        if self.size > self._limits.file_bytes_max:
            allowed = self._limits.file_bytes_max
            raise _too_large(line, f"more than {allowed} bytes", f"at most {allowed} bytes")
        self.sha256.update(chunk)
        return chunk

    def _check_line(self, number: int, line: bytes) -> None:
        if number > self._limits.records_max:
            allowed = self._limits.records_max
            raise _too_large(number, f"more than {allowed} rows", f"at most {allowed} rows")
        if len(line) > self._limits.record_bytes_max:
            allowed = self._limits.record_bytes_max
            raise IntakeError(
                "record_too_large",
                413,
                line=number,
                found=f"more than {allowed} bytes",
                allowed=f"at most {allowed} bytes per row",
            )


def _check_name(name: str) -> None:
    if (
        not name
        or "/" in name
        or "\\" in name
        or "\x00" in name
        or name.startswith(".")
        or len(name) > NAME_CHARACTERS_MAX
    ):
        raise IntakeError(
            "path_forbidden",
            400,
            found=repr(name[:80]),
            allowed="a plain file name, with no folder and no leading dot",
        )
    if not name.lower().endswith(".jsonl"):
        raise _format_not_allowed(f"the name {name[:80]!r}")


def _looks_like_tar(head: bytes) -> bool:
    """Say whether `head` is a tar header: the mark of POSIX tar, or the checksum that every older tar also has."""
    if len(head) < TAR_BLOCK_BYTES:
        return False
    if head[257:262] == b"ustar":
        return True
    digits = head[148:156].strip(b" \x00")
    if not digits or any(digit not in b"01234567" for digit in digits):
        return False
    return int(digits, 8) == sum(head[:148]) + 8 * 0x20 + sum(head[156:TAR_BLOCK_BYTES])


def _looks_like_pickle(head: bytes) -> bool:
    """Say whether `head` begins a pickle: the mark of protocols 2 to 5, or the opening of one written as text."""
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return True
    return _TEXT_PICKLE.match(head) is not None


def _check_promised(what: str, found: str, promised: str | None) -> None:
    if promised is not None and found != promised:
        raise IntakeError("digest_mismatch", 422, found=f"{what} {found}", allowed=promised[:80])


def _malformed(line: int, found: str, allowed: str) -> IntakeError:
    return IntakeError("malformed_row", 422, line=line, found=found, allowed=allowed)


def _too_large(line: int, found: str, allowed: str) -> IntakeError:
    return IntakeError("decoded_too_large", 413, line=line, found=found, allowed=allowed)


def _format_not_allowed(found: str) -> IntakeError:
    return IntakeError("format_not_allowed", 415, found=found, allowed="JSON lines in a file named *.jsonl")
