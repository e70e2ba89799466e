"""A week of sites as a picture: bars by the hour in lanes, as lengths that an SVG of any width takes; pure.

Drawing is the template's, and a table beside it has the same rows. What a bar is for is said by its pattern, by a key
in words, and by its own title; colour alone says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from training_jobs.commons.timetable import Bar, Line, Use, Week

LANE, GAP, EDGE = 22, 4, 4
LANES_MAX = 12  # what lies in further lanes is in the table
_LABELLED_PERMILLE = 70  # of the week: a shorter bar has no room for its name
_ALL = 100_000  # thousandths of a percent


@dataclass(frozen=True)
class Drawn:
    """A bar with its place: lengths across are in percent of the week, those down in pixels."""

    bar: Bar
    x: str
    width: str
    y: int
    look: str
    labelled: bool

    @property
    def middle(self) -> int:
        """Return where the text of the bar stands."""
        return self.y + LANE // 2


@dataclass(frozen=True)
class Strip:
    """The picture of one site. `left_out` bars have no room in it."""

    line: Line
    bars: tuple[Drawn, ...]
    height: int
    left_out: int


def strips(lines: Sequence[Line], week: Week, community: int) -> tuple[Strip, ...]:
    """Return the picture of each site that has something to draw; `community` is whose own bars are filled."""
    return tuple(_strip(line, week, community) for line in lines)


def place_of(moment: datetime, week: Week) -> str:
    """Return where a moment lies in a week, as a percentage for an SVG; its ends for what lies outside."""
    return _percent(_part(moment, week))


def day_lines() -> tuple[str, ...]:
    """Return where the days after the first begin."""
    return tuple(_percent(_ALL * day // 7) for day in range(1, 7))


def _strip(line: Line, week: Week, community: int) -> Strip:
    shown = [bar for bar in line.bars if bar.lane < LANES_MAX]
    lanes = min(max(line.lanes, 1), LANES_MAX)
    height = 2 * EDGE + lanes * LANE + (lanes - 1) * GAP
    return Strip(line, tuple(_drawn(bar, week, community) for bar in shown), height, len(line.bars) - len(shown))


def _drawn(bar: Bar, week: Week, community: int) -> Drawn:
    left, right = _part(bar.since, week), _part(bar.until, week)
    width = max(right - left, _ALL // 500)  # a bar of minutes can still be seen
    y = EDGE + bar.lane * (LANE + GAP)
    labelled = width * 1_000 >= _LABELLED_PERMILLE * _ALL
    return Drawn(bar, _percent(left), _percent(width), y, _look(bar, community), labelled)


def _look(bar: Bar, community: int) -> str:
    if bar.use is Use.BUSY:
        return "busy"
    if bar.lent:
        return "lent"
    return "own" if bar.community is not None and bar.community.pk == community else "other"


def _part(moment: datetime, week: Week) -> int:
    whole = int((week.until - week.since).total_seconds())
    at = int((moment - week.since).total_seconds())
    return min(max(at, 0), whole) * _ALL // whole


def _percent(part: int) -> str:
    return f"{part // 1_000}.{part % 1_000:03d}%"
