"""A platform in memory for `supervise`: one prepared run folder, the answers that a test wants, and what was said to it."""

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training_jobs import checkpoints, supervisor
from training_jobs.runner import Limits
from training_jobs.supervisor import Assignment, Meeting, Outcome


@dataclass
class MemoryPlatform:
    """Lays out copies of `prepared`, with the newest checkpoint that it keeps; remembers everything else."""

    prepared: Path
    kept: Path
    answer: str = "continue"
    events: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    description: dict[str, Any] = field(default_factory=dict)
    failure: tuple[str, bool] = ("", False)
    isolation: str = ""

    def heartbeat(self) -> str:
        return self.answer

    def stream(self, events: list[dict[str, Any]]) -> None:
        self.events += events

    def lay_out(self, folder: Path) -> None:
        shutil.copytree(self.prepared, folder, dirs_exist_ok=True)
        if (self.kept / checkpoints.FOLDER).is_dir():
            shutil.copytree(self.kept / checkpoints.FOLDER, folder / checkpoints.FOLDER)

    def checkpoint(self, folder: Path) -> None:
        checkpoints.verify(folder)
        target = self.kept / checkpoints.FOLDER / folder.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        self.said.append("checkpoint")

    def trained(self, description: dict[str, Any], folder: Path, isolation: str) -> None:
        self.description, self.isolation = description, isolation
        self.said.append("trained")

    def took_part(self, description: dict[str, Any]) -> None:
        self.description = description
        self.said.append("took_part")

    def evaluated(self, report: dict[str, Any], folder: Path) -> None:
        self.said.append("evaluated")

    def fail(self, code: str, detail: str, permanent: bool) -> None:
        self.failure = (code, permanent)
        self.said.append("fail")

    def stopped(self) -> None:
        self.said.append("stopped")

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind."""
        return [event for event in self.events if event["event"] == kind]


class Attempt(threading.Thread):
    """An attempt that `supervise` works on in a thread, as a worker's process would."""

    def __init__(
        self,
        platform: MemoryPlatform,
        folder: Path,
        spec: dict[str, Any],
        meeting: Meeting | None = None,
        slot: int = 0,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self.platform, self.folder = platform, folder
        self.leaves = threading.Event()
        self.outcome = Outcome("failed", "nothing_yet")
        self._limits = limits or Limits()
        self._assignment = Assignment(
            run_id=1,
            fence=1,
            spec=spec,
            phase="train",
            metrics=["answer_accuracy"],
            suite=spec["evaluation"]["suite"],
            further={},
            device_seconds=600,
            lease_seconds=60,
            heartbeat_seconds=3,
            slot=slot,
            exchange=meeting,
        )

    def run(self) -> None:
        self.folder.mkdir(parents=True)
        self.outcome = supervisor.supervise(
            self.platform, self._assignment, self.folder, self._limits, leaving=self.leaves.is_set
        )

    def ended(self, seconds: float = 240) -> Outcome:
        """Wait for the end."""
        self.join(seconds)
        assert not self.is_alive(), "it goes on and on"
        return self.outcome


def platform_of(prepared: Path, kept: Path, **values: Any) -> MemoryPlatform:
    """Return a platform that keeps checkpoints in `kept`."""
    kept.mkdir(exist_ok=True)
    return MemoryPlatform(prepared, kept, **values)
