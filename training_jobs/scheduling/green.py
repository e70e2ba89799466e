"""Where, and from when, a run would emit least, by the forecasts of one decision.

A site's emission for a run is its power times the intensity of its region's grid, summed over the seconds that the run
takes there at the site's speed. `greener` compares these sums exactly. `best` orders many sites for many requests: runs
of about one length, and sites of about one speed, share a sum, so that the order is exact for runs of up to four hours
at sites of one speed, and else off by what the grid's mean changes over an eighth of the run. Regions without a
forecast come after all that have one.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from operator import mul, or_

from training_jobs.scheduling.carbon import Curve
from training_jobs.scheduling.prepared import Prepared, each_place
from training_jobs.scheduling.room import Room
from training_jobs.scheduling.values import Calendar, Need

_QUARTER = 900
_UNKNOWN = 1 << 80  # gram-seconds per kWh of a grid that nobody forecasts
_DAY = 24 * 3_600


@dataclass(frozen=True, slots=True)
class _Falling:
    """The starts until a moment that are better than all before them, and the sum of the grid from each."""

    until: int
    starts: list[int]
    sums: list[int]


class Green:
    """The forecasts at one moment, with what was computed from them so far."""

    def __init__(self, prepared: Prepared, room: Room, calendar: Calendar, now: int) -> None:
        """Take the forecasts of the regions in which there are sites."""
        self.now = now
        self._prepared, self._room = prepared, room
        self._curves: dict[str, Curve] = {}
        for region in prepared.regions:
            series = calendar.forecast.get(region)
            if series is not None and series.grams_per_kwh and series.step > 0:
                self._curves[region] = Curve.of(series, now, series.since + series.step * len(series.grams_per_kwh))
        self._before = {region: curve.up_to(now) for region, curve in self._curves.items()}
        self._grids = [(prepared.regions[region], region, min(curve.values)) for region, curve in self._curves.items()]
        self._orders: dict[int, tuple[list[int], list[int]]] = {}  # by seconds
        self._falling: dict[tuple[str, int], _Falling] = {}  # by region and seconds
        self._spans: dict[tuple[str, int], int] = {}  # by region and steps of its forecast

    def best(self, places: int, need: Need) -> int:
        """Return the place of a mask, free now, that emits least for a run that begins now; ties: the preferred."""
        order = self._orders.get(need.seconds)
        if order is None:
            about = _about(need.seconds)
            if about not in self._orders:
                self._orders[about] = self._ordered(about)
            order = self._orders[need.seconds] = self._orders[about]
        sites, reach = order
        low, high = 0, len(sites) - 1
        while low < high:
            middle = (low + high) // 2
            if reach[middle] & places:
                high = middle
            else:
                low = middle + 1
        return sites[low]

    def greener(self, places: int, chosen: int, need: Need, latest: int) -> tuple[int, int] | None:
        """Return the later start, and its place, that emits less than `chosen` does now; None: there is none."""
        sites, power, work = self._prepared.sites, self._prepared.power, need.seconds * 1_000
        at_once = self._emits(chosen, need, self.now)
        could = []
        for mask, region, floor in self._grids:
            here = places & mask
            if here:
                at = (here & -here).bit_length() - 1
                seconds = -(-work // sites[at].speed_permille)
                # no start is greener than the least of the forecast, and the least of whole spans of it
                if floor * seconds * power[at] < at_once:
                    least = self._least(region, seconds) * power[at]
                    if least < at_once:
                        could.append((least, at, region, seconds))
        could.sort()
        best = (at_once, self.now, chosen)
        for least, at, region, seconds in could:
            if least >= best[0]:
                break
            start = self._best_start(region, latest, seconds)
            emits = self._emits(at, need, start)
            if emits < best[0]:
                best = min((emits, start, at), (self._emits(at, need, self.now), self.now, at))
        return None if best[1] == self.now else (best[1], best[2])

    def _emits(self, at: int, need: Need, start: int) -> int:
        site = self._prepared.sites[at]
        curve = self._curves.get(site.region)
        if curve is None:
            return _UNKNOWN * _UNKNOWN
        end = start - (-need.seconds * 1_000 // site.speed_permille)
        return self._prepared.power[at] * (curve.up_to(end) - curve.up_to(start))

    def _ordered(self, seconds: int) -> tuple[list[int], list[int]]:
        """Return the places with anything free, who emits least over about so many seconds of work first.

        With it, for each place in that order, the mask of all up to it.
        """
        prepared = self._prepared
        means = []
        for region, speed in prepared.paces:
            curve = self._curves.get(region)
            # energy is per unit of work, so that a fast site's sum over few seconds counts for as much work
            end = self.now - (-seconds * 1_000 // speed)
            means.append((curve.up_to(end) - self._before[region]) * speed if curve else _UNKNOWN)
        emits = list(map(mul, prepared.energy, map(means.__getitem__, prepared.pace)))
        order = list(each_place(self._room.with_free(1)))
        order.sort(key=emits.__getitem__)
        return order, list(accumulate(map(prepared.bits.__getitem__, order), or_))

    def _least(self, region: str, seconds: int) -> int:
        """Return what no run of so many seconds goes below: each whole span of it at its least."""
        curve = self._curves[region]
        steps = seconds // curve.step
        if not steps:
            return 0
        span = 1 << steps.bit_length() - 1
        known = self._spans.get((region, span))
        if known is None:
            known = self._spans[region, span] = curve.least(span)
        rest = seconds - span * curve.step
        return known + self._least(region, rest) if rest >= curve.step else known

    def _best_start(self, region: str, latest: int, seconds: int) -> int:
        """Return the best start in [now, latest] for a run of about so many seconds; ties: the earlier."""
        curve = self._curves[region]
        # whole steps: then only the beginnings of values can be the best
        about = max(_about(seconds, 3) // curve.step * curve.step, seconds % curve.step)
        found = self._falling.get((region, about))
        if found is None or found.until < latest:
            until = latest - (latest - self.now) % _DAY + _DAY
            found = self._falling[region, about] = self._records(curve, about, until)
        place = bisect_right(found.starts, latest) - 1
        last = curve.between(latest, latest + about)
        return latest if last < found.sums[place] else found.starts[place]

    def _records(self, curve: Curve, seconds: int, until: int) -> _Falling:
        """Return the starts, from now on, that are better than all before them, and what the grid sums up to."""
        now = self.now
        turns = [(now, curve.between(now, now + seconds))]
        for first, sums in curve.turns(now, until, seconds):
            turns += zip(range(first, first + len(sums) * curve.step, curve.step), sums, strict=True)
        turns.sort()
        starts: list[int] = []
        costs: list[int] = []
        lowest = turns[0][1] + 1
        for start, total in turns:
            if total < lowest:
                starts.append(start)
                costs.append(total)
                lowest = total
        return _Falling(until, starts, costs)


def _about(seconds: int, bits: int = 4) -> int:
    """Return seconds rounded up: to quarters of an hour, of which no more than the first bits count."""
    quarters = -(-seconds // _QUARTER)
    rest = max(quarters.bit_length() - bits, 0)
    return -((-quarters >> rest) << rest) * _QUARTER


def _first(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
