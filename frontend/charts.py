"""The loss curve as coordinates for an SVG. Pure; drawing is the template's, the numbers stay readable in a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from training_jobs.selectors import LossPoint

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 28, 16, 36
TICKS = 4


@dataclass(frozen=True)
class Tick:
    """A line of the grid: where it is, and the value it stands for."""

    at: int
    value: Decimal | int


@dataclass(frozen=True)
class Curve:
    """A drawn curve: the path, its closed area, the grid, the last point."""

    path: str
    area: str
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    last_x: int
    last_y: int
    first: LossPoint
    last: LossPoint
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def loss_curve(points: Sequence[LossPoint], steps: int) -> Curve | None:
    """Return the curve over the whole planned width (so that it grows to the right), or nothing without points."""
    if not points:
        return None
    highest = max(point.loss for point in points)
    lowest = min(Decimal(0), *(point.loss for point in points))
    span = (highest - lowest) * Decimal("1.05") or Decimal(1)
    last_step = max(steps, points[-1].step, 1)
    first_step = min(points[0].step, last_step - 1)

    def across(step: int) -> int:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - first_step) // (last_step - first_step)

    def down(loss: Decimal) -> int:
        return int(TOP + (HEIGHT - TOP - BOTTOM) * (1 - (loss - lowest) / span))

    placed = [(across(point.step), down(point.loss)) for point in points]
    path = "M" + " L".join(f"{x} {y}" for x, y in placed)
    area = f"{path} L{placed[-1][0]} {HEIGHT - BOTTOM} L{placed[0][0]} {HEIGHT - BOTTOM} Z"
    rows = tuple(Tick(down(lowest + span * index / TICKS), lowest + span * index / TICKS) for index in range(TICKS + 1))
    columns = tuple(
        Tick(across(step), step)
        for step in sorted({first_step + (last_step - first_step) * index // TICKS for index in range(TICKS + 1)})
    )
    return Curve(path, area, rows, columns, placed[-1][0], placed[-1][1], points[0], points[-1])
