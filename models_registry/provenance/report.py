"""What a verification says: twelve numbered findings and what they add up to, as values and as data. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from models_registry.provenance.case import TrustRoots
from models_registry.provenance.manifest import Problem
from models_registry.provenance.summary import Summary

TOOL: Final = "commonweights-verify"
VERSION: Final = "0.1.0"  # the version of the project, too; a test compares
PROBLEMS_SHOWN: Final = 20
OFFLINE_CHECKS: Final = 10
POWER_CHECK, RERUN_CHECK = 11, 12
# The two ways in which training again can pass: bit for bit, or on another class of machine within tolerances.
SAME_BYTES, WITHIN_TOLERANCES = "same_bytes", "within_tolerances"


class Status(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True)
class Finding:
    """The answer to one numbered check. `problems` is empty unless it failed.

    `outcome` says how it passed, for a check that can pass in several ways.
    """

    number: int
    title: str
    status: Status
    evidence: str
    problems: tuple[Problem, ...] = ()
    outcome: str = ""

    @property
    def code(self) -> str:
        """Return the code of the first problem, or how it passed, or the status."""
        return self.problems[0].code if self.problems else self.outcome or str(self.status)

    @property
    def place(self) -> str:
        """Return where the first problem lies."""
        return self.problems[0].place if self.problems else ""

    @property
    def hint(self) -> str:
        """Return in one line what to do about a failure."""
        return HINTS.get(self.code, HINT_BY_CHECK.get(self.number, "")) if self.problems else ""

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
    """All findings, in order. `summary` says who decided what; there is none of records that do not hold together."""

    findings: tuple[Finding, ...]
    release: str | None
    model: str | None
    version: int | None
    key_fingerprint: str | None
    trust_roots: TrustRoots
    summary: Summary | None = None

    @property
    def ok(self) -> bool:
        """Say whether every check that can be made offline holds, and none of the others failed."""
        return all(
            finding.status is Status.PASSED
            or (finding.number > OFFLINE_CHECKS and finding.status is Status.NOT_CHECKED)
            for finding in self.findings
        )

    @property
    def verified(self) -> bool:
        """Say whether all holds and the signer is the one that the reader knows."""
        return self.ok and self.trust_roots.given

    @property
    def overridden(self) -> dict[str, Any] | None:
        """Return which rules the model breaks, the vote that released it all the same, and why; mostly nothing."""
        if self.summary is None or self.summary.overridden is None:
            return None
        rules, vote, reason = self.summary.overridden
        return {"rules": list(rules), "vote": vote, "reason": reason}

    def with_finding(
        self, number: int, status: Status, evidence: str, problems: tuple[Problem, ...] = (), outcome: str = ""
    ) -> "Report":
        """Return the report with the answer of a check that is made elsewhere: on the chain, or by training again."""
        if not OFFLINE_CHECKS < number <= len(self.findings):
            raise ValueError(f"check {number} is made here, not elsewhere")
        before = self.findings[number - 1]
        made = replace(before, status=status, evidence=evidence, problems=problems, outcome=outcome)
        return replace(self, findings=(*self.findings[: number - 1], made, *self.findings[number:]))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as data."""
        return {
            "verified": self.verified,
            "consistent": self.ok,
            "release": self.release,
            "model": self.model,
            "version": self.version,
            "overridden": self.overridden,
            "release_key_fingerprint": self.key_fingerprint,
            "trust": {
                "release_key": self.trust_roots.release_key,
                "community": self.trust_roots.community,
                "consistency_only": self.trust_roots.consistency_only,
            },
            "tool": {"name": TOOL, "version": VERSION},
            "findings": [finding.to_dict() for finding in self.findings],
        }


HINT_BY_CHECK: Final[Mapping[int, str]] = {
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
    11: "do not use the release before the community has explained it; ask another node, too",
    12: "do not use the release before the community has explained it; somebody else should train again, too",
}
HINTS: Final[Mapping[str, str]] = {
    "file_missing": "download the release again; a file is missing",
    "file_not_listed": "move files that do not belong to the release out of its folder",
    "link_not_allowed": "download the release as plain files (`local_dir`), not as links into a cache",
    "provenance_missing": "this is not a release folder, or its provenance was left out; download all files",
    "parent_missing": "get the bundle again; if this stays, a record was changed after others rested on it",
    "not_canonical": "get the bundle again; some tool rewrote the file, which must stay byte for byte",
    "community_untrusted": "this is another community than the one you trust; check the digest that you gave",
    "key_untrusted": "this is another key than the one you trust; check the key that you gave",
}
