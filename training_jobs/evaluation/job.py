"""One evaluation job, from the files in RUN_DIR to the report in RUN_DIR.

1. Read what to measure. 2. Check the suite's digest. 3. Let the parent and the candidate answer. 4. Measure. 5.
Write the samples and, last, the report.

RUN_DIR/evaluation.json is {"suite": digest, "metrics": [names]}; RUN_DIR/spec.json says in which format of turns both
models are asked. The artifact is checked against RUN_DIR/artifact.json.
For a preview (`trainer.preview`) only some of the questions are asked, and the report says so.
"""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.evaluation.answering import Row, answer_suite
from training_jobs.evaluation.metrics import METRICS, MetricError
from training_jobs.evaluation.samples import Sample
from training_jobs.trainer import outputs, preview
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.data import read_all_rows
from training_jobs.trainer.failures import PERMANENT_EXIT, PermanentFailure
from training_jobs.trainer.job import read_spec
from training_jobs.trainer.loop import seed_everything
from training_jobs.trainer.model import load

REQUEST_BYTES_MAX = 100_000
DESCRIPTION_BYTES_MAX = 1_000_000


def run(run_dir: Path) -> int:
    """Do the job and return the exit status; a permanent failure becomes a `failed` event."""
    with outputs.Events(run_dir) as events:
        try:
            _run(run_dir, events)
        except PermanentFailure as failure:
            events.emit("failed", code=failure.code, detail=failure.detail, permanent=True)
            sys.stderr.write(f"{failure}\n")
            return PERMANENT_EXIT
    return 0


def _run(run_dir: Path, events: outputs.Events) -> None:
    suite, metrics = read_request(run_dir / "evaluation.json")  # 1
    template = read_spec(run_dir / "spec.json").template
    rows = read_all_rows(run_dir / "inputs" / "suite" / f"{suite}.jsonl", suite, "dialogue")  # 2
    if not rows:
        raise PermanentFailure("nothing_to_measure", f"the suite {suite} has no rows")
    bounds, total = preview.read(run_dir), len(rows)
    if bounds is not None:
        rows = preview.chosen(rows, bounds.samples)
    _require_artifact(run_dir)

    seed_everything(0)  # 3
    parent = _answers(run_dir / "inputs" / "base", template, rows, "parent", events)
    candidate = _answers(run_dir / "artifact", template, rows, "candidate", events)

    measured = {"candidate": _measure(candidate, metrics), "parent": _measure(parent, metrics)}  # 4

    samples_sha256 = _write_samples(run_dir, rows, candidate, parent)  # 5
    report = {"suite": suite, **measured, "samples": len(rows), "samples_sha256": samples_sha256}
    if bounds is not None:
        report |= {"preview": True, "samples_total": total}
    _write_report(run_dir, report)
    events.emit("evaluated", samples=len(rows))


def read_request(file: Path) -> tuple[str, list[str]]:
    """Read evaluation.json: which suite, which metrics. An unknown metric or none at all is a permanent failure."""
    request = _read_object(file, REQUEST_BYTES_MAX)
    if set(request) != {"suite", "metrics"} or not isinstance(request["suite"], str):
        raise PermanentFailure("malformed_request", "evaluation.json has exactly the keys suite and metrics")
    names = request["metrics"]
    if not isinstance(names, list) or not names:
        raise PermanentFailure("malformed_request", "evaluation.json names at least one metric")
    for name in names:
        if not isinstance(name, str) or name not in METRICS:
            raise PermanentFailure("metric_unknown", f"{name!r}; known: {', '.join(METRICS)}")
    return request["suite"], sorted(set(names))


def _answers(folder: Path, template: str, rows: list[Row], who: str, events: outputs.Events) -> list[Sample]:
    chat = ChatFormat(folder / "tokenizer.json", template)
    return answer_suite(
        load(folder),
        chat,
        rows,
        lambda done: events.emit("evaluating", model=who, samples=done, samples_total=len(rows)),
    )


def _measure(samples: list[Sample], metrics: list[str]) -> dict[str, dict[str, int | str]]:
    try:
        return {name: METRICS[name].measure(samples).to_dict() for name in metrics}
    except MetricError as error:
        raise PermanentFailure("metric_not_measurable", str(error)) from error


def _require_artifact(run_dir: Path) -> None:
    """Check that the files to measure are the files that training described."""
    described = _read_object(run_dir / "artifact.json", DESCRIPTION_BYTES_MAX).get("files")
    if not (run_dir / "artifact").is_dir() or described != outputs.file_list(run_dir / "artifact"):
        raise PermanentFailure("payload_changed", "the artifact's files are not those in artifact.json")


def _read_object(file: Path, max_bytes: int) -> dict[str, Any]:
    try:
        value = strict_loads(file.read_bytes(), max_bytes=max_bytes)
    except FileNotFoundError as error:
        raise PermanentFailure("input_missing", file.name) from error
    except CanonicalError as error:
        raise PermanentFailure(error.code, f"{file.name}: {error.detail}") from error
    if not isinstance(value, dict):
        raise PermanentFailure("malformed_json", f"{file.name} is not an object")
    return value


def _write_samples(run_dir: Path, rows: list[Row], candidate: list[Sample], parent: list[Sample]) -> str:
    """Write samples.jsonl, one canonical line per question with both answers, and return its SHA-256."""
    lines = [
        canonical_bytes(
            {
                "id": row["id"],
                "language": row["language"],
                "question": row["question"],
                "expected": row["answer"],
                "candidate": {"answer": ours.answer, "millibits": ours.millibits},
                "parent": {"answer": theirs.answer, "millibits": theirs.millibits},
            }
        )
        for row, ours, theirs in zip(rows, candidate, parent, strict=True)
    ]
    data = b"".join(line + b"\n" for line in lines)
    (run_dir / "samples.jsonl").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _write_report(run_dir: Path, report: dict[str, Any]) -> None:
    """Write report.json in one piece: its presence says that the evaluation is complete."""
    partial = run_dir / "report.json.partial"
    with partial.open("wb") as file:
        file.write(canonical_bytes(report))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(run_dir / "report.json")
