"""What a reviewer signs: which rule asked, which files, which report and which samples they looked at. Pure.

The message is `Review` of `governance.eip712`; the same values are computed when it is offered, taken in and verified.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.evidence.canonical import digest
from models_registry.duties import tasks
from models_registry.duties.tasks import Duty

# What an evaluation says of what was measured.
MEASURED = ("suite", "candidate", "parent", "difference", "samples", "samples_sha256", "further")


@dataclass(frozen=True)
class Asked:
    """What one duty asks a reviewer to look at: digests, and the places of the drawn samples, from 0 ascending."""

    rule: str
    candidate: str
    report: str
    samples_sha256: str
    lines: tuple[int, ...]

    @property
    def drawn(self) -> str:
        """Return the digest of the drawn samples: of their file, and of their places in it."""
        return digest({"lines": list(self.lines), "samples_sha256": self.samples_sha256})

    def message(self, domain: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of `Review`; `domain` is the community's, `said` has reviewer, finding, reason and at."""
        return {
            **domain,
            "rule": f"0x{self.rule}",
            "candidate": f"0x{self.candidate}",
            "report": f"0x{self.report}",
            "drawn": f"0x{self.drawn}",
            **{name: said[name] for name in ("reviewer", "finding", "reason", "at")},
        }


def asked(duty: Duty, rule: str, run: Mapping[str, Any], report: Mapping[str, Any]) -> Asked:
    """Return what a duty asks for, from the digest of its rule's record and the bodies of run and evaluation.

    Raises ValueError when there are fewer samples than it draws.
    """
    candidate, samples = digest(run["artifact"]), report["samples_sha256"]
    lines = tasks.draw(duty, candidate, rule, samples, report["samples"])
    return Asked(rule, candidate, digest({name: report[name] for name in MEASURED}), samples, lines)
