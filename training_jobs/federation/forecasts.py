"""Forecasts of carbon intensity as they would have been issued: the real series, off by an error that grows with lead.

A forecast is issued at fixed hours. Its error is drawn from the world's seed, the region and the hour of issue: a drift
that is the same for the whole forecast and grows until a day ahead, and a smaller one for each value.
"""

import random
from collections.abc import Mapping

from training_jobs.scheduling.values import BPS, Series

ISSUED_EVERY = 6 * 3_600
HORIZON = 72 * 3_600
FULL_ERROR_AFTER = 24 * 3_600


def forecast(real: Series, region: str, issued_at: int, error_bps: int, seed: str) -> Series:
    """Return the forecast of the next three days; `error_bps` is the most a value a day ahead is off."""
    first = max((issued_at - real.since) // real.step, 0)
    values = real.grams_per_kwh[first : first + HORIZON // real.step] or real.grams_per_kwh[-1:]
    if error_bps == 0:
        return Series(real.since + first * real.step, real.step, values)
    rng = random.Random(f"{seed}/forecast/{region}/{issued_at}")  # noqa: S311 - a simulation, repeatable by its seed
    drift, rough = rng.randint(-error_bps, error_bps) * 2 // 3, error_bps // 3
    step = real.step
    off = []
    for at, value in enumerate(values):
        grown = min(at * step, FULL_ERROR_AFTER)
        error = (drift + int((rng.random() * 2 - 1) * rough)) * grown // FULL_ERROR_AFTER
        off.append(max(value * (BPS + error) // BPS, 0))
    return Series(real.since + first * step, step, tuple(off))


class Forecasts:
    """The newest forecast of each region at any moment; kept, so that simulations of one world share them."""

    def __init__(self, intensity: Mapping[str, Series], error_bps: int, seed: str) -> None:
        """Remember what they are made from."""
        self._intensity, self._error_bps, self._seed = intensity, error_bps, seed
        self._issued: dict[int, Mapping[str, Series]] = {}

    def at(self, now: int) -> Mapping[str, Series]:
        """Return the newest forecasts issued by `now`."""
        issue = now - now % ISSUED_EVERY
        found = self._issued.get(issue)
        if found is None:
            found = self._issued[issue] = {
                region: forecast(real, region, issue, self._error_bps, self._seed)
                for region, real in sorted(self._intensity.items())
            }
        return found
