"""A line as small as a word, for lists: where it went, without axes. The numbers stand beside it in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from frontend.charts.line import exact
from frontend.charts.shapes import Number

WIDTH, HEIGHT, EDGE = 120, 32, 3
POINTS_MAX = 40


@dataclass(frozen=True)
class Spark:
    """A drawn line and its last point."""

    path: str
    last_x: Decimal
    last_y: Decimal
    width: int = WIDTH
    height: int = HEIGHT


def spark(values: Sequence[Number]) -> Spark | None:
    """Draw values at equal distances; None where there are fewer than two."""
    if len(values) < 2:  # noqa: PLR2004
        return None
    last = len(values) - 1
    chosen = sorted({index * last // (POINTS_MAX - 1) for index in range(POINTS_MAX)}) if last >= POINTS_MAX else None
    heights = [exact(values[index]) for index in chosen] if chosen else [exact(value) for value in values]
    low, high = min(heights), max(heights)
    span = high - low or Decimal(1)
    middle = Decimal("0.5") if high == low else Decimal(0)
    wide, tall = Decimal(WIDTH - 2 * EDGE), Decimal(HEIGHT - 2 * EDGE)

    def place(index: int) -> tuple[Decimal, Decimal]:
        down = 1 - middle - (heights[index] - low) / span
        return round(EDGE + wide * index / (len(heights) - 1), 1), round(EDGE + tall * down, 1)

    placed = [place(index) for index in range(len(heights))]
    return Spark("M" + "L".join(f"{x} {y}" for x, y in placed), *placed[-1])
