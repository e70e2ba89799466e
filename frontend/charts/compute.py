"""The charts of the compute commons by month: waiting, acceptance, use, newcomers, prices, energy.

A month whose group is too small to be shown breaks its line; the table beside each chart has a dash there.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction

from django.utils.translation import gettext as _

from frontend.charts.line import SERIES_MAX, draw
from frontend.charts.shapes import Axis, LineChart, Point, Series
from frontend.charts.training import NamedChart
from training_jobs.transparency.figures import Figure, Figures

_HOUR, _KWH = 3_600, 3_600_000
_MICRO = 1_000_000


def compute_charts(found: Figures) -> dict[str, NamedChart]:
    """Return the charts by key, without those for which nothing is shown yet."""
    share = Axis(_("Share"), form="share", low=0, high=1)
    drawn = [
        ("waiting", _("Median wait by month"), _waiting(found)),
        ("acceptance", _("Share that was accepted, by month"), _accepted(found, share)),
        ("use", _("Share of open devices in use, by month"), _use(found, share)),
        ("newcomers", _("Share of newcomers among requests, by month"), _newcomers(found, share)),
        ("prices", _("Prices of sites since each change"), _prices(found)),
        ("energy", _("Energy by month"), _energy(found)),
    ]
    return {key: NamedChart(key, title, chart) for key, title, chart in drawn if chart is not None}


def _waiting(found: Figures) -> LineChart | None:
    lines = [_line(found, name, ("requests", who, "wait_p50"), _HOUR) for who, name in _requesters()]
    return _by_month(lines, Axis(_("Median wait"), unit=_("hours"), from_zero=True))


def _accepted(found: Figures, share: Axis) -> LineChart | None:
    return _by_month([_line(found, name, ("requests", who, "acceptance")) for who, name in _requesters()], share)


def _use(found: Figures, share: Axis) -> LineChart | None:
    lines = [
        _line(found, _("All devices"), ("use", "all", "utilisation")),
        _line(found, _("The reserve"), ("use", "reserve", "utilisation")),
    ]
    return _by_month(lines, share)


def _newcomers(found: Figures, share: Axis) -> LineChart | None:
    return _by_month([_line(found, _("Newcomers"), ("requests", "newcomer", "share"))], share)


def _energy(found: Figures) -> LineChart | None:
    lines = [
        _line(found, _("Metered"), ("energy", "metered", "joules"), _KWH),
        _line(found, _("Estimated"), ("energy", "estimated", "joules"), _KWH),
    ]
    return _by_month(lines, Axis(_("Energy"), unit=_("kWh"), from_zero=True))


def _prices(found: Figures) -> LineChart | None:
    """Draw the sites that changed most lately, each to the end of the log; the table of sites has all of them."""
    rows = [row for row in found.rows if row.table == "prices" and row.at is not None and row.value is not None]
    latest = {row.group: number for number, row in enumerate(rows)}
    sites = sorted(sorted(latest, key=lambda site: -latest[site])[:SERIES_MAX])
    lines = [
        Series(site, _steps((row for row in rows if row.group == site), found.until), steps=True) for site in sites
    ]
    return _by_month(lines, Axis(_("Price"), unit=_("minor units of money per device-hour"), from_zero=True))


def _steps(rows: Iterable[Figure], until: int) -> list[Point]:
    prices: dict[int, Fraction] = {}  # of several at one moment the last one holds
    for row in rows:
        prices[row.at or 0] = Fraction(row.value or 0) / _MICRO
    last = max(prices)
    if until > last:
        prices[until] = prices[last]
    return list(prices.items())


def _requesters() -> list[tuple[str, str]]:
    return [("newcomer", _("Newcomers")), ("member", _("Members"))]


def _line(found: Figures, name: str, wanted: tuple[str, str, str], unit: int = 1) -> Series:
    points: list[Point] = [
        (_moment(row.period), None if row.value is None else Fraction(row.value) / unit)
        for row in found.rows
        if (row.table, row.group, row.measure) == wanted and row.period != "all"
    ]
    return Series(name, points)


def _by_month(lines: Sequence[Series], y: Axis) -> LineChart | None:
    return draw(lines, x=Axis(_("Time"), form="time"), y=y)


def _moment(month: str) -> int:
    """Return when a month begins (UTC)."""
    year, number = month.split("-")
    return int(datetime(int(year), int(number), 1, tzinfo=UTC).timestamp())
