"""How a vote stood over time, as a chart with its table. The numbers are `governance.selectors.score_over_time`'s."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.utils.translation import gettext as _

from frontend import words
from frontend.charts import wording
from frontend.charts.line import draw, exact
from frontend.charts.shapes import Axis, LineChart, Mark, Series
from governance import selectors
from governance.clock import unix
from governance.score_over_time import Point, thinned
from governance.selectors.standing import ScoreOverTime

# The choices with the most are drawn; all stand in the table.
LINES_MAX = 5
# With very many choices the table has fewer moments than the picture: each of its rows is exact all the same.
CELLS_MAX = 1_500


@dataclass(frozen=True)
class Table:
    """All choices with their values, in the form that `parts/chart_table.html` reads."""

    x_label: str
    y_label: str
    lines: tuple[Series, ...]
    table: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class VoteOverTime:
    """The picture and its table. `title` says what they show; `left_out`: there are choices that are not drawn."""

    title: str
    chart: LineChart
    table: Table
    left_out: bool


def over_time(shown: selectors.ProposalDetail, now: datetime) -> VoteOverTime | None:
    """Return the chart of an open or closed vote; nothing before two moments can be told apart."""
    found = selectors.score_over_time(shown, now)
    if found is None:
        return None
    whole = 10**shown.results.decimals
    points = list(found.points)
    if unix(found.until) > points[-1].at:  # the last step stays until the end of the picture
        points.append(Point(unix(found.until), points[-1].sums))
    x, y = Axis(_("Time"), form="time"), Axis(_("Votes"), form="number", low=0, from_zero=True)
    quorum = shown.results.condition("quorum")
    marks = [Mark(Fraction(quorum.needed, whole), _("Quorum"))] if quorum and found.is_turnout else []
    chart = draw([_line(shown, place, found, points) for place in found.places[:LINES_MAX]], x=x, y=y, marks=marks)
    if chart is None:
        return None
    # Other methods have no sums of single ballots, so all that is followed is how much was cast.
    title = _("Votes cast over time") if found.is_turnout else _("How the vote stood over time")
    rows = thinned(points, max(2, CELLS_MAX // len(found.places)))
    table = _table([_line(shown, place, found, rows) for place in found.places], x, y)
    return VoteOverTime(title, chart, table, left_out=len(found.places) > LINES_MAX)


def _line(shown: selectors.ProposalDetail, place: int, found: ScoreOverTime, points: Sequence[Point]) -> Series:
    whole = 10**shown.results.decimals
    return Series(
        _name(shown, place, found), [(point.at, Fraction(point.sums[place], whole)) for point in points], steps=True
    )


def _table(lines: Sequence[Series], x: Axis, y: Axis) -> Table:
    """Return a row for each moment, with a cell for each line: all have the same moments."""
    rows = [
        (wording.value(exact(at), x.form), [wording.value(exact(line.points[row][1] or 0), y.form) for line in lines])
        for row, (at, _value) in enumerate(lines[0].points)
    ]
    return Table(x.title, y.title, tuple(lines), rows)


def _name(shown: selectors.ProposalDetail, place: int, found: ScoreOverTime) -> str:
    if found.is_turnout:
        return _("Votes cast")
    name = shown.electorate.terms.choices[place]
    return str(words.choice(name, binary=shown.results.binary).label)
