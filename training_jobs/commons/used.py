"""What a request has used: device-seconds, energy and how it is known, and what it cost. Reads only.

A voted run counts by its attempts, as its budget and the books do; a sandbox request by the time for which a machine
had it. Energy is what machines metered of their attempts, else the site's declared power for as long. What that emitted
is counted when the history of the grid is known (`emitted`).

A part costs what was booked for it, else the site's public price for its time, whether or not anybody pays it. What
was not booked never costs more than is left of the request's ceiling.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from training_jobs.attempt_energy import energy_of
from training_jobs.carbon import meters
from training_jobs.ledger import runs as books
from training_jobs.models import Allotment, Attempt, ComputeRequest, RunEvent
from training_jobs.scheduling.events import EnergyHow
from training_jobs.scheduling.prices import cost

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Total:
    """What all parts of a request together worked, in seconds as they are paid, and cost, in micro-units."""

    seconds: int = 0
    cost: int = 0


@dataclass(frozen=True)
class Used:
    """What all parts of a request together used."""

    device_seconds: int = 0
    joules: int = 0
    energy: EnergyHow = EnergyHow.ESTIMATED
    cost: int = 0


@dataclass(frozen=True)
class Worked:
    """One part that ended. `number`: of the attempt; of a sandbox request, its machines counted from 1.

    `booked`: its cost was paid from a budget.
    """

    number: int
    since: datetime
    until: datetime
    device_seconds: int
    allotment: Allotment
    cost: int
    booked: bool

    @property
    def seconds(self) -> int:
        """Return how long it lasted."""
        return (self.until - self.since) // SECOND


@dataclass(frozen=True)
class Part(Worked):
    """The same with its energy."""

    joules: int
    metered: bool


def of(request: ComputeRequest) -> Used:
    """Return what a request has used in the parts of it that ended."""
    parts = parts_of(request)
    if not parts:
        return Used()
    return Used(
        device_seconds=sum(part.device_seconds for part in parts),
        joules=sum(part.joules for part in parts),
        energy=EnergyHow.METERED if all(part.metered for part in parts) else EnergyHow.ESTIMATED,
        cost=_cost(request, parts),
    )


def totals_of(requests: Collection[ComputeRequest]) -> dict[int, Total]:
    """Return by request (its primary key) what the parts that ended worked and cost: four queries for all of them."""
    worked = _worked(requests)
    return {request.pk: _total(request, worked[request.pk]) for request in requests}


def cost_of(request: ComputeRequest) -> int:
    """Return what the parts that ended cost, in micro-units."""
    return totals_of([request])[request.pk].cost


def price_for(allotment: Allotment, request: ComputeRequest, seconds: int) -> int:
    """Return what so many seconds cost at the price of an allotment."""
    return cost(allotment.price, request.devices, seconds)


def parts_of(request: ComputeRequest) -> list[Part]:
    """Return the parts of a request that ended, at devices that were allotted to it."""
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    if request.run_id is not None:
        said = RunEvent.objects.filter(run=request.run_id, slot=request.slot, kind=meters.EVENT).order_by("pk")
        for number, data in said.values_list("attempt", "data"):
            lines[number].append(data)
    return [_with_energy(request, each, lines[each.number]) for each in _worked([request])[request.pk]]


def _with_energy(request: ComputeRequest, worked: Worked, lines: list[dict[str, Any]]) -> Part:
    energy = energy_of(lines, worked.allotment, worked.seconds)
    watts = int(worked.allotment.site.inputs["watts"]["value"])
    joules = watts * request.devices * worked.seconds if energy is None else energy.joules
    return Part(**vars(worked), joules=joules, metered=energy is not None and energy.how == "metered")


def _worked(requests: Collection[ComputeRequest]) -> dict[int, list[Worked]]:
    """Return by request the parts that ended, in order."""
    allotments: dict[int, list[Allotment]] = defaultdict(list)
    claimed = Allotment.objects.filter(request__in=[each.pk for each in requests], claimed_at__isnull=False)
    for row in claimed.select_related("site").order_by("allotted_at", "pk"):
        allotments[row.request_id].append(row)
    runs = {request.run_id for request in requests if request.pk in allotments and request.run_id is not None}
    ended = Attempt.objects.filter(run__in=runs, ended_at__isnull=False).select_related("run") if runs else ()
    attempts: dict[tuple[int | None, int], list[Attempt]] = defaultdict(list)
    for attempt in ended:
        attempts[attempt.run_id, attempt.slot].append(attempt)
    paid = books.paid_for(list(ended)) if ended else {}
    found: dict[int, list[Worked]] = defaultdict(list)
    for request in requests:
        given = allotments[request.pk]
        if request.run_id is None:
            sandbox = (_of_sandbox(request, each, number) for number, each in enumerate(given, 1))
            found[request.pk] = [each for each in sandbox if each is not None]
            continue
        for attempt in attempts[request.run_id, request.slot]:
            allotment = next((each for each in given if each.covers(attempt.started_at)), None)
            if allotment is not None:
                found[request.pk].append(_of_attempt(request, attempt, allotment, paid.get(attempt.pk)))
    return found


def _of_attempt(request: ComputeRequest, attempt: Attempt, allotment: Allotment, paid: int | None) -> Worked:
    return Worked(
        attempt.number,
        attempt.started_at,
        max(attempt.started_at, attempt.ended_at or attempt.started_at),
        attempt.device_seconds * request.devices,
        allotment,
        price_for(allotment, request, attempt.device_seconds) if paid is None else paid,
        paid is not None,
    )


def _of_sandbox(request: ComputeRequest, allotment: Allotment, number: int) -> Worked | None:
    if allotment.ended_at is None or allotment.claimed_at is None:
        return None
    since, until = allotment.claimed_at, max(allotment.claimed_at, allotment.ended_at)
    seconds = (until - since) // SECOND
    price = price_for(allotment, request, seconds)
    return Worked(number, since, until, seconds * request.devices, allotment, price, booked=False)


def _total(request: ComputeRequest, parts: Collection[Worked]) -> Total:
    seconds = sum(part.device_seconds for part in parts) // request.devices
    return Total(seconds, _cost(request, parts))


def _cost(request: ComputeRequest, parts: Collection[Worked]) -> int:
    """Return what was booked, and of what was not as much as the ceiling allows beside it."""
    booked = sum(part.cost for part in parts if part.booked)
    other = sum(part.cost for part in parts if not part.booked)
    return booked + min(other, max(0, request.ceiling - booked))
