"""What a request has used: device-seconds, energy and how it is known, carbon, and what it cost. Reads only.

A voted run counts by its attempts, as its budget and the books do; a sandbox request by the time for which a machine
had it. Energy is what machines metered of their attempts, else the site's declared power for as long. Carbon is energy
times the intensity of the grid when the devices were allotted; where one part of it is not known, the whole is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from training_jobs.attempt_energy import energy_of
from training_jobs.carbon import meters
from training_jobs.ledger import runs as books
from training_jobs.models import Allotment, Attempt, ComputeRequest, RunEvent
from training_jobs.scheduling.events import EnergyHow
from training_jobs.scheduling.prices import cost

JOULES_PER_KWH = 3_600_000
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Used:
    """What all parts of a request together used. `grams`: of CO2e; None where it is not known."""

    device_seconds: int = 0
    joules: int = 0
    energy: EnergyHow = EnergyHow.ESTIMATED
    grams: int | None = 0
    cost: int = 0


@dataclass(frozen=True)
class _Part:
    device_seconds: int
    joules: int
    metered: bool
    allotment: Allotment
    cost: int


def of(request: ComputeRequest) -> Used:
    """Return what a request has used in the parts of it that ended."""
    parts = list(_parts(request))
    if not parts:
        return Used()
    return Used(
        device_seconds=sum(part.device_seconds for part in parts),
        joules=sum(part.joules for part in parts),
        energy=EnergyHow.METERED if all(part.metered for part in parts) else EnergyHow.ESTIMATED,
        grams=_grams(parts),
        cost=sum(part.cost for part in parts),
    )


def seconds_of(request: ComputeRequest) -> int:
    """Return for how many seconds the parts that ended have worked, as they are paid."""
    return sum(part.device_seconds for part in _parts(request)) // request.devices


def cost_of(request: ComputeRequest) -> int:
    """Return what the parts that ended cost, in micro-units."""
    return sum(part.cost for part in _parts(request))


def price_for(allotment: Allotment, request: ComputeRequest, seconds: int) -> int:
    """Return what so many seconds cost at the price of an allotment."""
    return cost(allotment.price, request.devices, seconds)


def _parts(request: ComputeRequest) -> Iterable[_Part]:
    allotments = list(request.allotments.filter(claimed_at__isnull=False).select_related("site"))
    if request.run_id is None:
        return [_of_sandbox(request, each) for each in allotments if each.ended_at is not None]
    ended = Attempt.objects.filter(run=request.run_id, slot=request.slot, ended_at__isnull=False)
    pairs = [(each, next((a for a in allotments if a.covers(each.started_at)), None)) for each in ended]
    return [_of_attempt(request, attempt, allotment) for attempt, allotment in pairs if allotment is not None]


def _of_attempt(request: ComputeRequest, attempt: Attempt, allotment: Allotment) -> _Part:
    said = RunEvent.objects.filter(run=attempt.run_id, slot=attempt.slot, attempt=attempt.number, kind=meters.EVENT)
    seconds = 0 if attempt.ended_at is None else max(0, (attempt.ended_at - attempt.started_at) // SECOND)
    energy = energy_of(said.values_list("data", flat=True), allotment, seconds)
    paid = books.paid_for(attempt)
    return _Part(
        attempt.device_seconds * request.devices,
        _declared(request, allotment, seconds) if energy is None else energy.joules,
        energy is not None and energy.how == "metered",
        allotment,
        price_for(allotment, request, attempt.device_seconds) if paid is None else paid,
    )


def _of_sandbox(request: ComputeRequest, allotment: Allotment) -> _Part:
    seconds = 0
    if allotment.ended_at is not None and allotment.claimed_at is not None:
        seconds = max(0, (allotment.ended_at - allotment.claimed_at) // SECOND)
    joules = _declared(request, allotment, seconds)
    return _Part(seconds * request.devices, joules, False, allotment, price_for(allotment, request, seconds))


def _declared(request: ComputeRequest, allotment: Allotment, seconds: int) -> int:
    return int(allotment.site.inputs["watts"]["value"]) * request.devices * seconds


def _grams(parts: list[_Part]) -> int | None:
    """Return the grams of all parts, rounded up once; None where the intensity of one that used energy is not known."""
    total = 0
    for part in parts:
        if part.allotment.grams_per_kwh is None:
            if part.joules:
                return None
            continue
        total += part.joules * part.allotment.grams_per_kwh
    return -(-total // JOULES_PER_KWH)
