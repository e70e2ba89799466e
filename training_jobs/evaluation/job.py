"""One evaluation job, from the files in RUN_DIR to the report in RUN_DIR.

1. Read what to measure. 2. Check each suite's digest. 3. Let the parent and the candidate answer, and classifiers score
the answers. 4. Measure. 5. Write the samples and, last, the report.

RUN_DIR/evaluation.json is {"suite": digest, "metrics": [names], "further": {digest: [names]}}: the specification's
suite, and those that rules name. RUN_DIR/spec.json says in which format of turns both models are asked. The artifact is
checked against RUN_DIR/artifact.json. Classifiers that metrics name are in RUN_DIR/inputs/classifiers. What was
measured from is in samples.jsonl, and for a further suite in samples-<digest>.jsonl; `recompute` makes the report from
these files again.
For a preview (`trainer.preview`) only some of the questions are asked, and the report says so. For an incident
(`reproduction`) its question is put, and nothing is measured.
"""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.datasets.kinds import kind_of
from training_jobs.evaluation import asking, question, report, reproduction, scoring
from training_jobs.evaluation.answering import Answering
from training_jobs.evaluation.harness import NotAskedError
from training_jobs.evaluation.metrics import METRICS, metric_of
from training_jobs.evaluation.samples import Sample
from training_jobs.spec import ROWS, TrainingSpec
from training_jobs.trainer import outputs, preview
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.data import ROW_BYTES_MAX, read_all_rows, read_rows
from training_jobs.trainer.failures import PERMANENT_EXIT, PermanentFailure
from training_jobs.trainer.job import read_spec
from training_jobs.trainer.loop import seed_everything
from training_jobs.trainer.model import load

REQUEST_BYTES_MAX = 1_000_000
DESCRIPTION_BYTES_MAX = 1_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Request:
    """What to measure: by suite, the names of the metrics; the first is the suite of the specification."""

    suites: Mapping[str, list[str]]


def run(run_dir: Path) -> int:
    """Do the job and return the exit status; a permanent failure becomes a `failed` event."""
    with outputs.Events(run_dir) as events:
        try:
            (reproduction.run if question.is_asked(run_dir) else _run)(run_dir, events)
        except PermanentFailure as failure:
            events.emit("failed", code=failure.code, detail=failure.detail, permanent=True)
            sys.stderr.write(f"{failure}\n")
            return PERMANENT_EXIT
    return 0


def _run(run_dir: Path, events: outputs.Events) -> None:
    request = read_request(run_dir / "evaluation.json")  # 1
    spec = read_spec(run_dir / "spec.json")
    bounds = preview.read(run_dir)
    totals: dict[str, int] = {}
    tasks: dict[str, asking.Task] = {}
    for suite, metrics in request.suites.items():  # 2
        rows, kind = _read_suite(run_dir / "inputs" / "suite" / f"{suite}.jsonl", suite)
        totals[suite] = len(rows)
        asked = rows if bounds is None else preview.chosen(rows, bounds.samples)
        probes = {metric.probe for metric in map(metric_of, metrics) if metric is not None} - {""}
        training = _training_rows(run_dir, spec) if kind == "dialogue" and probes else []
        tasks[suite] = asking.task(suite, kind, asked, probes, training)
    _require_artifact(run_dir)

    seed_everything(0)  # 3
    unasked: dict[str, str] = {}
    parent = _answers(run_dir / "inputs" / "base", spec.template, tasks, "parent", events, unasked)
    candidate = _answers(run_dir / "artifact", spec.template, tasks, "candidate", events, unasked)

    parts: dict[str, dict[str, Any]] = {}
    for suite, metrics in request.suites.items():
        ours, theirs = ([], []) if suite in unasked else (candidate[suite], parent[suite])
        missing = dict.fromkeys(metrics, unasked.get(suite, "")) if suite in unasked else {}
        say = _telling(events, "classifier", 0, 2 * totals[suite])
        missing |= scoring.add_scores(run_dir / "inputs" / "classifiers", metrics, ours, theirs, say)
        measured = report.measure_all(suite, [name for name in metrics if name not in missing], ours, theirs)  # 4
        for metric, reason in {**missing, **measured.missing}.items():
            events.emit("not_measured", suite=suite, metric=metric, reason=reason)
        for metric, value in measured.values["candidate"].items():
            events.emit("measured", suite=suite, metric=metric, value=f"{value['numerator']}/{value['denominator']}")
        name = report.samples_name("" if not parts else suite)
        digest = report.write_samples(run_dir / name, ours, theirs)
        parts[suite] = {**measured.values, "samples": len(ours), "samples_sha256": digest}  # 5
    main, *others = parts
    if not parts[main]["candidate"]:
        raise PermanentFailure("metric_not_measurable", f"none of {', '.join(request.suites[main])}")
    whole = {"suite": main, **parts[main], "further": {suite: parts[suite] for suite in others}}
    if bounds is not None:
        whole |= {"preview": True, "samples_total": totals[main]}
    report.write(run_dir, whole)
    events.emit("evaluated", samples=sum(part["samples"] for part in parts.values()))


