"""This machine as the platform of one attempt: trains and measures under the site's own supervisor, for nobody else.

The same child processes in the same box as on the site; there is no lease to lose, so every heartbeat is answered.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training_jobs.rerun.inputs import Inputs
from training_jobs.supervisor import Assignment, Limits, Outcome, supervise

# Nobody waits for this machine; the numbers only set how often it looks at the child.
LEASE_SECONDS, HEARTBEAT_SECONDS = 600, 15


@dataclass
class Trained:
    """What came of training again; empty where it did not come so far."""

    outcome: Outcome
    description: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Machine:
    """A platform (`training_jobs.supervisor.Platform`) that keeps what it is told."""

    inputs: Inputs
    spec: Mapping[str, Any]
    say: Callable[[str], None]
    trained_as: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    def heartbeat(self) -> str:
        return "continue"

    def stream(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            told = " ".join(f"{name}={value}" for name, value in event.items() if name not in {"event", "at"})
            self.say(f"{event.get('event')} {told}")

    def lay_out(self, folder: Path) -> None:
        self.inputs.lay_out(folder, self.spec)

    def checkpoint(self, folder: Path) -> None:
        """Leave it where it is."""

    def trained(self, description: dict[str, Any], folder: Path, isolation: str) -> None:
        self.trained_as = {**description, "isolation": isolation}

    def took_part(self, description: dict[str, Any]) -> None:
        """Never said: there is one seat."""

    def evaluated(self, report: dict[str, Any], folder: Path) -> None:
        self.report = report

    def tried(self, report: dict[str, Any], isolation: str) -> None:
        """Never said: a run is no trial."""

    def fail(self, code: str, detail: str, permanent: bool) -> None:  # noqa: FBT001 - the words of the protocol
        """Nobody else needs to know; the outcome has it."""

    def stopped(self) -> None:
        """Likewise."""


def train(
    inputs: Inputs,
    spec: Mapping[str, Any],
    metrics: Mapping[str, list[str]],
    folder: Path,
    *,
    device_seconds: int,
    say: Callable[[str], None],
) -> Trained:
    """Train and measure in `folder`, which is made anew; return what came of it, whatever it was.

    `metrics`: what was measured, by the digest of the suite.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    machine, suite = _Machine(inputs, spec, say), spec["evaluation"]["suite"]
    assignment = Assignment(
        run_id=0,
        fence=1,
        spec=spec,
        phase="train",
        metrics=metrics[suite],
        suite=suite,
        further={digest: names for digest, names in metrics.items() if digest != suite},
        device_seconds=device_seconds,
        lease_seconds=LEASE_SECONDS,
        heartbeat_seconds=HEARTBEAT_SECONDS,
    )
    outcome = supervise(machine, assignment, folder, Limits())
    return Trained(outcome, machine.trained_as, machine.report)
