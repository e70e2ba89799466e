"""The folder of a release on disk: writes `provenance/` and reads it back strictly. `verify` judges it.

provenance/manifest.json      every file outside provenance/
provenance/records.jsonl      the lineage of the release, parents first, one canonical record a line
provenance/ballots.jsonl      the counting ballots of every proposal in the lineage
provenance/census.jsonl       who could vote on each of them, with what power
provenance/delegations.jsonl  the signed delegations that hold for each of them
provenance/statement.json     the signed statement

The three long files are written and read line by line: however many voted, no file lies in memory whole.
"""

import hashlib
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.evidence.record import RECORD_BYTES_MAX, Record
from governance.evidence.signing import Signer
from models_registry.provenance import lineage, manifest, statement
from models_registry.provenance.entries import CensusEntry, HeldDelegation, Line, belongs_to
from models_registry.provenance.statement import Statement, StatementError

MANIFEST = "manifest.json"
RECORDS = "records.jsonl"
BALLOTS = "ballots.jsonl"
CENSUS = "census.jsonl"
DELEGATIONS = "delegations.jsonl"
STATEMENT = "statement.json"
# Bytes that a reader takes at most from each file, so that a stranger's bundle has an end. The first and the last are
# read whole; the others line by line. A ballot has about 800 bytes, a delegation 900 and a census entry 190: there is
# room for a dozen proposals with a million members each.
LIMITS = {
    MANIFEST: 1_000_000,
    RECORDS: 64_000_000,
    BALLOTS: 10_000_000_000,
    CENSUS: 3_000_000_000,
    DELEGATIONS: 3_000_000_000,
    STATEMENT: statement.STATEMENT_BYTES_MAX,
}
# A record, and around it what a line of delegations adds.
LINE_BYTES_MAX = RECORD_BYTES_MAX + 100
# What a line of these files is called in a report.
_CALLED = {BALLOTS: "ballot", CENSUS: "census entry", DELEGATIONS: "delegation"}
AnyLine = TypeVar("AnyLine", bound=Line)


class BundleError(Exception):
    """A bundle that cannot be read or written. `code` is stable, `place` is the file and line."""

    def __init__(self, code: str, place: str, detail: str) -> None:
        """Keep the parts beside the message."""
        super().__init__(f"{code} {place}: {detail}")
        self.code = code
        self.place = place
        self.detail = detail


@dataclass(frozen=True)
class Bundle:
    """What stands in `provenance/`, well formed but not verified. The long files are read when they are asked for."""

    folder: Path
    manifest: Mapping[str, Any]
    manifest_sha256: str
    records: tuple[Record, ...]
    statement: Statement

    @property
    def release(self) -> Record:
        """Return the release record: the one that the statement names."""
        for record in self.records:
            if record.digest == self.statement.release:
                return record
        raise BundleError("release_missing", place_of(RECORDS), f"no record has the digest {self.statement.release}")

    @cached_property
    def ballots(self) -> tuple[Record, ...]:
        """Return the counting ballots, or raise BundleError."""
        return tuple(_strict(read_lines(self.folder, BALLOTS, Record.from_bytes)))

    @cached_property
    def census(self) -> tuple[CensusEntry, ...]:
        """Return the entries of all censuses, or raise BundleError."""
        return tuple(_strict(read_lines(self.folder, CENSUS, CensusEntry.from_bytes)))

    @cached_property
    def delegations(self) -> tuple[HeldDelegation, ...]:
        """Return the delegations that hold, or raise BundleError."""
        return tuple(_strict(read_lines(self.folder, DELEGATIONS, HeldDelegation.from_bytes)))


def place_of(name: str) -> str:
    """Return how a file of `provenance/` is named in a report."""
    return f"{manifest.PROVENANCE_FOLDER}/{name}"


def manifest_bytes(folder: Path) -> bytes:
    """Return the canonical manifest of `folder`; its SHA-256 is the release's `manifest_sha256`."""
    return canonical_bytes(manifest.build(folder))


