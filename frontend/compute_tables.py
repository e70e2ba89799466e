"""The figures of the compute commons as tables in words: cells as they are read, what is hidden said as such."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from django.utils.translation import gettext as _

from frontend import numbers
from frontend.words.waiting import refused_words
from training_jobs.transparency.figures import Figure, Figures

# What is shown of a unit of the feed: hours, kilowatt-hours and minor units of money.
_WHOLES = {"ratio": 1, "index": 1, "device-seconds": 3_600, "joules": 3_600_000, "micro-units": 1_000_000}
_SITES_MAX = 200
NOTHING = "—"


@dataclass(frozen=True)
class FiguresTable:
    """A table: its caption, the names of its columns, and rows of a name with cells."""

    key: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True)
class Headline:
    """A number that stands large."""

    label: str
    text: str


def headlines(found: Figures) -> list[Headline]:
    """Return the four numbers with which the page begins."""
    read = _Reader(found.rows)
    return [
        Headline(_("Requests"), read.cell("requests", "all", "asked")),
        Headline(_("Median wait"), read.cell("requests", "all", "wait_p50")),
        Headline(_("Accepted"), read.cell("requests", "all", "acceptance")),
        Headline(_("Open devices in use"), read.cell("use", "all", "utilisation")),
    ]


def tables(found: Figures) -> dict[str, FiguresTable]:
    """Return the tables of all months together, by key."""
    read = _Reader(found.rows)
    read_off = (_waiting, _told, _outcomes, _reasons, _use, _energy, _sites, _fairness)
    made = [each(read) for each in read_off]
    return {table.key: table for table in made if table.rows}


def shared(rows: Sequence[Figure]) -> list[Headline]:
    """Return how fairly the communities of an instance share what they had; nothing where there are not two of them."""
    read = _Reader(rows)
    if not any(row.period == "all" and row.measure == "communities" and (row.value or 0) > 1 for row in rows):
        return []
    return [
        Headline(_("Communities that share"), read.cell("fairness", "all", "communities")),
        Headline(_("Jain's index of fairness"), read.cell("fairness", "all", "jain")),
    ]


class _Reader:
    """Finds figures of all months and says them in words."""

    def __init__(self, rows: Sequence[Figure]) -> None:
        self._rows = {(row.table, row.group, row.measure): row for row in rows if row.period == "all"}

    def groups(self, table: str) -> list[str]:
        """Return the groups of a table in their order."""
        return list(dict.fromkeys(group for name, group, _measure in self._rows if name == table))

    def cell(self, table: str, group: str, measure: str) -> str:
        """Return a figure as it is read; a dash where there is none."""
        row = self._rows.get((table, group, measure))
        if row is None:
            return NOTHING
        return _("hidden") if row.value is None else _in_words(row.value, row.unit)

    def cells(self, table: str, group: str, measures: Sequence[str]) -> list[str]:
        return [self.cell(table, group, measure) for measure in measures]


def _in_words(value: int | Fraction, unit: str) -> str:
    if unit == "share":
        return numbers.ratio(Fraction(value), "share")
    if unit == "seconds":
        return numbers.duration(int(value))
    if unit in _WHOLES:
        return numbers.ratio(Fraction(value) / _WHOLES[unit], "number")
    return numbers.grouped(int(value))


def _waiting(read: _Reader) -> FiguresTable:
    measures = ("wait_p50", "wait_p90", "wait_p99", "expansion_p50", "expansion_p90")
    columns = [
        _("Half wait at most"),
        _("90 of 100 wait at most"),
        _("99 of 100 wait at most"),
        _("Half take this many times as long as they run, at most"),
        _("90 of 100 take this many times as long, at most"),
    ]
    rows = [(name, read.cells("requests", who, measures)) for who, name in _requesters(read)]
    return FiguresTable("waiting", _("Waiting, by who asked"), columns, rows)


def _outcomes(read: _Reader) -> FiguresTable:
    columns = [_("Asked for"), _("Have started"), _("Refused"), _("Neither yet"), _("Accepted of what was decided")]
    measures = ("asked", "started", "refused", "open", "acceptance")
    rows = [(name, read.cells("requests", who, measures)) for who, name in _requesters(read)]
    return FiguresTable("outcomes", _("Requests, by who asked"), columns, rows)


def _reasons(read: _Reader) -> FiguresTable:
    reasons = read.groups("refusals")
    rows = [(refused_words(reason), [read.cell("refusals", reason, "refused")]) for reason in reasons]
    return FiguresTable("reasons", _("Why requests were refused"), [_("Requests")], rows)


def _told(read: _Reader) -> FiguresTable:
    rows = [(reason, [read.cell("waits", reason, "told")]) for reason in read.groups("waits")]
    return FiguresTable("told", _("What requests were told that they wait for"), [_("Requests")], rows)


def _use(read: _Reader) -> FiguresTable:
    columns = [_("Device-hours there"), _("Device-hours used"), _("Device-hours lent to others"), _("Used")]
    rows = []
    if read.groups("use"):
        everything = [*read.cells("use", "all", ("open", "used")), NOTHING, read.cell("use", "all", "utilisation")]
        rows = [(_("All devices"), everything), (_("The reserve"), _reserve(read, "reserve"))]
        kinds = [group for group in read.groups("use") if group.startswith("reserve:")]
        for group in kinds if len(kinds) > 1 else ():
            kind = group.partition(":")[2]
            rows.append((_("The reserve of %(kind)s") % {"kind": kind}, _reserve(read, group)))
    return FiguresTable("use", _("Devices that were open, and what ran on them"), columns, rows)


def _reserve(read: _Reader, group: str) -> list[str]:
    return read.cells("use", group, ("reserved", "used", "lent", "utilisation"))


def _energy(read: _Reader) -> FiguresTable:
    names = {
        "all": _("All"),
        "metered": _("Metered energy"),
        "estimated": _("Estimated energy"),
        "unknown": _("Energy not known"),
    }
    columns = [_("Requests that ended"), _("kWh"), _("Grams of CO2e"), _("Of them without known carbon"), _("Cost")]
    measures = ("ended", "joules", "grams", "without_grams", "cost")
    rows = [(names[how], read.cells("energy", how, measures)) for how in read.groups("energy")]
    return FiguresTable("energy", _("Energy, carbon and cost, by how the energy is known"), columns, rows)


def _sites(read: _Reader) -> FiguresTable:
    columns = [
        _("Starts"),
        _("Done"),
        _("Failed"),
        _("Site fell silent"),
        _("Recalled for a newcomer"),
        _("Stopped at the ceiling"),
        _("Share that failed"),
    ]
    measures = ("starts", "done", "failed", "site_silent", "recalled", "ceiling", "failure_share")
    sites = read.groups("sites")[: _SITES_MAX + 1]
    rows = [(_("All") if site == "all" else site, read.cells("sites", site, measures)) for site in sites]
    return FiguresTable("sites", _("What became of starts, by site"), columns, rows)


def _fairness(read: _Reader) -> FiguresTable:
    rows = [(name, [read.cell("requests", who, "share")]) for who, name in _requesters(read) if who != "all"]
    return FiguresTable("fairness", _("Who asked"), [_("Share of all requests")], rows)


def _requesters(read: _Reader) -> list[tuple[str, str]]:
    if not read.groups("requests"):
        return []
    return [("newcomer", _("Newcomers")), ("member", _("Members")), ("all", _("All"))]
