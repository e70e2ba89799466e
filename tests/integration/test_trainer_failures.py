"""How runs fail: each reason is told apart, has a code, and says whether trying again may help."""

import json
import math
import os
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.trainer_runs import REPOSITORY, ROWS, child, events_of, make_base, make_run, refusal
from training_jobs.trainer import failures, job, watch

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def last_failure(run_dir: Path) -> dict[str, Any]:
    last = events_of(run_dir)[-1]
    assert last["event"] == "failed"
    return last


def test_a_run_that_comes_apart_is_named_a_spike(base: Path, tmp_path: Path) -> None:
    # Adam with a short memory of squares and no epsilon: known to learn well for a while, and then not at all.
    restless = {"betas": ["0.9", "0.5"], "epsilon": "0.000000000001", "learning_rate": "0.01"}
    run_dir = make_run(base, tmp_path / "run", schedule="constant", epochs=60, seed=1, **restless)
    assert refusal(run_dir) == "loss_spike"
    assert "after a usual" in last_failure(run_dir)["detail"]
    assert not (run_dir / "artifact").exists()


def test_noise_and_slow_climbs_are_no_spike() -> None:
    draw = random.Random(1)
    for losses in (
        [2 + draw.gauss(0, 0.5) for _ in range(500)],
        [8 * math.exp(-step / 40) + 0.001 * draw.random() for step in range(500)],
        [2 + step / 200 for step in range(500)],
        [9.0 if step % 6 else 1.0 for step in range(500)],
        [1.0 if step % watch.PATIENCE else 30.0 for step in range(500)],
    ):
        looking = watch.LossWatch(0)
        for step, loss in enumerate(losses, start=1):
            looking.look(step, loss)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_the_run_at_once(broken: float) -> None:
    looking = watch.LossWatch(0)
    looking.look(1, 2.0)
    with pytest.raises(failures.PermanentFailure, match="loss_not_finite"):
        looking.look(2, broken)


def test_a_spike_takes_as_many_steps_in_a_row_as_declared_and_a_resumed_watch_counts_on() -> None:
    usual = [(step, 2.0) for step in range(1, watch.WARM_UP + 1)]
    far_out = [(watch.WARM_UP + 1 + index, 2.0 * watch.RATIO + 1) for index in range(watch.PATIENCE)]
    whole, resumed = watch.LossWatch(0), watch.LossWatch(0)
    for step, loss in usual + far_out[:-1]:
        whole.look(step, loss)
        resumed.recall(step, f"{loss:.6f}")
    for looking in (whole, resumed):
        with pytest.raises(failures.PermanentFailure, match="loss_spike"):
            looking.look(*far_out[-1])


def test_a_machine_with_too_little_memory_is_named_and_worth_another_try(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run", epochs=1)
    program = f"""
import resource, sys
from pathlib import Path
from training_jobs.trainer.child import prepare_process
prepare_process()
import torch
from training_jobs.trainer import data, job, loop
real = loop.train
def train(training, batches, on_step):
    used = int(Path("/proc/self/statm").read_text().split()[0]) * {resource.getpagesize()}
    resource.setrlimit(resource.RLIMIT_AS, (used + 64 * {MEGABYTE}, used + 64 * {MEGABYTE}))
    larger = (data.Batch(tuple(data.Part(p.tokens.repeat(4000, 1), None, p.predicting, p.targets, p.lengths, p.weight)
              for p in batch.parts), batch.token_count, batch.rows_sha256) for batch in batches)
    real(training, larger, on_step)
loop.train = train
sys.exit(job.run(Path({str(run_dir)!r})))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.returncode == failures.TEMPORARY_EXIT, ended.stderr
    failed = last_failure(run_dir)
    assert (failed["code"], failed["permanent"]) == ("out_of_memory", False)
    assert "allocate memory" in failed["detail"]


def test_a_full_disk_is_named_while_the_trace_is_written(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run")
    (run_dir / "trace.jsonl").symlink_to("/dev/full")
    assert job.run(run_dir) == failures.TEMPORARY_EXIT
    failed = last_failure(run_dir)
    assert (failed["code"], failed["permanent"]) == ("disk_full", False)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
@pytest.mark.parametrize("room_for", ["checkpoint", "artifact"])
def test_a_full_disk_leaves_nothing_half_written_and_the_run_goes_on_when_there_is_room(
    base: Path, tmp_path: Path, room_for: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = {"checkpoint": 500_000, "artifact": 1_100_000}[room_for]
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        run_dir = make_run(base, disk / "run", checkpoint_steps=6)
        assert job.run(run_dir) == failures.TEMPORARY_EXIT
        assert last_failure(run_dir)["code"] == "disk_full"
        assert not list(run_dir.rglob("*partial*"))
        assert not (run_dir / "artifact.json").exists()
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        assert job.run(run_dir) == 0
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(28, "No space left on device"), "disk_full"),
        (OSError(122, "Disk quota exceeded"), "disk_full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk_full"),
        (MemoryError(), "out_of_memory"),
        (OSError(12, "Cannot allocate memory"), "out_of_memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out_of_memory"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), None),
        (OSError(2, "No such file"), None),
    ],
)
def test_what_libraries_raise_is_told_apart(error: Exception, code: str | None) -> None:
    found = failures.recognise(error)
    assert (found and found.code) == code


def test_an_accident_of_the_code_is_not_dressed_up(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = make_run(base, tmp_path / "run")
    monkeypatch.setattr(job.loop, "seed_everything", lambda seed: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        job.run(run_dir)
    assert events_of(run_dir)[-1]["event"] == "started"


@pytest.mark.parametrize(("key", "code"), [("code", "code_changed"), ("environment", "environment_changed")])
def test_another_code_or_environment_than_was_voted_on_is_refused(
    base: Path, tmp_path: Path, key: str, code: str
) -> None:
    from governance.evidence.canonical import digest
    from training_jobs.trainer import outputs

    assert refusal(make_run(base, tmp_path / "other", **{key: "0" * 64})) == code
    here = {"code": outputs.code_digest(), "environment": digest(outputs.environment())}
    assert job.run(make_run(base, tmp_path / "same", rows=ROWS[:8], **{key: here[key]})) == 0


def test_a_failure_ends_the_real_process_with_its_status(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run", rows=[{"id": "1", "language": "en"}])
    assert child(run_dir).wait() == failures.PERMANENT_EXIT
    assert last_failure(run_dir)["code"] == "input_unreadable"
    assert json.loads((run_dir / "spec.json").read_text())["output"] == "b"
