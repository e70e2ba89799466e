"""A year of carbon intensity that no grid ever had: synthetic, plausible, and the same on every machine.

    python -m training_jobs.carbon.sample_year FILE

It is for trying the scheduler out, for benchmarks and for tests, without a key, a licence or a network. Nobody may
report it as anybody's emissions: the file says so, and so does every page that shows it.

**The formula.** Integers only; sine and cosine are Bhaskara's approximation, in permille. For each hour of a year and
each grid, in permille of its mean demand:

1. demand = 1000 + day x (evening and morning) + season x (winter or summer), 8 percent less at weekends;
2. sun = capacity x height of the sun (day length follows the season) x a clear sky of 250 to 1000;
3. wind = capacity x a level that moves between random points 18 hours apart, squared (calm is usual, storms are not);
   more in winter;
4. nuclear and must-run plants give their capacity, water up to its own, which follows the season (snow melt);
5. what is still missing comes from coal and gas in the grid's own proportion; what is too much is thrown away, sun and
   wind first;
6. intensity = sum of energy x factor of its fuel, divided by the energy used, halves up.

Factors are medians over a life cycle in grams of CO2e per kWh (IPCC, AR5 WG III, annex III; sun between its 41 for
roofs and 48 for large plants). Random points are the first four bytes of SHA-256 of GRID/KIND/NUMBER, modulo 1001.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

HOURS = 8_760
BEGIN = 1_735_689_600  # 2025-01-01T00:00Z, a Wednesday; a year of 365 days
DAYS_OF_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FACTORS = MappingProxyType({"sun": 45, "wind": 11, "water": 24, "nuclear": 12, "biomass": 230, "gas": 490, "coal": 820})
PERMILLE = 1_000
POINT_HOURS = 18
CLOUD_HOURS = 30
WEEKEND_PERMILLE = 920
FIRST_WEEKDAY = 2  # Wednesday, where Monday is 0
SATURDAY = 5

LABEL = (
    "# Synthetic: made by the formula of training_jobs/carbon/sample_year.py. No grid was measured, and none is meant.",
    "# It is for trying out and for tests: never report it as emissions.",
    "# Grams of CO2e per kWh.",
    "# repeats: yearly",
)


@dataclass(frozen=True, slots=True)
class Grid:
    """A made-up grid. Capacities in permille of its mean demand; `noon`: the hour (UTC) of the highest sun."""

    noon: int
    day: int  # how far demand swings in a day
    season: int  # how much more it takes in winter; negative: in summer
    day_length: int  # minutes by which the longest day is longer than twelve hours
    sun: int = 0
    wind: int = 0
    water: int = 0
    nuclear: int = 0
    biomass: int = 0
    coal_permille: int = 0  # of what coal and gas give together


GRIDS: Mapping[str, Grid] = MappingProxyType({
    "sample-coal": Grid(noon=5, day=90, season=40, day_length=60, sun=150, wind=60, coal_permille=900),
    "sample-coal-sun": Grid(noon=2, day=120, season=-80, day_length=120, sun=1_100, wind=300, coal_permille=800),
    "sample-gas": Grid(noon=8, day=140, season=-150, day_length=90, sun=250, coal_permille=50),
    "sample-gas-wind": Grid(noon=12, day=130, season=110, day_length=270, sun=250, wind=1_300, nuclear=150, biomass=60),
    "sample-mixed": Grid(
        noon=11, day=120, season=90, day_length=250, sun=700, wind=1_100, water=40, biomass=90, coal_permille=550
    ),
    "sample-nuclear": Grid(noon=11, day=110, season=150, day_length=220, sun=200, wind=350, water=120, nuclear=680),
    "sample-nuclear-coal": Grid(
        noon=11, day=100, season=100, day_length=260, sun=180, wind=200, nuclear=350, coal_permille=750
    ),
    "sample-sun": Grid(noon=20, day=130, season=-110, day_length=140, sun=1_700, wind=300, water=120, nuclear=80),
    "sample-sun-gas": Grid(
        noon=18, day=140, season=-130, day_length=110, sun=800, wind=550, nuclear=90, coal_permille=200
    ),
    "sample-water": Grid(noon=16, day=110, season=200, day_length=260, wind=120, water=1_050),
    "sample-water-dry": Grid(noon=15, day=90, season=-30, day_length=40, sun=250, wind=350, water=560, biomass=50),
    "sample-wind": Grid(
        noon=11, day=110, season=120, day_length=320, sun=250, wind=2_100, water=60, biomass=150, coal_permille=350
    ),
})  # fmt: skip


@lru_cache(maxsize=len(GRIDS))
def year(region: str) -> tuple[int, ...]:
    """Return grams of CO2e per kWh in each of 8,760 hours of a sample grid, the first at 00:00 UTC on 1 January."""
    return tuple(_grams(region, GRIDS[region], hour) for hour in range(HOURS))


def lines() -> Iterator[str]:
    """Yield the lines of the file: what it is, the columns, then each grid's year."""
    yield from LABEL
    yield "region,hour,grams"
    moments = [
        f"2025-{month:02}-{day:02}T{hour:02}:00Z"
        for month, days in enumerate(DAYS_OF_MONTHS, 1)
        for day in range(1, days + 1)
        for hour in range(24)
    ]
    for region in sorted(GRIDS):
        for moment, grams in zip(moments, year(region), strict=True):
            yield f"{region},{moment},{grams}"


