"""Runs the scans over a canonical file, each in a fork with its own memory and time. Part of intake's child; no Django.

A scan that runs out of either, or fails, was *not finished*: that is its result, and the others go on. No scan may take
more than half of the time that is left, so that one that is slow leaves some to those behind it.
"""

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any

from models_registry.datasets.canonical import CanonicalRows, read_rows
from models_registry.datasets.forks import Allowance, Ended, in_a_fork
from models_registry.datasets.kinds import kind_of, texts_of
from models_registry.datasets.scans import SCANS, Context, OtherDataset, Rows, Scan, ScanResult
from models_registry.datasets.scans.drawing import is_drawn

TIME_SHARE_MAX = 0.5
# Less is not begun with.
SECONDS_MIN = 0.05
# What rows are compared with is kept in memory: of suites with more than this, questions that are drawn.
QUESTIONS_CHARACTERS_MAX = 2_000_000
_MEGABYTE = 1_000_000
_RESULT = "scan.json"


def scan_all(rows: Rows, context: Context, folder: Path, allowance: Allowance, deadline: float) -> list[dict[str, Any]]:
    """Run every scan that applies, in the order of the table, until `deadline` (of time.monotonic), in `folder`.

    A scan that could not judge for want of anything to compare with is absent, never passed.
    """
    # Loaded once, for all the forks.
    from models_registry.datasets.scans.poison import outliers, planting  # noqa: F401

    wanted = [scan for scan in SCANS.values() if scan.applies(context)]
    return [
        _scanned(scan, rows, context, folder, replace(allowance, clock_seconds=_seconds(deadline))) for scan in wanted
    ]


def context_of(told: Mapping[str, Any], kind: str, digest: str) -> Context:
    """Return what the scans of a dataset compare its rows with."""
    questions, of = _drawn([Path(suite) for suite in told["suites"]], digest)
    included = (
        OtherDataset(other["title"], CanonicalRows(Path(other["path"]), other["records"])) for other in told["included"]
    )
    return Context(
        licence=told["licence"],
        model_licences=tuple(told["model_licences"]),
        suite_questions=questions,
        suite_questions_of=of,
        included=tuple(included),
        role=told["role"],
        kind=kind,
        seed=digest,
    )


def _seconds(deadline: float) -> float:
    return max(0.0, (deadline - time.monotonic()) * TIME_SHARE_MAX)


def _scanned(scan: Scan, rows: Rows, context: Context, folder: Path, allowance: Allowance) -> dict[str, Any]:
    """Return the result of one scan as it is stored, finished or not."""
    ended = Ended(None, signal=signal.SIGALRM)
    if allowance.clock_seconds >= SECONDS_MIN:
        ended = in_a_fork(lambda: _result(scan, rows, context, allowance), folder / _RESULT, allowance)
    found = ended.answer
    if found is None and ended.signal in {signal.SIGALRM, signal.SIGXCPU}:
        found = scan.not_finished("time", {"seconds": int(allowance.clock_seconds)}).to_dict()
    elif found is None and ended.signal == signal.SIGKILL:
        found = _out_of_memory(scan, allowance).to_dict()
    elif found is None:
        found = scan.not_finished("failed", {}).to_dict()
    return {**found, "blocks": scan.blocks}


def _result(scan: Scan, rows: Rows, context: Context, allowance: Allowance) -> dict[str, Any]:
    try:
        return scan.run(rows, context).to_dict()
    except MemoryError:
        return _out_of_memory(scan, allowance).to_dict()


def _out_of_memory(scan: Scan, allowance: Allowance) -> ScanResult:
    return scan.not_finished("memory", {"megabytes": allowance.memory_bytes // _MEGABYTE})


def _drawn(suites: Sequence[Path], seed: str) -> tuple[tuple[str, ...], int]:
    """Return the questions of suites, and how many there are: all of them, or some that fit into memory."""

    def questions() -> Iterator[str]:
        return (text for suite in suites for row in read_rows(suite) for text in _asked_by(row))

    count = characters = 0
    for question in questions():
        count += 1
        characters += len(question)
    if characters <= QUESTIONS_CHARACTERS_MAX:
        return tuple(questions()), count
    drawn = (is_drawn(seed, number, QUESTIONS_CHARACTERS_MAX, characters) for number in range(count))
    return tuple(compress(questions(), drawn)), count


def _asked_by(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts of a suite's row that no training data may hold: what is asked, or both of a pair."""
    texts = texts_of(row)
    return texts if kind_of(row) == "pair" else texts[:1]
