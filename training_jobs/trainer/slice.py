"""`python -m training_jobs.trainer.slice RUN_DIR`: do the steps of a slice again, and write down what came of them.

RUN_DIR is laid out as for a run, with the checkpoint that the slice begins with, and has slice.json beside it:
{"first", "last", "final", "seed"}. Nothing in it says what others found. RUN_DIR/check.json gets the loss of each
step, the files of the state after the last one by their digests, a sketch of the weights (`sketch`) by the seed, and
the class of machine. A slice that is final ends with the model, any other with a checkpoint.

The checkpoint may be of another class of machine: whether results are then compared bit by bit is for others to say.
Exit 0: RUN_DIR/check.json is there. Exit 3: a permanent failure, named in the last event. Exit 4: stopped.
"""

import json
import shutil
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes, strict_loads
from training_jobs.spec import ON_ONE_SITE
from training_jobs.trainer.child import leave_after, prepare_process

REQUEST, REPORT = "slice.json", "check.json"
BYTES_MAX = 1_000
PERMANENT_EXIT, STOPPED_EXIT = 3, 4
WEIGHTS = "weight/"  # what a checkpoint calls them


@dataclass(frozen=True)
class Slice:
    """The steps to do again: after `first`, up to and with `last`."""

    first: int
    last: int
    final: bool
    seed: str


def read(run_dir: Path) -> Slice | None:
    """Return the slice that stands in a folder; None for a run as a whole. Raises ValueError for one that is none."""
    try:
        found = strict_loads((run_dir / REQUEST).read_bytes(), max_bytes=BYTES_MAX)
    except FileNotFoundError:
        return None
    if not isinstance(found, dict) or set(found) != {"first", "last", "final", "seed"}:
        raise ValueError(f"{REQUEST} has exactly first, last, final and seed")
    whole = all(type(found[name]) is int for name in ("first", "last"))
    if not whole or type(found["final"]) is not bool or not isinstance(found["seed"], str):
        raise ValueError(f"{REQUEST}: steps are whole numbers, the seed is text")
    if not 0 <= found["first"] < found["last"]:
        raise ValueError(f"{REQUEST}: a slice has a step at least")
    return Slice(**found)


def main(arguments: list[str]) -> int:
    """Settle the surroundings, train, and describe what was made."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m training_jobs.trainer.slice RUN_DIR\n")
        return 2
    run_dir = Path(arguments[0]).resolve()
    wanted = read(run_dir)
    if wanted is None:
        sys.stderr.write(f"{REQUEST} is not there\n")
        return PERMANENT_EXIT
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    prepare_process()
    code = _train(run_dir, stop)
    if stop.is_set():
        return STOPPED_EXIT
    ended = 0 if wanted.final else STOPPED_EXIT
    if code != ended:
        return code or PERMANENT_EXIT
    return _describe(run_dir, wanted)


def _train(run_dir: Path, stop: threading.Event) -> int:
    spec = json.loads((run_dir / "spec.json").read_bytes())
    if spec["strategy"] in ON_ONE_SITE:
        from training_jobs.trainer.site import Launcher

        return Launcher(run_dir).run()
    from training_jobs.trainer import job

    return job.run(run_dir, should_stop=stop.is_set)


def _describe(run_dir: Path, wanted: Slice) -> int:
    """Write check.json; nothing of the weights stays."""
    from training_jobs.trainer import outputs, sketch

    with outputs.Events(run_dir) as events:
        if wanted.first and not _resumed(run_dir, wanted.first):
            events.emit("failed", code="checkpoint_not_taken", detail="the slice cannot begin there", permanent=True)
            return PERMANENT_EXIT
        trace = (run_dir / "trace.jsonl").read_bytes()
        lines = [json.loads(line) for line in trace.splitlines()]
        made: dict[str, Any] = {
            "first": wanted.first,
            "last": wanted.last,
            "final": wanted.final,
            "losses": [line["loss"] for line in lines if line["step"] > wanted.first],
            "code_digest": outputs.code_digest(),
            "environment": outputs.environment(),
        }
        if wanted.final:
            described = json.loads((run_dir / "artifact.json").read_bytes())
            folder, prefix, weights = run_dir / "artifact", "", "model.safetensors"
            made |= {"files": described["files"], "trace_sha256": described["trace_sha256"]}
        else:
            folder, prefix, weights = run_dir / "checkpoints" / f"{wanted.last:08d}", WEIGHTS, "state.safetensors"
            made["files"] = json.loads((folder / "manifest.json").read_bytes())["files"]
        made["sketch"] = sketch.of_file(folder / weights, wanted.seed, prefix)
        for each in ("artifact", "checkpoints"):
            shutil.rmtree(run_dir / each, ignore_errors=True)
        (run_dir / REPORT).write_bytes(canonical_bytes(made))
        events.emit("recomputed", step=wanted.last)
    return 0


def _resumed(run_dir: Path, step: int) -> bool:
    lines = (run_dir / "events.jsonl").read_bytes().splitlines()
    return {"event": "resumed", "step": step}.items() <= _last_of(lines, b'"resumed"').items()


def _last_of(lines: list[bytes], marked: bytes) -> dict[str, Any]:
    found = [json.loads(line) for line in lines if marked in line]
    return dict(found[-1]) if found else {}


if __name__ == "__main__":
    leave_after(lambda: main(sys.argv[1:]))
