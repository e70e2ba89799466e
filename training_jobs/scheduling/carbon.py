"""When to begin so that the grid emits least, what a run emits, and what waiting could have saved at best.

Energy times PUE times intensity (the Green Software Foundation's SCI without its embodied share), all exact: integers
inside, a Fraction where grams leave. Before a series begins its first value holds, after it the last; `covers` says
whether that was needed. It knows neither prices nor queues: how long a request may wait is the caller's `latest`.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from operator import sub

from governance.errors import Invalid
from training_jobs.scheduling.fitting import could_run, seconds_at
from training_jobs.scheduling.values import Request, Series, Site

# watt-seconds per kilowatt-hour, times the permille of PUE
_PER_GRAM = 3_600_000 * 1_000

Fits = Callable[[Request, Site], bool]


def best_start(series: Series, now: int, latest: int, seconds: int) -> int:
    """Return the earliest start in [now, latest] at which `seconds` of work meet the least mean intensity.

    `now` where there is no slack (latest <= now) or nothing to do. The sum over the run is linear in its start between
    the moments at which the start or the end meets a new value, so only those, `now` and `latest` are looked at.
    Raises Invalid for a series that says nothing.
    """
    if latest <= now or seconds <= 0:
        _require(series)
        return now
    curve = Curve.of(series, now, latest + seconds)
    best, cost = now, curve.between(now, now + seconds)
    for first, starts in curve.turns(now, latest, seconds):
        least = min(starts)
        at = first + starts.index(least) * curve.step
        if (least, at) < (cost, best):
            best, cost = at, least
    last = curve.between(latest, latest + seconds)
    return latest if last < cost else best


def grams(series: Series, since: int, until: int, watts: int, pue_permille: int) -> Fraction:
    """Return the grams of CO2e of `watts` (of all devices together) drawn in [since, until), with the site's PUE.

    Raises Invalid for an interval that ends before it begins, a negative power or PUE, and a series that says nothing.
    """
    if until < since:
        raise Invalid("interval_reversed", "an interval ends before it begins", field="until", found=until)
    if watts < 0 or pue_permille < 0:
        raise Invalid("energy_negative", "power and PUE are not negative", field="watts", found=(watts, pue_permille))
    return Fraction(gram_seconds(series, since, until) * watts * pue_permille, _PER_GRAM)


def gram_seconds(series: Series, since: int, until: int) -> int:
    """Return the sum of the intensity over [since, until): grams per kWh, times seconds."""
    return Curve.of(series, since, until).between(since, until)


def saved(series: Series, now: int, start: int, seconds: int, watts: int, pue_permille: int) -> Fraction:
    """Return the grams that beginning at `start` saves against beginning at `now`; negative where it cost more.

    With a forecast it is what was hoped for, with the real intensities what came of it.
    """
    at_once = grams(series, now, now + seconds, watts, pue_permille)
    return at_once - grams(series, start, start + seconds, watts, pue_permille)


def grams_of_energy(series: Series, since: int, until: int, joules: int, pue_permille: int) -> Fraction:
    """Return the grams of CO2e of energy that was metered over [since, until), as if it was drawn evenly.

    Raises Invalid for an interval without a second, negative energy or PUE, and a series that says nothing.
    """
    if until <= since:
        raise Invalid("interval_empty", "energy is used in some time", field="until", found=until)
    return grams(series, since, until, joules, pue_permille) / (until - since)


def grams_of_sum(total: int, seconds: int, joules: int, pue_permille: int) -> Fraction:
    """Return what `grams_of_energy` does, for a time of which only the sum of the intensity is known."""
    return Fraction(total * joules * pue_permille, seconds * _PER_GRAM)


def covers(series: Series, since: int, until: int) -> bool:
    """Say whether a series has values of its own for all of [since, until)."""
    _require(series)
    return series.since <= since and until <= series.since + series.step * len(series.grams_per_kwh)


@dataclass(frozen=True, slots=True)
class Placed:
    """A request in a schedule that was made afterwards, and what it would have emitted there (grams of CO2e)."""

    request: str
    site: str
    start: int
    until: int
    grams: Fraction


def best_offline(
    requests: Iterable[Request], sites: Iterable[Site], real: Mapping[str, Series], fits: Fits = could_run
) -> tuple[Placed, ...]:
    """Place each request alone, knowing the real intensities: the greenest site and start within its own slack.

    It ignores capacity, so that its emissions are a lower bound and what it saves is an upper bound: no schedule with
    the same slack saves more, and where machines are full none can save as much. With `slack` 0 it tells what beginning
    at once at the greenest site emits. Requests that fit no site with a series are left out. Ties go to the earlier
    start, then to the smaller site id.
    """
    places = _places(sites, real)
    found = (min(_choices(request, places, fits), default=None) for request in requests)
    return tuple(choice.placed() for choice in found if choice is not None)


def greedy_offline(
    requests: Iterable[Request], sites: Iterable[Site], real: Mapping[str, Series], fits: Fits = could_run
) -> tuple[Placed, ...]:
    """Place requests one after the other on what devices are left, the most device-seconds first.

    It keeps to capacity, and so can be done; being greedy, it need not be the best that can. Beside the moments of
    `best_start` it looks at those at which devices come free. What finds no devices within its slack begins at the
    first moment afterwards at which it does, which is what would happen to it.
    """
    places = _places(sites, real)
    taken = {site.id: _Taken() for site, _ in places}
    placed = []
    for request in sorted(requests, key=lambda each: (-each.need.devices * each.need.seconds, each.id)):
        chosen = _within(request, places, taken, fits) or _afterwards(request, places, taken, fits)
        if chosen is not None:
            taken[chosen.site].take(chosen.start, chosen.until, request.need.devices)
            placed.append(chosen.placed())
    return tuple(placed)


# --- sums over a series -----------------------------------------------------------------------------------------------


def _require(series: Series) -> None:
    if series.step < 1 or not series.grams_per_kwh:
        detail = "a series has at least one value, each for at least a second"
        raise Invalid("series_empty", detail, field="series", found=(series.step, len(series.grams_per_kwh)))


@dataclass(frozen=True, slots=True)
class Curve:
    """The sums of a series from `since` on, as far as an interval needs them; sums in gram-seconds per kWh.

    `sums[i]` is the sum up to the beginning of value i. Left of `since` they are negative: only differences count.
    """

    since: int
    step: int
    values: Sequence[int]
    sums: Sequence[int]

    @classmethod
    def of(cls, series: Series, since: int, until: int) -> "Curve":
        """Return the curve of a series as far as [since, until) needs it."""
        _require(series)
        step, last = series.step, len(series.grams_per_kwh) - 1
        first = min(max((since - series.since) // step, 0), last)
        end = min(max((until - series.since) // step, first), last)
        values = series.grams_per_kwh[first : end + 1]
        sums = list(accumulate([value * step for value in values[:-1]], initial=0))
        return cls(series.since + first * step, step, values, sums)

    def least(self, count: int) -> int:
        """Return the least sum of `count` steps in a row, from the first value on."""
        total, last = self.sums[-1], self.values[-1] * self.step
        sums = [*self.sums, *[total + last * at for at in range(1, count + 1)]]
        least: int = min(map(sub, sums[count:], sums))
        return least

    def between(self, since: int, until: int) -> int:
        """Return the sum in [since, until)."""
        return self.up_to(until) - self.up_to(since)

    def up_to(self, moment: int) -> int:
        """Return the sum from `since` up to a moment; less than nothing before it."""
        index, last = (moment - self.since) // self.step, len(self.values) - 1
        index = last if index > last else max(index, 0)
        return self.sums[index] + self.values[index] * (moment - self.since - index * self.step)

    def turns(self, now: int, latest: int, seconds: int) -> Iterable[tuple[int, list[int]]]:
        """Yield (first start, sums of starts one step apart): where the start, then where the end meets a new value."""
        # a run of whole steps meets new values at both its ends at once
        both = seconds % self.step or now < self.since
        for offset in (0, -seconds) if both else (0,):
            # the starts are the beginnings of values, moved by `offset`, as far as they lie in (now, latest]
            low = max((now - offset - self.since) // self.step + 1, 1)
            high = min((latest - offset - self.since) // self.step + 1, len(self.values))
            if low < high:
                begin = self._row(low, high - low, offset)
                end = self._row(low, high - low, offset + seconds)
                yield self.since + low * self.step + offset, list(map(sub, end, begin))

    def _row(self, low: int, count: int, offset: int) -> list[int]:
        """Return the sums up to the beginnings of `count` values from `low` on, each moved by `offset` seconds."""
        whole, rest = divmod(offset, self.step)
        first = low + whole
        before = min(max(-first, 0), count)
        inside = min(max(len(self.values) - max(first, 0), 0), count - before)
        row = [self.up_to(self.since + (first + at) * self.step + rest) for at in range(before)]
        span = slice(max(first, 0), max(first, 0) + inside)
        if rest:
            row += [total + rest * value for total, value in zip(self.sums[span], self.values[span], strict=True)]
        else:
            row += self.sums[span]
        if after := count - before - inside:  # there the last value holds
            total = self.up_to(self.since + (first + before + inside) * self.step + rest)
            more = self.values[-1] * self.step
            row += [total + at * more for at in range(after)]
        return row

    def starts(self, now: int, latest: int, seconds: int) -> list[int]:
        """Return each start in [now, latest] that could be the best."""
        found = {now, latest}
        for offset in (0, -seconds):
            moments = (self.since + at * self.step + offset for at in range(1, len(self.values)))
            found.update(moment for moment in moments if now < moment < latest)
        return sorted(found)


# --- schedules made afterwards ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class _Choice:
    """One way to place a request; the smallest is the best. `cost` in gram-watt-seconds per kWh, times permille."""

    cost: int
    start: int
    site: str
    until: int
    request: str

    def placed(self) -> Placed:
        return Placed(self.request, self.site, self.start, self.until, Fraction(self.cost, _PER_GRAM))


_Place = tuple[Site, Series]


class _Taken:
    """The devices of a site that are taken: (since, until, devices), in order."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int]] = []
        self._longest = 0

    def take(self, since: int, until: int, devices: int) -> None:
        insort(self._rows, (since, until, devices))
        self._longest = max(self._longest, until - since)

    def during(self, since: int, until: int) -> list[tuple[int, int, int]]:
        """Return what touches [since, until)."""
        first, last = (bisect_left(self._rows, (moment,)) for moment in (since - self._longest, until))
        return [row for row in self._rows[first:last] if row[1] > since]

    def most(self, since: int, until: int) -> int:
        """Return the most devices that are taken at once in [since, until)."""
        rows = self.during(since, until)
        changes = [(max(start, since), devices) for start, _, devices in rows]
        changes += [(end, -devices) for _, end, devices in rows if end < until]
        # at one moment what ends goes before what begins
        return max(accumulate(change for _, change in sorted(changes)), default=0)

    def ends_after(self, moment: int) -> list[int]:
        return sorted(
            {end for _, end, _ in self._rows[bisect_left(self._rows, (moment - self._longest,)) :] if end > moment}
        )


