"""The tables of the figures: which requests each cell counts, how large it is, and which cells add up to which.

Pure. A table has its own cells, since its groups are: requests by who asked and what became of them (the month is that
in which they were asked for), work that ended by how its energy is known (the month of the end), parts of work by site
(the month of the start), devices in use (the months in which they were), newcomers with devices of the reserve
(likewise; all of them count, also where together they have more than it), requests that wait by the reason that they
were told (the months in which they were).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from training_jobs.scheduling.events import EnergyHow, Requester
from training_jobs.scheduling.values import Why
from training_jobs.transparency.suppression import Size, Sum, Table
from training_jobs.transparency.world import ALL, Asked, World, by_month, month_of

OUTCOMES = ("started", "refused", "open")
REQUESTERS = tuple(str(each) for each in Requester)
ENERGY = tuple(str(each) for each in EnergyHow)
ASKED = "asked"
RESERVE, LENT = "reserve", "lent"
SITE, _REASON = "site:", "reason:"
UNNAMED = "unknown"  # the kind of devices of which the log does not say it


@dataclass(slots=True)
class Tally:
    """What each cell counts in each period: requests, their people, and amounts that add up."""

    requests: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    people: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    amounts: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, month: str, cell: str, asked: Asked, **amounts: int) -> None:
        """Count a request in a cell, in a month and in all."""
        for period in (month, ALL):
            self.requests[period, cell].add((asked.log, asked.said.request))
            self.people[period, cell].add(asked.person)
        self.add_up(month, cell, **amounts)

    def add_up(self, month: str, cell: str, **amounts: int) -> None:
        """Add amounts to a cell, in a month and in all."""
        for period in (month, ALL):
            self.amounts[period, cell].update(amounts)

    def amount(self, period: str, cell: str, name: str) -> int:
        """Return what an amount adds up to."""
        found = self.amounts.get((period, cell))
        return found[name] if found else 0

    @property
    def periods(self) -> list[str]:
        """The periods in which something is counted: `all` first, then the months."""
        months = {period for period, _ in self.requests} - {ALL}
        return [ALL, *sorted(months)]

    @property
    def cells(self) -> list[str]:
        """The cells in which something is counted."""
        return sorted({cell for _, cell in self.requests})

    def table(self, sums: Iterable[Sum[str]], precious: Iterable[str] = ()) -> Table:
        """Return the sizes of the cells."""
        sizes: dict[str, dict[str, Size]] = {period: {} for period in self.periods}
        for (period, cell), requests in self.requests.items():
            sizes[period][cell] = Size(len(requests), len(self.people[period, cell]))
        return Table(sizes, tuple(sums), frozenset(precious))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of table: its cells are counted from a world; `sums` says what adds up, given the cells in use."""

    name: str
    count: Callable[[World], Tally]
    sums: Callable[[list[str]], list[Sum[str]]]
    precious: tuple[str, ...] = ()

    def table(self, tally: Tally) -> Table:
        """Return the sizes of a tally of this kind."""
        return tally.table(self.sums(tally.cells), self.precious)


def cell_of(requester: str, outcome: str) -> str:
    """Return the name of a cell of the requests."""
    return f"{requester}/{outcome}"


def reason_cell(reason: str) -> str:
    """Return the name of the cell of a reason to refuse."""
    return f"{_REASON}{reason}"


def reasons_in(cells: Iterable[str]) -> list[str]:
    """Return the reasons of which there are cells."""
    return sorted(cell.removeprefix(_REASON) for cell in cells if cell.startswith(_REASON))


def kind_cell(group: str, kind: str) -> str:
    """Return the name of the cell of what was used of the reserve (RESERVE, or LENT) of one kind of devices."""
    return f"{group}:{kind or UNNAMED}"


def kinds_in(cells: Iterable[str]) -> set[str]:
    """Return the kinds of devices of which there are cells."""
    return {cell.partition(":")[2] for cell in cells if cell.startswith((f"{RESERVE}:", f"{LENT}:"))}


def _requests(world: World) -> Tally:
    tally = Tally()
    for asked in world.asked.values():
        month, who = month_of(asked.at), str(asked.said.requester)
        for requester in (who, ALL):
            tally.add(month, cell_of(requester, asked.outcome), asked)
            tally.add(month, cell_of(requester, ASKED), asked)
        if asked.refused:
            tally.add(month, reason_cell(asked.refused), asked)
    return tally


