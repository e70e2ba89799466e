"""Runs of several processes on one machine, for the tests of what happens inside a site."""

import json
from pathlib import Path

from tests.integration.trainer_runs import left_behind
from tests.testbed import warm

from safetensors.torch import load_file  # isort: skip - after trainer_runs, which settles how torch waits

PATIENCE_SECONDS = 300


def started(module: str, *arguments: Path, **environment: str) -> warm.Started:
    """Start a module of ours with one thread for each process."""
    return warm.start(module, *arguments, **environment)


def site(run_dir: Path) -> warm.Started:
    return started("training_jobs.trainer.site", run_dir)


def finished(run_dir: Path, module: str = "training_jobs.trainer.site") -> dict[str, str]:
    """Run to the end, and return the SHA-256 of everything that the run is for."""
    assert started(module, run_dir).wait(PATIENCE_SECONDS) == 0
    assert not (run_dir / "workers").exists()
    return left_behind(run_dir)


def losses(run_dir: Path) -> list[float]:
    return [float(json.loads(line)["loss"]) for line in (run_dir / "trace.jsonl").read_text().splitlines()]


def furthest(one: Path, other: Path) -> float:
    """Return how far the two artifacts' weights are apart at most; they have the same names and shapes."""
    weights = [load_file(folder / "artifact" / "model.safetensors") for folder in (one, other)]
    assert {name: each.shape for name, each in weights[0].items()} == {n: e.shape for n, e in weights[1].items()}
    return max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0])


def processes_of(pid: int) -> list[int]:
    """Return the children of a process, oldest first (proc(5))."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Say whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
