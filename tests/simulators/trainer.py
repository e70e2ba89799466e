"""A stand-in for the trainer and the evaluator: the same files on both sides, no learning, and every way to fail.

`python -m tests.simulators.trainer RUN_DIR`. What it does is written in RUN_DIR/inputs/base/config.json under "simulate":
nothing (works), "crash", "permanent", "hang", "lie" (says another digest than the file has).
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from tests.simulators import tiny_model


def main(folder: Path) -> int:
    """Train or evaluate, depending on what is asked for."""
    mode = os.environ.get("SIMULATE") or json.loads((folder / "inputs/base/config.json").read_text()).get(
        "simulate", ""
    )
    if (folder / "evaluation.json").exists():
        return evaluate(folder)
    say(folder, event="started", steps=2)
    if mode == "permanent":
        say(folder, event="failed", code="payload_changed")
        return 3
    if mode == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "hang":
        time.sleep(600)
    say(folder, event="step", step=1, steps=2, loss="1.5", tokens_per_second=100)
    artifact = tiny_model.write(folder / "artifact", seed=1)
    files = [
        {"path": path.name, "size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(artifact.iterdir())
    ]
    if mode == "lie":
        files[0]["sha256"] = "0" * 64
    say(folder, event="finished")
    (folder / "artifact.json").write_text(
        json.dumps(
            {
                "files": files,
                "steps": 2,
                "tokens": 64,
                "code_digest": "1" * 64,
                "environment": {"python": "3.11"},
                "trace_sha256": "2" * 64,
            }
        )
    )
    return 0


def evaluate(folder: Path) -> int:
    """Measure: half right before, all right after, and no gap."""
    suite = json.loads((folder / "evaluation.json").read_text())["suite"]

    def value(numerator: int) -> dict[str, object]:
        return {"numerator": numerator, "denominator": 2, "unit": "share", "samples": 2}

    (folder / "report.json").write_text(
        json.dumps(
            {
                "suite": suite,
                "samples": 2,
                "samples_sha256": "3" * 64,
                "candidate": {"answer_accuracy": value(2), "language_gap": value(0)},
                "parent": {"answer_accuracy": value(1), "language_gap": value(0)},
            }
        )
    )
    return 0


def say(folder: Path, **event: object) -> None:
    """Append one event."""
    with (folder / "events.jsonl").open("a") as handle:
        handle.write(json.dumps({**event, "at": int(time.time())}) + "\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
