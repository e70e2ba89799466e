"""The figures of the compute commons, from public logs alone: who waited, what was refused, used, paid and emitted.

    figures(Log.of(entries))                      # of one community
    figures_of_many({"water": log, "soil": log})  # of an instance: one site in several logs counts once

Pure and exact: integers and fractions. Every figure is one row with a period (`all`, or a month of UTC), a table, a
group in it, a measure and its unit; docs/compute-feed.md lists them. A row without a value is suppressed: its group is
smaller than five requests or people, or would give such a group away (`suppression.py`).

Percentiles are nearest-rank: the smallest value that at least p per cent of the values do not exceed (definition 1 of
Hyndman and Fan, "Sample quantiles in statistical packages", 1996). Fairness is the index of Jain, Chiu and Hawe, "A
quantitative measure of fairness" (DEC-TR-301, 1984).
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from training_jobs.scheduling.events import KINDS as EVENT_KINDS
from training_jobs.scheduling.events import Interruption, Outcome
from training_jobs.transparency import tables
from training_jobs.transparency.suppression import SMALL, Hidden, both, hide, hide_sum
from training_jobs.transparency.tables import ASKED, LENT, OUTCOMES, REQUESTERS, RESERVE, Tally, cell_of, reason_cell
from training_jobs.transparency.world import ALL, Asked, World, month_of

PERCENTILES = (50, 90, 99)
ENDS = (*(str(each) for each in Outcome), *(str(each) for each in Interruption), "running")
_FAILURES = (str(Outcome.FAILED), str(Interruption.SITE_SILENT), str(Interruption.ATTEMPT_FAILED))
_ONE_LOG = ""
Uses = Mapping[str, int | None]
_COST = ("cost", "micro-units")
_KNOWN = (("joules", "joules"), ("grams", "grams CO2e"), ("without_grams", "requests"), _COST)
# What was metered and what was estimated is not added up; how many had no known carbon is said beside it.
_AMOUNTS = {ALL: (_COST,), "metered": _KNOWN, "estimated": _KNOWN, "unknown": (_COST,)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a public log. `actor` is only told from another: people are counted, not named."""

    at: int
    kind: str
    data: object
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """A log: its compute entries in order, how many entries of all kinds it has, and the latest moment in it."""

    entries: tuple[Entry, ...]
    size: int
    until: int

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Log":
        """Return the log of all entries, of whatever kinds."""
        kept, size, until = [], 0, 0
        for entry in entries:
            size, until = size + 1, max(until, entry.at)
            if entry.kind in EVENT_KINDS:
                kept.append(entry)
        return cls(tuple(kept), size, until)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `value` None: suppressed. `at` is there for what has a moment: since when a site has a price."""

    period: str
    table: str
    group: str
    measure: str
    unit: str
    value: int | Fraction | None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of so many logs with so many entries together, the latest of which is of the moment `until`."""

    logs: int
    size: int
    until: int
    strays: int
    rows: tuple[Figure, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked for yet, and no site was open."""
        return not self.rows


def figures(log: Log) -> Figures:
    """Return the figures of one log. Raises Invalid for an entry at no moment."""
    world = _world(_ONE_LOG, log)
    counted, hidden = _counted(world)
    return Figures(1, log.size, world.until, world.strays, tuple(_rows(world, counted, hidden)))


def figures_of_many(logs: Mapping[str, Log]) -> Figures:
    """Return the figures of several logs added up, and how fairly their communities share. Raises Invalid likewise.

    Logs without compute events are left out. What the figures of one of the logs suppress cannot be had from these, nor
    by subtracting the figures of the others; neither can what one of them alone cannot count, since another community
    governs the site where its newcomers are.
    """
    logs = {name: log for name, log in logs.items() if log.entries}
    worlds = {name: _world(name, log) for name, log in sorted(logs.items())}
    whole = _merged(logs)
    counted = {name: kind.count(whole) for name, kind in tables.KINDS.items()}
    each = {name: _counted(world) for name, world in worlds.items()}
    hidden = {
        name: hide_sum(kind.table(counted[name]), list(_of_each(kind, tables.parted(counted[name], whole), each)))
        for name, kind in tables.KINDS.items()
    }
    used = [uses_of(_rows(worlds[name], *one)) for name, one in each.items()]
    rows = [*_rows(whole, counted, hidden), *fairness(used)]
    return Figures(len(logs), sum(log.size for log in logs.values()), whole.until, whole.strays, tuple(rows))


def uses_of(rows: Iterable[Figure]) -> Uses:
    """Return the device-seconds of the periods in which a community asked for something or had it; None: suppressed."""
    said = {(row.period, row.table, row.measure): row.value for row in rows if row.group == ALL}
    asked = {period for period, table, measure in said if (table, measure) == ("requests", ASKED)}
    used = {period: value for (period, table, measure), value in said.items() if (table, measure) == ("use", "used")}
    had = {period for period, value in used.items() if value is None or value}
    return {period: None if (value := used.get(period, 0)) is None else int(value) for period in asked | had}


def fairness(communities: Sequence[Uses]) -> Iterator[Figure]:
    """Yield Jain's index over the communities that asked for anything or had it in a period.

    Suppressed where the use of one of them is: with few communities the index would give it away.
    """
    months = {period for uses in communities for period in uses} - {ALL}
    for period in [ALL, *sorted(months)] if any(communities) else ():
        had = [uses[period] for uses in communities if period in uses]
        shown = [value for value in had if value is not None]
        yield Figure(period, "fairness", ALL, "communities", "communities", len(had))
        index = jain(shown)
        if len(shown) < len(had) or index is not None:
            yield Figure(period, "fairness", ALL, "jain", "index", index if len(shown) == len(had) else None)


def nearest_rank(values: Sequence[int | Fraction], percent: int) -> int | Fraction:
    """Return a percentile of sorted values, of which there is at least one."""
    return values[max(0, -(-percent * len(values) // 100) - 1)]


def jain(values: Sequence[int]) -> Fraction | None:
    """Return (Σx)² / (n Σx²): 1 where all have the same, 1/n where one has all; None where nobody has anything."""
    squares = sum(value * value for value in values)
    return Fraction(sum(values) ** 2, len(values) * squares) if squares else None


def _counted(world: World) -> tuple[dict[str, Tally], dict[str, Hidden]]:
    """Count every table of one log, and say what is hidden of it."""
    counted = {name: kind.count(world) for name, kind in tables.KINDS.items()}
    return counted, {name: hide(kind.table(counted[name])) for name, kind in tables.KINDS.items()}


def _of_each(
    kind: tables.Kind, parts: Mapping[str, Tally], each: Mapping[str, tuple[Mapping[str, Tally], Mapping[str, Hidden]]]
) -> Iterator[Hidden]:
    """Yield what is hidden of each log: in its own figures, and of its part of all of them where that is another."""
    for log, (counted, hidden) in each.items():
        alone, beside = kind.table(counted[kind.name]), kind.table(parts.get(log, Tally()))
        yield hidden[kind.name] if beside == alone else both(hidden[kind.name], hide(beside))


def _world(name: str, log: Log) -> World:
    world = World()
    for entry in log.entries:
        world.take(name, entry.at, entry.kind, entry.data, entry.actor)
    return world.end(log.until)


def _merged(logs: Mapping[str, Log]) -> World:
    """Return the world of all logs: entries in order of time; at equal times by the names of the logs."""

    def timed(name: str, log: Log) -> Iterator[tuple[int, str, int, Entry]]:
        moments = accumulate((entry.at for entry in log.entries), max)
        for place, (at, entry) in enumerate(zip(moments, log.entries, strict=True)):
            yield at, name, place, entry

    world = World()
    for at, name, _, entry in heapq.merge(*(timed(name, log) for name, log in logs.items()), key=_order):
        world.take(name, at, entry.kind, entry.data, entry.actor)
    return world.end(max((log.until for log in logs.values()), default=0))


def _order(timed: tuple[int, str, int, Entry]) -> tuple[int, str, int]:
    return timed[:3]


def _rows(world: World, counted: Mapping[str, Tally], hidden: Mapping[str, Hidden]) -> Iterator[Figure]:
    yield from _requests(world, counted["requests"], hidden["requests"])
    yield from _waits(counted["waits"], hidden["waits"])
    yield from _use(world, counted["use"], hidden["use"])
    yield from _energy(counted["energy"], hidden["energy"])
    yield from _sites(counted["sites"], hidden["sites"])
    for price in world.prices:
        yield Figure(
            month_of(price.at), "prices", price.site, "price", "micro-units/device-hour", price.price, price.at
        )


class _Shown:
    """Makes the rows of one table: what is hidden has no value, what counts nothing has no row unless asked for."""

    def __init__(self, table: str, tally: Tally, hidden: Hidden) -> None:
        self.table, self.tally, self._hidden = table, tally, hidden

    def hides(self, period: str, *cells: str) -> bool:
        return any(self._hidden.hides(period, cell) for cell in cells)

    def count(self, period: str, cell: str) -> int:
        return len(self.tally.requests.get((period, cell), ()))

    def is_there(self, period: str, cell: str) -> bool:
        return self.count(period, cell) > 0 or self.hides(period, cell)

    def amount(self, period: str, cell: str, name: str) -> int:
        return self.tally.amount(period, cell, name)

    def row(
        self, period: str, group: str, measure: str, unit: str, value: int | Fraction, *cells: str, table: str = ""
    ) -> Figure:
        """Return a row that is computed from these cells."""
        shown = None if self.hides(period, *cells) else value
        return Figure(period, table or self.table, group, measure, unit, shown)


def _requests(world: World, tally: Tally, hidden: Hidden) -> Iterator[Figure]:
    shown = _Shown("requests", tally, hidden)
    for period in tally.periods if world.asked else ():
        for who in (ALL, *REQUESTERS):
            for outcome in (ASKED, *OUTCOMES):
                cell = cell_of(who, outcome)
                yield shown.row(period, who, outcome, "requests", shown.count(period, cell), cell)
            yield from _shares(shown, period, who)
            started = [world.asked[key] for key in tally.requests.get((period, cell_of(who, "started")), ())]
            yield from _times(shown, period, who, started)
        for reason in tables.reasons_in(tally.cells):
            cell = reason_cell(reason)
            if shown.is_there(period, cell):
                count = shown.count(period, cell)
                yield shown.row(period, reason, "refused", "requests", count, cell, table="refusals")


def _shares(shown: _Shown, period: str, who: str) -> Iterator[Figure]:
    """Yield the share that was accepted of what was decided, and that of newcomers among all who asked."""
    started, refused = cell_of(who, "started"), cell_of(who, "refused")
    decided = shown.count(period, started) + shown.count(period, refused)
    if decided or shown.hides(period, started, refused):
        share = Fraction(shown.count(period, started), decided or 1)
        yield shown.row(period, who, "acceptance", "share", share, started, refused)
    mine, everyone = cell_of(who, ASKED), cell_of(ALL, ASKED)
    if who != ALL:
        share = Fraction(shown.count(period, mine), shown.count(period, everyone) or 1)
        yield shown.row(period, who, "share", "share", share, mine, everyone)


def _times(shown: _Shown, period: str, who: str, started: Sequence[Asked]) -> Iterator[Figure]:
    """Yield percentiles of waits for the first start, and of expansion factors of what was done."""
    cell = cell_of(who, "started")
    waits = sorted(asked.parts[0].since - asked.at for asked in started)
    done = [
        asked for asked in started if asked.ended is not None and asked.ended.outcome is Outcome.DONE and _run(asked)
    ]
    factors = sorted(Fraction(asked.ended_at - asked.at, _run(asked)) for asked in done)
    is_small = bool(done) and min(len(done), len({asked.person for asked in done})) < SMALL
    for percent in PERCENTILES:
        if waits:
            yield shown.row(period, who, f"wait_p{percent}", "seconds", nearest_rank(waits, percent), cell)
    for percent in PERCENTILES:
        if factors:
            row = shown.row(period, who, f"expansion_p{percent}", "ratio", nearest_rank(factors, percent), cell)
            yield Figure(row.period, row.table, who, row.measure, row.unit, None) if is_small else row


def _run(asked: Asked) -> int:
    """Return for how many seconds a request that is over held devices."""
    return sum((part.until or part.since) - part.since for part in asked.parts)


def _waits(tally: Tally, hidden: Hidden) -> Iterator[Figure]:
    shown = _Shown("waits", tally, hidden)
    for period in tally.periods if tally.requests else ():
        for why in tally.cells:
            if shown.is_there(period, why):
                yield shown.row(period, why, "told", "requests", shown.count(period, why), why)


def _use(world: World, tally: Tally, hidden: Hidden) -> Iterator[Figure]:
    shown = _Shown("use", tally, hidden)
    months = {*tally.periods, *(month for month, seconds in world.open_seconds.items() if seconds)} - {ALL}
    kept = {kind or tables.UNNAMED for by_kind in world.reserved_seconds.values() for kind in by_kind}
    kinds = sorted(kept | tables.kinds_in(tally.cells))
    for period in [ALL, *sorted(months)] if months else ():
        opened = sum(seconds for month, seconds in world.open_seconds.items() if period in (ALL, month))
        used = shown.amount(period, ALL, "device_seconds")
        yield Figure(period, "use", ALL, "open", "device-seconds", opened)
        yield shown.row(period, ALL, "used", "device-seconds", used, ALL)
        if opened:
            yield shown.row(period, ALL, "utilisation", "share", Fraction(used, opened), ALL)
        by_kind = _reserved(world, period)
        yield from _reserve(shown, period, RESERVE, sum(by_kind.values()), RESERVE, LENT)
        for kind in kinds if kinds != [tables.UNNAMED] else ():
            cells = [tables.kind_cell(group, kind) for group in (RESERVE, LENT)]
            yield from _reserve(shown, period, f"{RESERVE}:{kind}", by_kind[kind], *cells)


def _reserve(shown: _Shown, period: str, group: str, reserved: int, own_cell: str, lent_cell: str) -> Iterator[Figure]:
    """Yield the figures of the reserve of all devices, or of one kind."""
    own, lent = (shown.amount(period, cell, "device_seconds") for cell in (own_cell, lent_cell))
    yield Figure(period, "use", group, "reserved", "device-seconds", reserved)
    yield shown.row(period, group, "used", "device-seconds", own, own_cell)
    yield shown.row(period, group, "lent", "device-seconds", lent, lent_cell)
    if reserved:
        yield shown.row(period, group, "utilisation", "share", Fraction(own, reserved), own_cell)


def _reserved(world: World, period: str) -> Counter[str]:
    """Return the reserved device-seconds of a period by kind."""
    found: Counter[str] = Counter()
    for month, by_kind in world.reserved_seconds.items():
        if period in (ALL, month):
            for kind, seconds in by_kind.items():
                found[kind or tables.UNNAMED] += seconds
    return found


def _energy(tally: Tally, hidden: Hidden) -> Iterator[Figure]:
    shown = _Shown("energy", tally, hidden)
    for period in tally.periods if tally.requests else ():
        for how in (ALL, *tables.ENERGY):
            if not shown.is_there(period, how):
                continue
            yield shown.row(period, how, "ended", "requests", shown.count(period, how), how)
            for name, unit in _AMOUNTS[how]:
                yield shown.row(period, how, name, unit, shown.amount(period, how, name), how)


def _sites(tally: Tally, hidden: Hidden) -> Iterator[Figure]:
    shown = _Shown("sites", tally, hidden)
    for period in tally.periods if tally.requests else ():
        for cell in (ALL, *(each for each in tally.cells if each != ALL)):
            if not shown.is_there(period, cell):
                continue
            group = cell.removeprefix(tables.SITE)
            for name in ("starts", *ENDS):
                yield shown.row(period, group, name, "parts", shown.amount(period, cell, name), cell)
            failures = sum(shown.amount(period, cell, name) for name in _FAILURES)
            share = Fraction(failures, shown.amount(period, cell, "starts") or 1)
            yield shown.row(period, group, "failure_share", "share", share, cell)
