"""When members were here last, so that their home can say what is new to them. Nobody else is told.

One row for each member with two moments: no history of comings and goings is kept.
"""

from datetime import datetime, timedelta

from governance.models import Visit

# Whoever comes back sooner has not been away.
AWAY = timedelta(minutes=30)


def arrive(address: str, now: datetime) -> datetime | None:
    """Note that a member is here; return when they were here the time before, or None for the first time."""
    visit, new = Visit.objects.get_or_create(address=address, defaults={"at": now})
    if new:
        return None
    if now - visit.at < AWAY:
        # Seldom enough that reading stays reading, often enough that an evening on the site is one visit.
        if now - visit.at > AWAY / 6:
            Visit.objects.filter(pk=visit.pk, at=visit.at).update(at=now)
        return visit.before
    # Two windows that open at once: whoever is first has moved the moments already.
    Visit.objects.filter(pk=visit.pk, at=visit.at).update(before=visit.at, at=now)
    return visit.at