def _places(sites: Iterable[Site], real: Mapping[str, Series]) -> list[_Place]:
    return [(site, real[site.region]) for site in sorted(sites, key=lambda each: each.id) if site.region in real]


def _power(request: Request, site: Site) -> int:
    return request.need.devices * site.watts * site.pue_permille


def _choices(request: Request, places: Iterable[_Place], fits: Fits) -> Iterable[_Choice]:
    """Yield the greenest way at each site that fits, whatever is free there."""
    now = request.submitted_at
    found: dict[tuple[str, int], tuple[int, int]] = {}  # sites of one region and speed share their hours
    for site, series in places:
        if not fits(request, site):
            continue
        seconds = seconds_at(request.need, site)
        if (site.region, seconds) not in found:
            start = best_start(series, now, now + request.slack, seconds)
            found[site.region, seconds] = (
                start,
                Curve.of(series, start, start + seconds).between(start, start + seconds),
            )
        start, total = found[site.region, seconds]
        yield _Choice(total * _power(request, site), start, site.id, start + seconds, request.id)


def _within(request: Request, places: Iterable[_Place], taken: Mapping[str, _Taken], fits: Fits) -> _Choice | None:
    """Return the greenest way within the slack for which devices are left."""
    here = {site.id: (site, series) for site, series in places}
    best: _Choice | None = None
    for bound in sorted(_choices(request, here.values(), fits)):
        if best is not None and best < bound:
            break  # at this site and all after it, nothing is greener
        site, _ = here[bound.site]
        room = site.devices - request.need.devices
        if taken[site.id].most(bound.start, bound.until) <= room:
            choice: _Choice | None = bound
        else:
            choice = _at_site(request, here[bound.site], taken[site.id], room)
        if choice is not None and (best is None or choice < best):
            best = choice
    return best


