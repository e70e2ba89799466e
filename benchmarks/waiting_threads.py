"""How long a step takes by how threads wait for work, on a machine with nothing else to do and on a busy one.

    python -m benchmarks.waiting_threads [--rounds 3] [--steps 40]

The bare loop of `trainer_throughput`, in a process of its own for each way to wait, in turns: once alone, once beside a
program that computes all the time. Prints seconds as a ratio to sleeping at once on the idle machine, in Markdown.
"""

import argparse
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks.trainer_throughput import RECIPE, base_model, corpus, data, laid_out, objectives, of_side
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.child import SPINS_WHEN_IDLE, THREADS

WAYS: dict[str, dict[str, str]] = {
    "sleep at once": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"},
    "ours": THREADS,
    "ours where the machine is idle": THREADS | {"GOMP_SPINCOUNT": SPINS_WHEN_IDLE},
    "the default": {},
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = list(corpus.training_rows())
        base_model._write_tokenizer(folder, rows)  # noqa: SLF001 - the demo's own model, without training it first
        chat = ChatFormat(folder / "tokenizer.json")
        plan = list(islice(data.plan(objectives.encode(rows, RECIPE, chat), RECIPE), options.steps))
        side_folder = laid_out(folder, plan, chat.pad)
        idle, busy = (_seconds(side_folder, options.rounds, beside=beside) for beside in (False, True))
    unit = median(idle["sleep at once"])
    print("\n| threads that wait | alone | beside a busy program |\n|---|---|---|")
    for way in WAYS:
        print(f"| {way} | {median(idle[way]) / unit:.2f} | {median(busy[way]) / unit:.2f} |")
    return 0


def _seconds(side_folder: Path, rounds: int, *, beside: bool) -> dict[str, list[float]]:
    """Return how long the same steps took each way, round by round."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if beside else None
    try:
        for _ in range(rounds):
            for way, threads in WAYS.items():
                found[way].append(of_side("bare torch loop", side_folder, threads)["seconds"])
    finally:
        if other:
            other.kill()
            other.wait()
    return found


if __name__ == "__main__":
    sys.exit(main())
