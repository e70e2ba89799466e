"""How long one count of a million ballots takes, per method, beside Snapshot's own counting of the same ballots.

    python -m benchmarks.tally_methods [--ballots 1000000] [--methods approval …] [--check]

Both sides hold the ballots in memory in their own form before anything is timed: arrays here (tally/columns.py),
objects there. Rounds alternate, the median of three counts. Beside it: making the arrays from Python values, which is
paid once, and counting the Python values without arrays. Powers are 1 to 10^6 votes in units of 10^-18 here, and the
votes as floats there. The scores of both sides are compared. Snapshot has no Governor,
fractional or STV counting. Prints a Markdown table; `--check` exits with 1 above the promised seconds.
"""

import argparse
import gc
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from governance.tally import METHODS, Count
from governance.tally.columns import count_columns, to_columns

ROOT = Path(__file__).resolve().parents[1]
UNIT = 10**18
ROUNDS = 3
CHOICES = 5
CHOICES_OF = {"governor": 3, "basic": 3, "fractional": 3}
SEATS_OF = {"stv": 2}
PEERS = ("basic", "single-choice", "approval", "weighted", "quadratic", "ranked-choice", "copeland")
PROMISED_SECONDS = dict.fromkeys(METHODS, 1.0) | {"ranked-choice": 3.0, "stv": 3.0, "quadratic": 3.0, "copeland": 3.0}
TOLERANCE = 1e-9
Ballot = tuple[Any, int]
T = TypeVar("T")


def draw(method: str, rng: random.Random) -> Any:  # noqa: ANN401 - a choice is an int, a list or a map
    """Return a random choice of the method's shape."""
    if method == "governor":
        return rng.randrange(3)
    if method == "fractional":
        return {"0": str(rng.randrange(UNIT)), "1": str(rng.randrange(UNIT // 2))} if rng.random() < 1 / 2 else 1
    if not METHODS[method].structured:
        return rng.randint(1, CHOICES_OF.get(method, CHOICES))
    ranking = rng.sample(range(1, CHOICES + 1), CHOICES)
    if method in ("approval", "stv"):
        return ranking[: rng.randint(1, CHOICES)]
    if method in ("weighted", "quadratic"):
        return {str(place): rng.randint(1, 100) for place in ranking[: rng.randint(1, CHOICES)]}
    return ranking


class Peer:
    """snapshot.js in a node process that has read the ballots."""

    def __init__(self, method: str, ballots: list[Ballot], folder: str) -> None:
        """Hand the ballots over and wait until they are read."""
        path = Path(folder) / f"{method}.jsonl"
        path.write_text("".join(f"{json.dumps([choice, power // UNIT])}\n" for choice, power in ballots))
        choices = str(CHOICES_OF.get(method, CHOICES))
        command = ["node", "--max-old-space-size=8192", "benchmarks/snapshot_tally.cjs", method, choices, str(path)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self._line()

    def __enter__(self) -> Self:
        """Return the peer, ready to count."""
        return self

    def __exit__(self, *_: object) -> None:
        """End node by ending its input."""
        self._process.communicate()

    def count(self) -> tuple[float, list[float]]:
        """Return the seconds of one count, and the scores in votes."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        answer = json.loads(self._line())
        return answer["seconds"], answer["scores"]

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return how long a piece of work took, and its result."""
    gc.collect()
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def compare(method: str, count: Count, theirs: list[float]) -> None:
    """Refuse to time two counts that disagree."""
    for our, their in zip(count.scores, theirs, strict=True):
        if abs(float(our / UNIT) - their) > TOLERANCE * count.cast / UNIT:
            raise ValueError(f"{method}: {count.scores} here, {theirs} there")


def measure(name: str, ballots_count: int, folder: str) -> dict[str, float | None]:
    """Return the median seconds of one method, by what was done."""
    rng = random.Random(f"ballots for {name}")
    ballots = [(draw(name, rng), rng.randint(1, 10**6) * UNIT) for _ in range(ballots_count)]
    method, choices, seats = METHODS[name], CHOICES_OF.get(name, CHOICES), SEATS_OF.get(name, 1)
    values, count = timed(lambda: method.count(ballots, choices, seats))
    converting, (columns, _) = timed(lambda: to_columns(method, ballots, choices))
    ours, theirs = [], []
    if name not in PEERS:
        ours = [timed(lambda: count_columns(method, columns, choices, seats))[0] for _ in range(ROUNDS)]
        return {"ours": statistics.median(ours), "values": values, "converting": converting, "theirs": None}
    with Peer(name, ballots, folder) as peer:
        for _ in range(ROUNDS):
            seconds, counted = timed(lambda: count_columns(method, columns, choices, seats))
            ours.append(seconds)
            seconds, scores = peer.count()
            theirs.append(seconds)
            compare(name, counted, scores)
    assert counted == count
    median = statistics.median
    return {"ours": median(ours), "values": values, "converting": converting, "theirs": median(theirs)}


def shown(seconds: float | None) -> str:
    """Return a cell of the table."""
    return "–" if seconds is None else f"{seconds:.3f}"


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ballots", type=int, default=1_000_000)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--check", action="store_true", help="exit with 1 when slower than promised")
    options = parser.parse_args()
    print(f"One core of {os.cpu_count()}, Python {platform.python_version()}, {options.ballots:,} ballots, seconds.\n")
    print("| Method | **count** | snapshot.js 0.17.5 | ratio | making the arrays, once | count without arrays |")
    print("|---|---:|---:|---:|---:|---:|")
    slow = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.methods:
            found = measure(name, options.ballots, folder)
            ours, theirs = found["ours"], found["theirs"]
            assert ours is not None
            ratio = f"{theirs / ours:.0f}×" if theirs else "–"
            cells = [shown(found[key]) for key in ("converting", "values")]
            print(f"| {name} | {ours:.3f} | {shown(theirs)} | {ratio} | {' | '.join(cells)} |", flush=True)
            if ours > PROMISED_SECONDS[name]:
                slow.append(name)
    return 1 if options.check and slow else 0


if __name__ == "__main__":
    sys.exit(main())
