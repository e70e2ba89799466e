"""The folder of a release on disk: writes `provenance/` and reads it back strictly. `verify` judges it.

provenance/manifest.json    every file outside provenance/
provenance/records.jsonl    the lineage of the release, parents first, one canonical record a line
provenance/ballots.jsonl    the counting ballots of every proposal in the lineage
provenance/statement.json   the signed statement
"""

import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.evidence.record import Record
from governance.evidence.signing import Signer
from models_registry.provenance import lineage, manifest, statement
from models_registry.provenance.statement import Statement, StatementError

MANIFEST = "manifest.json"
RECORDS = "records.jsonl"
BALLOTS = "ballots.jsonl"
STATEMENT = "statement.json"
# Bytes that a reader takes at most from each file; a stranger's bundle must not fill the memory.
LIMITS = {
    MANIFEST: 1_000_000,
    RECORDS: 64_000_000,
    BALLOTS: 256_000_000,
    STATEMENT: statement.STATEMENT_BYTES_MAX,
}


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
    """What stands in `provenance/`, well formed but not verified."""

    manifest: Mapping[str, Any]
    manifest_sha256: str
    records: tuple[Record, ...]
    ballots: tuple[Record, ...]
    statement: Statement

    @property
    def release(self) -> Record:
        """Return the release record: the one that the statement names."""
        for record in self.records:
            if record.digest == self.statement.release:
                return record
        raise BundleError("release_missing", place_of(RECORDS), f"no record has the digest {self.statement.release}")


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
    ballots: Iterable[Record],
    signer: Signer,
) -> None:
    """Write `provenance/` for the files in `folder`. Safe to repeat; the statement is written last.

    `records` holds at least all that `release` rests on, by digest; others are left out. `ballots` are the
    counting ballots of every proposal in the lineage. Raises BundleError, LineageError or ManifestError.

    1. The manifest must be the one that the release record names.
    2. The lineage must be complete, and every ballot must belong to it.
    3. Files are replaced one by one, each whole or not at all.
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
    proposals = {record.digest: record for record in closed if record.kind == "proposal"}
    ordered = sorted(ballots, key=lambda ballot: ballot_order(ballot, proposals))
    # 3
    target = folder / manifest.PROVENANCE_FOLDER
    target.mkdir(exist_ok=True)
    if target.is_symlink():
        raise BundleError("link_not_allowed", manifest.PROVENANCE_FOLDER, "a release holds no links")
    _replace(target / MANIFEST, built_bytes)
    _replace(target / RECORDS, _lines(closed))
    _replace(target / BALLOTS, _lines(ordered))
    _replace(target / STATEMENT, statement.build(built, manifest_sha256, release.digest, signer))


def ballot_order(ballot: Record, proposals: Mapping[str, Record]) -> tuple[int, str, str]:
    """Return the sort key of a ballot line: proposal number, voter in lower case (then digest)."""
    proposal = proposals.get(ballot.parents[0]) if len(ballot.parents) == 1 else None
    if ballot.kind != "ballot" or proposal is None:
        raise BundleError(
            "ballot_foreign",
            place_of(BALLOTS),
            f"{ballot.kind} {ballot.digest} belongs to no proposal of this release",
        )
    return proposal.body["number"], str(ballot.body["voter"]).lower(), ballot.digest


def read(folder: Path) -> Bundle:
    """Read `provenance/` strictly; raise BundleError for the first thing that is not well formed."""
    for problem in check_folder(folder):
        raise BundleError(problem.code, problem.place, problem.detail)
    loaded, data = read_manifest(folder)
    try:
        signed = statement.parse(read_file(folder, STATEMENT))
    except StatementError as error:
        raise BundleError(error.code, place_of(STATEMENT), error.detail) from error
    return Bundle(
        manifest=loaded,
        manifest_sha256=hashlib.sha256(data).hexdigest(),
        records=tuple(_strict(read_lines(folder, RECORDS))),
        ballots=tuple(_strict(read_lines(folder, BALLOTS))),
        statement=signed,
    )


def check_folder(folder: Path) -> list[manifest.Problem]:
    """Return what is wrong with the set of files in `provenance/`: exactly four regular files."""
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


def read_lines(folder: Path, name: str) -> Iterator[tuple[int, Record | BundleError]]:
    """Yield (line number, record) of a file; a line that is no canonical record comes as its BundleError."""
    for number, line in enumerate(io.BytesIO(read_file(folder, name)), start=1):
        if not line.endswith(b"\n"):
            detail = "the last line does not end with a line feed"
            yield number, BundleError("not_canonical", f"{place_of(name)} line {number}", detail)
        try:
            yield number, Record.from_bytes(line.removesuffix(b"\n"))
        except CanonicalError as error:
            yield number, BundleError(error.code, f"{place_of(name)} line {number}", error.detail)


def read_file(folder: Path, name: str) -> bytes:
    """Return the bytes of one file of `provenance/`; raise BundleError if missing, a link, or too large."""
    path = folder / manifest.PROVENANCE_FOLDER / name
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise BundleError("file_missing", place_of(name), "not there") from error
    except OSError as error:
        raise BundleError("file_unreadable", place_of(name), error.strerror or type(error).__name__) from error
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise BundleError("not_a_regular_file", place_of(name), "only regular files are read")
        data = stream.read(LIMITS[name] + 1)
    if len(data) > LIMITS[name]:
        raise BundleError("too_large", place_of(name), f"more than {LIMITS[name]} bytes")
    return data


def _strict(lines: Iterable[tuple[int, Record | BundleError]]) -> Iterator[Record]:
    for _, item in lines:
        if isinstance(item, BundleError):
            raise item
        yield item


def _lines(records: Iterable[Record]) -> bytes:
    return b"".join(record.canonical() + b"\n" for record in records)


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a reader or a crash never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
