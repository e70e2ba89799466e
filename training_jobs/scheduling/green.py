"""Where, and from when, a run would emit least, by the forecasts of one decision.

A site's emission for a run is its energy per unit of work times the intensity of its region's grid, summed over the run
at reference speed, rounded up to a quarter of an hour: enough to compare sites, and the same for all of a region, so
that the best of each region is the first. Regions without a forecast come after all that have one.
"""

from dataclasses import dataclass
from operator import itemgetter

from training_jobs.scheduling import carbon
from training_jobs.scheduling.prepared import Prepared
from training_jobs.scheduling.room import Room
from training_jobs.scheduling.values import Calendar, Need, Series

_QUARTER = 900
_UNKNOWN = 1 << 80  # gram-seconds per kWh of a grid that nobody forecasts
_NEVER = 1 << 200  # the emission of a region in which all is taken
_TIMES = 32  # that an order of the regions is used before it is made again
_DAY = 24 * 3_600


@dataclass(slots=True)
class _Ranked:
    left: int
    rank: list[tuple[int, int, int, int]]


class Green:
    """The forecasts at one moment, with what was computed from them so far."""

    def __init__(self, prepared: Prepared, room: Room, calendar: Calendar, now: int) -> None:
        """Take the forecasts of the regions in which there are sites."""
        self.now = now
        self._room = room
        self._energy = prepared.energy
        self._regions: list[tuple[int, Series | None]] = []
        for region, places in sorted(prepared.regions.items()):
            series = calendar.forecast.get(region)
            known = series if series is not None and series.grams_per_kwh and series.step > 0 else None
            self._regions.append((places, known))
        self._floor = [min(series.grams_per_kwh) if series else 0 for _, series in self._regions]
        self._ranks: dict[int, _Ranked] = {}  # by seconds
        self._later: dict[tuple[int, int], list[tuple[int, int]]] = {}  # by region and seconds: latest, best start
        self._sums: dict[tuple[int, int, int], int] = {}

    def best(self, places: int, need: Need) -> int:
        """Return the place of a mask that emits least for a run that begins now; ties go to the preferred site."""
        energy = self._energy
        lowest, best = -1, -1
        for least, total, mask, _ in self._rank(_quarters(need)):
            if best >= 0 and least > lowest:
                break
            here = places & mask
            if here:
                at = (here & -here).bit_length() - 1
                emits = energy[at] * total
                if best < 0 or emits < lowest or (emits == lowest and at < best):
                    lowest, best = emits, at
        return best

    def greener(self, places: int, chosen: int, need: Need, latest: int) -> tuple[int, int] | None:
        """Return the later start, and its place, that emits less than `chosen` does now; None: there is none."""
        seconds = _quarters(need)
        energy = self._energy
        now = next(total for _, total, mask, _ in self._rank(seconds) if mask >> chosen & 1)
        best = (energy[chosen] * now, self.now, chosen)
        could = []
        for _, _, mask, region in self._rank(seconds):
            here = places & mask
            series = self._regions[region][1]
            if not here or series is None:
                continue
            at = _first(here)
            if energy[at] * self._floor[region] * seconds < best[0]:
                could.append((energy[at] * self._least(region, series, latest, seconds), at, region, series))
        could.sort(key=itemgetter(0, 1))
        for least, at, region, series in could:
            if least >= best[0]:
                break
            start = self._best_start(region, series, latest, seconds)
            found = (energy[at] * self._sum(region, series, start, seconds), start, at)
            if start > self.now and found < best:
                best = found
        return None if best[1] == self.now else (best[1], best[2])

    def _least(self, region: int, series: Series, latest: int, seconds: int) -> int:
        """Return the least sum of a grid for a start until `latest` or up to a day later: never too much."""
        until = self.now - (self.now - latest) // _DAY * _DAY
        return self._sum(region, series, self._best_start(region, series, until, seconds), seconds)

    def _rank(self, seconds: int) -> list[tuple[int, int, int, int]]:
        """Return the regions by the least that a site of theirs with free devices emitted when this was last made.

        Of each: that emission, the sum of its grid, its mask and its number. What is full stays full while a decision
        is made, so an older order is still in order of what cannot be less.
        """
        ranked = self._ranks.get(seconds)
        if ranked is not None and ranked.left:
            ranked.left -= 1
            return ranked.rank
        rank = []
        some = self._room.with_free(1)
        for region, (places, series) in enumerate(self._regions):
            free = places & some
            total = self._sum(region, series, self.now, seconds) if series else _UNKNOWN
            rank.append((self._energy[_first(free)] * total if free else _NEVER, total, places, region))
        rank.sort()
        self._ranks[seconds] = _Ranked(_TIMES, rank)
        return rank

    def _best_start(self, region: int, series: Series, latest: int, seconds: int) -> int:
        """Return `carbon.best_start`; the best of a longer slack is that of a shorter one in which it lies."""
        known = self._later.setdefault((region, seconds), [])
        for slack_end, start in known:
            if start <= latest <= slack_end:
                return start
        start = carbon.best_start(series, self.now, latest, seconds)
        known.append((latest, start))
        return start

    def _sum(self, region: int, series: Series, start: int, seconds: int) -> int:
        """Return the gram-seconds per kWh of a grid in [start, start + seconds)."""
        key = (region, start, seconds)
        total = self._sums.get(key)
        if total is None:
            total = self._sums[key] = _summed(series, start, start + seconds)
        return total


def _summed(series: Series, since: int, until: int) -> int:
    values, step = series.grams_per_kwh, series.step
    last = len(values) - 1
    end = series.since + last * step  # from here on the last value holds
    total = values[0] * max(min(until, series.since) - since, 0) + values[last] * max(until - max(since, end), 0)
    since, until = max(since, series.since), min(until, end)
    if since < until:
        first, beyond = (since - series.since) // step, (until - series.since - 1) // step
        total += sum(values[first : beyond + 1]) * step
        total -= values[first] * (since - series.since - first * step)
        total -= values[beyond] * (series.since + (beyond + 1) * step - until)
    return total


def _quarters(need: Need) -> int:
    return -(-need.seconds // _QUARTER) * _QUARTER


def _first(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
