"""Small worlds for the tests of the scheduler: builders with plain defaults, and worlds drawn from a seed."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from training_jobs.scheduling.fitting import could_run, seconds_at
from training_jobs.scheduling.reserve import reserved
from training_jobs.scheduling.values import (
    Booking,
    Calendar,
    Need,
    Origin,
    Policy,
    Request,
    Running,
    Series,
    Site,
    Standing,
    Usage,
)

NOW = 1_000_000
HOUR = 3_600
# neither fair share nor age nor carbon in the way: order by tier, then by who came first
PLAIN = Policy(weight_fair=0, weight_age=0, reserved_bps=0, carbon_aware=False)


def site(name: str = "a", devices: int = 4, **changes: Any) -> Site:
    values = {"region": "north", "country": "FR", "memory_bytes": 80, "watts": 500, "price": 3_600}
    return Site(id=name, devices=devices, **{**values, **changes})


def request(name: str = "r", devices: int = 1, hours: int = 1, **changes: Any) -> Request:
    need = changes.pop("need", None) or Need(
        devices, changes.pop("memory_bytes", 10), changes.pop("seconds", hours * HOUR), changes.pop("data", frozenset())
    )
    values = {"community": "c", "member": "m", "origin": Origin.VOTED, "submitted_at": NOW - 10, "ceiling": 10**9}
    return Request(id=name, need=need, **{**values, **changes})


def running(
    name: str, place: str, devices: int = 1, hours: int = 1, lent: bool = False, checkpoint: int = 0, **changes: Any
) -> Running:
    until = NOW + hours * HOUR
    return Running(
        request(name, devices, hours, checkpoints=lent, **changes), place, NOW - HOUR, until, lent, checkpoint
    )


@dataclass(frozen=True)
class World:
    queue: tuple[Request, ...]
    sites: tuple[Site, ...]
    calendar: Calendar = field(default_factory=Calendar)
    policy: Policy = PLAIN
    now: int = NOW

    def asked(self) -> tuple[Any, ...]:
        return self.queue, self.sites, self.calendar, self.policy, self.now


SEVERAL = frozenset({"public", "personal"})
KINDS = (frozenset(), frozenset(), frozenset({"public"}), SEVERAL)


def worlds(most: int = 8) -> st.SearchStrategy[World]:
    """Return worlds by their seeds: a world in parts, each drawn by hypothesis, takes a hundred times as long."""
    return st.integers(0, 2**48).map(lambda seed: drawn(random.Random(seed), most))


def drawn(draw: random.Random, most: int) -> World:
    """Draw a world in which nothing is wrong yet: what runs fits its site beside what else runs there."""
    kinds = draw.choice([("",), ("small", "large"), ("small", "large", "other")])
    sites = tuple(_site_drawn(draw, f"s{number}", draw.choice(kinds)) for number in range(draw.randint(1, 4)))
    queue = tuple(_request_drawn(draw, f"r{number}") for number in range(draw.randint(1, most)))
    free = {each.id: each.devices for each in sites}
    runs = []
    for number in range(draw.randint(0, 8)):
        asked, place = _request_drawn(draw, f"x{number}"), draw.choice(sites)
        if not could_run(asked, place) or asked.need.devices > free[place.id]:
            continue
        free[place.id] -= asked.need.devices
        lent = asked.checkpoints and not asked.newcomer and draw.random() < 0.7
        until = NOW + draw.randint(0, seconds_at(asked.need, place))
        checkpoint = draw.choice([0, NOW - 5, NOW + 300, NOW + 900]) if lent else 0
        runs.append(Running(asked, place.id, NOW - HOUR, until, lent, checkpoint))
    bookings = []
    for _ in range(draw.choice([0, 0, 1, 2, 3])):
        since = NOW + draw.randint(-2, 8) * HOUR // 2
        until = since + draw.randint(1, 4) * HOUR
        bookings.append(Booking(draw.choice(sites).id, since, until, draw.randint(1, 6)))
    forecast = {
        region: Series(NOW - 500, HOUR, tuple(draw.randint(10, 400) for _ in range(draw.randint(1, 14))))
        for region in ("north", "south")
    }
    usage = Usage(NOW, {"c": draw.randint(0, 9)}, {("c", "m"): draw.randint(0, 9)})
    policy = Policy(
        reserved_bps=draw.choice([0, 1_000, 3_000, 10_000]),
        reserved_lent=draw.random() < 0.5,
        backfill=draw.random() < 0.7,
        wait_max=draw.choice([3 * HOUR, 14 * 24 * HOUR]),
        carbon_aware=draw.random() < 0.5,
        shares={"d": 2},
    )
    return World(queue, sites, Calendar(tuple(runs), tuple(bookings), forecast, usage), policy)


def _site_drawn(draw: random.Random, name: str, kind: str) -> Site:
    return site(
        name,
        draw.randint(1, 6),
        region=draw.choice(["north", "south", "nowhere"]),
        memory_bytes=draw.choice([10, 20]),
        watts=draw.randint(1, 4) * 100,
        price=draw.randint(0, 4) * 1_000,
        speed_permille=draw.choice([500, 1_000, 1_700]),
        hours_max=draw.choice([0, 0, 3]),
        data=draw.choice([None, None, frozenset({"public"}), SEVERAL]),
        serves=draw.choice([None, None, frozenset({"c"}), frozenset({"c", "d"})]),
        standing=draw.choice([Standing.OPEN, Standing.OPEN, Standing.OPEN, Standing.DRAINING]),
        kind=kind,
    )


def outside(sites: Iterable[Site], policy: Policy) -> dict[str, int]:
    """Return how many devices of each kind at open sites lie outside its reserve."""
    devices: dict[str, int] = {}
    for each in sites:
        if each.standing is Standing.OPEN:
            devices[each.kind] = devices.get(each.kind, 0) + each.devices
    return {kind: devices[kind] - kept for kind, kept in reserved(devices, policy.reserved_bps).items()}


def _request_drawn(draw: random.Random, name: str) -> Request:
    return request(
        name,
        draw.randint(1, 5),
        seconds=draw.randint(1, 5) * 2_000,
        memory_bytes=draw.choice([10, 20]),
        data=draw.choice(KINDS),
        community=draw.choice(["c", "d"]),
        member=draw.choice(["m", "n"]),
        origin=draw.choice(list(Origin)),
        submitted_at=NOW - draw.randint(0, 6) * HOUR,
        ceiling=draw.choice([5_000, 20_000, 10**9]),
        newcomer=draw.random() < 0.5,
        tier=draw.randint(0, 1),
        slack=draw.choice([0, 4 * HOUR, 12 * HOUR]),
        checkpoints=draw.random() < 0.5,
        not_at=draw.choice([frozenset(), frozenset({"s0"})]),
    )
