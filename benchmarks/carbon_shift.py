"""How much carbon waiting for a greener start saves, beside the best that could have been saved with the same slack.

    python -m benchmarks.carbon_shift [--starts 200] [--seed 8] [--check]

Runs of 1 to 12 hours arrive at random hours of the sample year in each of its made-up grids, draw one kilowatt, and may
begin up to 8, 12 or 24 hours later. `best_start` chooses from a forecast; what it saves against beginning at once is
counted with the real intensities. The best offline schedule knows these from the beginning; capacity binds neither.

Forecasts: the real series with an error that is drawn anew at each arrival. It moves slowly (AR(1), hour to hour 0.9)
and grows with the horizon, from a third of its full size now to all of it after 24 hours; full size is a mean absolute
error of 5, 10 or 15 percent (published day-ahead forecasts of carbon intensity: about 3 to 15 percent). `3 h off`: the
error of 10 percent, and everything comes up to three hours too early or too late, as fronts do. `day before` is no
forecast at all: each hour as it was 24 hours earlier.

Printed per grid and slack: the mean intensity of beginning at once, what the best offline schedule saves of it, and how
much of that saving each forecast reaches; below zero, waiting cost more than it saved. `all` is the sum of grams over
all grids. `--check` exits with 1 where, with errors of 10 percent or three hours off, less than 80 percent of the best
offline schedule's saving is reached in all grids together.
"""

import argparse
import math
import random
import sys
from collections.abc import Callable
from fractions import Fraction

from training_jobs.carbon.sample_year import GRIDS, HOURS, year
from training_jobs.scheduling.carbon import best_offline, best_start, grams
from training_jobs.scheduling.values import Need, Origin, Request, Series, Site

HOUR = 3_600
SLACKS = (8, 12, 24)
HOURS_MAX = 12
AHEAD = max(SLACKS) + HOURS_MAX
ERRORS = (5, 10, 15)  # mean absolute error after a day, percent
HOURS_OFF = 3
CHECKED = ("10 %", f"{HOURS_OFF} h off")
HELD_PERCENT = 80
AGAIN = 0.9
FIRST_SHARE = 1 / 3
WATTS = 1_000
PUE_PERMILLE = 1_000
# the mean absolute value of a normal variable with deviation 1
MEAN_ABSOLUTE = math.sqrt(2 / math.pi)

Forecast = Callable[[tuple[int, ...], int, random.Random], Series]


def with_error(percent: int) -> Forecast:
    """Return forecasts whose error is about so many percent after a day."""

    def foresee(real: tuple[int, ...], hour: int, rng: random.Random) -> Series:
        deviation = percent / 100 / MEAN_ABSOLUTE
        error, values = rng.gauss(0, 1), []
        for ahead in range(AHEAD):
            size = min(1.0, FIRST_SHARE + (1 - FIRST_SHARE) * ahead / 24)
            values.append(max(0, round(real[hour + ahead] * (1 + deviation * size * error))))
            error = AGAIN * error + math.sqrt(1 - AGAIN**2) * rng.gauss(0, 1)
        return Series(hour * HOUR, HOUR, tuple(values))

    return foresee


def off_in_time(percent: int, hours: int) -> Forecast:
    """Return forecasts with such an error in which everything also comes up to so many hours too early or too late."""
    foresee = with_error(percent)

    def foresee_off(real: tuple[int, ...], hour: int, rng: random.Random) -> Series:
        found = foresee(real, hour + rng.randint(-hours, hours), rng)
        return Series(hour * HOUR, HOUR, found.grams_per_kwh)

    return foresee_off


def day_before(real: tuple[int, ...], hour: int, _: random.Random) -> Series:
    """Return the last 24 hours, over and over: what anybody knows without a forecast."""
    return Series(hour * HOUR, HOUR, tuple(real[hour - 24 + ahead % 24] for ahead in range(AHEAD)))


