"""ddp inside a site: real workers, the same loss as one machine with all their batches, one result, in every box.

Everything is started by its real command here, the other strategies of a site too: other tests fork what has been imported.
"""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.runs_site import alive, until
from tests.integration.test_runner import BOXES, works
from tests.integration.trainer_runs import REPOSITORY, events_of, make_base, make_run
from tests.testbed.platforms import Attempt, MemoryPlatform, platform_of
from training_jobs import checkpoints, runner

import torch  # isort: skip - after trainer_runs, which settles how torch waits
from safetensors.torch import load_file

SEVERAL: dict[str, Any] = {"strategy": "ddp", "topology": {"workers": 2}}
# By box: so that each strategy is started, stopped and goes on by the real command in one of them.
IN_BOX = dict(zip(BOXES, ("ddp", "fsdp", "pipeline"), strict=True))
ENVIRONMENT = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def site_of(run_dir: Path, **environment: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "training_jobs.trainer.site", str(run_dir)]
    return subprocess.Popen(command, cwd=REPOSITORY, env={**ENVIRONMENT, **environment}, stderr=subprocess.DEVNULL)


def test_two_workers_learn_what_one_machine_learns_from_both_their_batches(base: Path, tmp_path: Path) -> None:
    spec: dict[str, Any] = {"epochs": 2, "schedule": "constant", "warmup_steps": 0, "learning_rate": "0.0003"}
    alone = make_run(base, tmp_path / "alone", strategy="single", accumulation=2, **spec)
    site = make_run(base, tmp_path / "site", **SEVERAL, **spec)
    command = [sys.executable, "-m", "training_jobs.trainer", str(alone)]
    assert subprocess.run(command, cwd=REPOSITORY, env=ENVIRONMENT, timeout=120, check=False).returncode == 0
    assert site_of(site).wait(120) == 0

    # Two batches of a step are a step of two parts: same rows, same means, sums in another order.
    one, other = (
        [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()] for folder in (alone, site)
    )
    assert len(one) == len(other) == 8
    assert [float(line["loss"]) for line in other] == pytest.approx([float(line["loss"]) for line in one], abs=2e-4)
    weights = [load_file(folder / "artifact" / "model.safetensors") for folder in (alone, site)]
    assert all(torch.allclose(weights[0][name], weights[1][name], atol=1e-4) for name in weights[0])
    assert not (site / "workers").exists()


def test_without_its_other_workers_a_trainer_says_so(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run", **SEVERAL)
    command = [sys.executable, "-m", "training_jobs.trainer", str(run_dir)]
    env = {"PATH": os.environ["PATH"]}
    assert subprocess.run(command, cwd=REPOSITORY, env=env, stderr=subprocess.DEVNULL, check=False).returncode == 3
    assert events_of(run_dir)[-1]["code"] == "workers_missing"


def workers_of(site: "subprocess.Popen[bytes]") -> list[int]:
    return [int(number) for number in Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text().split()]


def has_stepped(run_dir: Path) -> bool:
    return any(event["event"] == "step" for event in events_of(run_dir))


def are_gone(pids: list[int]) -> bool:
    return all(map(is_gone, pids))


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_workers_die_with_their_launcher_and_all_end_when_one_is_killed(base: Path, tmp_path: Path) -> None:
    for victim, status in (("launcher", -signal.SIGKILL), ("worker", 128 + signal.SIGKILL)):
        site = site_of(make_run(base, tmp_path / victim, **SEVERAL, epochs=1_000))
        until(partial(has_stepped, tmp_path / victim))
        workers = workers_of(site)
        assert len(workers) == 2
        os.kill(site.pid if victim == "launcher" else workers[1], signal.SIGKILL)
        assert site.wait(60) == status
        until(partial(are_gone, workers))


# The second worker's memory is full when it reads the rows.
NO_MEMORY = """
import os, sys
def refuse(event, arguments):
    if event == "open" and "inputs/datasets" in str(arguments[0]):
        raise MemoryError("out of memory")
if os.environ.get("LOCAL_RANK") == "1":
    sys.addaudithook(refuse)
"""


def test_what_another_worker_fails_of_is_the_runs_last_word(base: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_MEMORY)
    run_dir = make_run(base, tmp_path / "run", **SEVERAL)
    assert site_of(run_dir, PYTHONPATH=str(tmp_path)).wait(120) == 1
    last = events_of(run_dir)[-1]
    assert (last["code"], last["permanent"], last["detail"][:9]) == ("out_of_memory", False, "worker 1:")


@pytest.fixture(params=BOXES)
def box(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test in each box that this machine has."""
    if not works(request.param):
        pytest.skip(f"{request.param} does not work on this machine")
    monkeypatch.setattr(runner, "available_isolation", lambda: request.param)
    return str(request.param)


def attempt_of(platform: MemoryPlatform, folder: Path) -> Attempt:
    spec: dict[str, Any] = json.loads((platform.prepared / "spec.json").read_text())
    attempt = Attempt(platform, folder, spec)
    attempt.start()
    return attempt


def test_a_voted_run_of_several_devices_stops_with_a_checkpoint_and_goes_on_from_it(
    base: Path, tmp_path: Path, box: str
) -> None:
    several = SEVERAL | {"strategy": IN_BOX[box]}
    epochs = 30 if several["strategy"] == "pipeline" else 60  # the workers of a pipeline share the batch of a step
    prepared = make_run(base, tmp_path / "prepared", **several, epochs=epochs, checkpoint_steps=10_000)
    (prepared / "evaluation.json").unlink()
    platform = platform_of(prepared, tmp_path / "kept")
    first = attempt_of(platform, tmp_path / "first")
    until(lambda: platform.heard("step"))
    first.leaves.set()
    assert first.ended().how == "released"
    assert not alive(first.folder)
    (left,) = checkpoints.steps_in(tmp_path / "kept")
    assert platform.said == ["checkpoint", "stopped"]

    second = attempt_of(platform, tmp_path / "second")
    assert second.ended().how == "done"
    assert [event["step"] for event in platform.heard("resumed")] == [left]
    assert platform.description["steps"] == 240
    assert platform.isolation == box
