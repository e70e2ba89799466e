"""Questions about shared computing: which requests are open, why one waits and about how long, where the next slot is.

Reads only; answers are computed with the same function that decides. A request may fit sites of several governing
communities: the answer is the soonest of theirs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db.models import Prefetch, QuerySet

from governance.clock import unix
from governance.errors import Conflict, NotFound
from governance.models import Community
from training_jobs.commons import allotting, lifecycle, naming, uncomputable, waiting, world
from training_jobs.commons.requests import UNCOMPUTABLE
from training_jobs.commons.uncomputable import Outlook
from training_jobs.models import Allotment, ComputeRequest
from training_jobs.scheduling import explain
from training_jobs.scheduling.explain import Slot
from training_jobs.scheduling.values import Need, Wait, Why

REQUESTS_MAX: Final = 200


@dataclass(frozen=True)
class Row:
    """A request as it is shown. `wait`: why it waits; None where it does not, or is held up by its run itself.

    `outlook`: where no site could begin it, since when, and when it is refused.
    """

    request: ComputeRequest
    state: lifecycle.State
    allotment: Allotment | None
    wait: Wait | None
    outlook: Outlook | None = None


def requests_of(community: Community) -> QuerySet[ComputeRequest]:
    """Return all requests of a community, newest first, with what a row needs."""
    return _joined(ComputeRequest.objects.filter(community=community)).order_by("-requested_at", "-pk")


def open_requests(community: Community) -> QuerySet[ComputeRequest]:
    """Return the requests of a community that wait or are at work, in the order in which they were made."""
    return _joined(ComputeRequest.objects.open().filter(community=community)).order_by("requested_at", "pk")


def request_of(community: Community, number: int) -> ComputeRequest:
    """Return one request of a community, or raise NotFound."""
    found = _joined(ComputeRequest.objects.filter(community=community, pk=number)).first()
    if found is None:
        raise NotFound("unknown_request", "this community has no such request", found=number)
    return found


def state_of(request: ComputeRequest) -> lifecycle.State:
    """Return where a request stands."""
    allotment = in_force(request)
    facts = lifecycle.Facts(request.outcome)
    if allotment is not None:
        facts = lifecycle.Facts(request.outcome, allotment.allotted_at, allotment.claimed_at)
    return lifecycle.state(facts)


def in_force(request: ComputeRequest) -> Allotment | None:
    """Return the allotment of a request that holds devices now."""
    return next((each for each in request.allotments.all() if each.ended_at is None), None)


def rows(requests: Iterable[ComputeRequest], now: datetime) -> list[Row]:
    """Return requests as they are shown; all are explained from one look at the world."""
    asked = list(requests)
    waits = explanations([each for each in asked if state_of(each) is lifecycle.State.WAITING], now)
    outlooks = _outlooks([each for each in asked if each.pk in waits], waits, now)
    return [Row(each, state_of(each), in_force(each), waits.get(each.pk), outlooks.get(each.pk)) for each in asked]


def explanation_of(request: ComputeRequest, now: datetime) -> Wait:
    """Return why a request waits and about when it begins; raise Conflict for one that does not wait."""
    if state_of(request) is not lifecycle.State.WAITING:
        raise Conflict("request_not_waiting", "this request does not wait", found=str(state_of(request)))
    return explanations([request], now).get(request.pk) or Wait(request.name, Why.NO_SITE_FITS)


def explanations(requests: Iterable[ComputeRequest], now: datetime) -> dict[int, Wait]:
    """Return by request why it waits; none for those that no machine could take now, because their run is held up."""
    asking = [each for each in requests if world.asks(each, now)]
    found: dict[int, Wait] = {}
    if not asking:
        return found
    for governing in world.governed():
        served = governing.served
        mine = [each for each in asking if each.community.slug in served]
        if not mine:
            continue
        seen = world.world_of(governing, now, allotting.forecast_for(governing, now))
        values = {each.id: each for each in seen.queue}
        for request in mine:
            value = values.get(naming.id_of(request)) or world.value_of(request, now)
            try:
                wait = explain.explain(value, seen.queue, seen.sites, seen.calendar, seen.policy, unix(now))
            except Conflict:  # it began between the two looks
                continue
            wait = seen.told(value.id, wait)
            found[request.pk] = min(found.get(request.pk, wait), wait, key=waiting.soonest)
    for request in asking:
        found.setdefault(request.pk, Wait(request.name, Why.NO_SITE_FITS, data={"devices": request.devices}))
    return _by_name(asking, found)


def next_slot(
    community: Community,
    need: Need,
    now: datetime,
    *,
    newcomer: bool = False,
    ceiling: int | None = None,
    asks_grids: bool = True,
) -> Slot | None:
    """Return the next slot in which a community could have what it needs, beside all that waits; None: never.

    Without `asks_grids` nobody is asked over the network, and nothing that waits is thought to wait for a greener hour.
    """
    found = []
    for governing in world.governed():
        if community.slug not in governing.served:
            continue
        grids = allotting.forecast_for(governing, now) if asks_grids else {}
        seen = world.world_of(governing, now, grids)
        slot = explain.next_free(
            need,
            seen.sites,
            seen.calendar,
            seen.policy,
            unix(now),
            community=community.slug,
            newcomer=newcomer,
            ceiling=ceiling,
            queue=seen.queue,
        )
        if slot is not None:
            found.append(slot)
    return min(found, key=lambda slot: (slot.since, slot.price, slot.site), default=None)


def _outlooks(requests: Iterable[ComputeRequest], waits: Mapping[int, Wait], now: datetime) -> dict[int, Outlook]:
    """Return by request what becomes of those that no site could begin."""
    cannot = [each for each in requests if each.cannot_since is not None and waits[each.pk].why in UNCOMPUTABLE]
    patience = uncomputable.patience(world.governed()) if cannot else {}
    found = {each.pk: uncomputable.outlook(each, waits[each.pk].why, patience, now) for each in cannot}
    return {pk: outlook for pk, outlook in found.items() if outlook is not None}


def _joined(found: QuerySet[ComputeRequest]) -> QuerySet[ComputeRequest]:
    allotted = Allotment.objects.select_related("site").order_by("-allotted_at", "-pk")
    joined = found.select_related("community", "run__spec_record", "run__proposal", "preview__proposal")
    return joined.prefetch_related(Prefetch("allotments", queryset=allotted), "run__seats")


def _by_name(asking: Iterable[ComputeRequest], found: Mapping[int, Wait]) -> dict[int, Wait]:
    """Return explanations with the names of the logs: `before`, and `before_of` whose log, if it is another one."""
    first = {naming.number_in(str(wait.data["before"])) for wait in found.values() if "before" in wait.data}
    known = ComputeRequest.objects.select_related("community").in_bulk(first)
    named = {}
    for request in asking:
        wait = found[request.pk]
        data = dict(wait.data)
        if "before" in data:
            before = known[naming.number_in(str(data["before"]))]
            data["before"] = before.name
            data |= {"before_of": before.community.slug} if before.community_id != request.community_id else {}
        named[request.pk] = replace(wait, request=request.name, data=data)
    return named
