"""Where, and from when, a run would emit least, by the forecasts of one decision.

A site's emission for a run is its power times the intensity of its region's grid, summed over the seconds that the run
takes there at the site's speed. A later start is compared by these sums exactly. `best` orders many sites for many
requests: runs of about one length, and sites of about one speed, share a sum, so that the order is exact for runs of up
to four hours at sites of one speed, and else off by what the grid's mean changes over an eighth of the run. Regions
without a forecast come after all that have one.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import or_
from typing import NamedTuple

from training_jobs.scheduling.carbon import Curve
from training_jobs.scheduling.prepared import Prepared
from training_jobs.scheduling.room import Room
from training_jobs.scheduling.values import Calendar, Series

_QUARTER = 900
_UNKNOWN = 1 << 80  # gram-seconds per kWh of a grid that nobody forecasts
_DAY = 24 * 3_600

_Grid = tuple[int, int, int, str]  # the least of a forecast, its step, the places in its region, the region


class _Row(NamedTuple):  # as `Start`: made by the hundred
    """Starts one step apart from `first` on: the sum of the grid from each, and the least up to each."""

    first: int
    sums: list[int]
    least: list[int]


class _Starts(NamedTuple):
    """The starts until a moment that could be the best, and the sum of the grid if work begins at once."""

    until: int
    at_once: int
    rows: list[_Row]


class _Forecast:
    """A series as it was issued, whatever moment it is looked at: its curve, and what no run goes below."""

    __slots__ = ("curve", "floor", "spans")

    def __init__(self, series: Series) -> None:
        """Sum it up."""
        self.curve = Curve.of(series, series.since, series.since + series.step * len(series.grams_per_kwh))
        self.floor = min(series.grams_per_kwh)
        self.spans: dict[int, int] = {}  # by steps

    def least(self, steps: int) -> int:
        """Return what no run of so many steps goes below: each whole span of it at its least."""
        known = self.spans.get(steps)
        if known is None:
            span = 1 << steps.bit_length() >> 1
            if span == steps:
                known = self.curve.least(span) if span else 0
            else:
                known = self.least(span) + self.least(steps - span)
            self.spans[steps] = known
        return known


@lru_cache(maxsize=256)
def _read(series: Series) -> _Forecast:
    """Return a forecast summed up; kept, for the same one is looked at in many decisions."""
    return _Forecast(series)


class Green:
    """The forecasts at one moment, with what was computed from them so far."""

    def __init__(self, prepared: Prepared, room: Room, calendar: Calendar, now: int) -> None:
        """Take the forecasts of the regions in which there are sites."""
        self.now = now
        self._prepared, self._room = prepared, room
        self._forecasts: dict[str, _Forecast] = {}
        for region in prepared.regions:
            series = calendar.forecast.get(region)
            if series is not None and series.grams_per_kwh and series.step > 0:
                self._forecasts[region] = _read(series)
        self._curves = {region: each.curve for region, each in self._forecasts.items()}
        self._before = {region: curve.up_to(now) for region, curve in self._curves.items()}
        # those with the greenest hour first: there a later start is likely to be found
        self._grids = sorted(
            (each.floor, each.curve.step, prepared.regions[region], region) for region, each in self._forecasts.items()
        )
        self._orders: dict[int, tuple[list[int], list[int]]] = {}  # by seconds
        self._starts: dict[tuple[str, int], _Starts] = {}  # by region and seconds
        self._free: list[int] | None = None  # places with anything free; and the paces of these
        self._paces: list[tuple[int, str, int]] = []

    def best(self, places: int, seconds: int) -> int:
        """Return the place of a mask, free now, that emits least for a run that begins now; ties: the preferred."""
        order = self._orders.get(seconds)
        if order is None:
            about = _about(seconds)
            if about not in self._orders:
                self._orders[about] = self._ordered(about)
            order = self._orders[seconds] = self._orders[about]
        sites, reach = order
        # the first whose reach has any place of the mask in common
        return sites[bisect_left(reach, 1, key=places.__and__)]

    def is_greener_later(self, places: int, chosen: int, work: int, latest: int) -> bool:
        """Say whether some later start in (now, latest], at one of the places, emits less than `chosen` does now.

        `work`: the seconds of a need.
        """
        # mostly one in its own region does
        own = [grid for grid in self._grids if grid[3] == self._prepared.sites[chosen].region]
        return any(
            next(self._later(places, chosen, work, latest, grids), None) is not None for grids in (own, self._grids)
        )

    def greenest_later(self, places: int, chosen: int, work: int, latest: int) -> tuple[int, int]:
        """Return of those later starts the one that emits least, and its place; ties: the earlier, the preferred."""
        return min(self._later(places, chosen, work, latest, self._grids))[1:]

    def _later(
        self, places: int, chosen: int, work: int, latest: int, grids: Sequence[_Grid]
    ) -> Iterator[tuple[int, int, int]]:
        """Yield the best later start of each region, and its place, after what it emits, where that is less."""
        sites, power, forecasts = self._prepared.sites, self._prepared.power, self._forecasts
        now = self.now
        at_once = self._emits(chosen, work, now)
        for floor, step, mask, region in grids:
            here = places & mask
            if here:
                at = (here & -here).bit_length() - 1
                seconds = -(-work * 1_000 // sites[at].speed_permille)
                # no start is greener than the least of the forecast, and the least of whole spans of it
                if floor * seconds * power[at] < at_once:
                    steps = seconds // step
                    known = forecasts[region]
                    least = known.spans.get(steps)
                    if least is None:
                        least = known.least(steps)
                    if least * power[at] < at_once:
                        start = self._best_start(region, latest, seconds)
                        if start > now:
                            curve = self._curves[region]
                            total = curve.between(start, start + seconds)
                            emits = total * power[at]
                            if emits < at_once and total < curve.up_to(now + seconds) - self._before[region]:
                                yield emits, start, at

    def _emits(self, at: int, seconds: int, start: int) -> int:
        site = self._prepared.sites[at]
        curve = self._curves.get(site.region)
        if curve is None:
            return _UNKNOWN * _UNKNOWN
        return self._prepared.power[at] * curve.between(start, start - (-seconds * 1_000 // site.speed_permille))

    def _ordered(self, seconds: int) -> tuple[list[int], list[int]]:
        """Return the places with anything free, who emits least over about so many seconds of work first.

        With it, for each place in that order, the mask of all up to it.
        """
        prepared, room = self._prepared, self._room
        if self._free is None:
            self._free = [at for at, free in enumerate(room.free) if free > 0]
            self._paces = [(pace, *prepared.paces[pace]) for pace in {prepared.pace[at] for at in self._free}]
        means = {}
        for pace, region, speed in self._paces:
            curve = self._curves.get(region)
            # energy is per unit of work, so that a fast site's sum over few seconds counts for as much work
            end = self.now - (-seconds * 1_000 // speed)
            means[pace] = (curve.up_to(end) - self._before[region]) * speed if curve else _UNKNOWN
        emits = {at: prepared.energy[at] * means[prepared.pace[at]] for at in self._free}
        order = sorted(self._free, key=emits.__getitem__)
        return order, list(accumulate(map(prepared.bits.__getitem__, order), or_))

    def _best_start(self, region: str, latest: int, seconds: int) -> int:
        """Return the best start in [now, latest] for a run of about so many seconds; ties: the earlier."""
        curve = self._curves[region]
        # whole steps: then only the beginnings of values can be the best
        about = max(_about(seconds, 3) // curve.step * curve.step, seconds % curve.step)
        found = self._starts.get((region, about))
        if found is None or found.until < latest:
            until = latest - (latest - self.now) % _DAY + _DAY
            found = self._starts[region, about] = self._possible(curve, about, until)
        least, start = found.at_once, self.now
        for row in found.rows:
            last = min((latest - row.first) // curve.step, len(row.sums) - 1)
            if last >= 0 and (lower := row.least[last]) <= least:
                first = row.first + row.sums.index(lower) * curve.step
                if lower < least or first < start:
                    least, start = lower, first
        return latest if curve.between(latest, latest + about) < least else start

    def _possible(self, curve: Curve, seconds: int, until: int) -> _Starts:
        """Return the starts until a moment that could be the best, and what the grid sums up to from each."""
        now = self.now
        rows = [_Row(first, sums, list(accumulate(sums, min))) for first, sums in curve.turns(now, until, seconds)]
        return _Starts(until, curve.between(now, now + seconds), rows)


def _about(seconds: int, bits: int = 4) -> int:
    """Return seconds rounded up: to quarters of an hour, of which no more than the first bits count."""
    quarters = -(-seconds // _QUARTER)
    rest = max(quarters.bit_length() - bits, 0)
    return -((-quarters >> rest) << rest) * _QUARTER
