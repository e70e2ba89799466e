"""Makes a year of a federation from a seed: sites that come, fall silent and go, communities, and what they ask for.

The same seed and size give the same world. What is drawn is made up, and chosen so that the rules are tried:

- Sites have devices of one kind each, five kinds in all: volunteers mostly small ones, clusters large ones. Their
  memory, speed and power are about those of cards that are in use; each site measures a little more or less.
- Most requests ask for one device, and those that ask for more take most of the time. Most say more time than they
  need, some less. Who is new tries things out: one or two devices, little memory, a third of the time.
- Days and weeks have a rhythm, and before deadlines (of conferences and grants) much more is asked for. So there are
  weeks in which machines stand free, and weeks in which all are taken and the rules decide.
- The work is scaled so that it takes `load_bps` of the devices there are.

The carbon intensity of the regions is given from outside.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from governance.errors import Invalid
from training_jobs.carbon.sample_year import BEGIN
from training_jobs.federation.values import Asked, Community, SiteLife, Turn, World
from training_jobs.scheduling.fitting import HOUR
from training_jobs.scheduling.values import BPS, Booking, Need, Origin, Request, Series, Site, Standing

DAY = 24 * HOUR
GIB = 1 << 30
T = TypeVar("T")
SECONDS_MIN, SECONDS_MAX = 600, 20 * DAY
SANDBOX_MAX = 12 * HOUR
PRICE = 1_000_000  # micro-units for a device-hour of the reference device
# days from one deadline to the next; before each, requests come so many times as often for so many days
DEADLINE_EVERY, RUSH, RUSH_DAYS = 60, 2, 21


class Kind(NamedTuple):
    """Devices of one kind: GiB of memory, permille of the reference device's speed, watts at work."""

    name: str
    gib: int
    speed: int
    watts: int


