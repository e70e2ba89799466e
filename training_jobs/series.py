"""What a run said step by step, as series: loss, speed, learning rate; attempts; checkpoints.

The lead's: members have a share of the data each, and their own losses. A later attempt takes the place of an earlier
one from its first step on. Reads only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.cache import cache
from django.db.models import Max

from training_jobs.models import Run, RunEvent

POINTS_SHOWN_MAX = 240
POINTS_SAID_MAX = 100_000  # of a series as a file
POINTS_OF_A_SPARK = 40
STEPS_MAX = 10**12  # a machine of a member may say anything; more than any training has
CHECKPOINTS_SHOWN_MAX = 60
SPARK_KEPT_SECONDS = 3_600


@dataclass(frozen=True)
class StepPoint:
    """One step that was logged. Loss per token in nats; None: the machine did not say."""

    step: int
    loss: Decimal
    tokens_per_second: int | None = None
    learning_rate: Decimal | None = None
    attempt: int = 0


@dataclass(frozen=True)
class Break:
    """Where an attempt took over, and its number."""

    step: int
    attempt: int


@dataclass(frozen=True)
class RunSeries:
    """The series of a run in order of steps. `last` is what was said last of all, as it was said."""

    points: tuple[StepPoint, ...]
    breaks: tuple[Break, ...]
    checkpoints: tuple[int, ...]
    last: Mapping[str, Any]


def series_of(run: Run, most: int = POINTS_SHOWN_MAX) -> RunSeries:
    """Return the series of a run with about `most` points: both ends, the first of each attempt, and evenly between."""
    said = run.events.filter(kind="step", slot=0)
    keys = list(said.order_by("pk").values_list("pk", "attempt")[:POINTS_SAID_MAX])
    firsts = {attempt: key for key, attempt in reversed(keys)}
    chosen = {keys[index][0] for index in evenly(len(keys), most)} | set(firsts.values())
    lines = list(_lines(said, chosen))
    points = points_of(lines)
    saved = run.events.filter(kind="checkpoint", slot=0).order_by("pk").values_list("data", flat=True)
    checkpoints = sorted({data["step"] for data in saved if type(data.get("step")) is int})
    return RunSeries(
        points=tuple(points[index] for index in evenly(len(points), most)),
        breaks=_breaks(points),
        checkpoints=tuple(checkpoints[index] for index in evenly(len(checkpoints), CHECKPOINTS_SHOWN_MAX)),
        last=lines[-1][1] if lines else {},
    )


def points_of(lines: Iterable[tuple[int, Mapping[str, Any]]]) -> list[StepPoint]:
    """Return the points of (attempt, data), oldest first, in order of steps; lines that say no loss are left out."""
    by_attempt: dict[int, dict[int, StepPoint]] = {}
    for attempt, data in lines:
        point = _point(attempt, data)
        if point is not None:
            by_attempt.setdefault(attempt, {})[point.step] = point
    kept: dict[int, StepPoint] = {}
    for attempt in sorted(by_attempt):
        first = min(by_attempt[attempt])
        kept = {step: point for step, point in kept.items() if step < first} | by_attempt[attempt]
    return [kept[step] for step in sorted(kept)]


def sparks_of(runs: Iterable[Run]) -> dict[int, tuple[Decimal, ...]]:
    """Return the losses of runs, by number, thinned for a line in a list; kept until a run says more."""
    numbers = [run.pk for run in runs]
    newest = RunEvent.objects.filter(run__in=numbers, kind="step", slot=0).values_list("run").annotate(Max("pk"))
    found: dict[int, tuple[Decimal, ...]] = {}
    by_number = {run.pk: run for run in runs}
    for number, last in newest.order_by():
        name = f"spark:{number}:{last}"
        losses = cache.get(name)
        if losses is None:
            losses = tuple(point.loss for point in series_of(by_number[number], POINTS_OF_A_SPARK).points)
            cache.set(name, losses, SPARK_KEPT_SECONDS)
        found[number] = losses
    return found


def evenly(count: int, most: int) -> list[int]:
    """Return at most `most` indexes of `count`, evenly, with both ends."""
    if count <= most:
        return list(range(count))
    return sorted({index * (count - 1) // (most - 1) for index in range(most)})


def _lines(said: Any, chosen: set[int]) -> Iterable[tuple[int, Mapping[str, Any]]]:  # noqa: ANN401 - a queryset
    """Return the attempt and data of some lines, oldest first; a few hundred at a time, for databases bound that."""
    keys = sorted(chosen)
    for start in range(0, len(keys), 500):
        yield from said.filter(pk__in=keys[start : start + 500]).order_by("pk").values_list("attempt", "data")


def _breaks(points: Sequence[StepPoint]) -> tuple[Break, ...]:
    found, attempt = [], points[0].attempt if points else 0
    for point in points:
        if point.attempt != attempt:
            attempt = point.attempt
            found.append(Break(point.step, attempt))
    return tuple(found)


def _point(attempt: int, data: Mapping[str, Any]) -> StepPoint | None:
    loss, step, speed = _decimal(data.get("loss")), data.get("step"), data.get("tokens_per_second")
    if loss is None or type(step) is not int or not 0 <= step <= STEPS_MAX:
        return None
    said = speed if type(speed) is int and speed >= 0 else None
    return StepPoint(step, loss, said, _decimal(data.get("learning_rate")), attempt)


def _decimal(value: object) -> Decimal | None:
    """Return a number as machines write it, or None: what strangers' machines say may be anything."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 400 else None  # noqa: PLR2004 - beyond any float
