"""How a vote stood over time, as a chart. The numbers are `governance.selectors.score_over_time`'s."""

from datetime import datetime
from fractions import Fraction

from django.utils.translation import gettext as _

from frontend import words
from frontend.charts.line import draw
from frontend.charts.shapes import Axis, LineChart, Mark, Series
from governance import selectors
from governance.clock import unix
from governance.score_over_time import Point
from governance.selectors.standing import ScoreOverTime

# The choices with the most are drawn; all stand in the table of results.
LINES_MAX = 5


def over_time(shown: selectors.ProposalDetail, now: datetime) -> LineChart | None:
    """Return the chart of an open or closed vote; nothing before two moments can be told apart."""
    found = selectors.score_over_time(shown, now)
    if found is None:
        return None
    whole = 10**shown.results.decimals
    points = list(found.points)
    if unix(found.until) > points[-1].at:  # the last step stays until the end of the picture
        points.append(Point(unix(found.until), points[-1].sums))
    drawn = found.places[:LINES_MAX]
    lines = {place: [(point.at, Fraction(point.sums[place], whole)) for point in points] for place in drawn}
    series = [Series(_name(shown, place, found), line, steps=True) for place, line in lines.items()]
    quorum = shown.results.condition("quorum")
    marks = [Mark(Fraction(quorum.needed, whole), _("Quorum"))] if quorum and found.is_turnout else []
    return draw(
        series, x=Axis(_("Time"), form="time"), y=Axis(_("Votes"), form="number", low=0, from_zero=True), marks=marks
    )


def _name(shown: selectors.ProposalDetail, place: int, found: ScoreOverTime) -> str:
    if found.is_turnout:
        return _("Votes cast")
    name = shown.electorate.terms.choices[place]
    return str(words.choice(name, binary=shown.results.binary).label)
