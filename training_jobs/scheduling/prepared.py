"""The sites of a decision as bit masks: who could take a request is a few ANDs, whatever the number of sites.

Bit i stands for the i-th site in the order in which sites are preferred, so the lowest bit that is left is the best:
by energy per unit of work (power times PUE over measured speed) where policy looks at carbon, else by price per unit of
work; then by the other of the two, then by id. Holds nothing that changes with time: what is free is in `room.py`.
Build it again when a site, its rules or its standing changes.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import or_

from training_jobs.scheduling.fitting import HOUR, takes_work
from training_jobs.scheduling.values import Need, Request, Site

_PARTS = 1_000_000  # of a micro-unit, or of a permille watt, per unit of work: enough to tell two sites apart
_NO_LIMIT = 1 << 62


class Ladder:
    """Masks by a number that each site has: those with at least, and at most, a given value."""

    __slots__ = ("_all", "_steps", "_up")

    def __init__(self, values: Sequence[int], bits: Sequence[int]) -> None:
        """Take the number and the bit of each site."""
        order = sorted(range(len(values)), key=values.__getitem__)
        self._steps = list(map(values.__getitem__, order))
        self._up = list(accumulate(map(bits.__getitem__, order), or_, initial=0))  # of the first i in this order
        self._all = self._up[-1]

    def at_least(self, value: int) -> int:
        """Return the sites with this value or more."""
        return self._all ^ self._up[bisect_left(self._steps, value)]

    def at_most(self, value: int) -> int:
        """Return the sites with this value or less."""
        return self._up[bisect_right(self._steps, value)]


class Prepared:
    """Sites that take work, in order of preference, with masks for what a request may ask of them."""

    def __init__(self, sites: Iterable[Site], *, carbon_aware: bool) -> None:
        """Sort the sites and build the masks; two sites with one id are one: the first in order of preference."""
        self.carbon_aware = carbon_aware
        ranked = []
        for site in sites:
            if takes_work(site):
                energy = site.watts * site.pue_permille * _PARTS // site.speed_permille
                dear = site.price * _PARTS // site.speed_permille
                ranked.append((*((energy, dear) if carbon_aware else (dear, energy)), site.id, energy, dear, site))
        ranked.sort(key=lambda row: row[:3])
        self.sites: list[Site] = []
        self.energy: list[int] = []  # of one unit of work at each site, in parts that only compare
        self.place: dict[str, int] = {}
        self.bits: list[int] = []
        self.power: list[int] = []  # of one device with its share of the building, in permille of a watt
        self.regions: dict[str, int] = {}
        self.paces: list[tuple[str, int]] = []  # each region with each speed, about; and which of them each site has
        self.pace: list[int] = []
        known: dict[tuple[str, int, int], int] = {}
        self.kinds: dict[str, int] = {}  # of devices, and the sites that have them
        limits: list[int] = []
        prices: list[int] = []
        self._data: dict[frozenset[str] | None, int] = {}
        serving: dict[frozenset[str] | None, int] = {}
        for *_, name, energy, dear, site in ranked:
            if name in self.place:
                continue
            bit = 1 << len(self.sites)
            self.place[name] = len(self.sites)
            self.bits.append(bit)
            self.sites.append(site)
            self.power.append(site.watts * site.pue_permille)
            speed = site.speed_permille
            about = site.region, speed >> max(speed.bit_length() - 2, 0), speed.bit_length()
            if about not in known:
                known[about] = len(self.paces)
                self.paces.append((site.region, speed))
            self.pace.append(known[about])
            self.energy.append(energy)
            self.kinds[site.kind] = self.kinds.get(site.kind, 0) | bit
            limits.append(site.hours_max * HOUR * site.speed_permille // 1_000 if site.hours_max > 0 else _NO_LIMIT)
            prices.append(dear)
            self.regions[site.region] = self.regions.get(site.region, 0) | bit
            self._data[site.data] = self._data.get(site.data, 0) | bit
            serving[site.serves] = serving.get(site.serves, 0) | bit
        self.all = (1 << len(self.sites)) - 1
        self._memory = Ladder([site.memory_bytes for site in self.sites], self.bits)
        self._devices = Ladder([site.devices for site in self.sites], self.bits)
        self._seconds, self._prices = Ladder(limits, self.bits), Ladder(prices, self.bits)
        self.anybody = serving.pop(None, 0)
        self._serving: dict[str, int] = {}
        for communities, mask in serving.items():
            for community in communities or ():
                self._serving[community] = self._serving.get(community, 0) | mask

    def could_run(self, request: Request) -> int:
        """Return the mask of the sites that could do it when idle, whatever it costs; as `fitting.could_run`."""
        return self.with_means(request.need, request.not_at) & self.serving(request.community)

    def with_means(self, need: Need, not_at: frozenset[str]) -> int:
        """Return the sites with the devices, the hours and the rules on data for a need, but for some of them."""
        if need.devices < 1 or need.seconds < 1:
            return 0
        mask = self._memory.at_least(need.memory_bytes) & self._seconds.at_least(need.seconds)
        mask &= self._devices.at_least(need.devices)
        if need.data:
            mask &= self._taking(need.data)
        for name in not_at:
            if name in self.place:
                mask &= ~(1 << self.place[name])
        return mask

    def serving(self, community: str) -> int:
        """Return the sites that serve a community."""
        return self.anybody | self._serving.get(community, 0)

    def perhaps_affordable(self, device_seconds: int, ceiling: int) -> int:
        """Return a mask that holds every site within the ceiling, and a few just above it: prices are rounded up."""
        return self._prices.at_most(ceiling * (HOUR * _PARTS // 1_000) // device_seconds)

    def _taking(self, data: frozenset[str]) -> int:
        mask = 0
        for kinds, sites in self._data.items():
            if kinds is None or data <= kinds:
                mask |= sites
        return mask


def each_place(mask: int) -> Iterable[int]:
    """Yield the places of a mask, the preferred first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
