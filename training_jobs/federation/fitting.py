"""Whether a site that is empty could ever do a request, whatever its standing is at present; and what is free there."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from training_jobs.scheduling.fitting import HOUR, affordable, seconds_at
from training_jobs.scheduling.prepared import Prepared, each_place
from training_jobs.scheduling.values import Booking, Request, Site, Standing


def fits(request: Request, site: Site) -> bool:
    """Say whether a site could do a request within its rules and the request's ceiling, once it is open and empty."""
    need = request.need
    return (
        need.devices <= site.devices
        and need.memory_bytes <= site.memory_bytes
        and (site.serves is None or request.community in site.serves)
        and site.id not in request.not_at
        and (site.data is None or need.data <= site.data)
        and (site.hours_max == 0 or seconds_at(need, site) <= site.hours_max * HOUR)
        and affordable(request, site)
    )


class Means:
    """All sites of a world as bits of a mask, so that which could do a request is found once for each request."""

    def __init__(self, sites: Iterable[Site]) -> None:
        """Take the sites, as if all were open."""
        self._prepared = Prepared([replace(site, standing=Standing.OPEN) for site in sites], carbon_aware=False)

    def bit(self, site: Site) -> int:
        """Return what stands for a site; nothing for one that could never do any work."""
        at = self._prepared.place.get(site.id)
        return 0 if at is None else 1 << at

    def places(self, request: Request) -> int:
        """Return the mask of the sites that fit a request, and perhaps a few that are just too dear."""
        places = self._prepared.could_run(request)
        need = request.need
        return places & self._prepared.perhaps_affordable(need.devices * need.seconds, request.ceiling) if places else 0

    def any_affordable(self, request: Request, places: int) -> bool:
        """Say whether any of these sites could do the whole request within its ceiling."""
        return any(affordable(request, self._prepared.sites[at]) for at in each_place(places))


def spare(devices: int, holds: Collection[tuple[int, int]], bookings: Sequence[Booking], now: int, until: int) -> int:
    """Return how many of a site's devices are free in all of [now, until).

    `holds`: the latest end and the devices of each run that is there now; `bookings`: those of this site alone.
    """
    near = [each for each in bookings if each.since < until and each.until > now]
    moments = [now, *(each.since for each in near if each.since > now)]
    return devices - max(
        sum(held for end, held in holds if end > moment)
        + sum(each.devices for each in near if each.since <= moment < each.until)
        for moment in moments
    )
