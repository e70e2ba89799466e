"""Inside a site, a run that is stopped, killed or fails: what comes out are the same bytes, and nobody is left behind."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.site_runs import PATIENCE_SECONDS, finished, is_running, processes_of, site, started
from tests.integration.trainer_runs import ROWS, SIZES, events_of, make_base, make_run
from training_jobs.trainer.failures import PERMANENT_EXIT, STOPPED_EXIT
from training_jobs.trainer.site import _free_port

TWO = {"workers": 2}
LORA = {"method": "lora", "lora": {"rank": 4, "alpha": 8}}
STRATEGIES = ["ddp", "fsdp", "pipeline"]
# 45 rows in batches of 4, accumulated by twos: six steps an epoch, and parts that are not equally many at its end.
LONG: dict[str, Any] = {"epochs": 12, "batch_size": 4, "accumulation": 2, "checkpoint_steps": 5, "gradient_clip": "0.5"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with dropout: a worker that forgets its random generator would end elsewhere."""
    return make_base(tmp_path_factory.mktemp("base"), attention_dropout=0.2)


def run_of(base: Path, run_dir: Path, strategy: str, **changes: Any) -> Path:
    return make_run(base, run_dir, ROWS[:45], strategy=strategy, topology=TWO, **{**LONG, **changes})


def wait_until(process: "subprocess.Popen[bytes]", happened: Callable[[], bool]) -> None:
    """Return when it has happened; a process that ends before makes the test fail."""
    while not happened():
        assert process.poll() is None, "it ended too early"
        time.sleep(0.01)


def wait_for(run_dir: Path, process: "subprocess.Popen[bytes]", name: str, count: int = 1) -> None:
    """Return when as many events of this name have been written."""
    wait_until(process, lambda: sum(event["event"] == name for event in events_of(run_dir)) >= count)


def gone(pids: list[int]) -> bool:
    return not any(map(is_running, pids))


@pytest.mark.parametrize("method", [{}, LORA], ids=["full", "lora"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_run_that_is_killed_and_stopped_leaves_the_bytes_of_one_that_was_not(
    base: Path, tmp_path: Path, strategy: str, method: dict[str, Any]
) -> None:
    expected = finished(run_of(base, tmp_path / "whole", strategy, **method))
    run_dir = run_of(base, tmp_path / "broken", strategy, **method)

    process = site(run_dir)
    wait_for(run_dir, process, "checkpoint")
    workers = processes_of(process.pid)
    assert len(workers) == TWO["workers"]
    process.kill()
    assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    until = time.monotonic() + PATIENCE_SECONDS
    while not gone(workers):
        assert time.monotonic() < until, "a worker outlived the one who started it"

    already = sum(event["event"] == "checkpoint" for event in events_of(run_dir))
    process = site(run_dir)
    wait_for(run_dir, process, "checkpoint", already + 1)
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == STOPPED_EXIT
    last = events_of(run_dir)[-1]
    assert last["event"] == "stopped"
    assert (run_dir / "checkpoints" / f"{last['step']:08d}" / "manifest.json").exists()

    assert finished(run_dir) == expected
    resumed = [event["step"] for event in events_of(run_dir) if event["event"] == "resumed"]
    assert resumed[-1] == last["step"]
    assert len(resumed) == 2


def test_when_a_worker_is_killed_the_others_end_and_the_status_says_how(base: Path, tmp_path: Path) -> None:
    run_dir = run_of(base, tmp_path / "run", "fsdp")
    process = site(run_dir)
    wait_for(run_dir, process, "checkpoint")
    workers = processes_of(process.pid)
    subprocess.run(["kill", "-KILL", str(workers[1])], check=True)
    assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGKILL
    assert gone(workers)
    assert not (run_dir / "artifact.json").exists()
    assert not (run_dir / "workers").exists()


def test_what_another_worker_failed_of_is_said_in_the_run(base: Path, tmp_path: Path) -> None:
    """Only the second worker finds that it has no specification."""
    run_dir = run_of(base, tmp_path / "run", "ddp")
    process = site(run_dir)
    link = run_dir / "workers" / "1" / "spec.json"
    wait_until(process, link.is_symlink)
    link.unlink()
    assert process.wait(PATIENCE_SECONDS) == PERMANENT_EXIT
    last = events_of(run_dir)[-1]
    assert (last["event"], last["code"]) == ("failed", "input_missing")


def test_a_specification_for_one_process_runs_as_one(base: Path, tmp_path: Path) -> None:
    alone, site_of_one = (make_run(base, tmp_path / name, ROWS[:45], epochs=1) for name in ("alone", "site"))
    assert finished(alone, "training_jobs.trainer") == finished(site_of_one)


def test_more_stages_than_layers_are_a_failure_for_good(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run", ROWS[:45], strategy="pipeline", topology={"workers": 3})
    assert site(run_dir).wait(PATIENCE_SECONDS) == PERMANENT_EXIT
    last = events_of(run_dir)[-1]
    assert (last["event"], last["code"], last["permanent"]) == ("failed", "pipeline_not_supported", True)
    assert "2 layers for 3 stages" in last["detail"]


@pytest.mark.parametrize(("strategy", "share"), [("ddp", 1.0), ("fsdp", 0.5), ("pipeline", 0.7)])
def test_what_a_worker_holds_of_weights_and_moments(tmp_path: Path, strategy: str, share: float) -> None:
    """Of four layers of 64 with embeddings of their own: all of it, half of it, or its stage."""
    sizes = {**SIZES, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "tie_word_embeddings": False}
    base = make_base(tmp_path / "base", sizes=sizes)
    run_dir = run_of(base, tmp_path / "run", strategy)
    whole = (base / "model.safetensors").stat().st_size
    port = str(_free_port())
    workers = [
        started(
            "tests.integration._site_memory",
            run_dir,
            tmp_path / f"{rank}.json",
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE="2",
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=port,
        )
        for rank in range(2)
    ]
    assert [worker.wait(PATIENCE_SECONDS) for worker in workers] == [0, 0]
    for rank in range(2):
        held = json.loads((tmp_path / f"{rank}.json").read_text())
        assert held["weights"] <= share * whole * 1.02
        assert held["moments"] <= 2 * share * whole * 1.02
