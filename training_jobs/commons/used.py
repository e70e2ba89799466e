"""What a request has used: device-seconds, energy and how it is known, and what it cost. Reads only.

A voted run counts by its attempts, as its budget and the books do; a sandbox request by the time for which a machine
had it. Energy is what machines metered of their attempts, else the site's declared power for as long. What that emitted
is counted when the history of the grid is known (`emitted`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from training_jobs.attempt_energy import energy_of
from training_jobs.carbon import meters
from training_jobs.ledger import runs as books
from training_jobs.models import Allotment, Attempt, ComputeRequest, RunEvent
from training_jobs.scheduling.events import EnergyHow
from training_jobs.scheduling.prices import cost

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Used:
    """What all parts of a request together used."""

    device_seconds: int = 0
    joules: int = 0
    energy: EnergyHow = EnergyHow.ESTIMATED
    cost: int = 0


@dataclass(frozen=True)
class Part:
    """One part that ended. `number`: of the attempt; of a sandbox request, its machines counted from 1."""

    number: int
    since: datetime
    until: datetime
    device_seconds: int
    joules: int
    metered: bool
    allotment: Allotment
    cost: int


def of(request: ComputeRequest) -> Used:
    """Return what a request has used in the parts of it that ended."""
    parts = parts_of(request)
    if not parts:
        return Used()
    return Used(
        device_seconds=sum(part.device_seconds for part in parts),
        joules=sum(part.joules for part in parts),
        energy=EnergyHow.METERED if all(part.metered for part in parts) else EnergyHow.ESTIMATED,
        cost=sum(part.cost for part in parts),
    )


def seconds_of(request: ComputeRequest) -> int:
    """Return for how many seconds the parts that ended have worked, as they are paid."""
    return sum(part.device_seconds for part in parts_of(request)) // request.devices


def cost_of(request: ComputeRequest) -> int:
    """Return what the parts that ended cost, in micro-units."""
    return sum(part.cost for part in parts_of(request))


def price_for(allotment: Allotment, request: ComputeRequest, seconds: int) -> int:
    """Return what so many seconds cost at the price of an allotment."""
    return cost(allotment.price, request.devices, seconds)


def parts_of(request: ComputeRequest) -> list[Part]:
    """Return the parts of a request that ended, at devices that were allotted to it."""
    claimed = request.allotments.filter(claimed_at__isnull=False).select_related("site").order_by("allotted_at", "pk")
    allotments = list(claimed)
    if request.run_id is None:
        found = [_of_sandbox(request, each, number) for number, each in enumerate(allotments, 1)]
        return [part for part in found if part is not None]
    ended = Attempt.objects.filter(run=request.run_id, slot=request.slot, ended_at__isnull=False)
    pairs = [(each, next((a for a in allotments if a.covers(each.started_at)), None)) for each in ended]
    return [_of_attempt(request, attempt, allotment) for attempt, allotment in pairs if allotment is not None]


def _of_attempt(request: ComputeRequest, attempt: Attempt, allotment: Allotment) -> Part:
    said = RunEvent.objects.filter(run=attempt.run_id, slot=attempt.slot, attempt=attempt.number, kind=meters.EVENT)
    until = max(attempt.started_at, attempt.ended_at or attempt.started_at)
    seconds = (until - attempt.started_at) // SECOND
    energy = energy_of(said.values_list("data", flat=True), allotment, seconds)
    paid = books.paid_for(attempt)
    return Part(
        attempt.number,
        attempt.started_at,
        until,
        attempt.device_seconds * request.devices,
        _declared(request, allotment, seconds) if energy is None else energy.joules,
        energy is not None and energy.how == "metered",
        allotment,
        price_for(allotment, request, attempt.device_seconds) if paid is None else paid,
    )


def _of_sandbox(request: ComputeRequest, allotment: Allotment, number: int) -> Part | None:
    if allotment.ended_at is None or allotment.claimed_at is None:
        return None
    since, until = allotment.claimed_at, max(allotment.claimed_at, allotment.ended_at)
    seconds = (until - since) // SECOND
    joules, cost_ = _declared(request, allotment, seconds), price_for(allotment, request, seconds)
    return Part(number, since, until, seconds * request.devices, joules, False, allotment, cost_)


def _declared(request: ComputeRequest, allotment: Allotment, seconds: int) -> int:
    return int(allotment.site.inputs["watts"]["value"]) * request.devices * seconds