def read_request(file: Path) -> Request:
    """Read evaluation.json. An unknown metric, or none at all, is a permanent failure."""
    request = _read_object(file, REQUEST_BYTES_MAX)
    if set(request) != {"suite", "metrics", "further"} or not isinstance(request["further"], dict):
        raise PermanentFailure("malformed_request", "evaluation.json has exactly the keys suite, metrics and further")
    suites = {request["suite"]: request["metrics"]} if isinstance(request["suite"], str) else {}
    if request["suite"] in request["further"]:
        raise PermanentFailure("malformed_request", "the specification's suite is no further suite")
    for suite, names in {**suites, **request["further"]}.items():
        if not _DIGEST.fullmatch(suite) or not isinstance(names, list) or not names:
            raise PermanentFailure("malformed_request", "evaluation.json names a metric at least for each suite")
        for name in names:
            if not isinstance(name, str) or metric_of(name) is None:
                raise PermanentFailure("metric_unknown", f"{name!r}; known: {', '.join(METRICS)}")
        suites[suite] = sorted(set(names))
    if request["suite"] not in suites:
        raise PermanentFailure("malformed_request", "the suite is named by its digest")
    return Request(suites)


def _read_suite(path: Path, suite: str) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of a suite and their kind, which is that of the first."""
    try:
        with path.open("rb") as file:
            first = strict_loads(file.readline(ROW_BYTES_MAX), max_bytes=ROW_BYTES_MAX)
    except FileNotFoundError as error:
        raise PermanentFailure("input_missing", f"suite {suite}") from error
    except CanonicalError as error:
        raise PermanentFailure("nothing_to_measure", f"the suite {suite} has no rows: {error.detail}") from error
    kind = kind_of(first) if isinstance(first, dict) else None
    if kind is None or kind not in asking.KINDS:
        raise PermanentFailure("input_unreadable", f"the rows of the suite {suite} are not {', '.join(asking.KINDS)}")
    return read_all_rows(path, suite, kind), kind


def _training_rows(run_dir: Path, spec: TrainingSpec) -> list[dict[str, Any]]:
    """Return the rows that were trained on."""
    kind, folder = ROWS[spec.objective], run_dir / "inputs" / "datasets"
    return [row for use in spec.datasets for row in read_rows(folder / f"{use.digest}.jsonl", use, kind)]


def _answers(
    folder: Path,
    template: str,
    tasks: Mapping[str, asking.Task],
    who: str,
    events: outputs.Events,
    unasked: dict[str, str],
) -> dict[str, list[Sample]]:
    """Let one model do all tasks; return its samples by suite. Why one could not be asked goes into `unasked`."""
    answering = Answering(load(folder), ChatFormat(folder / "tokenizer.json", template))
    total, before, samples = sum(task.size for task in tasks.values()), 0, {}
    for suite, task in tasks.items():
        try:
            samples[suite] = asking.samples_of(answering, task, _telling(events, who, before, total))
        except NotAskedError as error:
            samples[suite], unasked[suite] = [], str(error)
        before += task.size
    return samples


def _telling(events: outputs.Events, who: str, before: int, total: int) -> Callable[[int], None]:
    return lambda done: events.emit("evaluating", model=who, samples=before + done, samples_total=total)


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
