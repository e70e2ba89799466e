"""What a chart is drawn from (Series, Axis, Mark), and what `parts/line_chart.html` draws (LineChart). Values only."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from frontend.charts import wording

Number = int | Decimal | Fraction
Point = tuple[Number, Number | None]

WIDTH, HEIGHT = 600, 300
TOP, FOOT = 34, 52


class BadChart(ValueError):
    """Values that cannot be drawn: not a number, infinite, out of order, or not positive on a logarithmic axis."""


@dataclass(frozen=True)
class Series:
    """One line through (x, y), ascending in x; a y of None breaks it there.

    `steps`: it stays at a value until the next one; `area`: filled to the foot; `band`: (x, low, high) about it.
    """

    name: str
    points: Sequence[Point]
    steps: bool = False
    area: bool = False
    band: Sequence[tuple[Number, Number, Number]] = ()


@dataclass(frozen=True)
class Axis:
    """An axis with its name and unit in words. `form` is number, whole, share (1 is all) or time (UNIX seconds).

    `low` and `high` fix its ends; `from_zero` takes zero in where the values would leave it out; `log` is for y alone.
    """

    label: str
    unit: str = ""
    form: str = "number"
    low: Number | None = None
    high: Number | None = None
    log: bool = False
    from_zero: bool = False

    @property
    def title(self) -> str:
        """Its name with its unit."""
        return wording.titled(self.label, self.unit)


@dataclass(frozen=True)
class Mark:
    """A line across: a threshold on the y axis, or a moment on the x axis. A `quiet` one is a notch with a title."""

    at: Number
    label: str
    axis: str = "y"
    quiet: bool = False


@dataclass(frozen=True)
class Tick:
    """A line of the grid: where it is, and its label; `at_end`: its label would leave the picture, so it ends there."""

    at: Decimal
    text: str
    at_end: bool = False


@dataclass(frozen=True)
class DrawnLine:
    """A drawn line; `number`, from 0, chooses colour and dashes. `heights` are its points', None where it breaks.

    `short` is its name beside its end, at `short_y`; `texts` are its values in words; `dots` are points on their own.
    """

    number: int
    name: str
    path: str
    area: str
    band: str
    heights: tuple[Decimal | None, ...]
    texts: tuple[str, ...]
    last: tuple[Decimal, Decimal]
    last_text: str
    dots: tuple[tuple[Decimal, Decimal], ...]
    short: str
    short_y: Decimal

    @property
    def places(self) -> str:
        """The heights of its points, as chart.js reads them."""
        return " ".join("-" if height is None else str(height) for height in self.heights)

    @property
    def readings(self) -> str:
        """The values of its points, as chart.js reads them."""
        return "|".join(self.texts)


@dataclass(frozen=True)
class DrawnMark:
    """A drawn mark: from the top where it `is_row`, else from the left; `at_end`: no room for its label behind it."""

    at: Decimal
    label: str
    is_row: bool
    quiet: bool
    at_end: bool


@dataclass(frozen=True)
class LineChart:
    """A drawn chart, and its values in words. `says` is the sentence for those who do not see it."""

    lines: tuple[DrawnLine, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    marks: tuple[DrawnMark, ...]
    x_label: str
    y_label: str
    says: str
    across: tuple[Decimal, ...]
    texts: tuple[str, ...]
    left: int
    right: int
    width: int = WIDTH
    height: int = HEIGHT
    top: int = TOP
    bottom: int = HEIGHT - FOOT

    @property
    def places(self) -> str:
        """Where its points are across, as chart.js reads them."""
        return " ".join(map(str, self.across))

    @property
    def readings(self) -> str:
        """What its points stand at, as chart.js reads them."""
        return "|".join(self.texts)

    @property
    def table(self) -> list[tuple[str, list[str]]]:
        """Return its values as rows: where, and a cell for each line ("" where it has no value)."""
        return [(text, [line.texts[index] for line in self.lines]) for index, text in enumerate(self.texts)]
