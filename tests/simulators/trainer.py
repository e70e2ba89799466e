"""A stand-in for the trainer and the evaluator: the same files on both sides, no learning, and every way to fail.

`python -m tests.simulators.trainer RUN_DIR`. What it does is written in RUN_DIR/inputs/base/config.json under "simulate":
nothing (works), "crash", "permanent", "hang", "lie" (says another digest than the file has), "cut line" (killed while it
writes), "noise" (says what no database keeps), "no result", and the broken results and reports named in BROKEN.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.simulators import tiny_model

# What is written in place of a true result, by mode.
BROKEN = {
    "result is a list": lambda _result: [],
    "result lacks a digest": lambda result: {name: value for name, value in result.items() if name != "code_digest"},
    "result has a float": lambda result: {**result, "tokens": 64.5},
    "report lacks samples": lambda result: {name: value for name, value in result.items() if name != "samples"},
    "report of another suite": lambda result: {**result, "suite": "4" * 64},
    "report is text": lambda _result: "all good",
    "report without further suites": lambda result: {**result, "further": {}},
}


def main(folder: Path) -> int:
    """Train or evaluate, depending on what is asked for."""
    mode = json.loads((folder / "inputs/base/config.json").read_text()).get("simulate", "")
    if (folder / "evaluation.json").exists():
        return evaluate(folder, mode if mode.startswith("report") else "")
    say(folder, event="started", steps=2)
    if mode == "permanent":
        say(folder, event="failed", code="payload_changed")
        return 3
    if mode == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "cut line":
        with (folder / "events.jsonl").open("a") as handle:
            handle.write('{"event": "step", "los')
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "noise":
        with (folder / "events.jsonl").open("a") as handle:
            handle.write('{"event": "step", "loss": NaN}\n{"event": "\\u0000"}\n{"event": "\\ud800"}\n')
        say(folder, event="failed", code="x" * 200)
        sys.stderr.write("screaming \x00 \x1b[2J")
        return 3
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
    result = {
        "files": files,
        "steps": 2,
        "tokens": 64,
        "code_digest": "1" * 64,
        "environment": {"python": "3.11"},
        "trace_sha256": "2" * 64,
    }
    if mode != "no result":
        broken = BROKEN.get(mode if mode.startswith("result") else "", lambda true: true)
        (folder / "artifact.json").write_text(json.dumps(broken(result)))
    return 0


def evaluate(folder: Path, mode: str) -> int:
    """Measure: half right before, all right after, and no gap."""
    asked = json.loads((folder / "evaluation.json").read_text())

    def value(numerator: int) -> dict[str, object]:
        ends = {"low": {"numerator": 0, "denominator": 1}, "high": {"numerator": 1, "denominator": 1}}
        return {"numerator": numerator, "denominator": 2, "unit": "share", "samples": 2, **ends}

    report: dict[str, Any] = {
        "suite": asked["suite"],
        "samples": 2,
        "samples_sha256": "3" * 64,
        "candidate": {"answer_accuracy": value(2), "language_gap": value(0)},
        "parent": {"answer_accuracy": value(1), "language_gap": value(0)},
        "difference": {"answer_accuracy": value(1), "language_gap": value(0)},
        "further": {},
    }
    parts = {who: {name: value(2) for name in ("answer_accuracy", "refusal")} for who in ("candidate", "difference")}
    for suite in asked["further"]:
        report["further"][suite] = {**parts, "parent": {}, "samples": 2, "samples_sha256": "4" * 64}
    (folder / "report.json").write_text(json.dumps(BROKEN.get(mode, lambda true: true)(report)))
    return 0


def say(folder: Path, **event: object) -> None:
    """Append one event."""
    with (folder / "events.jsonl").open("a") as handle:
        handle.write(json.dumps({**event, "at": int(time.time())}) + "\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
