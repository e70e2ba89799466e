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
from training_jobs.scheduling.fitting import affordable, price_at, seconds_at, terms
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
    could = deciding.could_run(request)
    if not could:
        return Wait(request.id, Why.NO_SITE_FITS, data={"devices": request.need.devices})
    sites = deciding.prepared.sites
    places = [at for at in each_place(could) if affordable(request, sites[at])]
    if not places:
        least = min(price_at(request.need, sites[at]) for at in each_place(could))
        return Wait(request.id, Why.TOO_DEAR, data={"price": least, "ceiling": request.ceiling})
    later = deciding.greenest_later(request)
    if later is not None:
        start_at, at = later
        data: dict[str, int | str] = {"until": start_at, "site": sites[at].id, "devices": request.need.devices}
        return Wait(request.id, Why.GREENER_LATER, start_at, 0, data)
    why, data = _reason(request, places, deciding, now)
    return _with_expected(request, why, data, deciding, now)


def _reason(  # noqa: PLR0911 - one for each reason
    request: Request, places: list[int], deciding: Deciding, now: int
) -> tuple[Why, dict[str, int | str]]:
    """Return the first of the nested reasons that leaves no place, with what is known of it."""
    devices, sites = request.need.devices, deciding.prepared.sites
    data: dict[str, int | str] = {"devices": devices}
    ends = {at: now + seconds_at(request.need, sites[at]) for at in places}
    recall = next((each for each in deciding.recalls if each.newcomer == request.id), None)
    if recall is not None:
        return Why.RESERVE_RECALLED, {**data, "site": recall.site, "until": deciding.held[request.id].since}
    if deciding.only_in_reserve(request) and not (request.checkpoints and deciding.policy.reserved_lent):
        return Why.RESERVED, {**data, "site": sites[places[0]].id}  # whatever ends, it would be in the reserve
    free = [at for at in places if deciding.room.free[at] >= devices]
    if not free:
        return Why.ALL_BUSY, data
    unbooked = [at for at in free if deciding.room.lasts(at, devices, ends[at], held=False)]
    if not unbooked:
        return Why.BOOKED, {**data, "site": sites[free[0]].id}
    left = [
        at
        for at in unbooked
        if not deciding.stopped >> at & 1 and deciding.room.lasts(at, devices, ends[at], but=request.id)
    ]
    if not left:
        at = unbooked[0]
        before = deciding.room.holder(at, ends[at], but=request.id)
        return Why.BEHIND_OTHERS, {**data, "site": sites[at].id} | ({"before": before} if before else {})
    if devices > deciding.quota.left:
        return Why.RESERVED, {**data, "site": sites[left[0]].id}
    return Why.BEHIND_OTHERS, {**data, "site": sites[left[0]].id}


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
