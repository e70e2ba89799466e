"""Runs that are interrupted: killed, stopped, left with damaged checkpoints. What comes out must be the same bytes."""

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.trainer_runs import ROWS, child, events_of, left_behind, make_base, make_run
from training_jobs.trainer import job
from training_jobs.trainer.failures import STOPPED_EXIT

LORA = {"method": "lora", "lora": {"rank": 4, "alpha": 8}}
# 45 examples in batches of 4: twelve steps an epoch, so that a checkpoint every 5 steps falls anywhere in an epoch.
RECIPE: dict[str, Any] = {"epochs": 20, "batch_size": 4, "checkpoint_steps": 5}
TOTAL_STEPS = 240
KILLS = 3
PATIENCE_SECONDS = 300

# peft asks transformers the old way
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with dropout: a run that forgets its random generator would end elsewhere."""
    return make_base(tmp_path_factory.mktemp("base"), attention_dropout=0.2)


def run_of(base: Path, run_dir: Path, **changes: Any) -> Path:
    return make_run(base, run_dir, ROWS[:45], **{**RECIPE, **changes})


def finished(run_dir: Path) -> dict[str, str]:
    assert job.run(run_dir) == 0
    return left_behind(run_dir)


@pytest.fixture(scope="module")
def undisturbed(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the run with these changes that nothing interrupted; each is done once."""
    done: dict[str, Path] = {}

    def whole(**changes: Any) -> Path:
        key = json.dumps(changes, sort_keys=True)
        if key not in done:
            done[key] = run_of(base, tmp_path_factory.mktemp("undisturbed") / "run", **changes)
            finished(done[key])
        return done[key]

    return whole


