"""What a run has used of what the vote allowed: device-seconds, energy and carbon, and how each is known.

Device-seconds are counted (`budget`). Energy is what the machines metered, and where none did, device-seconds times the
declared power of one device; carbon is that times the site's PUE and the intensity that its grid had in those hours, as
the log was told afterwards, else times the intensity that this instance declares (`attempt_energy`). What is not known
is not zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.conf import settings

from governance.errors import NotFound
from governance.models import Community
from models_registry.models import Model
from training_jobs import attempt_energy as energy
from training_jobs.attempt_energy import Used
from training_jobs.budget import seconds_left
from training_jobs.models import Run

SECONDS_PER_HOUR = 3_600
# The newest runs of a model or a community count, as many at most.
RUNS_MAX = 5_000
DECLARED = energy.DECLARED


@dataclass(frozen=True)
class Footprint:
    """What was used by now of what was voted. None: not known, or not part of the vote."""

    seconds: int
    seconds_voted: int
    watts: int | None
    grams_per_kwh: int | None
    grams_voted: int | None
    # what attempts used, where machines said something of their energy or worked on devices of a site
    used: Used | None = None
    grid: str = ""  # the source of the intensity that `used` counts with; empty: it is not known

    @property
    def watt_hours(self) -> Fraction | None:
        """The energy, as far as it was metered or a power is declared."""
        if self.used is not None:
            return Fraction(self.used.joules, SECONDS_PER_HOUR) if self.used.how != "unknown" else None
        return None if self.watts is None else Fraction(self.seconds * self.watts, SECONDS_PER_HOUR)

    @property
    def grams(self) -> Fraction | None:
        """The carbon dioxide in grams, as far as energy and grid are known."""
        if self.used is not None:
            return self.used.grams if self.used.how != "unknown" else None
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


@dataclass(frozen=True)
class RunsUsed:
    """What several runs used together; `grid` is the source of the intensity, empty where it is not known."""

    runs: int
    sum: Used
    grid: str

    @property
    def watt_hours(self) -> Fraction:
        """The energy that is known."""
        return Fraction(self.sum.joules, SECONDS_PER_HOUR)


def footprint_of(run: Run, spec: Mapping[str, Any], now: datetime) -> Footprint:
    """Return what a run has used by `now`; of a finished one this no longer changes."""
    budget = spec["budget"]
    voted = int(budget["device_seconds"])
    parts = energy.parts_of([run], now)[run.pk]
    is_told = any(part.said or part.allotted for part in parts)
    return Footprint(
        seconds=seconds_used(run, voted, now),
        seconds_voted=voted,
        watts=settings.DEVICE_WATTS or None,
        grams_per_kwh=settings.GRID_GRAMS_PER_KWH or None,
        grams_voted=budget.get("carbon_grams"),
        used=energy.together(parts) if is_told else None,
        grid=_grid(parts),
    )


def footprint_of_run(number: int, now: datetime) -> Footprint:
    """Return what a run has used by its number; raise NotFound for none."""
    run = Run.objects.select_related("spec_record").prefetch_related("attempts", "seats").filter(pk=number).first()
    if run is None:
        raise NotFound("unknown_run", "there is no such run", found=number)
    return footprint_of(run, run.spec_record.body, now)


def used_by(of: Community | Model, now: datetime) -> RunsUsed:
    """Return what the runs of a community or a model used together, the newest RUNS_MAX."""
    asked = Run.objects.filter(community=of) if isinstance(of, Community) else Run.objects.filter(model=of)
    runs = list(asked.only("pk").order_by("-pk")[:RUNS_MAX])
    parts = [part for found in energy.parts_of(runs, now).values() for part in found]
    return RunsUsed(len(runs), energy.together(parts), _grid(parts))


def _grid(parts: Iterable[energy.Part]) -> str:
    """Return the sources of the intensities that count: those of sites where there are any."""
    known = {part.grid for part in parts if part.grid}
    return ", ".join(sorted(known - {DECLARED} or known))


def seconds_used(run: Run, voted: int, now: datetime) -> int:
    """Return the device-seconds used by `now`; the attempts of runs in lists are read ahead."""
    attempts = list(run.attempts.all())
    if all(attempt.ended_at is not None for attempt in attempts):
        return sum(attempt.device_seconds for attempt in attempts)
    return voted - seconds_left(run, now)
