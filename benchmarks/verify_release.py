"""Time the verification of a release as a stranger meets it: a whole process, from its start to its exit.

    python -m benchmarks.verify_release [PATH] [--repeat N]

PATH is the folder of a release; without it one with weights of 8 MB is built. Promised: under 2 seconds.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.simulators import golden_bundle

ROOT = Path(__file__).resolve().parents[1]
SECONDS_MAX = 2.0
WEIGHTS = 2_000_000


def main() -> int:
    """Measure, print a table, and return 1 if a verification failed or the slowest one took too long."""
    parser = argparse.ArgumentParser(description="Time the verification of a release.")
    parser.add_argument("path", type=Path, nargs="?", help="the folder of a release; default: build a small one")
    parser.add_argument("--repeat", type=int, default=5, help="how many times (default: 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.path or _built(Path(temporary) / "release")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        seconds = [_timed(folder.resolve()) for _ in range(options.repeat)]
    slowest = max(seconds)
    print("| release | bytes | runs | fastest | median | slowest | allowed |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {options.path or 'built here'} | {size} | {len(seconds)} | {min(seconds):.2f} s "
        f"| {statistics.median(seconds):.2f} s | {slowest:.2f} s | {SECONDS_MAX:.2f} s |"
    )
    return 0 if slowest < SECONDS_MAX else 1


def _built(folder: Path) -> Path:
    golden_bundle.build(folder, golden_bundle.Story(weights=(0.5,) * WEIGHTS))
    return folder


def _timed(folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "models_registry.provenance", "verify", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    elapsed = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{folder} does not verify:\n{done.stdout}{done.stderr}")
    return elapsed


if __name__ == "__main__":
    sys.exit(main())
