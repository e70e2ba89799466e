"""Why a request waits and about when it begins, and the next free slot for a need: what `choose` found on its way.

The reasons are nested, so exactly one is true of each request that `choose` leaves: no site could do it; none within
the ceiling; a greener hour is waited for; lent work is called back for it; it needs more than there is outside the
reserve, and cannot borrow; no fitting site has the devices free now; where it has, they are booked too soon; where they
are not, they are held for others; else they are the reserve's.

An expected start takes each run for as long as it may last, and lets up to AHEAD_MAX requests that go before and
compete for the same sites have their places first; the work of those beyond is spread over the devices of these sites.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from governance.errors import Conflict
from training_jobs.scheduling.choose import Deciding
from training_jobs.scheduling.fitting import price_at, seconds_at, terms
from training_jobs.scheduling.prepared import Prepared, each_place
from training_jobs.scheduling.values import Calendar, Need, Origin, Policy, Request, Site, Wait, Why

AHEAD_MAX = 24  # requests placed one by one before an expected start; bounds the work of one explanation


@dataclass(frozen=True, slots=True)
class Slot:
    """A place and time for a need: [since, until) at a site, and what it costs at most there (micro-units)."""

    site: str
    since: int
    until: int
    price: int


def explain(
    request: Request,
    queue: Iterable[Request],
    sites: Iterable[Site] | Prepared,
    calendar: Calendar,
    policy: Policy,
    now: int,
) -> Wait:
    """Return why a request does not begin now; or, where `choose` begins it, why it does.

    A request that is not in the queue is explained as if it were. `data` holds, for the words: `devices` it needs;
    `site` and `until`, where and until when the reason holds as far as is known; `before`, who goes first; `ahead`, how
    many that go before compete for its sites; `price` and `ceiling` where it is too dear. Raises Conflict for one that
    runs already.
    """
    queue = list(queue)
    if all(other.id != request.id for other in queue):
        queue.append(request)
    return _explained(request, Deciding(queue, sites, calendar, policy, now), now)


def reasons(
    queue: Iterable[Request], sites: Iterable[Site] | Prepared, calendar: Calendar, policy: Policy, now: int
) -> dict[str, Why]:
    """Return why each request that waits does so, by id; those that begin now, or run, have none.

    The reasons that `explain` gives, all from one decision: for whoever tells them of a whole queue.
    """
    queue = list(queue)
    deciding = Deciding(queue, sites, calendar, policy, now)
    return {each.id: _reason(each, deciding, now)[0] for each in queue if each.id not in deciding.begun}


def next_free(
    need: Need,
    sites: Iterable[Site] | Prepared,
    calendar: Calendar,
    policy: Policy,
    now: int,
    *,
    community: str = "",
    newcomer: bool = False,
    ceiling: int | None = None,
    queue: Iterable[Request] = (),
) -> Slot | None:
    """Return the next slot in which a need could be met, beside what runs, is booked, and is held for the queue.

    For nobody in particular only sites that serve anybody count. Without a ceiling any price does. None: never.
    """
    most = 1 << 80 if ceiling is None else ceiling
    asked = Request("", community, "", Origin.VOTED, need, now, most, newcomer)
    deciding = Deciding(queue, sites, calendar, policy, now)
    found = deciding.earliest(asked, deciding.perhaps_within_ceiling(asked))
    if found is None:
        return None
    since, at = found
    site = deciding.prepared.sites[at]
    seconds, price = terms(need, site)
    return Slot(site.id, since, since + seconds, price)


def _explained(request: Request, deciding: Deciding, now: int) -> Wait:
    for start in deciding.starts:
        if start.request == request.id:
            return Wait(request.id, start.why, now, 0, {"site": start.site, "devices": request.need.devices})
    if request.id in deciding.begun:
        raise Conflict("request_runs", "a request that runs does not wait", found=request.id)
    why, at = _reason(request, deciding, now)
    sites = deciding.prepared.sites
    data: dict[str, int | str] = {"devices": request.need.devices}
    if at is not None:
        data["site"] = sites[at].id
    if why is Why.NO_SITE_FITS:
        return Wait(request.id, why, data=data)
    if why is Why.TOO_DEAR:
        least = min(price_at(request.need, sites[at]) for at in each_place(deciding.could_run(request)))
        return Wait(request.id, why, data={"price": least, "ceiling": request.ceiling})
    later = deciding.greenest_later(request)
    if later is not None:
        start_at, at = later
        return Wait(request.id, why, start_at, 0, {**data, "until": start_at, "site": sites[at].id})
    if why is Why.RESERVE_RECALLED:
        data["until"] = deciding.held[request.id].since
    elif why is Why.BEHIND_OTHERS and at is not None:
        until = now + seconds_at(request.need, sites[at])
        before = deciding.room.holder(at, until, but=request.id)
        stopped = deciding.stopped >> at & 1 or not deciding.room.lasts(at, request.need.devices, until, but=request.id)
        data |= {"before": before} if before and stopped else {}
    return _with_expected(request, why, data, deciding, now)


def _reason(request: Request, deciding: Deciding, now: int) -> tuple[Why, int | None]:
    """Return the first of the nested reasons that leaves no place, and a place that it is about."""
    if not deciding.could_run(request):
        return Why.NO_SITE_FITS, None
    first = next(deciding.within_ceiling(request, deciding.perhaps_within_ceiling(request)), None)
    if first is None:
        return Why.TOO_DEAR, None
    if request.id in deciding.greener:
        return Why.GREENER_LATER, None
    recall = next((each for each in deciding.recalls if each.newcomer == request.id), None)
    if recall is not None:
        return Why.RESERVE_RECALLED, deciding.prepared.place[recall.site]
    if deciding.only_in_reserve(request) and not (request.checkpoints and deciding.policy.reserved_lent):
        return Why.RESERVED, first  # whatever ends, it would be in the reserve
    return _reason_not_now(request, deciding, now)


def _reason_not_now(request: Request, deciding: Deciding, now: int) -> tuple[Why, int | None]:
    """Return which of the reasons that pass with time it is."""
    devices, sites, room = request.need.devices, deciding.prepared.sites, deciding.room
    free = [
        (at, now + seconds_at(request.need, sites[at]))
        for at in deciding.within_ceiling(request, deciding.perhaps_within_ceiling(request) & room.with_free(devices))
    ]
    if not free:
        return Why.ALL_BUSY, None
    unbooked = next((at for at, until in free if room.lasts(at, devices, until, held=False)), None)
    if unbooked is None:
        return Why.BOOKED, free[0][0]
    left = [
        at for at, until in free if not deciding.stopped >> at & 1 and room.lasts(at, devices, until, but=request.id)
    ]
    if not left:
        return Why.BEHIND_OTHERS, unbooked
    shared = left if request.newcomer else [at for at in left if devices <= deciding.quotas.at[at].left]
    return (Why.BEHIND_OTHERS, shared[0]) if shared else (Why.RESERVED, left[0])


def _with_expected(request: Request, why: Why, data: dict[str, int | str], deciding: Deciding, now: int) -> Wait:
    """Add about when the request begins, and how sure that is."""
    mine = deciding.perhaps_within_ceiling(request)
    ahead = [
        other
        for other in deciding.order[: _place(request, deciding)]
        if other.id not in deciding.begun
        and other.id not in deciding.greener
        and deciding.perhaps_within_ceiling(other) & mine
    ]
    data["ahead"] = len(ahead)
    held = deciding.held.get(request.id)
    if held is not None:
        data.setdefault("until", held.since)
        return Wait(request.id, why, held.since, (held.since - now) // 4, data)
    alone = deciding.earliest(request, mine, now + 1)
    if alone is None:
        return Wait(request.id, why, data=data)
    data.setdefault("until", alone[0])
    unplaced = [other for other in ahead if other.id not in deciding.held]
    for other in unplaced[:AHEAD_MAX]:
        deciding.plan(other)
    first = now + 1
    if not deciding.policy.backfill:
        first = max([first, *(deciding.held[other.id].since for other in ahead if other.id in deciding.held)])
    found = deciding.earliest(request, mine, first)
    if found is None:
        return Wait(request.id, why, data=data)
    work = sum(other.need.devices * other.need.seconds for other in unplaced[AHEAD_MAX:])
    expected = found[0] + work // sum(deciding.prepared.sites[at].devices for at in each_place(mine))
    # runs end before they must, by how much nobody knows; and those ahead may leave, or come to run elsewhere
    return Wait(request.id, why, expected, (alone[0] - now) // 4 + (expected - alone[0]) // 2, data)


def _place(request: Request, deciding: Deciding) -> int:
    return next(place for place, other in enumerate(deciding.order) if other.id == request.id)