def _at_site(request: Request, place: _Place, taken: _Taken, room: int) -> _Choice | None:
    """Return the greenest way at one site within the slack for which there is room."""
    site, series = place
    now, latest = request.submitted_at, request.submitted_at + request.slack
    seconds = seconds_at(request.need, site)
    curve = Curve.of(series, now, latest + seconds)
    starts = set(curve.starts(now, latest, seconds))
    for since, until, _ in taken.during(now, latest + seconds):
        starts.update(moment for moment in (until, since - seconds) if now < moment < latest)
    ways = sorted((curve.between(start, start + seconds), start) for start in starts)
    for total, start in ways:
        if taken.most(start, start + seconds) <= room:
            return _Choice(total * _power(request, site), start, site.id, start + seconds, request.id)
    return None


def _afterwards(request: Request, places: Iterable[_Place], taken: Mapping[str, _Taken], fits: Fits) -> _Choice | None:
    """Return the first way after the slack for which devices are left; None where no site fits."""
    late = request.submitted_at + request.slack
    best: _Choice | None = None
    for site, series in places:
        room = site.devices - request.need.devices
        if room < 0 or not fits(request, site):
            continue
        seconds = seconds_at(request.need, site)
        for start in [late, *taken[site.id].ends_after(late)]:
            if best is not None and start > best.start:
                break
            until = start + seconds
            if taken[site.id].most(start, until) <= room:
                total = Curve.of(series, start, until).between(start, until)
                choice = _Choice(total * _power(request, site), start, site.id, until, request.id)
                if best is None or (choice.start, choice) < (best.start, best):
                    best = choice
                break
    return best
