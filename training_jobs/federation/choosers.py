"""Who chooses: the policy itself, and what it is compared with: first come, first served.

`first_fit` and `strict` look at the requests in the order in which they came (ties: smaller id) and take the first site
of the list that could do it now within its ceiling.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from training_jobs.federation.fitting import fits, spare
from training_jobs.scheduling.choose import choose
from training_jobs.scheduling.fitting import price_at, seconds_at
from training_jobs.scheduling.prepared import Prepared
from training_jobs.scheduling.values import Booking, Calendar, Decision, Policy, Request, Site, Standing, Start, Why


def first_fit(queue: Sequence[Request], sites: Sequence[Site], calendar: Calendar, _: Policy, now: int) -> Decision:
    """First come, first served; who finds no place lets the next one try: little idles, and the large may starve."""
    return _in_turn(queue, sites, calendar, now, strict=False)


def strict(queue: Sequence[Request], sites: Sequence[Site], calendar: Calendar, _: Policy, now: int) -> Decision:
    """First come, first served to the letter: nobody begins before anybody who came earlier."""
    return _in_turn(queue, sites, calendar, now, strict=True)


class ByPolicy:
    """`choose`, which keeps what it prepared as long as the sites stay the same: the same answers in less time."""

    def __init__(self) -> None:
        """Begin with nothing prepared."""
        self._sites: Sequence[Site] | None = None
        self._prepared = Prepared((), carbon_aware=True)

    def __call__(
        self, queue: Sequence[Request], sites: Sequence[Site], calendar: Calendar, policy: Policy, now: int
    ) -> Decision:
        """Return what `choose` returns."""
        if sites is not self._sites or self._prepared.carbon_aware != policy.carbon_aware:
            self._sites, self._prepared = sites, Prepared(sites, carbon_aware=policy.carbon_aware)
        return choose(queue, self._prepared, calendar, policy, now)


@dataclass(slots=True)
class _Place:
    """A site, the devices that are free there now, what is booked there, and what runs there until when."""

    site: Site
    free: int
    bookings: list[Booking]
    holds: list[tuple[int, int]]


def _in_turn(
    queue: Sequence[Request], sites: Sequence[Site], calendar: Calendar, now: int, *, strict: bool
) -> Decision:
    places = {site.id: _Place(site, site.devices, [], []) for site in sites if site.standing is Standing.OPEN}
    for run in calendar.running:
        if run.site in places:
            place = places[run.site]
            place.free -= run.request.need.devices
            place.holds.append((run.until, run.request.need.devices))
    for booking in calendar.bookings:
        if booking.site in places:
            places[booking.site].bookings.append(booking)
    idle = {name: place for name, place in places.items() if place.free > 0}
    starts = []
    for request in sorted(queue, key=lambda each: (each.submitted_at, each.id)):
        start = _first(request, idle, now)
        if start is None:
            if strict:
                break
            continue
        starts.append(start)
        place = idle[start.site]
        place.free -= request.need.devices
        place.holds.append((start.until, request.need.devices))
        if place.free == 0:
            del idle[start.site]
    return Decision(tuple(starts), ())


def _first(request: Request, idle: dict[str, _Place], now: int) -> Start | None:
    devices = request.need.devices
    for place in idle.values():
        if place.free < devices or not fits(request, place.site):
            continue
        until = now + seconds_at(request.need, place.site)
        if not place.bookings or spare(place.site.devices, place.holds, place.bookings, now, until) >= devices:
            return Start(request.id, place.site.id, until, price_at(request.need, place.site), Why.STARTS)
    return None
