"""Whether a site that is empty could ever do a request, whatever its standing is at present; and what is free there."""

from collections.abc import Collection, Sequence

from training_jobs.scheduling.fitting import HOUR, affordable, seconds_at
from training_jobs.scheduling.values import Booking, Request, Site


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
