"""What a run has used of what the vote allowed: device-seconds, and an estimate of energy and carbon.

Device-seconds are counted (`budget`). Energy is device-seconds times the power that this site declares for one device,
and carbon is that times the intensity of the grid that it declares: nothing here is measured at a socket. What is not
declared is not known, which is not zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.conf import settings

from training_jobs.budget import seconds_left
from training_jobs.models import Run

SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True)
class Footprint:
    """What was used by now of what was voted. None: not known, or not part of the vote."""

    seconds: int
    seconds_voted: int
    watts: int | None
    grams_per_kwh: int | None
    grams_voted: int | None

    @property
    def watt_hours(self) -> Fraction | None:
        """The energy, as far as the site declares a power."""
        return None if self.watts is None else Fraction(self.seconds * self.watts, SECONDS_PER_HOUR)

    @property
    def grams(self) -> Fraction | None:
        """The carbon dioxide in grams, as far as the site declares both."""
        energy = self.watt_hours
        return None if energy is None or self.grams_per_kwh is None else energy * self.grams_per_kwh / 1_000

    @property
    def share_bps(self) -> int:
        """The share of the approved device-seconds that is used, at most all."""
        return min(10_000, self.seconds * 10_000 // self.seconds_voted) if self.seconds_voted else 0

    @property
    def carbon_bps(self) -> int | None:
        """The share of the approved carbon that the estimate comes to, at most all; None where one is not known."""
        grams = self.grams
        if grams is None or not self.grams_voted:
            return None
        return min(10_000, int(grams * 10_000 / self.grams_voted))


def footprint_of(run: Run, spec: Mapping[str, Any], now: datetime) -> Footprint:
    """Return what a run has used by `now`; of a finished one this no longer changes."""
    budget = spec["budget"]
    voted = int(budget["device_seconds"])
    return Footprint(
        seconds=seconds_used(run, voted, now),
        seconds_voted=voted,
        watts=settings.DEVICE_WATTS or None,
        grams_per_kwh=settings.GRID_GRAMS_PER_KWH or None,
        grams_voted=budget.get("carbon_grams"),
    )


def seconds_used(run: Run, voted: int, now: datetime) -> int:
    """Return the device-seconds used by `now`; the attempts of runs in lists are read ahead."""
    attempts = list(run.attempts.all())
    if all(attempt.ended_at is not None for attempt in attempts):
        return sum(attempt.device_seconds for attempt in attempts)
    return voted - seconds_left(run, now)
