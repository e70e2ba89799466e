"""Whether one request could run at one site at all, for how long it would hold it, and what it would cost at most.

Nothing here knows what is free. Seconds of a need are at reference speed; a site's measured speed scales them, rounded
up, so that a run is never cut short by the rounding. Money in micro-units, rounded up once, for the whole run.
"""

from training_jobs.scheduling.values import Need, Request, Site, Standing

HOUR = 3_600


def takes_work(site: Site) -> bool:
    """Say whether a site takes new work at all: open, with devices, and with a measured speed."""
    return site.standing is Standing.OPEN and site.devices > 0 and site.speed_permille > 0


def seconds_at(need: Need, site: Site) -> int:
    """Return the longest that a need holds its devices at a site, in seconds."""
    return -(-need.seconds * 1_000 // site.speed_permille)


def terms(need: Need, site: Site) -> tuple[int, int]:
    """Return the seconds that a need takes at a site at most, and what the whole run costs there at most."""
    seconds = -(-need.seconds * 1_000 // site.speed_permille)
    return seconds, -(-need.devices * seconds * site.price // HOUR)


def price_at(need: Need, site: Site) -> int:
    """Return what the whole run costs at a site at most, in micro-units."""
    return terms(need, site)[1]


def could_run(request: Request, site: Site) -> bool:
    """Say whether a site could do the work when it is idle, whatever it costs."""
    need = request.need
    return (
        takes_work(site)
        and need.seconds > 0
        and 0 < need.devices <= site.devices
        and need.memory_bytes <= site.memory_bytes
        and (site.hours_max <= 0 or seconds_at(need, site) <= site.hours_max * HOUR)
        and (site.data is None or need.data <= site.data)
        and (site.serves is None or request.community in site.serves)
        and site.id not in request.not_at
    )


def affordable(request: Request, site: Site) -> bool:
    """Say whether the whole run stays within the ceiling that was voted."""
    return price_at(request.need, site) <= request.ceiling
