"""What a simulated federation is made of and what comes of it, as frozen values.

Units as in `training_jobs/scheduling/values.py`. Work is counted in reference milliseconds of each device (seconds at a
site times its measured speed in permille), so that a run moved between sites of other speeds loses nothing to rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from training_jobs.scheduling.values import (
    Booking,
    Calendar,
    Decision,
    Origin,
    Policy,
    Request,
    Series,
    Site,
    Standing,
)

Chooser = Callable[[Sequence[Request], Sequence[Site], Calendar, Policy, int], Decision]


@dataclass(frozen=True, slots=True)
class Turn:
    """A moment at which a site's standing becomes another; None: it leaves for good."""

    at: int
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class SiteLife:
    """A site and what becomes of it. It is not there before its first turn."""

    site: Site
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Community:
    """A community: what it may spend in all (micro-units of money), and its weight when devices are shared."""

    id: str
    budget: int
    share: int = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what only the world knows of it."""

    request: Request
    work: int  # reference milliseconds that each device will really work; may be more than the request says
    report_every: int  # seconds between two reports; each is a checkpoint where the request makes them


@dataclass(frozen=True, slots=True)
class World:
    """All that happens from outside in [since, until). `intensity` is what the grid really does."""

    seed: str
    since: int
    until: int
    sites: tuple[SiteLife, ...]
    communities: tuple[Community, ...]
    asked: tuple[Asked, ...]  # in the order of `submitted_at`, then of id
    bookings: tuple[Booking, ...] = ()
    intensity: Mapping[str, Series] = field(default_factory=dict)
    forecast_error_bps: int = 0  # how far a forecast for a day ahead may be off


class Fate(StrEnum):
    """How a request ends; each ends in exactly one way."""

    DONE = "done"
    STOPPED = "stopped"  # its time or its ceiling was reached, or no site is left for it: it asks
    REFUSED = "refused"
    OPEN = "open"  # still waiting or running when the simulation ended


class Left(StrEnum):
    """Why a request left a site, or why it was refused."""

    DONE = "done"
    TIME_USED = "time_used"
    CEILING_REACHED = "ceiling_reached"
    RECALLED = "recalled"
    SITE_LOST = "site_lost"
    NO_SITE_FITS = "no_site_fits"
    NO_BUDGET = "no_budget"
    STILL_THERE = "still_there"


@dataclass(frozen=True, slots=True)
class Stay:
    """Devices of one site held in [since, until). What was done up to `kept_until` counts and is paid for."""

    site: str
    since: int
    until: int
    kept_until: int
    devices: int
    cost: int  # micro-units of money
    left: Left
    lent: bool = False

    @property
    def device_seconds(self) -> int:
        """Return what was delivered; the rest was lost with the site."""
        return self.devices * (self.kept_until - self.since)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a request."""

    asked: Asked
    fate: Fate
    why: Left
    at: int
    stays: tuple[Stay, ...] = ()

    @property
    def started_at(self) -> int | None:
        """Return when it first began; None: never."""
        return self.stays[0].since if self.stays else None

    @property
    def spent(self) -> int:
        """Return what it cost, in micro-units of money."""
        return sum(stay.cost for stay in self.stays)

    @property
    def delivered(self) -> int:
        """Return the device-seconds that were delivered to it."""
        return sum(stay.device_seconds for stay in self.stays)


@dataclass(frozen=True, slots=True)
class Reserve:
    """The share kept for newcomers, in device-seconds over the year: how much it should be, and how much was at hand.

    At hand is what newcomers use, what is free, and what is lent and comes back at a checkpoint.
    """

    due: int
    kept: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A world that has run."""

    world: World
    policy: Policy
    ended: tuple[Ended, ...]  # in the order of `world.asked`
    open_device_seconds: int  # of open and draining sites in [since, until), less what was booked
    reserve: Reserve
    recalls_asked: int
    recalls_kept: int
    events: Mapping[str, int]  # what happened, by kind
    decisions: int  # how often the chooser was asked

    @property
    def events_total(self) -> int:
        """Return how many events the loop went through."""
        return sum(self.events.values())


__all__ = [
    "Asked",
    "Chooser",
    "Community",
    "Ended",
    "Fate",
    "Left",
    "Origin",
    "Outcome",
    "Reserve",
    "SiteLife",
    "Stay",
    "Turn",
    "World",
]
