"""The report of a preview: what its child processes left in the folder, checked, cut to size, and in canonical form.

Nothing of it is believed to be well-formed, or small: a trainer may have been anything. There are no weights in it, and
nothing from which some could be had.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.clock import unix
from governance.errors import Invalid
from governance.evidence.canonical import canonical_bytes
from models_registry.provenance import forms
from training_jobs.models import Preview

POINTS_MAX = 240
TEXT_CHARACTERS_MAX = 1_000
FILE_BYTES_MAX = 16_000_000

_LOSS = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,10}", re.ASCII)
RATIO = {
    "numerator": lambda value: None if type(value) is int else "is not an integer",
    "denominator": lambda value: None if type(value) is int and value > 0 else "is not an integer above 0",
}
VALUE = forms.keys(**RATIO, unit=forms.text, samples=forms.count, low=forms.keys(**RATIO), high=forms.keys(**RATIO))


def _loss(value: object) -> str | None:
    """Accept a finite loss as decimal text."""
    return None if isinstance(value, str) and _LOSS.fullmatch(value) else "is not a decimal number as text"


FORM = forms.keys(
    preview=lambda value: None if value is True else "is not true",
    version=forms.count,
    spec=forms.digest,
    strategy=forms.text,
    workers=forms.count,
    steps=forms.count,
    steps_total=forms.count,
    tokens=forms.count,
    curve=forms.every(forms.keys(step=forms.count, loss=_loss)),
    trace_sha256=forms.digest,
    suite=forms.digest,
    samples=forms.count,
    samples_total=forms.count,
    base=forms.table(VALUE),
    result=forms.table(VALUE),
    answers=forms.every(
        forms.keys(
            id=forms.text,
            language=forms.text,
            question=forms.text,
            expected=forms.text,
            base=forms.text,
            result=forms.text,
        )
    ),
    device_seconds=forms.count,
    isolation=forms.text,
    code_digest=forms.digest,
    environment=forms.table(forms.text),
    started_at=forms.count,
    finished_at=forms.count,
)


@dataclass(frozen=True)
class Made:
    """What the trainer said of what it made, and how it was shut in."""

    description: Mapping[str, Any]
    isolation: str


def build(preview: Preview, made: Made, measured: Mapping[str, Any], folder: Path, now: datetime) -> dict[str, Any]:
    """Return the report of a preview whose folder is complete; raise Invalid for what cannot be read."""
    said = made.description
    if said.get("preview") is not True or measured.get("preview") is not True:
        raise _malformed("the machine did not say that this is a preview")
    report = {
        "preview": True,
        "version": 1,
        "spec": preview.spec_digest,
        "strategy": preview.spec["strategy"],
        "workers": (preview.spec.get("topology") or {}).get("workers", 1),
        "curve": _curve(folder),
        "answers": [_answer(line) for line in _lines(folder / "samples.jsonl")[: preview.samples_max]],
        "base": measured.get("parent"),
        "result": measured.get("candidate"),
        "device_seconds": preview.seconds_used(now),
        "isolation": made.isolation,
        "started_at": unix(preview.started_at) if preview.started_at else None,
        "finished_at": unix(now),
        **{name: measured.get(name) for name in ("suite", "samples", "samples_total")},
        **{
            name: said.get(name)
            for name in ("steps", "steps_total", "tokens", "trace_sha256", "code_digest", "environment")
        },
    }
    wrong = FORM(report)
    if wrong:
        raise _malformed(wrong)
    if report["steps"] > preview.steps_max or report["suite"] != preview.spec["evaluation"]["suite"]:
        raise _malformed("it took more steps, or other questions, than it was asked to")
    canonical_bytes(report)
    return report


def thinned(points: Sequence[Any]) -> list[Any]:
    """Return at most POINTS_MAX of the points, evenly spread, the first and the last among them."""
    last = len(points) - 1
    if last < POINTS_MAX:
        return list(points)
    return [points[index] for index in sorted({place * last // (POINTS_MAX - 1) for place in range(POINTS_MAX)})]


def _curve(folder: Path) -> list[dict[str, Any]]:
    """Return the losses of the trace."""
    return thinned([{"step": line.get("step"), "loss": line.get("loss")} for line in _lines(folder / "trace.jsonl")])


def _answer(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a question with both answers, each cut to what a page can show."""
    answers = {"base": line.get("parent"), "result": line.get("candidate")}
    if not all(isinstance(answer, dict) for answer in answers.values()):
        raise _malformed("samples.jsonl has a line without answers")
    texts = {name: line.get(name) for name in ("id", "language", "question", "expected")}
    texts |= {name: answer.get("answer") for name, answer in answers.items()}  # type: ignore[union-attr]
    return {name: _cut(value) for name, value in texts.items()}


def _cut(value: object) -> object:
    if not isinstance(value, str) or len(value) <= TEXT_CHARACTERS_MAX:
        return value
    return value[:TEXT_CHARACTERS_MAX] + "…"


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a file, one a line."""
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise _malformed(f"{path.name} is larger than a preview's can be")
    try:
        lines = [json.loads(line) for line in content.splitlines()]
    except (ValueError, RecursionError) as error:
        raise _malformed(f"{path.name}: {error}") from error
    if not all(isinstance(line, dict) for line in lines):
        raise _malformed(f"{path.name} has a line that is no object")
    return lines


def _malformed(detail: str) -> Invalid:
    return Invalid("malformed_result", f"what was reported for the preview cannot be read: {detail}")
