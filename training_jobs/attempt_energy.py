"""Energy and carbon of the attempts at runs: what machines metered, as far as that can be, else declared power × time.

A machine says itself what it metered, and could say anything. More than `WATTS_MARGIN` times what the devices of its
site draw by their declared power, for as long as the attempt lasted, is cut off there, counts as an estimate, and the
page says so. Carbon of devices of a site is what the log was told (`compute_emitted`), once the history of the grid was
known; elsewhere it is energy times the intensity that this instance declares. What is not known is not zero. Reads
only, in four queries for however many runs.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from django.conf import settings

from governance.errors import Invalid
from governance.models import Event
from training_jobs.carbon import meters
from training_jobs.carbon.meters import Energy
from training_jobs.models import Allotment, Attempt, ComputeRequest, Run, RunEvent
from training_jobs.scheduling.events import ComputeEmitted, read

# A meter counts the whole machine, with its fans and what else goes on there.
WATTS_MARGIN: Final = 2
# Of a machine that stands at no site: more than the largest server with eight accelerators.
MACHINE_WATTS_MAX: Final = 20_000
CAPPED: Final = "more was said than the devices can draw in this time"
JOULES_PER_KWH: Final = 3_600_000
DECLARED: Final = "declared"  # the source of an intensity that this instance declares
SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Part:
    """One attempt. None: not known. `allotted`: devices of a site were given to it."""

    seconds: int
    joules: int | None
    metered: bool = False
    said: bool = False  # a machine said something of it
    by: tuple[str, ...] = ()
    capped: bool = False
    allotted: bool = False
    grams: Fraction | None = None  # of CO2e
    saved: Fraction | None = None  # grams that starting at once would have emitted beyond; negative: waiting cost some
    grid: str = ""  # the source of the intensity; empty: it is not known


@dataclass(frozen=True, slots=True)
class Used:
    """What attempts used together. `complete`: the energy of all of them is known. `grams`: None where not of all."""

    seconds: int = 0
    joules: int = 0
    metered_joules: int = 0
    complete: bool = True
    capped: bool = False
    allotted: bool = False  # some of it at devices of a site
    by: tuple[str, ...] = ()
    grams: Fraction | None = Fraction(0)
    saved: Fraction | None = None  # None: of no attempt is it known

    @property
    def how(self) -> str:
        """`metered` where counters covered all of it, `estimated`, or `unknown`."""
        if not self.joules:
            return "unknown" if not self.complete else "estimated"
        return "metered" if self.complete and self.metered_joules == self.joules else "estimated"


def together(parts: Iterable[Part]) -> Used:
    """Add attempts up."""
    found = [part for part in parts if part.seconds or part.joules]
    grams = [part.grams for part in found]
    saved = [part.saved for part in found if part.saved is not None]
    return Used(
        seconds=sum(part.seconds for part in found),
        joules=sum(part.joules or 0 for part in found),
        metered_joules=sum(part.joules or 0 for part in found if part.metered),
        complete=all(part.joules is not None for part in found),
        capped=any(part.capped for part in found),
        allotted=any(part.allotted for part in found),
        by=tuple(dict.fromkeys(name for part in found for name in part.by)),
        grams=sum((each for each in grams if each is not None), Fraction(0)) if None not in grams else None,
        saved=sum(saved, Fraction(0)) if saved else None,
    )


def bounded(energy: Energy, watts_max: int, seconds: int) -> Energy:
    """Return what was said of an attempt, cut off at what devices of so many watts can draw in so many seconds."""
    most = watts_max * max(1, seconds)
    if energy.joules <= most:
        return energy
    return replace(energy, joules=most, how="estimated", note=CAPPED)


def watts_max(allotment: Allotment | None) -> int:
    """Return what a machine that worked under an allotment, or under none, draws at most."""
    if allotment is None:
        return max(MACHINE_WATTS_MAX, WATTS_MARGIN * int(settings.DEVICE_WATTS))
    site = allotment.site
    devices = max(site.devices, site.devices_measured, allotment.request.devices)
    watts: int = WATTS_MARGIN * int(site.inputs["watts"]["value"]) * devices
    return watts


def energy_of(lines: Iterable[dict[str, Any]], allotment: Allotment | None, seconds: int) -> Energy | None:
    """Return the energy of one attempt from what its machine said, bounded; None where it said nothing."""
    said = meters.total({**line, "event": meters.EVENT} for line in lines)
    return None if said is None else bounded(said, watts_max(allotment), seconds)


def parts_of(runs: Sequence[Run], now: datetime) -> dict[int, list[Part]]:
    """Return the attempts at each run, by its number. What is under way counts until `now`."""
    numbers = [run.pk for run in runs]
    lines: dict[tuple[int, int, int], list[dict[str, Any]]] = defaultdict(list)
    said = RunEvent.objects.filter(run__in=numbers, kind=meters.EVENT).order_by("pk")
    for run, slot, attempt, data in said.values_list("run_id", "slot", "attempt", "data"):
        lines[(run, slot, attempt)].append(data)
    allotments: dict[tuple[int, int], list[Allotment]] = defaultdict(list)
    claimed = Allotment.objects.filter(request__run__in=numbers, claimed_at__isnull=False)
    for row in claimed.select_related("request", "site"):
        if row.request.run_id is not None:
            allotments[(row.request.run_id, row.request.slot)].append(row)
    told = _told([row.request for rows in allotments.values() for row in rows])
    found: dict[int, list[Part]] = defaultdict(list)
    for attempt in Attempt.objects.filter(run__in=numbers).order_by("pk"):
        given = next(
            (row for row in allotments[(attempt.run_id, attempt.slot)] if row.covers(attempt.started_at)), None
        )
        spoken = lines[(attempt.run_id, attempt.slot, attempt.number)]
        emitted = None if given is None else told.get((given.request_id, attempt.number))
        found[attempt.run_id].append(_part(attempt, given, spoken, emitted, now))
    return found


def _told(requests: Iterable[ComputeRequest]) -> dict[tuple[int, int], ComputeEmitted]:
    """Return what the logs were told that parts of requests emitted, by number of the request and attempt."""
    named = {(each.community_id, each.name): each.pk for each in requests}
    found: dict[tuple[int, int], ComputeEmitted] = {}
    if named:
        names = sorted({name for _, name in named})
        said = Event.objects.filter(kind=ComputeEmitted.kind, data__request__in=names).order_by("pk")
        for community, data in said.values_list("community", "data"):
            with suppress(Invalid):
                event = read(ComputeEmitted.kind, data)
                if isinstance(event, ComputeEmitted) and (community, event.request) in named:
                    found.setdefault((named[community, event.request], event.part), event)
    return found


def _part(
    attempt: Attempt,
    allotment: Allotment | None,
    lines: list[dict[str, Any]],
    told: ComputeEmitted | None,
    now: datetime,
) -> Part:
    worked = max(0, ((attempt.ended_at or now) - attempt.started_at) // SECOND)
    seconds = worked if attempt.ended_at is None else attempt.device_seconds
    seconds *= 1 if allotment is None else allotment.request.devices
    energy = energy_of(lines, allotment, worked)
    if energy is None:
        watts = (settings.DEVICE_WATTS or None) if allotment is None else int(allotment.site.inputs["watts"]["value"])
        joules = None if watts is None else watts * seconds
    else:
        joules = energy.joules
    if told is not None:
        joules, grams, saved, grid = told.joules, told.exact, told.exact_saved, told.source
    else:
        (grams, grid), saved = _declared(joules, allotment), None
    return Part(
        seconds=seconds,
        joules=joules,
        metered=energy is not None and energy.how == "metered",
        said=energy is not None,
        by=() if energy is None else energy.by,
        capped=energy is not None and energy.note == CAPPED,
        allotted=allotment is not None,
        grams=grams,
        saved=saved,
        grid=grid,
    )


def _declared(joules: int | None, allotment: Allotment | None) -> tuple[Fraction | None, str]:
    """Return the grams of energy of which the log was told nothing, and by which source."""
    declared = int(settings.GRID_GRAMS_PER_KWH) if allotment is None else 0
    if joules and declared:
        return Fraction(joules * declared, JOULES_PER_KWH), DECLARED
    return Fraction(0) if joules == 0 else None, DECLARED if declared else ""
