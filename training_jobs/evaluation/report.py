"""The report of an evaluation and the samples that it was made from: written, read, measured. Pure but for files.

Nothing here needs torch: from the samples anyone computes the same values and intervals again (`recompute`).
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.evaluation.metrics import Metric, MetricError, measure, metric_of
from training_jobs.evaluation.samples import Sample, SampleError, line_of, read_line

LINE_BYTES_MAX = 1_000_000
OF_MODELS = ("candidate", "parent", "difference")


@dataclass(frozen=True)
class Values:
    """What was measured on one suite: candidate, parent and difference by metric, and why a metric is missing."""

    values: Mapping[str, dict[str, Any]] = field(default_factory=lambda: {name: {} for name in OF_MODELS})
    missing: dict[str, str] = field(default_factory=dict)


def measure_all(suite: str, metrics: Iterable[str], candidate: Sequence[Sample], parent: Sequence[Sample]) -> Values:
    """Measure each of these metrics on samples of one suite; a metric that cannot be measured is missing."""
    found = Values()
    for name in sorted(metrics):
        try:
            measured = measure(_known(name), suite, candidate, parent)
        except MetricError as error:
            found.missing[name] = str(error)
            continue
        for who in OF_MODELS:
            found.values[who][name] = getattr(measured, who)
    return found


def samples_name(suite: str) -> str:
    """Return the name of the file with the samples of a further suite, or of the specification's ("")."""
    return f"samples-{suite}.jsonl" if suite else "samples.jsonl"


def write_samples(path: Path, candidate: Sequence[Sample], parent: Sequence[Sample]) -> str:
    """Write one canonical line per question, pair or text, with what both models made of it; return its SHA-256."""
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        for ours, theirs in zip(candidate, parent, strict=True):
            line = canonical_bytes(line_of(ours, theirs)) + b"\n"
            hasher.update(line)
            file.write(line)
    return hasher.hexdigest()


def write(run_dir: Path, whole: Mapping[str, Any]) -> None:
    """Write report.json in one piece: its presence says that the evaluation is complete."""
    partial = run_dir / "report.json.partial"
    with partial.open("wb") as file:
        file.write(canonical_bytes(whole))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(run_dir / "report.json")


def read_samples(data: bytes) -> tuple[list[Sample], list[Sample]]:
    """Return what candidate and parent made, from the bytes of a file of samples; raise SampleError."""
    candidate, parent = [], []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            ours, theirs = read_line(strict_loads(line, max_bytes=LINE_BYTES_MAX))
        except (CanonicalError, SampleError) as error:
            raise SampleError(f"line {number}: {error}") from error
        candidate.append(ours)
        parent.append(theirs)
    return candidate, parent


def differences(suite: str, reported: Mapping[str, Any], data: bytes) -> list[str]:
    """Compute a suite's part of a report from its samples again; return what differs, in words (nothing: all agrees).

    `reported` has candidate, parent, difference, samples and samples_sha256. Raises SampleError for unreadable samples.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != reported["samples_sha256"]:
        return [f"samples: SHA-256 {found}, the report names {reported['samples_sha256']}"]
    candidate, parent = read_samples(data)
    wrong = []
    if len(candidate) != reported["samples"]:
        wrong.append(f"samples: {len(candidate)} lines, the report says {reported['samples']}")
    named = {name for who in OF_MODELS for name in reported[who]}
    unknown = sorted(name for name in named if metric_of(name) is None)
    again = measure_all(suite, named - set(unknown), candidate, parent)
    wrong += [f"{name}: nothing here measures it" for name in unknown]
    wrong += [f"{name}: {reason}" for name, reason in again.missing.items()]
    for who in OF_MODELS:
        for name in sorted(named - again.missing.keys() - set(unknown)):
            if reported[who].get(name) != again.values[who][name]:
                wrong.append(f"{who} {name}: the samples give {again.values[who][name]}")
    return wrong


def _known(name: str) -> Metric:
    metric = metric_of(name)
    if metric is None:
        raise MetricError("nothing here measures it")
    return metric