def write(
    folder: Path,
    release: Record,
    records: Mapping[str, Record],
    *,
    ballots: Iterable[Record],
    census: Iterable[CensusEntry],
    delegations: Iterable[HeldDelegation],
    signer: Signer,
) -> None:
    """Write `provenance/` for the files in `folder`. Safe to repeat; the statement is written last.

    `records` holds at least all that `release` rests on, by digest; others are left out. `ballots` (the counting ones),
    `census` and `delegations` are those of every proposal in the lineage; they come in the order of the files, are
    read once and not kept. Raises BundleError, LineageError or ManifestError.

    1. The manifest must be the one that the release record names.
    2. The lineage must be complete.
    3. Files are replaced one by one, each whole or not at all; every line must belong to the lineage.
    """
    # 1
    built = manifest.build(folder)
    built_bytes = canonical_bytes(built)
    manifest_sha256 = hashlib.sha256(built_bytes).hexdigest()
    if release.body.get("manifest_sha256") != manifest_sha256:
        expected = release.body.get("manifest_sha256")
        raise BundleError(
            "manifest_mismatch",
            place_of(MANIFEST),
            f"the files give {manifest_sha256}, the release says {expected}",
        )
    # 2
    closed = lineage.closure(release.digest, {**records, release.digest: release})
    numbers = proposal_numbers(closed)
    # 3
    target = folder / manifest.PROVENANCE_FOLDER
    target.mkdir(exist_ok=True)
    if target.is_symlink():
        raise BundleError("link_not_allowed", manifest.PROVENANCE_FOLDER, "a release holds no links")
    _replace(target / MANIFEST, [built_bytes])
    _replace(target / RECORDS, _written(closed))
    parts: dict[str, Iterable[Line]] = {BALLOTS: ballots, CENSUS: census, DELEGATIONS: delegations}
    for name, lines in parts.items():
        _replace(target / name, _written(_strict(in_order(name, enumerate(lines, start=1), numbers))))
    _replace(target / STATEMENT, [statement.build(built, manifest_sha256, release.digest, signer)])


def proposal_numbers(records: Iterable[Record]) -> dict[str, int]:
    """Return the number of each proposal by its digest: it orders the lines of the long files."""
    return {record.digest: record.body["number"] for record in records if record.kind == "proposal"}


def in_order(
    name: str, lines: Iterable[tuple[int, AnyLine | BundleError]], numbers: Mapping[str, int]
) -> Iterator[tuple[int, AnyLine | BundleError]]:
    """Pass on the lines of a long file, and each that is foreign, repeated or out of order as its BundleError.

    The order is strict, so that there is one way to write a file: proposal number, then voter in lower case, for
    delegations digest.
    """
    last: tuple[tuple[int, str], AnyLine] | None = None
    for row, line in lines:
        if isinstance(line, BundleError):
            yield row, line
            continue
        place, called = f"{place_of(name)} line {row}", _CALLED[name]
        proposal, key = belongs_to(line)
        if proposal not in numbers:
            code = f"{called.split()[0]}_foreign"
            yield row, BundleError(code, place, f"this {called} belongs to no proposal of this release")
            continue
        order = (numbers[proposal], key)
        if last is None or order > last[0]:
            last = order, line
            yield row, line
        elif order < last[0]:
            detail = "lines are sorted by proposal number, then voter (delegations: digest)"
            yield row, BundleError("order_wrong", place, detail)
        elif line == last[1]:
            yield row, BundleError("duplicate_record", place, f"the same {called} stands in the line before")
        else:
            detail = f"{key} has more than one {called} in proposal {numbers[proposal]}"
            yield row, BundleError("voter_twice", place, detail)


def read(folder: Path) -> Bundle:
    """Read `provenance/` strictly; raise BundleError for the first thing that is not well formed.

    The long files are read, and refused, when they are asked for.
    """
    for problem in check_folder(folder):
        raise BundleError(problem.code, problem.place, problem.detail)
    loaded, data = read_manifest(folder)
    try:
        signed = statement.parse(read_file(folder, STATEMENT))
    except StatementError as error:
        raise BundleError(error.code, place_of(STATEMENT), error.detail) from error
    return Bundle(
        folder=folder,
        manifest=loaded,
        manifest_sha256=hashlib.sha256(data).hexdigest(),
        records=tuple(_strict(read_lines(folder, RECORDS, Record.from_bytes))),
        statement=signed,
    )