SMALL = Kind("gpu-16", 16, 450, 200)
HOME = Kind("gpu-24", 24, 800, 350)
OFFICE = Kind("gpu-48", 48, 1_000, 300)
CLUSTER = Kind("gpu-80", 80, 1_400, 400)
NEWEST = Kind("gpu-80-fast", 80, 2_400, 700)
# devices of a site, how often out of a hundred, and of which kind: volunteers, laboratories, clusters
SITE_DEVICES = ((1, 65), (2, 24), (4, 9), (8, 2))
KINDS: Mapping[int, tuple[tuple[Kind, int], ...]] = {
    1: ((SMALL, 35), (HOME, 50), (OFFICE, 15)),
    2: ((SMALL, 15), (HOME, 50), (OFFICE, 35)),
    4: ((HOME, 30), (OFFICE, 40), (CLUSTER, 30)),
    8: ((OFFICE, 20), (CLUSTER, 60), (NEWEST, 20)),
}
ASKED_DEVICES = ((1, 70), (2, 18), (4, 9), (8, 3))
NEWCOMERS_DEVICES = ((1, 80), (2, 20))
ASKED_GIB = ((12, 60), (20, 25), (40, 11), (72, 4))
NEWCOMERS_GIB = ((12, 65), (20, 30), (40, 5))
SLACKS = ((0, 40), (8 * HOUR, 20), (DAY, 30), (2 * DAY, 10))
# how busy each hour of the day (UTC) and each day of the week is
HOURS = (2, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 12, 10, 12, 14, 14, 12, 9, 7, 6, 5, 4, 3, 2)
WEEKDAYS = (11, 12, 12, 12, 10, 4, 3)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is. `load_bps`: work asked for, of all device-seconds there are; the rest are shares too."""

    sites: int = 200
    communities: int = 50
    requests: int = 10_000
    days: int = 364
    load_bps: int = 9_000
    newcomers_bps: int = 1_500
    sandbox_bps: int = 3_000
    checkpoints_bps: int = 8_500
    hours_longest: int = 0  # of one request; 0: as long as any may be, 20 days
    alike: int = 0  # 1: every site has four or eight devices on which anything fits, so that all wait for the same
    churn_bps: int = 10_000  # of the sites that come and go, fall silent, or have bookings
    forecast_error_bps: int = 1_500

    def __post_init__(self) -> None:
        """Refuse a world that is empty or beyond all measure."""
        for name, least, most in (
            ("sites", 1, 10_000),
            ("communities", 1, 10_000),
            ("requests", 1, 1_000_000),
            ("days", 7, 3_700),
            ("load_bps", 1, 10 * BPS),
            ("newcomers_bps", 0, BPS),
            ("sandbox_bps", 0, BPS),
            ("checkpoints_bps", 0, BPS),
            ("hours_longest", 0, 480),
            ("alike", 0, 1),
            ("churn_bps", 0, BPS),
            ("forecast_error_bps", 0, BPS),
        ):
            found = getattr(self, name)
            if type(found) is not int or not least <= found <= most:
                detail = "a size is a whole number within its bounds"
                raise Invalid("size_out_of_range", detail, field=name, found=repr(found)[:40], allowed=(least, most))


def make_world(seed: str, intensity: Mapping[str, Series], size: Size | None = None, since: int = BEGIN) -> World:
    """Return the world of a seed, by default of the full size.

    `intensity`: what the grid does in each region, at least one; `since` is midnight UTC. Raises Invalid where no
    region is given.
    """
    if not intensity:
        raise Invalid("regions_missing", "a world has at least one region", field="intensity")
    size = size or Size()
    rng = random.Random(f"{seed}/world")  # noqa: S311 - a simulation, repeatable by its seed
    until = since + size.days * DAY
    communities = [f"community-{index:03}" for index in range(size.communities)]
    sites, bookings = [], []
    for index in range(size.sites):
        site = _site(rng, index, sorted(intensity), communities)
        if size.alike:
            devices = 4 + 4 * (index % 2)
            site = replace(site, devices=devices, memory_bytes=80 * GIB, hours_max=0, serves=None, kind=CLUSTER.name)
        churns = rng.randrange(BPS) < size.churn_bps
        sites.append(SiteLife(site, _turns(rng, since, until) if churns else (Turn(since, Standing.OPEN),)))
        bookings += _bookings(rng, site, since, until) if churns else []
    asked = _scaled(_asked(rng, communities, size, since, until), sites, size, since, until)
    return World(
        seed=seed,
        since=since,
        until=until,
        sites=tuple(sites),
        communities=_budgets(rng, communities, asked),
        asked=asked,
        bookings=tuple(bookings),
        intensity=intensity,
        forecast_error_bps=size.forecast_error_bps,
    )


def _pick(rng: random.Random, table: tuple[tuple[T, int], ...]) -> T:
    return rng.choices([value for value, _ in table], [weight for _, weight in table])[0]


# --- sites ------------------------------------------------------------------------------------------------------------


def _site(rng: random.Random, index: int, regions: list[str], communities: list[str]) -> Site:
    region = rng.choice(regions)
    devices = _pick(rng, SITE_DEVICES)
    kind = _pick(rng, KINDS[devices])
    speed = kind.speed * rng.randint(90, 110) // 100
    return Site(
        id=f"site-{index:03}",
        region=region,
        country=region[:2].upper(),
        devices=devices,
        memory_bytes=kind.gib * GIB,
        watts=kind.watts * rng.randint(90, 125) // 100,
        price=PRICE * speed // 1_000 * rng.randint(70, 130) // 100,
        speed_permille=speed,
        pue_permille=rng.randint(1_050, 1_600),
        hours_max=rng.choice((0, 0, 0, 480, 240)),
        serves=frozenset(rng.sample(communities, max(len(communities) // 2, 1))) if rng.random() < 1 / 10 else None,
        kind=kind.name,
    )


def _turns(rng: random.Random, since: int, until: int) -> tuple[Turn, ...]:
    """Return what becomes of a site: six in ten are there from the first day; three in ten leave; most fall silent."""
    joins = since if rng.random() < 6 / 10 else rng.randrange(since, until - (until - since) // 4, HOUR)
    leaves, turns = None, [Turn(joins, Standing.OPEN)]
    if rng.random() < 3 / 10:
        leaves = rng.randrange(joins + (until - joins) // 4, until, HOUR)
        drains = max(leaves - 14 * DAY, joins + HOUR)
    moment = joins
    while True:
        moment += max(int(rng.expovariate(1 / (90 * DAY))), HOUR)
        back = moment + min(int(rng.paretovariate(1.1) * 2 * HOUR), 12 * DAY)
        if back >= (drains if leaves else until):
            break
        turns += [Turn(moment, Standing.SILENT), Turn(back, Standing.OPEN)]
        moment = back
    if leaves:
        turns += [Turn(drains, Standing.DRAINING), Turn(max(leaves, drains + HOUR), None)]
    return tuple(turns)


def _bookings(rng: random.Random, site: Site, since: int, until: int) -> list[Booking]:
    """Return upkeep of a day each quarter (a third of the sites), and half of the devices for two weeks (a tenth)."""
    bookings = []
    if rng.random() < 1 / 3:
        first = rng.randrange(since, since + 91 * DAY, DAY)
        bookings = [Booking(site.id, at, at + DAY, site.devices) for at in range(first, until - DAY, 91 * DAY)]
    if site.devices > 1 and rng.random() < 1 / 10:
        at = rng.randrange(since, max(until - 14 * DAY, since + DAY), DAY)
        clear = all(at + 14 * DAY <= each.since or each.until <= at for each in bookings)
        bookings += [Booking(site.id, at, at + 14 * DAY, site.devices // 2)] if clear else []
    return bookings


# --- requests ---------------------------------------------------------------------------------------------------------


def _moments(rng: random.Random, count: int, since: int, until: int) -> list[int]:
    """Return when requests come: by the rhythm of the day and of the week, and by deadlines, to the minute."""
    days = range((until - since) // DAY)
    first = rng.randrange(DEADLINE_EVERY)
    busy = [RUSH if (day + first) % DEADLINE_EVERY < RUSH_DAYS else 1 for day in days]
    by_day = rng.choices(days, [WEEKDAYS[(since // DAY + 3 + day) % 7] * busy[day] for day in days], k=count)
    by_hour = rng.choices(range(24), HOURS, k=count)
    return sorted(
        since + day * DAY + hour * HOUR + rng.randrange(60) * 60 for day, hour in zip(by_day, by_hour, strict=True)
    )


def _asked(rng: random.Random, communities: list[str], size: Size, since: int, until: int) -> list[Asked]:
    weights = [1 / (rank + 4) for rank in range(len(communities))]
    return [
        _one(rng, f"r{index:06}", rng.choices(communities, weights)[0], moment, size)
        for index, moment in enumerate(_moments(rng, size.requests, since, until))
    ]


def _one(rng: random.Random, name: str, community: str, moment: int, size: Size) -> Asked:
    newcomer = rng.randrange(BPS) < size.newcomers_bps
    sandbox = rng.randrange(BPS) < size.sandbox_bps
    devices = 1 if sandbox else _pick(rng, NEWCOMERS_DEVICES if newcomer else ASKED_DEVICES)
    seconds = int(HOUR * rng.paretovariate(1.6)) if sandbox else int(10 * HOUR * rng.lognormvariate(0, 1.2))
    seconds //= 3 if newcomer else 1
    request = Request(
        id=name,
        community=community,
        member=f"{'new' if newcomer else 'member'}-{rng.randrange(30):02}",
        origin=Origin.SANDBOX if sandbox else Origin.VOTED,
        need=Need(devices, _pick(rng, NEWCOMERS_GIB if newcomer else ASKED_GIB) * GIB, seconds),
        submitted_at=moment,
        ceiling=0,
        newcomer=newcomer,
        tier=0 if sandbox else rng.choice((0, 0, 0, 1, 2)),
        slack=_pick(rng, SLACKS),
        checkpoints=rng.randrange(BPS) < size.checkpoints_bps,
    )
    # of what was asked for, in percent: most need less, a few more
    used = rng.choice((30, 50, 60, 70, 80, 90, 95, 100, 100, 110))
    return Asked(request, used, rng.choice((15, 30, 60, 60)) * 60)


def _scaled(asked: list[Asked], sites: list[SiteLife], size: Size, since: int, until: int) -> tuple[Asked, ...]:
    """Return the requests with times such that all the work takes the load that is wanted, and with their ceilings."""
    there = sum(_reference_seconds(life, since, until) for life in sites)
    wanted = there * size.load_bps // BPS
    longest = size.hours_longest * HOUR or SECONDS_MAX
    low, high = 1, 1_000_000  # thousandths by which seconds are multiplied
    while low < high:
        middle = (low + high) // 2
        if sum(_work(each, middle, longest) * each.request.need.devices for each in asked) // 1_000 < wanted:
            low = middle + 1
        else:
            high = middle
    return tuple(_with_ceiling(each, low, longest) for each in asked)


def _seconds(each: Asked, scale: int, longest: int) -> int:
    most = SANDBOX_MAX if each.request.origin is Origin.SANDBOX else longest
    return min(max(each.request.need.seconds * scale // 1_000, SECONDS_MIN), most)


def _work(each: Asked, scale: int, longest: int) -> int:
    return _seconds(each, scale, longest) * 10 * min(each.work, 100)


def _with_ceiling(each: Asked, scale: int, longest: int) -> Asked:
    """Give a request its time and a ceiling: what the reference device costs, and half as much again."""
    need = replace(each.request.need, seconds=_seconds(each, scale, longest))
    ceiling = PRICE * need.devices * need.seconds * 3 // (2 * HOUR) + 1
    request = replace(each.request, need=need, ceiling=ceiling)
    return Asked(request, need.seconds * 10 * each.work, each.report_every)


def _reference_seconds(life: SiteLife, since: int, until: int) -> int:
    """Return what a site could do in the year, in device-seconds of the reference device."""
    ends = [turn.at for turn in life.turns[1:]] + [until]
    spans = (
        max(min(end, until) - max(turn.at, since), 0)
        for turn, end in zip(life.turns, ends, strict=True)
        if turn.standing in (Standing.OPEN, Standing.DRAINING)
    )
    return sum(spans) * life.site.devices * life.site.speed_permille // 1_000


def _budgets(rng: random.Random, communities: list[str], asked: tuple[Asked, ...]) -> tuple[Community, ...]:
    """Give each community between four and ten tenths of the ceilings it will ask for, and a weight."""
    wanted = dict.fromkeys(communities, 0)
    for each in asked:
        wanted[each.request.community] += each.request.ceiling
    return tuple(
        Community(name, wanted[name] * rng.randint(40, 100) // 100, rng.choice((1, 1, 1, 2))) for name in communities
    )