def main(arguments: list[str] | None = None) -> None:
    """Write the sample year into a file."""
    parser = argparse.ArgumentParser(
        prog="python -m training_jobs.carbon.sample_year", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("file", type=Path, help="the CSV file to write")
    path = parser.parse_args(arguments).file
    path.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
    sys.stdout.write(f"{path}: {len(GRIDS)} made-up grids, {HOURS} hours each\n")


def _grams(region: str, grid: Grid, hour: int) -> int:
    """Return the intensity of one hour: steps 4 to 6 of the formula."""
    need = _demand(grid, hour)
    steady = {"nuclear": grid.nuclear, "biomass": grid.biomass}
    free = {"wind": _wind(region, grid, hour), "sun": _sun(region, grid, hour)}
    given: dict[str, int] = {}
    for fuel, most in [*steady.items(), *free.items(), ("water", _water(grid, hour))]:
        given[fuel] = min(most, need)
        need -= given[fuel]
    given["coal"] = need * grid.coal_permille // PERMILLE
    given["gas"] = need - given["coal"]
    energy = sum(given.values())
    return (2 * sum(amount * FACTORS[fuel] for fuel, amount in given.items()) + energy) // (2 * energy)


def _demand(grid: Grid, hour: int) -> int:
    """Step 1: a high evening, a lower morning, and the season."""
    local = hour - grid.noon
    # highest eight hours after noon, with a second, smaller rise in the morning
    swing = (2 * cosine(local - 8, 24) + cosine(2 * (local + 4), 24)) // 3
    level = PERMILLE + grid.day * swing // PERMILLE + grid.season * _winter(hour) // PERMILLE
    weekday = (hour // 24 + FIRST_WEEKDAY) % 7
    return level * WEEKEND_PERMILLE // PERMILLE if weekday >= SATURDAY else level


def _sun(region: str, grid: Grid, hour: int) -> int:
    """Step 2: half a sine over the day, as long as the season makes it, under a sky that changes."""
    if not grid.sun:
        return 0
    length = 720 - grid.day_length * _winter(hour) // PERMILLE  # minutes from sunrise to sunset
    since_sunrise = ((hour - grid.noon + 12) % 24 - 12) * 60 + length // 2
    if not 0 < since_sunrise < length:
        return 0
    height = sine(since_sunrise, 2 * length) * (PERMILLE - 250 * _winter(hour) // PERMILLE) // (PERMILLE + 250)
    clear = 250 + 750 * _level(region, "sky", hour, CLOUD_HOURS) // PERMILLE
    return grid.sun * height // PERMILLE * clear // PERMILLE


def _wind(region: str, grid: Grid, hour: int) -> int:
    """Step 3: squared, because power grows faster than wind; a fifth more in winter, a fifth less in summer."""
    level = _level(region, "wind", hour, POINT_HOURS)
    season = PERMILLE + 200 * _winter(hour) // PERMILLE
    return grid.wind * level // PERMILLE * level // PERMILLE * season // PERMILLE


def _water(grid: Grid, hour: int) -> int:
    """Step 4: most in early summer, a quarter less in early winter."""
    return grid.water * (PERMILLE - 125 + 125 * cosine(hour - 155 * 24, HOURS) // PERMILLE) // PERMILLE


def _winter(hour: int) -> int:
    """Return 1000 in the middle of January, -1000 in the middle of July (northern, as the grids are)."""
    return cosine(hour - 14 * 24, HOURS)


@lru_cache(maxsize=4_096)
def _point(region: str, kind: str, number: int) -> int:
    """Return a random point, 0 to 1000."""
    digest = hashlib.sha256(f"{region}/{kind}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % (PERMILLE + 1)


def _level(region: str, kind: str, hour: int, apart: int) -> int:
    """Return a level of 0 to 1000 that moves in straight lines between random points."""
    number, rest = divmod(hour, apart)
    before, after = _point(region, kind, number), _point(region, kind, number + 1)
    return (before * (apart - rest) + after * rest) // apart


def sine(at: int, period: int) -> int:
    """Return the sine in permille by Bhaskara's approximation (seventh century): 16x(p-x) / (5p^2 - 4x(p-x)), x < p.

    p is half a period. It errs by less than two in a thousand.
    """
    half, rest = divmod(2 * at % (2 * period), period)
    product = rest * (period - rest)
    value = 16 * product * PERMILLE // (5 * period * period - 4 * product)
    return -value if half else value


def cosine(at: int, period: int) -> int:
    """Return the cosine in permille."""
    return sine(4 * at + period, 4 * period)


if __name__ == "__main__":
    main()
