"""A bundle as read from a stranger: the lines that are records, and what was wrong with the others.

Judges the form of single lines only; what the records say together is for `checks`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from governance.evidence.record import Record
from models_registry.provenance import bundle, shapes
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.manifest import Problem

UNREADABLE_LINES_MAX = 100


class Unreadable(Exception):
    """There is no folder to check, or it may not be read."""


@dataclass(frozen=True)
class TrustRoots:
    """What the person who verifies knows from another channel than the bundle. Both may be absent."""

    release_key: str | None = None  # the Ed25519 public key, or its fingerprint
    community: str | None = None  # the digest of the community record


@dataclass
class Answer:
    """What one check collects."""

    problems: list[Problem] = field(default_factory=list)
    evidence: str = ""
    blocked: str = ""

    def fail(self, code: str, place: str, detail: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(code, place, detail))


@dataclass
class Case:
    """The bundle as read: lines that are records, and what was wrong with the others, by their file."""

    folder: Path
    trust_roots: TrustRoots
    folder_problems: list[Problem] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)  # by digest, in the order of the file
    places: dict[str, str] = field(default_factory=dict)  # record digest → file and line
    record_problems: list[Problem] = field(default_factory=list)
    # (place, ballot) in the order of the file
    ballots: list[tuple[str, Record]] = field(default_factory=list)
    ballot_problems: list[Problem] = field(default_factory=list)

    def of_kind(self, kind: str) -> list[Record]:
        """Return the records of this kind, in the order of the file."""
        return [record for record in self.records.values() if record.kind == kind]

    @property
    def release(self) -> Record | None:
        """Return the release record if there is exactly one."""
        return _only(self.of_kind("release"))

    @property
    def community(self) -> Record | None:
        """Return the community record if there is exactly one."""
        return _only(self.of_kind("community"))

    def place(self, record: Record) -> str:
        """Return where a record stands, for a reader."""
        return f"{self.places[record.digest]} ({record.kind})"

    def ballots_of(self, proposal: Record) -> list[tuple[str, Record]]:
        """Return the ballots on this proposal with their places."""
        return [(place, ballot) for place, ballot in self.ballots if ballot.parents == (proposal.digest,)]


def _only(found: list[Record]) -> Record | None:
    return found[0] if len(found) == 1 else None


def load(folder: Path, trust_roots: TrustRoots) -> Case:
    """Read what can be read; keep problems for the check they belong to. Raises Unreadable or OSError."""
    if not folder.is_dir():
        raise Unreadable(f"{folder} is not a folder")
    case = Case(folder, trust_roots)
    case.folder_problems = bundle.check_folder(folder)
    for place, item in _lines(folder, bundle.RECORDS):
        problem = _record_problem(place, item, case.places)
        if problem:
            case.record_problems.append(problem)
        elif isinstance(item, Record):
            case.records[item.digest] = item
            case.places[item.digest] = place
    ballot_places: dict[str, str] = {}
    for place, item in _lines(folder, bundle.BALLOTS):
        problem = _record_problem(place, item, ballot_places)
        if problem is None and isinstance(item, Record) and item.kind != "ballot":
            problem = Problem("ballot_malformed", place, f"a {item.kind} among the ballots")
        if problem:
            case.ballot_problems.append(problem)
        elif isinstance(item, Record):
            ballot_places[item.digest] = place
            case.ballots.append((place, item))
    return case


def _lines(folder: Path, name: str) -> Iterator[tuple[str, Record | BundleError]]:
    """Read a file line by line, and no further once it is clear that it is garbage: a report has an end."""
    unreadable = 0
    try:
        for number, item in bundle.read_lines(folder, name):
            yield f"{bundle.place_of(name)} line {number}", item
            unreadable += isinstance(item, BundleError)
            if unreadable == UNREADABLE_LINES_MAX:
                return
    except BundleError as error:
        yield error.place, error


def _record_problem(place: str, item: Record | BundleError, seen: Mapping[str, str]) -> Problem | None:
    if isinstance(item, BundleError):
        return Problem(item.code, place, item.detail)
    wrong = shapes.body_problem(item)
    if wrong:
        return Problem("record_malformed", f"{place} ({item.kind[:40]})", wrong)
    if item.digest in seen:
        return Problem("duplicate_record", place, f"the same record stands in {seen[item.digest]}")
    return None
