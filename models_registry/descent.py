"""What was built on what: the versions that stopped ones have left behind, and those that rest on a stopped one.

Parents stand in the database for this site's own versions, and in the published records for mirrored ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from models_registry.hub import mirrored
from models_registry.models import Version
from models_registry.provenance import bundle
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.shapes import parent_of
from models_registry.withdrawals import Stop, stop_of


@dataclass(frozen=True)
class Built:
    """One version that was built on another, nearest first; `revision` has a page here unless it is mirrored."""

    name: str
    revision: str
    generation: int
    stop: Stop | None
    mirrored: bool = False


@dataclass(frozen=True)
class Ground:
    """A stopped version that another one rests on."""

    version: Version
    stop: Stop


def built_on(version: Version, now: datetime) -> tuple[Built, ...]:
    """Return every version that was built on this one, over any number of generations, here and in the mirror."""
    found: dict[str, Built] = {}
    generation, nearest = 1, [version.revision]
    while nearest:
        own = Version.objects.filter(parent__revision__in=nearest, published_at__isnull=False)
        rows = [
            Built(str(each), each.revision, generation, stop_of(each, now))
            for each in own.select_related("model").order_by("model_id", "number")
        ]
        rows += [
            Built(f"{kept.entry.model} v{kept.entry.number}", kept.entry.revision, generation, None, mirrored=True)
            for kept in mirrored.mirrored()
            if base_of(kept.folder) in nearest
        ]
        new = {row.revision: row for row in reversed(rows) if row.revision not in found and row.revision not in nearest}
        found |= dict(reversed(new.items()))
        nearest, generation = list(new), generation + 1
    return tuple(found.values())


def ground_of(versions: Iterable[Version], now: datetime) -> dict[int, Ground]:
    """Return for each of these versions that rests on a stopped one the nearest such, by the id of the version."""
    known: dict[int, Version] = {}
    wanted = {version.parent_id for version in versions if version.parent_id is not None}
    while wanted:
        rows = Version.objects.filter(pk__in=wanted).select_related("model").defer("files")
        known |= {row.pk: row for row in rows}
        wanted = {row.parent_id for row in known.values() if row.parent_id is not None} - set(known)
    found = {}
    for version in versions:
        above = known.get(version.parent_id or 0)
        while above is not None:
            stop = stop_of(above, now)
            if stop is not None:
                found[version.pk] = Ground(above, stop)
                break
            above = known.get(above.parent_id or 0)
    return found


@lru_cache(maxsize=1024)
def base_of(folder: Path) -> str:
    """Return the revision that a mirrored release was trained from; nothing for a base, which has no records."""
    try:
        records = bundle.read(folder).records
    except (BundleError, OSError):
        return ""
    by_digest = {record.digest: record for record in records}
    release = next((record for record in records if record.kind == "release"), None)
    if release is None:
        return ""
    spec = parent_of(parent_of(release, "run", by_digest), "spec", by_digest)
    return str(spec.body["base"]["revision"])
