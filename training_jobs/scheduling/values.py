"""What the scheduler looks at and what it answers, as frozen values.

Times are UNIX seconds, work is device-seconds, memory is bytes, shares are basis points (10,000 = all), money is
micro-units (a millionth of the currency's minor unit), carbon intensity is grams of CO2e per kWh. No floats, no clock:
`now` is a parameter. Identifiers are text that the caller chose; equal inputs give equal answers, whatever the order of
sets and mappings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

BPS = 10_000


class Origin(StrEnum):
    """Where a request comes from: a decision of the community, or a member's own quota (no vote)."""

    VOTED = "voted"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Need:
    """What a request must find in one site at once. `seconds` is the longest it may take there, at reference speed."""

    devices: int
    memory_bytes: int  # of each device
    seconds: int
    data: frozenset[str] = frozenset()  # kinds of data that enter the site, as its rules name them


@dataclass(frozen=True, slots=True)
class Request:
    """One piece of work that waits. A vote fixed its ceiling; how long it may be put off is part of what was voted."""

    id: str
    community: str
    member: str  # who asked; for a voted run its author
    origin: Origin
    need: Need
    submitted_at: int
    ceiling: int  # micro-units of money at most, for all of it
    newcomer: bool = False
    tier: int = 0  # priority of the vote's tier; higher goes first
    slack: int = 0  # seconds for which a greener start may be waited for, from `submitted_at`
    checkpoints: bool = False  # can be interrupted and go on elsewhere
    not_at: frozenset[str] = frozenset()  # sites that failed with it


class Standing(StrEnum):
    """What a site takes at present."""

    OPEN = "open"
    DRAINING = "draining"  # ends what it has, takes nothing new
    SILENT = "silent"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Site:
    """A place with compute, as the scheduler sees it."""

    id: str
    region: str  # of the grid, as the intensity forecast names it
    country: str
    devices: int
    memory_bytes: int  # of each device
    watts: int  # of one device at work, with its share of the machine
    price: int  # micro-units of money per device-hour
    speed_permille: int = 1_000  # measured, against the reference device
    pue_permille: int = 1_000
    hours_max: int = 0  # longest run in hours; 0: no limit
    data: frozenset[str] | None = None  # kinds of data that may enter; None: any
    serves: frozenset[str] | None = None  # communities that it serves; None: any
    standing: Standing = Standing.OPEN
    kind: str = ""  # of its devices; the reserve is kept of each kind


@dataclass(frozen=True, slots=True)
class Running:
    """Work that holds devices. `lent`: on devices of the reserved share, to be given back at a checkpoint."""

    request: Request
    site: str
    since: int
    until: int  # the latest end
    lent: bool = False
    checkpoint_at: int = 0  # when it can next be interrupted without loss; 0: never


@dataclass(frozen=True, slots=True)
class Booking:
    """Devices of a site that are not to be had in [since, until): its own use, upkeep, a public holiday."""

    site: str
    since: int
    until: int
    devices: int


@dataclass(frozen=True, slots=True)
class Series:
    """Carbon intensity of a region: the first value holds from `since`, each for `step` seconds; after it, the last."""

    since: int
    step: int
    grams_per_kwh: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used before, decayed to `at`: device-seconds per community, and per (community, member)."""

    at: int
    communities: Mapping[str, int] = field(default_factory=dict)
    members: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What is known of time: what runs, what is booked, what the grid will be, what was used."""

    running: tuple[Running, ...] = ()
    bookings: tuple[Booking, ...] = ()
    forecast: Mapping[str, Series] = field(default_factory=dict)
    usage: Usage = field(default_factory=lambda: Usage(0))


@dataclass(frozen=True, slots=True)
class Policy:
    """What a community of communities voted: how compute is shared. Weights are relative, not shares."""

    half_life: int = 7 * 24 * 3600  # seconds after which past use counts half
    weight_fair: int = 1_000
    weight_age: int = 250
    weight_tier: int = 500
    age_full: int = 7 * 24 * 3600  # seconds after which age counts in full
    shares: Mapping[str, int] = field(default_factory=dict)  # of communities; 1 where none is named
    reserved_bps: int = 1_000  # of each pool's devices, for newcomers
    reserved_lent: bool = True  # an idle reserve may be lent to work that checkpoints
    backfill: bool = True
    wait_max: int = 14 * 24 * 3600  # seconds after which a request goes before all others
    carbon_aware: bool = True


class Why(StrEnum):
    """Why a request starts or waits; each has its sentence on the page, filled from `Wait.data`."""

    STARTS = "starts"
    STARTS_IN_RESERVE = "starts_in_reserve"
    STARTS_ON_LENT = "starts_on_lent"
    STARTS_BACKFILLED = "starts_backfilled"
    STARTS_OVERDUE = "starts_overdue"
    NO_SITE_FITS = "no_site_fits"  # none of those that are here could ever do it
    TOO_DEAR = "too_dear"  # those that could cost more than the ceiling
    TRIED_AGAIN = "tried_again"  # those that could are left out for a while: nobody took it there, or all have a part
    RESERVED = "reserved"  # what is free is reserved for newcomers
    BEHIND_OTHERS = "behind_others"  # what is free is held for work that goes first
    ALL_BUSY = "all_busy"
    BOOKED = "booked"  # free now, but not for as long as it takes
    GREENER_LATER = "greener_later"
    RESERVE_RECALLED = "reserve_recalled"  # a newcomer waits for the checkpoint of lent work


class Start(NamedTuple):  # made by the thousand in one decision, and made faster than a frozen dataclass
    """Begin this request now at this site; `until` is its latest end, `price` what it costs at most (micro-units)."""

    request: str
    site: str
    until: int
    price: int
    why: Why
    lent: bool = False


@dataclass(frozen=True, slots=True)
class Recall:
    """Interrupt this lent work at its checkpoint, for the newcomer who waits."""

    request: str
    site: str
    at: int
    newcomer: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a request does not start now. `expected`: about when it will; None: nobody can say."""

    request: str
    why: Why
    expected: int | None = None
    plus_minus: int = 0
    data: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What `choose` answers; `explain` says of each other request why it waits.

    `more`: it ended with as many starts as one decision makes; another is to be made at once, with these at work.
    """

    starts: tuple[Start, ...]
    recalls: tuple[Recall, ...]
    more: bool = False
