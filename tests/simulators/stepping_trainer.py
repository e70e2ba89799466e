"""A stand-in for the trainer that takes steps and leaves checkpoints as the real one does, without torch.

`python -m tests.simulators.stepping_trainer RUN_DIR`. What it does is written in RUN_DIR/inputs/base/config.json under
"simulate", as words: `steps=40 seconds=0.05 every=5`, and one of `then=` at half of the steps: `memory` (takes it until
there is none), `disk` (writes a file until it may not), `nan` (says so and gives up), `waiting` (stands still for other
members for eight seconds, and says so as the real one does), `silence` (takes no further step), `deaf` (and does not hear SIGTERM either). Evaluation is that of the other stand-in.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from tests.simulators import tiny_model
from tests.simulators.trainer import evaluate, say

asked_to_stop = False


def main(folder: Path) -> int:
    """Train or evaluate, depending on what is asked for."""
    if (folder / "evaluation.json").exists():
        return evaluate(folder, "")
    signal.signal(signal.SIGTERM, _stop)
    (folder / "pid").write_text(str(os.getpid()))
    words = json.loads((folder / "inputs/base/config.json").read_text())["simulate"].split()
    plan = {"steps": "40", "seconds": "0.05", "every": "5", "then": "", **dict(word.split("=") for word in words)}
    steps, every = int(plan["steps"]), int(plan["every"])
    say(folder, event="started", steps=steps)
    step = resume(folder)
    while step < steps:
        time.sleep(float(plan["seconds"]))
        step += 1
        say(folder, event="step", step=step, steps=steps, loss="1.5", tokens_per_second=100)
        if step == steps // 2 and plan["then"] == "waiting":
            wait_for_others(folder)
        elif step == steps // 2 and plan["then"]:
            status = accident(folder, plan["then"])
            if status:
                return status
        if asked_to_stop or step % every == 0:
            save(folder, step)
        if asked_to_stop:
            say(folder, event="stopped", step=step)
            return 4
    artifact = tiny_model.write(folder / "artifact", seed=1)
    result = {
        "files": files_of(artifact),
        "steps": steps,
        "tokens": 64,
        "code_digest": "1" * 64,
        "environment": {"python": "3.11"},
        "trace_sha256": "2" * 64,
    }
    say(folder, event="finished")
    (folder / "artifact.json").write_text(json.dumps(result))
    return 0


def resume(folder: Path) -> int:
    """Return the newest step that a checkpoint is there for, and say so."""
    steps = sorted(int(path.parent.name) for path in (folder / "checkpoints").glob("[0-9]*/manifest.json"))
    if steps:
        say(folder, event="resumed", step=steps[-1])
    return steps[-1] if steps else 0


def save(folder: Path, step: int) -> None:
    """Write a checkpoint, the manifest last."""
    partial, final = (folder / "checkpoints" / name for name in (f".{step:08d}.partial", f"{step:08d}"))
    partial.mkdir(parents=True)
    (partial / "state.json").write_text(json.dumps({"step": step}))
    spec = hashlib.sha256((folder / "spec.json").read_bytes()).hexdigest()
    manifest = {"step": step, "spec": spec, "code_digest": "1" * 64, "environment": {}, "files": files_of(partial)}
    (partial / "manifest.json").write_text(json.dumps(manifest))
    partial.rename(final)
    say(folder, event="checkpoint", step=step, seconds="0.001")
    for old in sorted((folder / "checkpoints").glob("[0-9]*"))[:-2]:
        for path in old.iterdir():
            path.unlink()
        old.rmdir()


def wait_for_others(folder: Path) -> None:
    """Touch the file that says so, and do nothing else."""
    for _ in range(8):
        (folder / "exchange" / "waiting").touch()
        time.sleep(1)


def accident(folder: Path, kind: str) -> int:
    """Let something go wrong; return the exit status if it does not end the process by itself."""
    if kind == "nan":
        say(folder, event="failed", code="loss_not_finite", detail="the loss is nan", permanent=True)
        return 3
    if kind == "memory":
        held = []
        while True:
            held.append(bytearray(16_000_000))
    if kind == "disk":
        with (folder / "large").open("wb") as file:
            while True:
                file.write(bytes(1_000_000))
    if kind == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
    return 0


def files_of(folder: Path) -> list[dict[str, object]]:
    """Return path, size and digest of each file."""
    return [
        {"path": path.name, "size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.iterdir())
    ]


def _stop(_number: int, _frame: FrameType | None) -> None:
    global asked_to_stop  # noqa: PLW0603 - what a signal handler is for
    asked_to_stop = True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
