"""What was measured, as rows for files: of a run with what each rule said of it, and of two versions side by side.

Numbers are exact, as fractions where they are none. The column `part` says which table of the page a row is of.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from models_registry.selectors import Measure
from training_jobs.selectors import Gate
from training_jobs.version_comparison import Comparison, Side
from training_jobs.version_measures import Value

RUN_COLUMNS = (
    "part", "name", "metric", "suite", "unit", "before", "after", "low", "high", "samples",
    "found", "needed", "severity", "binds", "holds",
)  # fmt: skip
COMPARED_COLUMNS = (
    "part", "name", "suite", "unit", "first", "first_low", "first_high", "first_samples",
    "second", "second_low", "second_high", "second_samples", "higher_is_better", "outcome",
)  # fmt: skip


def gates(found: Sequence[Gate]) -> list[dict[str, Any]]:
    """Return what each rule said of a result."""
    return [
        {
            "rule": gate.slug, "metric": gate.metric, "found": gate.found, "needed": gate.needed,
            "severity": gate.severity, "binds": gate.binds, "holds": gate.holds,
        }
        for gate in found
    ]  # fmt: skip


def measures(found: Sequence[Measure]) -> list[dict[str, Any]]:
    """Return each metric of the version before and of the result; what was not measured is None."""
    return [
        {
            "metric": each.metric, "suite": each.suite or None, "unit": each.unit, "before": _text(each.before),
            "after": _text(each.after), "low": _text(each.low), "high": _text(each.high), "samples": each.samples,
        }
        for each in found
    ]  # fmt: skip


def of_run(judged: Sequence[Gate], measured: Sequence[Measure]) -> Iterator[dict[str, Any]]:
    """Yield both tables of a run as rows of one file: gates, then measures."""
    nothing = dict.fromkeys(RUN_COLUMNS)
    yield from ({**nothing, "part": "gate", "name": each["rule"], **each} for each in gates(judged))
    yield from ({**nothing, "part": "measure", "name": each["metric"], **each} for each in measures(measured))


def compared(found: Comparison) -> Iterator[dict[str, Any]]:
    """Yield the tables of a comparison as rows of one file: measures, facts, rules, files."""
    nothing = dict.fromkeys(COMPARED_COLUMNS)
    for row in found.measures:
        yield {
            **nothing, "part": "measure", "name": row.metric, "suite": row.suite, "unit": row.unit,
            **_side("first", row.first), **_side("second", row.second),
            "higher_is_better": row.higher, "outcome": row.outcome,
        }  # fmt: skip
    for name, first, second in zip(_FACTS, _facts(found.first), _facts(found.second), strict=True):
        yield {**nothing, "part": "fact", "name": name, "first": first, "second": second}
    for judged in found.rules:
        yield {**nothing, "part": "rule", "name": judged.rule, "first": judged.first, "second": judged.second}
    for file in found.files:
        outcome = "differs" if file.changed else "same"
        sizes = {"unit": "bytes", "first": file.first_size, "second": file.second_size}
        yield {**nothing, "part": "file", "name": file.path, **sizes, "outcome": outcome}


_FACTS = ("version", "revision", "standing", "proposal", "run", "device_seconds", "steps")


def _facts(side: Side) -> tuple[Any, ...]:
    version = side.version
    decision = version.proposal.public_id if version.proposal else None
    run = side.run.pk if side.run else None
    return version.number, version.revision, side.standing, decision, run, side.device_seconds, side.steps


def _side(name: str, value: Value | None) -> dict[str, Any]:
    if value is None:
        return {}
    ends = {f"{name}_low": _text(value.low), f"{name}_high": _text(value.high)}
    return {name: _text(value.value), **ends, f"{name}_samples": value.samples}


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)
