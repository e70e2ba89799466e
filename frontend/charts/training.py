"""The charts of a training: loss, speed and learning rate by step, with its attempts and checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from django.utils.translation import gettext

from frontend import numbers
from frontend.charts.line import draw
from frontend.charts.shapes import Axis, LineChart, Mark, Point, Series
from training_jobs.series import RunSeries


class StepWithLoss(Protocol):
    """A step that was logged, with its loss."""

    @property
    def step(self) -> int:
        """Its number, from 1."""

    @property
    def loss(self) -> Decimal:
        """Its loss."""


@dataclass(frozen=True)
class NamedChart:
    """A chart with its heading; `key` names it in addresses and elements."""

    key: str
    title: str
    chart: LineChart


def loss_curve(points: Sequence[StepWithLoss], steps: int, marks: Sequence[Mark] = ()) -> LineChart | None:
    """Return the loss over the whole planned width (so that it grows to the right), or nothing without points."""
    line = Series(gettext("Loss"), [(point.step, point.loss) for point in points], area=True)
    y = Axis(gettext("Loss"), unit=gettext("nats per token"), from_zero=True)
    return draw([line], x=_by_step(steps), y=y, marks=marks)


def run_charts(series: RunSeries, steps: int) -> list[NamedChart]:
    """Return the charts of a run, without those of which its machine said nothing."""
    marks = [
        Mark(one.step, gettext("Attempt %(number)s") % {"number": one.attempt}, axis="x") for one in series.breaks
    ] + [
        Mark(step, gettext("Checkpoint at step %(step)s") % {"step": numbers.grouped(step)}, axis="x", quiet=True)
        for step in series.checkpoints
    ]
    speeds: list[Point] = [(point.step, point.tokens_per_second) for point in series.points]
    rates: list[Point] = [(point.step, point.learning_rate) for point in series.points]
    found = [
        ("loss", gettext("Loss during training"), loss_curve(series.points, steps, marks)),
        (
            "speed",
            gettext("Speed"),
            _line(gettext("Speed"), gettext("tokens per second"), speeds, steps, marks),
        ),
        ("rate", gettext("Learning rate"), _line(gettext("Learning rate"), "", rates, steps, marks)),
    ]
    return [NamedChart(key, title, chart) for key, title, chart in found if chart is not None]


def table_of(charts: Sequence[NamedChart]) -> list[tuple[str, list[str]]]:
    """Return the values of charts over the same steps as one table: the step, and a cell for each chart."""
    columns = [one.chart.lines[0].texts for one in charts]
    steps = charts[0].chart.texts if charts else ()
    return [(step, [column[index] for column in columns]) for index, step in enumerate(steps)]


def _line(name: str, unit: str, points: list[Point], steps: int, marks: Sequence[Mark]) -> LineChart | None:
    return draw([Series(name, points)], x=_by_step(steps), y=Axis(name, unit=unit, from_zero=True), marks=marks)


def _by_step(steps: int) -> Axis:
    return Axis(gettext("Step"), form="whole", high=steps or None)
