"""A bundle as read from a stranger: the lines that are records, and what was wrong with the others.

Judges the form of single records only; what they say together is for `checks`. The long files, one line for each
voter, are read by `vote_files` when a check asks for them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from governance.evidence.record import Record
from models_registry.provenance import bundle, shapes, vote_files, votes
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.manifest import Problem
from models_registry.provenance.votes import Vote


class Unreadable(Exception):
    """There is no folder to check, or it may not be read."""


@dataclass(frozen=True)
class TrustRoots:
    """What the person who verifies knows from another channel than the bundle.

    With nothing, a whole invented community verifies; so who wants that says it: `consistency_only`.
    """

    release_key: str | None = None  # the Ed25519 public key, or its fingerprint
    community: str | None = None  # the digest of the community record
    consistency_only: bool = False  # nobody's key is compared

    def __post_init__(self) -> None:
        """Refuse a policy that says two things at once."""
        if self.consistency_only and self.given:
            raise ValueError("consistency_only means that no key and no community is compared; leave it or them out")

    @property
    def given(self) -> bool:
        """Say whether there is anything to compare with."""
        return self.release_key is not None or self.community is not None


class NoTrustRoot(ValueError):
    """Nothing to compare the signer with was given. `found` is the fingerprint of the founding key, None if unread."""

    code = "no_trust_root"

    def __init__(self, found: str | None) -> None:
        """Say what was found, and what to do with it."""
        self.found = found
        super().__init__(
            f"no_trust_root: the release is signed with a key of the fingerprint {found}; ask the community for its "
            "release key over another channel, compare, and give it (or the digest of the community record); without "
            "one only the consistency can be checked, on demand"
            if found
            else "no_trust_root: no readable community record is here, and no key to compare with was given"
        )


@dataclass
class Answer:
    """What one check collects."""

    problems: list[Problem] = field(default_factory=list)
    evidence: str = ""
    blocked: str = ""
    # how it passed, for a check that can pass in several ways
    outcome: str = ""

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
    # lines of the long files that belong to no vote, or are not what they should be
    line_problems: list[Problem] = field(default_factory=list)

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

    @cached_property
    def votes(self) -> list[Vote]:
        """Return every vote of the lineage, read once. Only for a lineage whose parents were checked."""
        return vote_files.read(self.folder, self.records, self.places, self.line_problems)


def _only(found: list[Record]) -> Record | None:
    return found[0] if len(found) == 1 else None


def load(folder: Path, trust_roots: TrustRoots) -> Case:
    """Read what can be read; keep problems for the check they belong to. Raises Unreadable or OSError."""
    if not folder.is_dir():
        raise Unreadable(f"{folder} is not a folder")
    case = Case(folder, trust_roots)
    case.folder_problems = bundle.check_folder(folder)
    for place, item in _record_lines(folder):
        problem = _record_problem(place, item, case.places)
        if problem:
            case.record_problems.append(problem)
        elif isinstance(item, Record):
            case.records[item.digest] = item
            case.places[item.digest] = place
    return case


def _record_lines(folder: Path) -> Iterator[tuple[str, Record | BundleError]]:
    """Read the records line by line, and no further once it is clear that they are garbage: a report has an end."""
    unreadable = 0
    try:
        for number, item in bundle.read_lines(folder, bundle.RECORDS, Record.from_bytes):
            yield f"{bundle.place_of(bundle.RECORDS)} line {number}", item
            unreadable += isinstance(item, BundleError)
            if unreadable == votes.PROBLEMS_MAX:
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
