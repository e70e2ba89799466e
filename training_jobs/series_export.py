"""The series of a run as a file, CSV (RFC 4180) or JSON: all of its points, for other programs."""

import csv
import io
from typing import Any

from governance.errors import NotFound
from training_jobs.models import Run
from training_jobs.series import POINTS_SAID_MAX, RunSeries, StepPoint, series_of

COLUMNS = ("step", "attempt", "loss", "tokens_per_second", "learning_rate")


def series_numbered(run_id: int) -> RunSeries:
    """Return the series of a run with all of its points, or raise NotFound."""
    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound("unknown_run", "there is no such run", found=run_id)
    return series_of(run, POINTS_SAID_MAX)


def as_csv(series: RunSeries) -> str:
    """Return the points as CSV with a line of names; what was not said is empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([_row(point)[name] for name in COLUMNS] for point in series.points)
    return out.getvalue()


def as_json(series: RunSeries) -> dict[str, Any]:
    """Return the points, the steps at which attempts took over, and those of the checkpoints. Decimals are text."""
    return {
        "points": [_row(point) for point in series.points],
        "attempts": [{"step": each.step, "attempt": each.attempt} for each in series.breaks],
        "checkpoints": list(series.checkpoints),
    }


def _row(point: StepPoint) -> dict[str, Any]:
    return {
        "step": point.step,
        "attempt": point.attempt,
        "loss": format(point.loss, "f"),
        "tokens_per_second": point.tokens_per_second,
        "learning_rate": None if point.learning_rate is None else format(point.learning_rate, "f"),
    }