FORECASTS: dict[str, Forecast] = {
    **{f"{percent} %": with_error(percent) for percent in ERRORS},
    f"{HOURS_OFF} h off": off_in_time(10, HOURS_OFF),
    "day before": day_before,
}


def arrivals(region: str, count: int, seed: int) -> list[tuple[int, int]]:
    """Return (moment, seconds of work); moments are no whole hours."""
    rng = random.Random(f"{seed}/{region}/arrivals")
    first, last = 24, HOURS - AHEAD - HOURS_OFF - 1
    return [(rng.randrange(first * HOUR, last * HOUR), rng.randint(1, HOURS_MAX) * HOUR) for _ in range(count)]


def one(region: str, slack: int, count: int, seed: int) -> dict[str, Fraction]:
    """Return grams over all arrivals in a grid: at once, at best, and with each forecast; and kilowatt-hours."""
    real = year(region)
    truth = Series(0, HOUR, real)
    site = Site("site", region, "", devices=count, memory_bytes=0, watts=WATTS, price=0)
    found = dict.fromkeys(["at once", "at best", "kWh", *FORECASTS], Fraction(0))
    rngs = {name: random.Random(f"{seed}/{region}/{slack}/{name}") for name in FORECASTS}
    for number, (now, seconds) in enumerate(arrivals(region, count, seed)):

        def emitted(start: int, seconds: int = seconds) -> Fraction:
            return grams(truth, start, start + seconds, WATTS, PUE_PERMILLE)

        need = Need(devices=1, memory_bytes=0, seconds=seconds)
        request = Request(str(number), "all", "alice", Origin.VOTED, need, now, ceiling=0, slack=slack * HOUR)
        found["kWh"] += Fraction(WATTS * seconds, 1_000 * HOUR)
        found["at once"] += emitted(now)
        found["at best"] += sum(placed.grams for placed in best_offline([request], [site], {region: truth}))
        for name, foresee in FORECASTS.items():
            forecast = foresee(real, now // HOUR, rngs[name])
            found[name] += emitted(best_start(forecast, now, now + slack * HOUR, seconds))
    return found


def reached(sums: dict[str, Fraction], name: str) -> Fraction | None:
    """Return which share of the best saving a forecast reaches; None where nothing could be saved."""
    most = sums["at once"] - sums["at best"]
    return (sums["at once"] - sums[name]) / most if most else None


def row(title: str, slack: int, sums: dict[str, Fraction]) -> str:
    """Return a line of the table."""
    at_once = sums["at once"]
    best = (at_once - sums["at best"]) / at_once
    shares = [reached(sums, name) for name in FORECASTS]
    told = [f"{title} | {slack} | {round(at_once / sums['kWh'])} | {float(best):.1%}"]
    told += ["–" if share is None else f"{float(share):.0%}" for share in shares]
    return f"| {' | '.join(told)} |"


def main() -> int:
    """Print the table; return 1 where `--check` finds less than is promised."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--starts", type=int, default=200, help="runs in each grid and slack")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--check", action="store_true", help=f"exit with 1 below {HELD_PERCENT} percent")
    arguments = parser.parse_args()
    head = ["grid", "slack, h", "g/kWh at once", "best saves", *(f"reached, {name}" for name in FORECASTS)]
    print(f"| {' | '.join(head)} |\n|{'---|' * 2}{'---:|' * (len(head) - 2)}")
    below = []
    for slack in SLACKS:
        total: dict[str, Fraction] = {}
        for region in sorted(GRIDS):
            sums = one(region, slack, arguments.starts, arguments.seed)
            print(row(region, slack, sums))
            total = {name: total.get(name, Fraction(0)) + value for name, value in sums.items()}
        print(row("**all**", slack, total))
        shares = [reached(total, name) for name in CHECKED]
        if any(share is None or share * 100 < HELD_PERCENT for share in shares):
            below.append(slack)
    if below and arguments.check:
        print(f"less than {HELD_PERCENT} % of the best saving with a slack of {below} hours", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
