"""How much one device draws, as its machines metered it: the median of the newest attempts at a site.

A meter's joules by the seconds that the attempt lasted and the devices that it had: watts, to be compared with what is
declared. Measuring afterwards is part of an attempt, so its power counts, but how long it takes is no part of a plan.
Only what counters covered in whole counts, and nothing that was cut off (`attempt_energy`). A machine says itself what
it metered: the median is there so that one that lies, or one odd attempt, does not decide. Reads only, in three queries
for however many sites.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from statistics import median
from typing import Any, Final

from governance.models import Community
from training_jobs import spec as specs
from training_jobs.attempt_energy import energy_of
from training_jobs.carbon import meters
from training_jobs.ledger.estimates import devices_of_a_place
from training_jobs.models import Allotment, Attempt, RunEvent, Site

ATTEMPTS_MIN: Final = 3  # fewer say nothing of a site
ATTEMPTS_MAX: Final = 15  # the newest of each site
SECONDS_MIN: Final = 60  # what lasted less is mostly start and end
# So many of the newest places of runs are looked at, of all sites together.
LOOKED_AT_MAX: Final = 300
_SECOND: Final = timedelta(seconds=1)
_Place = tuple[int, int]  # run, slot


@dataclass(frozen=True, slots=True)
class Metered:
    """The power of one device in watts, rounded up, and of how many attempts it is the median."""

    watts: int
    attempts: int


def at_sites(sites: Collection[Site]) -> dict[str, Metered]:
    """Return what was metered at each site, by slug, whoever's run it was; nothing of those with too few attempts."""
    claimed = Allotment.objects.filter(site__in=sites, claimed_at__isnull=False, request__run__isnull=False)
    allotments: dict[_Place, list[Allotment]] = defaultdict(list)
    for row in claimed.select_related("request", "site").order_by("-claimed_at", "-pk")[:LOOKED_AT_MAX]:
        allotments[(row.request.run_id or 0, row.request.slot)].append(row)
    ended = Attempt.objects.filter(run__in={run for run, _slot in allotments}, ended_at__isnull=False)
    attempts = list(ended.order_by("-ended_at", "-pk"))
    lines = _lines(attempts)
    found: dict[str, list[Fraction]] = defaultdict(list)
    for attempt in attempts:
        here = (row for row in allotments[(attempt.run_id, attempt.slot)] if row.covers(attempt.started_at))
        given = next(here, None)
        if given is not None:
            found[given.site.slug] += _watts(attempt, given, given.request.devices, lines)
    return {site: metered for site, watts in found.items() for metered in _median(watts)}


def of_no_site(community: Community) -> Metered | None:
    """Return what was metered of a community's runs on machines of no site; None where too little was."""
    ended = Attempt.objects.filter(run__community=community, ended_at__isnull=False, run__requests__isnull=True)
    attempts = list(ended.select_related("run__spec_record").order_by("-ended_at", "-pk")[:LOOKED_AT_MAX])
    lines = _lines(attempts)
    watts: list[Fraction] = []
    for attempt in attempts:
        devices = devices_of_a_place(specs.from_payload(attempt.run.spec_record.body))
        watts += _watts(attempt, None, devices, lines)
    return next(_median(watts), None)


def _lines(attempts: Iterable[Attempt]) -> dict[tuple[int, int, int], list[dict[str, Any]]]:
    """Return what machines said of energy, by run, slot and number of the attempt."""
    said = RunEvent.objects.filter(run__in={each.run_id for each in attempts}, kind=meters.EVENT).order_by("pk")
    found: dict[tuple[int, int, int], list[dict[str, Any]]] = defaultdict(list)
    for run, slot, number, data in said.values_list("run_id", "slot", "attempt", "data"):
        found[(run, slot, number)].append(data)
    return found


def _watts(
    attempt: Attempt,
    allotment: Allotment | None,
    devices: int,
    lines: dict[tuple[int, int, int], list[dict[str, Any]]],
) -> Iterator[Fraction]:
    """Yield the watts of one device in an attempt, where all of its energy was metered."""
    if attempt.ended_at is None:
        return
    seconds = (attempt.ended_at - attempt.started_at) // _SECOND
    energy = energy_of(lines.get((attempt.run_id, attempt.slot, attempt.number), ()), allotment, seconds)
    if seconds >= SECONDS_MIN and energy is not None and energy.how == "metered":
        yield Fraction(energy.joules, seconds * devices)


def _median(watts: list[Fraction]) -> Iterator[Metered]:
    newest = watts[:ATTEMPTS_MAX]
    if len(newest) >= ATTEMPTS_MIN:
        middle = Fraction(median(newest))
        yield Metered(-(-middle.numerator // middle.denominator), len(newest))
