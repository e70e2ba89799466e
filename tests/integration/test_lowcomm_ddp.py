"""ddp inside a site: real workers, the same loss as one machine with all their batches, one result."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.trainer_runs import REPOSITORY, events_of, make_base, make_run

import torch  # isort: skip - after trainer_runs, which settles how torch waits
from safetensors.torch import load_file


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def run_site(run_dir: Path) -> int:
    return subprocess.run(
        [sys.executable, "-m", "training_jobs.trainer.site", str(run_dir)],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        timeout=120,
        check=False,
    ).returncode


def test_two_workers_learn_what_one_machine_learns_from_both_their_batches(base: Path, tmp_path: Path) -> None:
    spec = {"epochs": 2, "schedule": "constant", "warmup_steps": 0, "learning_rate": "0.0003"}
    alone = make_run(base, tmp_path / "alone", strategy="single", accumulation=2, **spec)
    site = make_run(base, tmp_path / "site", strategy="ddp", topology={"workers": 2}, **spec)
    command = [sys.executable, "-m", "training_jobs.trainer", str(alone)]
    env = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    assert subprocess.run(command, cwd=REPOSITORY, env=env, timeout=120, check=False).returncode == 0
    assert run_site(site) == 0

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
    run_dir = make_run(base, tmp_path / "run", strategy="ddp", topology={"workers": 2})
    command = [sys.executable, "-m", "training_jobs.trainer", str(run_dir)]
    env = {"PATH": os.environ["PATH"]}
    assert subprocess.run(command, cwd=REPOSITORY, env=env, stderr=subprocess.DEVNULL, check=False).returncode == 3
    assert events_of(run_dir)[-1]["code"] == "workers_missing"