def _sums_of_requests(cells: list[str]) -> list[Sum[str]]:
    rows = [
        Sum(cell_of(who, ASKED), tuple(cell_of(who, outcome) for outcome in OUTCOMES)) for who in (*REQUESTERS, ALL)
    ]
    columns = [
        Sum(cell_of(ALL, outcome), tuple(cell_of(who, outcome) for who in REQUESTERS)) for outcome in (*OUTCOMES, ASKED)
    ]
    reasons = tuple(reason_cell(reason) for reason in reasons_in(cells))
    return [*rows, *columns, *([Sum(cell_of(ALL, "refused"), reasons)] if reasons else [])]


def _energy(world: World) -> Tally:
    tally = Tally()
    for asked in world.asked.values():
        ended = asked.ended
        if ended is not None and asked.parts:
            for how in (str(ended.energy), ALL):
                amounts = {
                    "joules": ended.joules or 0,
                    "grams": asked.grams or 0,
                    "without_grams": int(asked.grams is None),
                    "cost": ended.cost,
                }
                tally.add(month_of(asked.ended_at), how, asked, **amounts)
    return tally


def _sites(world: World) -> Tally:
    tally = Tally()
    for asked in world.asked.values():
        for part in asked.parts:
            for cell in (f"{SITE}{part.site}", ALL):
                tally.add(month_of(part.since), cell, asked, starts=1, **{part.end: 1})
    return tally


def _use(world: World) -> Tally:
    tally = Tally()
    for asked in world.asked.values():
        for part in asked.parts:
            lent = [LENT, kind_cell(LENT, part.kind)] if part.why is Why.STARTS_ON_LENT else []
            for month, seconds in by_month(part.since, world.until if part.until is None else part.until):
                for cell in (ALL, *lent):
                    tally.add(month, cell, asked, device_seconds=asked.said.devices * seconds)
    for (month, kind), newcomers in world.newcomers.items():
        for cell in (RESERVE, kind_cell(RESERVE, kind)):
            for key in newcomers:
                tally.add(month, cell, world.asked[key])
            tally.add_up(month, cell, device_seconds=world.newcomer_seconds[month][kind])
    return tally


def parted(tally: Tally, world: World) -> dict[str, Tally]:
    """Return what each of several logs counts in a tally of all of them: requests and people, not amounts."""
    parts: dict[str, Tally] = defaultdict(Tally)
    for place, requests in tally.requests.items():
        for key in requests:
            parts[key[0]].requests[place].add(key)
            parts[key[0]].people[place].add(world.asked[key].person)
    return parts


def _sums_of_use(cells: list[str]) -> list[Sum[str]]:
    """Return that each kind's part makes the reserve. What is neither reserved nor lent is not shown on its own."""
    parts = {group: tuple(cell for cell in cells if cell.startswith(f"{group}:")) for group in (RESERVE, LENT)}
    return [Sum(group, of_kinds) for group, of_kinds in parts.items() if of_kinds]


def _waits(world: World) -> Tally:
    tally = Tally()
    for asked in world.asked.values():
        for month, why in asked.waited_for:
            tally.add(month, str(why), asked)
    return tally


def _all_is_sum(cells: list[str]) -> list[Sum[str]]:
    parts = tuple(cell for cell in cells if cell != ALL)
    return [Sum(ALL, parts)] if parts else []


# Waiting times hang on what started: it is hidden last.
REQUESTS = Kind("requests", _requests, _sums_of_requests, tuple(cell_of(who, "started") for who in (ALL, *REQUESTERS)))
ENERGY_USED = Kind("energy", _energy, lambda _: [Sum(ALL, ENERGY)])
SITES = Kind("sites", _sites, _all_is_sum)
USE = Kind("use", _use, _sums_of_use)
# A request may be told several reasons, so nothing adds up. Over the months it counts once, so they do not either: that
# they are taken to hides more, never less.
WAITS = Kind("waits", _waits, lambda _: [])
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (REQUESTS, ENERGY_USED, SITES, USE, WAITS)}