def wait_for(run_dir: Path, process: "subprocess.Popen[bytes]", wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Return when an event that is wanted has been written, or the process has ended."""
    while process.poll() is None and not any(map(wanted, events_of(run_dir))):
        time.sleep(0.01)


def checkpoints(run_dir: Path) -> list[str]:
    return sorted(path.name for path in (run_dir / "checkpoints").iterdir())


def stopping_after(steps: int) -> Callable[[], bool]:
    """Ask for a stop at the given look; the first look is before the first step."""
    looks = iter(range(1_000_000))
    return lambda: next(looks) >= steps


@pytest.mark.parametrize("method", [{}, LORA, {**LORA, "method": "qlora"}], ids=["full", "lora", "qlora"])
def test_a_run_that_is_killed_again_and_again_leaves_the_same_bytes(
    base: Path, undisturbed: Callable[..., Path], tmp_path: Path, method: dict[str, Any]
) -> None:
    expected = left_behind(undisturbed(**method))
    run_dir = run_of(base, tmp_path / "killed", **method)
    draw = random.Random(str(method))
    for attempt in range(KILLS):
        goal = (attempt + draw.random()) * TOTAL_STEPS / (KILLS + 1)
        process = child(run_dir, seed=str(attempt))
        wait_for(run_dir, process, lambda event: event["event"] == "checkpoint" and event["step"] >= goal)  # noqa: B023
        process.kill()
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert child(run_dir).wait(PATIENCE_SECONDS) == 0
    resumed = [event["step"] for event in events_of(run_dir) if event["event"] == "resumed"]
    assert len(resumed) == KILLS
    assert any(step % 12 for step in resumed), "every kill fell between two epochs"
    assert left_behind(run_dir) == expected
    assert events_of(run_dir)[-1]["event"] == "finished"


def test_a_termination_signal_leaves_a_checkpoint_and_the_run_goes_on_from_it(
    base: Path, undisturbed: Callable[..., Path], tmp_path: Path
) -> None:
    expected = left_behind(undisturbed())
    run_dir = run_of(base, tmp_path / "stopped", checkpoint_steps=5)
    process = child(run_dir)
    wait_for(run_dir, process, lambda event: event["event"] == "checkpoint")
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == STOPPED_EXIT
    last = events_of(run_dir)[-1]
    assert last["event"] == "stopped"
    assert checkpoints(run_dir)[-1] == f"{last['step']:08d}"
    assert finished(run_dir) == expected
    assert [event["step"] for event in events_of(run_dir) if event["event"] == "resumed"] == [last["step"]]


def test_a_stop_before_the_first_step_leaves_nothing_to_go_on_from(base: Path, tmp_path: Path) -> None:
    run_dir = run_of(base, tmp_path / "run")
    assert job.run(run_dir, should_stop=lambda: True) == STOPPED_EXIT
    assert events_of(run_dir)[-1]["event"] == "stopped"
    assert events_of(run_dir)[-1]["step"] == 0
    assert not (run_dir / "checkpoints").exists()


@pytest.mark.parametrize("stop", [1, 12, 13, 29])
@pytest.mark.parametrize(
    "changes",
    [
        {"accumulation": 3, "gradient_clip": "0.5"},
        {"packing": True, "sequence_length": 64},
        {"precision": "bfloat16"},
    ],
    ids="-".join,
)
def test_every_way_to_train_goes_on_as_if_nothing_had_happened(
    base: Path, undisturbed: Callable[..., Path], tmp_path: Path, changes: dict[str, Any], stop: int
) -> None:
    changes = {"epochs": 4, "weight_decay": "0.1", **changes}
    whole = undisturbed(**changes)
    expected = left_behind(whole)
    run_dir = run_of(base, tmp_path / "stopped", **changes)
    steps = events_of(whole)[-1]["steps"]
    assert job.run(run_dir, should_stop=stopping_after(stop)) == (STOPPED_EXIT if stop < steps else 0)
    assert finished(run_dir) == expected


def test_the_newest_two_checkpoints_are_kept(base: Path, tmp_path: Path) -> None:
    run_dir = run_of(base, tmp_path / "run", epochs=3)
    finished(run_dir)
    written = [event for event in events_of(run_dir) if event["event"] == "checkpoint"]
    assert [event["step"] for event in written] == [5, 10, 15, 20, 25, 30, 35]
    assert all(float(event["seconds"]) >= 0 for event in written)
    assert checkpoints(run_dir) == ["00000030", "00000035"]


@pytest.fixture(scope="module")
def interrupted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A run that was stopped after step 12, with checkpoints of steps 10 and 12; and what it should lead to."""
    folder = tmp_path_factory.mktemp("interrupted")
    expected = finished(run_of(base, folder / "whole", epochs=3))
    run_dir = run_of(base, folder / "run", epochs=3)
    assert job.run(run_dir, should_stop=stopping_after(12)) == STOPPED_EXIT
    assert checkpoints(run_dir) == ["00000010", "00000012"]
    return run_dir, expected


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [truncated, flipped, Path.unlink])
@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "trace.jsonl", "manifest.json"])
def test_a_damaged_checkpoint_is_passed_over(
    interrupted: tuple[Path, dict[str, str]], tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    run_dir = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    damage(run_dir / "checkpoints" / "00000012" / name)
    assert finished(run_dir) == interrupted[1]
    events = {event["event"]: event for event in events_of(run_dir)}
    assert events["checkpoint_passed_over"]["checkpoint"] == "00000012"
    assert events["resumed"]["step"] == 10


def test_without_any_whole_checkpoint_a_run_starts_anew(
    interrupted: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    run_dir = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    for file in (run_dir / "checkpoints").rglob("state.safetensors"):
        truncated(file)
    assert finished(run_dir) == interrupted[1]
    assert "resumed" not in {event["event"] for event in events_of(run_dir)}


def test_a_half_written_checkpoint_does_not_count(interrupted: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    run_dir = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    (run_dir / "checkpoints" / "00000012").rename(run_dir / "checkpoints" / ".00000012.partial")
    assert finished(run_dir) == interrupted[1]
    assert not list((run_dir / "checkpoints").glob(".*"))


@pytest.mark.parametrize("key", ["spec", "code_digest", "environment"])
def test_a_checkpoint_of_another_run_code_or_environment_is_passed_over(
    interrupted: tuple[Path, dict[str, str]], tmp_path: Path, key: str
) -> None:
    run_dir = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    for manifest in (run_dir / "checkpoints").rglob("manifest.json"):
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), key: "0" * 64}))
    assert finished(run_dir) == interrupted[1]
    passed_over = [event for event in events_of(run_dir) if event["event"] == "checkpoint_passed_over"]
    assert [event["checkpoint"] for event in passed_over] == ["00000012", "00000010"]
    assert all(key in event["reason"] for event in passed_over)


def test_a_checkpoint_alone_is_enough_to_go_on_elsewhere(
    base: Path, interrupted: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    run_dir = run_of(base, tmp_path / "elsewhere", epochs=3)
    shutil.copytree(interrupted[0] / "checkpoints" / "00000012", run_dir / "checkpoints" / "00000012")
    assert finished(run_dir) == interrupted[1]
    assert [event["step"] for event in events_of(run_dir) if event["event"] == "resumed"] == [12]


def test_a_line_cut_short_by_a_kill_does_not_swallow_the_next_event(
    interrupted: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    run_dir = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    before = (run_dir / "events.jsonl").read_bytes()
    (run_dir / "events.jsonl").write_bytes(before + b'{"event":"st')
    finished(run_dir)
    after = (run_dir / "events.jsonl").read_bytes().removeprefix(before).splitlines()
    assert after[0] == b'{"event":"st'
    assert json.loads(after[1])["event"] == "started"
