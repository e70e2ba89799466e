"""The folder of a release on disk: reads `provenance/` strictly. `writing` makes it, `verify` judges it.

provenance/manifest.json      every file outside provenance/
provenance/records.jsonl      the lineage of the release, parents first, one canonical record a line
provenance/ballots.jsonl      the counting ballots of every proposal in the lineage
provenance/census.jsonl       who could vote on each of them, with what power
provenance/delegations.jsonl  the signed delegations that hold for each of them
provenance/model.sig          the signature of the files that Model Signing tools verify
provenance/model-key.pem      the key of that signature
provenance/slsa.json          how the model came to be, as SLSA provenance
provenance/bom.cdx.json       what it is made of, as a CycloneDX bill of materials
provenance/statement.json     the signed statement: it names all of the above

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
from models_registry.provenance import attestation, manifest, statement
from models_registry.provenance.entries import CensusEntry, HeldDelegation, Line, belongs_to
from models_registry.provenance.statement import Statement, StatementError

MANIFEST = "manifest.json"
RECORDS = "records.jsonl"
BALLOTS = "ballots.jsonl"
CENSUS = "census.jsonl"
DELEGATIONS = "delegations.jsonl"
MODEL_SIGNATURE = "model.sig"
MODEL_KEY = "model-key.pem"
SLSA = "slsa.json"
BOM = "bom.cdx.json"
STATEMENT = "statement.json"
# Bytes that a reader takes at most from each file, so that a stranger's bundle has an end. The four files of lines are
# read line by line, the others whole. A ballot has about 800 bytes, a delegation 900 and a census entry 190: there is
# room for a dozen proposals with a million members each.
LIMITS = {
    MANIFEST: 1_000_000,
    RECORDS: 64_000_000,
    BALLOTS: 10_000_000_000,
    CENSUS: 3_000_000_000,
    DELEGATIONS: 3_000_000_000,
    MODEL_SIGNATURE: 1_000_000,
    MODEL_KEY: 1_000,
    SLSA: attestation.BYTES_MAX,
    BOM: 4_000_000,
    STATEMENT: attestation.BYTES_MAX,
}
# What the statement names: every other file of `provenance/`.
DOCUMENTS = tuple(sorted(set(LIMITS) - {STATEMENT}))
# A record, and around it what a line of delegations adds.
LINE_BYTES_MAX = RECORD_BYTES_MAX + 100
_CHUNK_BYTES = 1 << 20
# What a line of these files is called in a report.
_CALLED = {BALLOTS: "ballot", CENSUS: "census entry", DELEGATIONS: "delegation"}
AnyLine = TypeVar("AnyLine", bound=Line)
Order = tuple[int, str]  # proposal number, then voter in lower case, for delegations digest
_FIRST: Order = (-1, "")


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
        return tuple(strict(read_lines(self.folder, BALLOTS, Record.from_bytes)))

    @cached_property
    def census(self) -> tuple[CensusEntry, ...]:
        """Return the entries of all censuses, or raise BundleError."""
        return tuple(strict(read_lines(self.folder, CENSUS, CensusEntry.from_bytes)))

    @cached_property
    def delegations(self) -> tuple[HeldDelegation, ...]:
        """Return the delegations that hold, or raise BundleError."""
        return tuple(strict(read_lines(self.folder, DELEGATIONS, HeldDelegation.from_bytes)))


def place_of(name: str) -> str:
    """Return how a file of `provenance/` is named in a report."""
    return f"{manifest.PROVENANCE_FOLDER}/{name}"


def manifest_bytes(folder: Path) -> bytes:
    """Return the canonical manifest of `folder`; its SHA-256 is the release's `manifest_sha256`."""
    return canonical_bytes(manifest.build(folder))


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
    for row, _, line in placed(name, lines, numbers):
        yield row, line


def placed(
    name: str, lines: Iterable[tuple[int, AnyLine | BundleError]], numbers: Mapping[str, int]
) -> Iterator[tuple[int, Order, AnyLine | BundleError]]:
    """Pass on the same as `in_order`, with the order of each line; that of a line which is wrong means nothing."""
    last, before = _FIRST, None
    for row, line in lines:
        if isinstance(line, BundleError):
            yield row, _FIRST, line
            continue
        proposal, key = belongs_to(line)
        number = numbers.get(proposal)
        if number is not None and (order := (number, key)) > last:
            last, before = order, line
            yield row, order, line
        else:
            yield row, _FIRST, _misplaced(name, row, line, numbers, last, before)


def _misplaced(
    name: str, row: int, line: Line, numbers: Mapping[str, int], last: Order, before: Line | None
) -> BundleError:
    """Return why a line may not stand where it stands, after the line `before`."""
    place, called = f"{place_of(name)} line {row}", _CALLED[name]
    proposal, key = belongs_to(line)
    if proposal not in numbers:
        code = f"{called.split()[0]}_foreign"
        return BundleError(code, place, f"this {called} belongs to no proposal of this release")
    if (numbers[proposal], key) < last:
        detail = "lines are sorted by proposal number, then voter (delegations: digest)"
        return BundleError("order_wrong", place, detail)
    if line == before:
        return BundleError("duplicate_record", place, f"the same {called} stands in the line before")
    detail = f"{key} has more than one {called} in proposal {numbers[proposal]}"
    return BundleError("voter_twice", place, detail)


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
        records=tuple(strict(read_lines(folder, RECORDS, Record.from_bytes))),
        statement=signed,
    )


def check_folder(folder: Path) -> list[manifest.Problem]:
    """Return what is wrong with the set of files in `provenance/`: exactly ten regular files."""
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
    taken, limit = 0, LIMITS[name]
    with _opened(folder, name) as stream:
        for row in itertools.count(1):
            line = stream.readline(LINE_BYTES_MAX)
            if not line:
                return
            taken += len(line)
            if taken > limit:
                raise BundleError("too_large", place_of(name), f"more than {limit} bytes")
            if not line.endswith(b"\n"):
                detail = f"a line ends with a line feed and has at most {LINE_BYTES_MAX} bytes"
                yield row, BundleError("not_canonical", f"{place_of(name)} line {row}", detail)
                return
            try:
                yield row, reader(line[:-1])
            except CanonicalError as error:
                yield row, BundleError(error.code, f"{place_of(name)} line {row}", error.detail)


def read_file(folder: Path, name: str) -> bytes:
    """Return the bytes of one file of `provenance/`; raise BundleError if missing, a link, or too large."""
    with _opened(folder, name) as stream:
        data = stream.read(LIMITS[name] + 1)
    if len(data) > LIMITS[name]:
        raise BundleError("too_large", place_of(name), f"more than {LIMITS[name]} bytes")
    return data


def sha256_of(folder: Path, name: str) -> str:
    """Return the digest of one file of `provenance/`, however long; raise BundleError if missing or a link."""
    with _opened(folder, name) as stream:
        found = hashlib.sha256()
        while chunk := stream.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


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


def strict(lines: Iterable[tuple[int, AnyLine | BundleError]]) -> Iterator[AnyLine]:
    """Pass on lines without their numbers; raise the first that is a BundleError."""
    for _, line in lines:
        if isinstance(line, BundleError):
            raise line
        yield line
