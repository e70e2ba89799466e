"""Energy as the codecarbon package counts it, where the operator installed it (it is not a dependency).

It reads counters where they are and estimates from the processor's type where they are not, without saying which part
is which. So what it says is an estimate here. Only its energy is used: grams come from the grid's intensity, not from
the country's average that it carries. Nothing is written or sent by it.
"""

from fractions import Fraction
from importlib import import_module
from math import isfinite
from typing import Any

from training_jobs.carbon.meters.base import JOULES_MAX, MeterFailed, Part

JOULES_PER_KWH = 3_600_000
# It needs a country, for grams that are not used.
COUNTRY = "FRA"


class CodeCarbon:
    """Counts energy by codecarbon's offline tracker."""

    name = "codecarbon"
    covers: tuple[Part, ...] = ("processor", "memory", "gpu")
    look_seconds = 600.0

    def __init__(self, package: Any = None) -> None:  # noqa: ANN401 - a package without types
        """Take another package than the installed one."""
        self._package = package
        self._tracker: Any = None

    def start(self) -> None:
        """Make a tracker and start it; what goes wrong in a package that we do not know is a failure of the meter."""
        try:
            package = self._package or import_module("codecarbon")
            self._tracker = package.OfflineEmissionsTracker(
                country_iso_code=COUNTRY, save_to_file=False, log_level="critical", allow_multiple_runs=True
            )
            self._tracker.start()
        except Exception as error:
            raise MeterFailed(f"codecarbon does not start ({type(error).__name__})") from error

    def look(self) -> None:
        """Do nothing: it measures in a thread of its own."""

    def stop(self) -> int:
        """Return the joules since start, rounded up."""
        try:
            self._tracker.stop()
            found = self._tracker.final_emissions_data.energy_consumed
            usable = isinstance(found, int | float) and not isinstance(found, bool) and isfinite(found) and found >= 0
            joules = Fraction(found) * JOULES_PER_KWH if usable else Fraction(-1)
        except Exception as error:
            raise MeterFailed(f"codecarbon does not stop ({type(error).__name__})") from error
        if not 0 <= joules <= JOULES_MAX:
            raise MeterFailed("codecarbon says no energy")
        return -int(-joules // 1)
