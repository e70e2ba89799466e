"""Draws lines over common axes: values become places and words. No request, no database; texts come ready to be read.

    chart = draw(
        [Series(_("For"), points), Series(_("Against"), others)],
        x=Axis(_("Time"), form="time"), y=Axis(_("Votes"), form="share", low=0, high=1),
        marks=[Mark(Fraction(1, 2), _("Threshold"))],
    )
    {% include "parts/line_chart.html" with chart=chart %}
    {% include "parts/chart_table.html" with chart=chart title=… id=… %}

`draw` returns None where there is not one point: the page then says what would stand there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from frontend.charts import ticks, wording
from frontend.charts.shapes import (
    FOOT,
    HEIGHT,
    TOP,
    WIDTH,
    Axis,
    BadChart,
    DrawnLine,
    DrawnMark,
    LineChart,
    Mark,
    Number,
    Series,
    Tick,
)

# What a letter takes, at the larger size that narrow screens show: labels never leave the picture.
LETTER = Decimal("10.5")
NAME_LETTER = Decimal("12.5")  # names beside the ends of lines are bold
NAME_LETTERS_MAX = 12
NAMES_APART = 20
ROWS, COLUMNS = 4, 4
SERIES_MAX = 8  # as many colours and dash patterns can be told apart
DIGITS_MAX = 40
DAY = 86_400

_Read = list[tuple[Decimal, Decimal | None]]


@dataclass(frozen=True)
class _Scale:
    """Turns values between `low` and `high` into places between `start` and `end`."""

    low: Decimal
    high: Decimal
    start: int
    end: int
    log: bool = False

    def place(self, value: Decimal) -> Decimal:
        low, high, here = (each.log10() if self.log else each for each in (self.low, self.high, value))
        return round(self.start + (self.end - self.start) * (here - low) / (high - low), 1)


def draw(series: Sequence[Series], *, x: Axis, y: Axis, marks: Sequence[Mark] = (), says: str = "") -> LineChart | None:
    """Draw: 1. read the values, 2. choose the grid, 3. place everything, 4. say it in words (unless `says` does)."""
    if len(series) > SERIES_MAX:
        raise BadChart(f"{len(series)} lines cannot be told apart; at most {SERIES_MAX} can")
    with localcontext(prec=DIGITS_MAX):
        read = [(one, _points(one)) for one in series]  # 1
        shown = [(one, points) for one, points in read if any(height is not None for _, height in points)]
        if not shown:
            return None
        places = sorted({place for _, points in shown for place, _ in points})
        rows, down = _rows(y, _heights(shown, marks))  # 2
        names = [_short(one.name) for one, _ in shown] if shown[1:] else [""]
        labels = wording.ticks(rows, y.form)
        left = int(max(map(len, labels)) * LETTER) + 14
        right = WIDTH - 20 - int(max(map(len, names)) * NAME_LETTER)
        columns, along = _columns(x, places, left, right)
        drawn = [  # 3
            _line(number, one, points, places, along, down, y.form) for number, (one, points) in enumerate(shown)
        ]
        return LineChart(
            lines=_named(drawn, names),
            rows=tuple(Tick(down.place(row), label) for row, label in zip(rows, labels, strict=True)),
            columns=_labelled(columns, along, x.form),
            marks=tuple(_mark(mark, along, down) for mark in marks if _is_inside(mark, along, down)),
            x_label=x.title,
            y_label=y.title,
            says=says or " ".join(_says(one.name or y.label, points, x, y) for one, points in shown),  # 4
            across=tuple(along.place(place) for place in places),
            texts=tuple(wording.value(place, x.form) for place in places),
            left=left,
            right=right,
        )


def exact(value: Number) -> Decimal:
    """Return a value as a decimal, or raise BadChart: what is not a number has no place on any axis."""
    found = Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else Decimal(value)
    if not found.is_finite():
        raise BadChart(f"{value} cannot be drawn")
    return found


def _points(one: Series) -> _Read:
    found = [(exact(at), None if height is None else exact(height)) for at, height in one.points]
    if any(later[0] <= earlier[0] for earlier, later in pairwise(found)):
        raise BadChart(f"the points of {one.name!r} are not in order")
    return found


def _heights(shown: Sequence[tuple[Series, _Read]], marks: Sequence[Mark]) -> list[Decimal]:
    """Return all that has to find room on the y axis."""
    values = [height for _, points in shown for _, height in points if height is not None]
    values += [exact(end) for one, _ in shown for _, *ends in one.band for end in ends]
    return values + [exact(mark.at) for mark in marks if mark.axis == "y" and not mark.quiet]


def _rows(axis: Axis, values: list[Decimal]) -> tuple[list[Decimal], _Scale]:
    """Return the lines of the grid and the scale of the y axis; both enclose the values."""
    low, high = min(values), max(values)
    if axis.log:
        if low <= 0:
            raise BadChart(f"{low} has no place on a logarithmic axis")
        rows = ticks.logarithmic(low, high)
        return rows, _Scale(rows[0], rows[-1], HEIGHT - FOOT, TOP, log=True)
    if axis.from_zero:
        low, high = min(low, Decimal(0)), max(high, Decimal(0))
    low = low if axis.low is None else min(low, exact(axis.low))
    high = high if axis.high is None else max(high, exact(axis.high))
    if low == high:
        low, high = _about(low)
    if axis.low is not None and axis.high is not None:
        return ticks.within(low, high, ROWS), _Scale(low, high, HEIGHT - FOOT, TOP)
    rows = ticks.linear(low, high, ROWS)
    return rows, _Scale(rows[0], rows[-1], HEIGHT - FOOT, TOP)


def _about(value: Decimal) -> tuple[Decimal, Decimal]:
    """Return a range around a single value: a constant is a line in the middle, not on the edge."""
    return (Decimal(0), Decimal(1)) if value == 0 else (value - abs(value) / 2, value + abs(value) / 2)


def _columns(axis: Axis, places: list[Decimal], left: int, right: int) -> tuple[list[Decimal], _Scale]:
    """Return the lines of the grid and the scale of the x axis: it ends where the data or the fixed ends do."""
    low = places[0] if axis.low is None else min(places[0], exact(axis.low))
    high = places[-1] if axis.high is None else max(places[-1], exact(axis.high))
    if low == high:
        room = 2 * DAY if axis.form == "time" else 1  # a lone moment stands among days: nobody asks for its second
        low, high = low - room, high + room
    choose = {"time": ticks.of_time, "whole": ticks.whole}.get(axis.form, ticks.within)
    return choose(low, high, COLUMNS), _Scale(low, high, left, right)


def _labelled(columns: list[Decimal], along: _Scale, form: str) -> tuple[Tick, ...]:
    """Return the notches of the x axis with their labels: fewer of them where the labels would meet."""
    texts = wording.ticks(columns, form)
    while columns[2:] and along.place(columns[1]) - along.place(columns[0]) < (max(map(len, texts)) + 1) * LETTER:
        columns = columns[::2]
        texts = wording.ticks(columns, form)
    places = [along.place(at) for at in columns]
    return tuple(
        Tick(at, text, at_end=at + len(text) * LETTER / 2 > WIDTH) for at, text in zip(places, texts, strict=True)
    )


def _line(
    number: int, one: Series, points: _Read, places: list[Decimal], along: _Scale, down: _Scale, form: str
) -> DrawnLine:
    """Place one line. A point between two breaks has no line to it, so it is a dot."""
    placed = {at: (along.place(at), None if height is None else down.place(height)) for at, height in points}
    parts = _unbroken([(at, height) for at, height in placed.values()])
    words = {at: wording.value(height, form) for at, height in points if height is not None}
    last = max(at for at, height in points if height is not None)
    band = [(along.place(exact(at)), down.place(exact(low)), down.place(exact(high))) for at, low, high in one.band]
    there, back = [(at, high) for at, _, high in band], [(at, low) for at, low, _ in reversed(band)]
    paths = [_path(part, steps=one.steps) for part in parts]
    foot = HEIGHT - FOOT
    areas = [f"{path}L{part[-1][0]} {foot}L{part[0][0]} {foot}Z" for path, part in zip(paths, parts, strict=True)]
    return DrawnLine(
        number=number,
        name=one.name,
        path="".join(paths),
        area="".join(areas) if one.area else "",
        band=f"{_path([*there, *back])}Z" if band else "",
        heights=tuple(placed[at][1] if at in placed else None for at in places),
        texts=tuple(words.get(at, "") for at in places),
        last=next(part[-1] for part in reversed(parts)),
        last_text=words[last],
        dots=tuple(part[0] for part in parts if not part[1:]),
        short="",
        short_y=Decimal(0),
    )


def _unbroken(placed: Sequence[tuple[Decimal, Decimal | None]]) -> list[list[tuple[Decimal, Decimal]]]:
    """Return the parts of a line between its breaks."""
    parts: list[list[tuple[Decimal, Decimal]]] = [[]]
    for at, height in placed:
        if height is not None:
            parts[-1].append((at, height))
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _path(placed: Sequence[tuple[Decimal, Decimal]], *, steps: bool = False) -> str:
    if steps:
        start, *others = placed
        return f"M{start[0]} {start[1]}" + "".join(f"H{at}V{height}" for at, height in others)
    return "M" + "L".join(f"{at} {height}" for at, height in placed)


def _named(lines: list[DrawnLine], names: list[str]) -> tuple[DrawnLine, ...]:
    """Write names beside the ends of lines, each where its line ends or as near to it as the others let it."""
    low, heights = Decimal(TOP), {}
    for line in sorted(lines, key=lambda line: line.last[1]):
        heights[line.number] = low = max(low, line.last[1])
        low += NAMES_APART
    high = Decimal(HEIGHT - FOOT)
    for number in reversed(heights):
        heights[number] = high = min(high, heights[number])
        high -= NAMES_APART
    return tuple(replace(line, short=names[line.number], short_y=heights[line.number]) for line in lines)


def _short(name: str) -> str:
    return name if len(name) <= NAME_LETTERS_MAX else f"{name[: NAME_LETTERS_MAX - 1].rstrip()}…"


def _is_inside(mark: Mark, along: _Scale, down: _Scale) -> bool:
    scale = down if mark.axis == "y" else along
    return scale.low <= exact(mark.at) <= scale.high


def _mark(mark: Mark, along: _Scale, down: _Scale) -> DrawnMark:
    is_row = mark.axis == "y"
    at = (down if is_row else along).place(exact(mark.at))
    over = at < TOP + NAMES_APART if is_row else at + len(mark.label) * LETTER > along.end
    return DrawnMark(at, mark.label, is_row, mark.quiet, over)


def _says(name: str, points: _Read, x: Axis, y: Axis) -> str:
    known = [(at, height) for at, height in points if height is not None]
    first, last = ((wording.value(at, x.form), wording.value(height, y.form)) for at, height in (known[0], known[-1]))
    heights = [height for _, height in known]
    label = f"{x.label[:1].lower()}{x.label[1:]}"
    where = (f"{label} {first[0]}", f"{label} {last[0]}") if x.form != "time" else (first[0], last[0])
    lowest, highest = wording.value(min(heights), y.form), wording.value(max(heights), y.form)
    return wording.sentence(name, (where[0], first[1]), (where[1], last[1]), lowest, highest)
