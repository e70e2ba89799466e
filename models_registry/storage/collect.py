"""Garbage collection by reachability: an object goes when no version names it and nobody has wanted it for a while.

Reached are the files of every version, bases and withdrawn ones among them. A publication that is under way has no
version yet; it touches what it keeps, and the grace period (longer than any publication) protects that.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models_registry.models import Version
from models_registry.storage.base import ObjectStore, Stored

GRACE_MIN = timedelta(hours=1)


def reached() -> set[str]:
    """Return the names of all objects that a version is made of."""
    listings = Version.objects.values_list("files", flat=True)
    return {entry["sha256"] for listing in listings.iterator() for entry in listing}


def unreached(store: ObjectStore, grace: timedelta, now: datetime) -> Iterator[Stored]:
    """Yield the objects that nothing reaches and that have been left alone for the grace period.

    The objects are listed before the versions: what is published meanwhile is reached, or young.
    """
    if grace < GRACE_MIN:
        raise ValueError(f"a grace period of {grace} is shorter than {GRACE_MIN}, which a publication may take")
    old = [found for found in store.objects() if found.touched_at < now - grace]
    kept = reached()
    yield from (found for found in old if found.sha256 not in kept)


def collect(store: ObjectStore, found: Stored, grace: timedelta, now: datetime) -> bool:
    """Delete one object of `unreached`, unless it was touched since; say whether it is gone.

    Between this look and the deletion lies an instant in which a publication could want the object again: it would
    find it missing in its own last comparison, and begin anew.
    """
    there = store.stored(found.sha256)
    if there is not None and there.touched_at >= now - grace:
        return False
    store.delete(found.sha256)
    return True
