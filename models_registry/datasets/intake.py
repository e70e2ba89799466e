"""Intake: reads files of the known formats into the canonical form of a dataset, whose SHA-256 is its identity.

Files that hold the same rows in another order, spelling or format are therefore the same dataset. All rows are of the
kind of the first one (see `kinds`). The files are read in order, once, under budgets (bytes, rows, bytes per row, bytes
once unpacked), and sorted on disk, so a hostile file costs what the budgets say and no more. An archive or a pickle is
never opened. What this module does not do: judge the content (see `scans`), fetch from the network, or touch the
database. Strangers' files are read in a child process (see `boxed`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from models_registry.datasets.canonical import Canonical, CanonicalRows, Sorter
from models_registry.datasets.formats import Budget, Source, format_of, require_format
from models_registry.datasets.rows import LANGUAGES, IntakeError, Limits, Reading, RowMaker, malformed

__all__ = ["LANGUAGES", "File", "Intake", "IntakeError", "Limits", "Reading", "SourceFile", "check_name", "take_in"]

NAME_CHARACTERS_MAX = 200
ROWS_FILE = "rows.jsonl"
File = tuple[str, BinaryIO]


@dataclass(frozen=True)
class SourceFile:
    """A file as it arrived: its name, size and SHA-256, before any change of form."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Intake:
    """A dataset in canonical form: the file at `path`, what it is, the kind of its rows, and what it was made from."""

    path: Path
    canonical: Canonical
    kind: str
    languages: tuple[str, ...]
    files: tuple[SourceFile, ...]

    @property
    def digest(self) -> str:
        """The identity of the dataset."""
        return self.canonical.digest

    def rows(self) -> CanonicalRows:
        """Return the rows in canonical order, read when they are asked for."""
        return CanonicalRows(self.path, self.canonical.records)


def take_in(
    files: Sequence[File],
    folder: Path,
    reading: Reading | None = None,
    limits: Limits | None = None,
    *,
    expected_digest: str | None = None,
    expected_file_sha256: str | None = None,
) -> Intake:
    """Read `files` (name, stream) once and write them in canonical form into `folder`.

    Raises IntakeError at the first thing that is wrong.

    1. The name and the first bytes say a format that is read here.  2. Each row is within its budgets.  3. Each row is
    strict, and of the kind of the first.  4. The digests are the ones that the form promised (`expected_digest` is the
    dataset's identity, `expected_file_sha256` that of the one file as sent).
    """
    limits = limits or Limits()
    maker, sorter, budget = RowMaker(reading or Reading(), limits), Sorter(folder), Budget(limits)
    sources = []
    for name, stream in files:
        # 1. The name and the first bytes.
        check_name(name)
        found = format_of(name)
        source = Source(name, stream, budget)
        require_format(found, source.head)
        # 2 and 3. Budgets and rows, in the format: one row too many, or a row too long, is never read to its end.
        for row in found.rows(source, maker):
            budget.decoded(row)
            sorter.add(row)
        sources.append(SourceFile(name, source.size, source.sha256.hexdigest()))
    if maker.kind is None:
        raise malformed(1, "an empty file", "at least one row")
    path = folder / ROWS_FILE
    intake = Intake(path, sorter.write(path), maker.kind, tuple(sorted(maker.languages)), tuple(sources))
    # 4. What was promised.
    _check_promised("the dataset's digest", intake.digest, expected_digest)
    _check_promised("the file's SHA-256", intake.files[0].sha256, expected_file_sha256)
    return intake


def check_name(name: str) -> None:
    """Refuse a name that is not that of a plain file."""
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


def _check_promised(what: str, found: str, promised: str | None) -> None:
    if promised is not None and found != promised:
        raise IntakeError("digest_mismatch", 422, found=f"{what} {found}", allowed=promised[:80])
