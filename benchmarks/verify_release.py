"""Time the verification of a release as a stranger meets it: a whole process, from its start to its exit.

    python -m benchmarks.verify_release [PATH] [--repeat N]
    python -m benchmarks.verify_release --ballots 1000000
    python -m benchmarks.verify_release --gigabytes 1

PATH is the folder of a release; without it one is built: with weights of 8 MB, with that many signed ballots in its
last vote, or with weights of so many 10^9 bytes. Promised: under 2 seconds for a small release, 60 s of one core for a
million ballots, and for 10^9 bytes of weights 3 s more than hashing them with hashlib takes in the same minute. Memory
is the largest that the process had; it must not grow with the weights. Signing a million ballots takes minutes itself.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import _large_release

ROOT = Path(__file__).resolve().parents[1]
SECONDS_MAX = 2.0
SECONDS_PER_MILLION_MAX = 60.0
SECONDS_BEYOND_HASHING_MAX = 3.0
SMALL_GIGABYTES = 0.008
CHUNK_BYTES = 1 << 20
# Not getrusage for the memory: its maximum survives the start of a program, so it would be that of who signed.
PROGRAM = """
import sys
from models_registry.provenance.__main__ import main
status = main(sys.argv[1:])
print(open("/proc/self/status").read().split("VmHWM:")[1].split("kB")[0])
sys.exit(status)
"""


@dataclass(frozen=True)
class Run:
    """What one verification took: seconds by the clock and of the processor, and bytes of memory at most."""

    seconds: float
    busy: float
    memory: int


def main() -> int:
    """Measure, print a table, and return 1 if a verification failed or took too long."""
    parser = argparse.ArgumentParser(description="Time the verification of a release.")
    parser.add_argument("path", type=Path, nargs="?", help="the folder of a release; default: build one")
    parser.add_argument("--repeat", type=int, default=3, help="how many times (default: 3)")
    parser.add_argument("--ballots", type=int, default=0, help="how many signed ballots the built release has")
    parser.add_argument("--gigabytes", type=float, default=SMALL_GIGABYTES, help="how large its weights are")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.path or Path(temporary) / "release"
        if options.path is None:
            _large_release.build(folder, options.ballots, options.gigabytes)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        runs, hashed = [], []
        for _ in range(options.repeat):
            hashed.append(_hashed(folder))
            runs.append(_verified(folder.resolve()))
    seconds = [run.seconds for run in runs]
    allowed, found = _promise(options, runs, hashed)
    print("| release | bytes | runs | fastest | median | slowest | hashing alone | memory, MB | measured | allowed |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {options.path or f'{options.ballots:,} ballots'} | {size:,} | {len(runs)} | {min(seconds):.2f} s "
        f"| {statistics.median(seconds):.2f} s | {max(seconds):.2f} s | {statistics.median(hashed):.2f} s "
        f"| {max(run.memory for run in runs) / 1e6:,.0f} | {found:.2f} s | {allowed:.2f} s |"
    )
    return 0 if found <= allowed else 1


def _promise(options: argparse.Namespace, runs: list[Run], hashed: list[float]) -> tuple[float, float]:
    """Return how long it may take, and how long it took in the terms of that promise (median of the runs)."""
    if options.ballots:
        allowed = max(SECONDS_MAX, SECONDS_PER_MILLION_MAX * options.ballots / 1e6)
        return allowed, statistics.median(run.busy for run in runs)
    if options.gigabytes > SMALL_GIGABYTES:
        allowed = SECONDS_BEYOND_HASHING_MAX * max(1.0, options.gigabytes)
        return allowed, statistics.median(run.seconds - alone for run, alone in zip(runs, hashed, strict=True))
    return SECONDS_MAX, max(run.seconds for run in runs)


def _hashed(folder: Path) -> float:
    """Hash all files with hashlib and do nothing else; return the seconds."""
    start = time.perf_counter()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as stream:
                hasher = hashlib.sha256()
                while chunk := stream.read(CHUNK_BYTES):
                    hasher.update(chunk)
    return time.perf_counter() - start


def _verified(folder: Path) -> Run:
    """Verify in a process of its own, which did not build the release."""
    start = time.perf_counter()
    command = [sys.executable, "-c", PROGRAM, "verify", str(folder), "--consistency-only"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    elapsed = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{folder} does not verify:\n{said}")
    return Run(elapsed, usage.ru_utime + usage.ru_stime, int(said.split()[-1]) * 1024)


if __name__ == "__main__":
    sys.exit(main())
