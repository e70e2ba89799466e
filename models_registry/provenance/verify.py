"""Verification of a release, offline: ten checks from the weights back to the ballots. Believes nobody.

Every check recomputes what it reports. What rests on a check that failed, and what cannot be seen offline, is
reported as *not checked*, never as passed. A bundle is bytes from a stranger: whatever they are, the answer
is a report.

What it does not show: that a member had the power that stands in the census (check 11, needs the chain), that
these weights came from this run (check 12, needs to train again), that the spec names every rule that was in
force, that no counting ballot or revoked delegation was withheld before the tally was signed, that an extended vote
was extended by the very ballot that it names, and that the release key has not been revoked since.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from governance.evidence.signing import fingerprint
from models_registry.provenance import checks
from models_registry.provenance.case import Answer, Case, TrustRoots, Unreadable, load
from models_registry.provenance.manifest import Problem

PROBLEMS_SHOWN = 20


class Status(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True)
class Finding:
    """The answer to one numbered check. `problems` is empty unless it failed."""

    number: int
    title: str
    status: Status
    evidence: str
    problems: tuple[Problem, ...] = ()

    @property
    def code(self) -> str:
        """Return the code of the first problem, or the status."""
        return self.problems[0].code if self.problems else str(self.status)

    @property
    def place(self) -> str:
        """Return where the first problem lies."""
        return self.problems[0].place if self.problems else ""

    @property
    def hint(self) -> str:
        """Return in one line what to do about a failure."""
        return HINTS.get(self.code, _HINT_BY_CHECK.get(self.number, "")) if self.problems else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as data."""
        return {
            "number": self.number,
            "title": self.title,
            "status": str(self.status),
            "code": self.code,
            "place": self.place,
            "evidence": self.evidence,
            "hint": self.hint,
            "problems": [
                {"code": problem.code, "place": problem.place, "detail": problem.detail}
                for problem in self.problems[:PROBLEMS_SHOWN]
            ],
            "problem_count": len(self.problems),
        }


@dataclass(frozen=True)
class Report:
    """All findings, in order."""

    findings: tuple[Finding, ...]
    release: str | None
    model: str | None
    version: int | None
    key_fingerprint: str | None

    @property
    def ok(self) -> bool:
        """Say whether every check that can be made offline holds."""
        return all(finding.status is Status.PASSED for finding in self.findings if finding.number <= OFFLINE_CHECKS)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as data."""
        return {
            "verified": self.ok,
            "release": self.release,
            "model": self.model,
            "version": self.version,
            "release_key_fingerprint": self.key_fingerprint,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check(folder: Path, trust_roots: TrustRoots | None = None) -> Report:
    """Check the release in `folder` and return the report; raise Unreadable when there is no folder to read.

    1. records are canonical and their digests recompute; none is foreign; they stand in the one right order
    2. parents exist and each kind rests on what it must
    3. ballots, delegations and sponsorships are signed; each ballot is there once, in time, with its census power
    4. tallies recount
    5. decisions follow from the tallies and the rules of the proposal, which are those of its charter
    6. times: delay, voting period, extension and timelock were respected
    7. the run's spec is the one approved, and so is every rule and dataset in it
    8. the manifest matches the files, and the model files are those of the run
    9. the verdict follows from the rules and the report, and accepts
    10. the statement is signed by the release key that the ballots commit to
    11. and 12. are not made offline and say so.
    """
    try:
        return _report(load(folder, trust_roots or TrustRoots()))
    except OSError as error:
        raise Unreadable(f"{error.filename or folder}: {error.strerror or type(error).__name__}") from error


def _report(case: Case) -> Report:
    """Make the checks in order, each only if those it needs have passed."""
    findings: list[Finding] = []
    statuses: dict[int, Status] = {}
    for number, (title, needs, make) in enumerate(_CHECKS, start=1):
        failed = [str(needed) for needed in needs if statuses[needed] is not Status.PASSED]
        if failed:
            evidence = f"rests on check {' and '.join(failed)}, which did not pass"
            finding = Finding(number, title, Status.NOT_CHECKED, evidence)
        else:
            answer = Answer()
            make(case, answer)
            problems = tuple(answer.problems)
            if problems:
                more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
                finding = Finding(number, title, Status.FAILED, problems[0].detail + more, problems)
            elif answer.blocked:
                finding = Finding(number, title, Status.NOT_CHECKED, answer.blocked)
            else:
                finding = Finding(number, title, Status.PASSED, answer.evidence)
        findings.append(finding)
        statuses[number] = finding.status
    findings += [Finding(number, title, Status.NOT_CHECKED, evidence) for number, title, evidence in _NOT_OFFLINE]
    release = case.release
    return Report(
        tuple(findings),
        release.digest if release else None,
        str(release.body["model"]) if release else None,
        int(release.body["version"]) if release else None,
        fingerprint(case.community.body["release_key"]["public_key"]) if case.community else None,
    )


_Check = Callable[[Case, Answer], None]
# title, the checks that must have passed before this one means anything, the check
_CHECKS: tuple[tuple[str, tuple[int, ...], _Check], ...] = (
    ("records are canonical, complete and in order", (), checks.check_records),
    ("every record rests on the records that it must", (), checks.check_parents),
    ("ballots are signed by their voters", (1, 2), checks.check_ballots),
    ("tallies recount", (1, 2), checks.check_tallies),
    ("decisions follow from the rules", (1, 2), checks.check_decisions),
    ("delays and timelocks were respected", (1, 2), checks.check_times),
    ("spec, datasets and rules are the approved ones", (1, 2), checks.check_spec),
    ("files match the manifest and the run", (), checks.check_files),
    ("the verdict follows from rules and report", (1, 2), checks.check_verdict),
    ("the release is signed by the community's key", (1, 2, 3), checks.check_signature),
)
OFFLINE_CHECKS = len(_CHECKS)
_NOT_OFFLINE = (
    (
        11,
        "voting power matches the chain",
        "offline: the chain was not asked for power at the snapshot blocks",
    ),
    (12, "training again gives the same bytes", "the training was not repeated"),
)

_HINT_BY_CHECK = {
    1: "get the bundle again from the publisher; a record in it was changed, added or left out",
    2: "get the bundle again from the publisher; the records do not belong together",
    3: "do not use the release; ask the community which ballots, members and delegations this vote had",
    4: "do not use the release; ballots were dropped, added or altered after the count",
    5: "do not use the release; the recorded decision is not what votes and charter say",
    6: "do not use the release; a time that the community set was not kept",
    7: "do not use the release; what was trained is not what was approved",
    8: "download the release again into an empty folder; do not load the changed file",
    9: "do not use the release; judged by the community's rules it is not accepted",
    10: "do not use the release; ask the community for its release key and its fingerprint",
}
HINTS = {
    "file_missing": "download the release again; a file is missing",
    "file_not_listed": "move files that do not belong to the release out of its folder",
    "link_not_allowed": "download the release as plain files (`local_dir`), not as links into a cache",
    "provenance_missing": "this is not a release folder, or its provenance was left out; download all files",
    "parent_missing": "get the bundle again; if this stays, a record was changed after others rested on it",
    "not_canonical": "get the bundle again; some tool rewrote the file, which must stay byte for byte",
    "community_untrusted": "this is another community than the one you trust; check the digest that you gave",
    "key_untrusted": "this is another key than the one you trust; check the key that you gave",
}

__all__ = [
    "HINTS",
    "OFFLINE_CHECKS",
    "Finding",
    "Problem",
    "Report",
    "Status",
    "TrustRoots",
    "Unreadable",
    "check",
]