def check_folder(folder: Path) -> list[manifest.Problem]:
    """Return what is wrong with the set of files in `provenance/`: exactly six regular files."""
    path = folder / manifest.PROVENANCE_FOLDER
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return [manifest.Problem("provenance_missing", "provenance", "it is not a folder")]
        # A name that is not UTF-8 comes with surrogates, which no report could print.
        names = {entry.name.encode("utf-8", "backslashreplace").decode("utf-8") for entry in path.iterdir()}
    except FileNotFoundError:
        return [manifest.Problem("provenance_missing", "provenance", "the folder has no provenance")]
    problems = [
        manifest.Problem("file_missing", f"provenance/{name}", "not there") for name in sorted(set(LIMITS) - names)
    ]
    problems += [
        manifest.Problem("file_not_listed", f"provenance/{name}", "no such file belongs to a bundle")
        for name in sorted(names - set(LIMITS))
    ]
    for name in sorted(names & set(LIMITS)):
        if not stat.S_ISREG((path / name).lstat().st_mode):
            problems.append(manifest.Problem("not_a_regular_file", f"provenance/{name}", "only regular files are read"))
    return problems


def read_manifest(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Return the manifest and its bytes; raise BundleError unless it is well formed and canonical."""
    data = read_file(folder, MANIFEST)
    try:
        value = strict_loads(data, max_bytes=LIMITS[MANIFEST])
        canonical = canonical_bytes(value)
    except CanonicalError as error:
        raise BundleError("manifest_malformed", place_of(MANIFEST), str(error)) from error
    if canonical != data:
        raise BundleError("not_canonical", place_of(MANIFEST), "it is not written in its canonical form (RFC 8785)")
    for problem in manifest.check_form(value):
        raise BundleError(problem.code, problem.place, problem.detail)
    return value, data


def read_lines(
    folder: Path, name: str, reader: Callable[[bytes], AnyLine]
) -> Iterator[tuple[int, AnyLine | BundleError]]:
    """Yield (line number, line) of a file of lines; a line that is not canonical comes as its BundleError.

    Raises BundleError where the file is missing, a link, or too large.
    """
    taken = 0
    with _opened(folder, name) as stream:
        for row in itertools.count(1):
            line = stream.readline(LINE_BYTES_MAX)
            if not line:
                return
            place, taken = f"{place_of(name)} line {row}", taken + len(line)
            if taken > LIMITS[name]:
                raise BundleError("too_large", place_of(name), f"more than {LIMITS[name]} bytes")
            if not line.endswith(b"\n"):
                detail = f"a line ends with a line feed and has at most {LINE_BYTES_MAX} bytes"
                yield row, BundleError("not_canonical", place, detail)
                return
            try:
                yield row, reader(line[:-1])
            except CanonicalError as error:
                yield row, BundleError(error.code, place, error.detail)


def read_file(folder: Path, name: str) -> bytes:
    """Return the bytes of one file of `provenance/`; raise BundleError if missing, a link, or too large."""
    with _opened(folder, name) as stream:
        data = stream.read(LIMITS[name] + 1)
    if len(data) > LIMITS[name]:
        raise BundleError("too_large", place_of(name), f"more than {LIMITS[name]} bytes")
    return data


def _opened(folder: Path, name: str) -> BinaryIO:
    """Open a regular file; neither a link nor a pipe, which would wait for a writer."""
    path = folder / manifest.PROVENANCE_FOLDER / name
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise BundleError("file_missing", place_of(name), "not there") from error
    except OSError as error:
        raise BundleError("file_unreadable", place_of(name), error.strerror or type(error).__name__) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BundleError("not_a_regular_file", place_of(name), "only regular files are read")
    return os.fdopen(handle, "rb")


def _strict(lines: Iterable[tuple[int, AnyLine | BundleError]]) -> Iterator[AnyLine]:
    for _, line in lines:
        if isinstance(line, BundleError):
            raise line
        yield line


def _written(lines: Iterable[Line]) -> Iterator[bytes]:
    for line in lines:
        yield line.canonical() + b"\n"


def _replace(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file whole or not at all: a reader or a crash never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
