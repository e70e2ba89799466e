"""What this site says of a release today: handed out, left for an earlier one, paused or withdrawn, and since when.

The answer for `verify --status`: beside the words it has the entries of the community's log about this release, each
with its proof in the newest signed checkpoint, so that a stop cannot be made up, and a stop that was shown to somebody
cannot be denied later. That nothing is left out it cannot show.
"""

from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from governance import log
from governance.clock import unix
from governance.evidence import log_tree
from governance.models import Event
from models_registry.descent import ground_of
from models_registry.models import Version
from models_registry.rollbacks import newer_in_use
from models_registry.withdrawals import stop_of

ENTRIES_MAX = 50


class Standing(StrEnum):
    """How a release stands. Only `paused` and `withdrawn` are not handed out."""

    CURRENT = "current"
    OLDER = "older"
    SET_BACK = "set_back"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"


# The events that change how a release stands. `verify --status` knows the same (`status_check`); a test compares.
EVENTS = (
    "version_released",
    "release_paused",
    "release_held",
    "release_pause_ended",
    "release_withdrawn",
    "release_rolled_back",
)


# The event of having measured a release again; it changes nothing about how the release stands.
MEASURED = "release_measured_again"


def standing_of(version: Version, now: datetime) -> tuple[Standing, str]:
    """Return how a version stands, and the reason where there is one."""
    stop = stop_of(version, now)
    if stop is not None:
        return (Standing.WITHDRAWN if stop.withdrawn else Standing.PAUSED), stop.reason
    if version.set_back_at is not None:
        return Standing.SET_BACK, version.set_back_reason
    in_use = [each for each in newer_in_use(version) if stop_of(each, now) is None]
    return (Standing.OLDER if in_use else Standing.CURRENT), ""


def passed_over(version: Version) -> tuple[str, ...]:
    """Return the rules that a released version breaks and that a vote passed over, by name; nearly always none."""
    if version.evaluation_record is None:
        return ()
    reasons = version.evaluation_record.body.get("verdict", {}).get("reasons", [])
    return tuple(sorted({str(each["rule"]) for each in reasons if each["binds"] and not each["holds"]}))


def status_of(version: Version, now: datetime) -> dict[str, Any]:
    """Return all that is told about how a release stands, with the entries of the log and their proofs."""
    standing, reason = standing_of(version, now)
    stop = stop_of(version, now)
    community = version.model.community
    newest = log.newest_checkpoint(community)
    size = newest.size if newest else 0
    ground = ground_of([version], now).get(version.pk)
    return {
        "release": version.release_record_id,
        "revision": version.revision,
        "model": str(version.model),
        "version": version.number,
        "standing": str(standing),
        "reason": reason,
        "until": unix(stop.until) if stop and stop.until else None,
        "asked_at": unix(now),
        "rests_on_stopped": str(ground.version) if ground else None,
        "checkpoint": newest.note if newest else None,
        "entries": [
            {
                "position": event.position,
                "leaf": event.leaf,
                "proof": log_tree.inclusion_proof(event.position, size, log.reader(community.pk)),
            }
            for event in [*events_of(version), *measured_again(version)]
            if event.position is not None and event.position < size
        ],
    }


def measured_again(version: Version) -> list[Event]:
    """Return the newest event of the log that tells of measuring this release again, if there is one."""
    found = version.model.community.events.filter(kind=MEASURED, position__isnull=False).order_by("-position")
    mine = (event for event in found.iterator(chunk_size=200) if event.data.get("revision") == version.revision)
    return list(islice(mine, 1))


def events_of(version: Version) -> list[Event]:
    """Return the newest events of the log that changed how this release stands, oldest first."""
    found = version.model.community.events.filter(kind__in=EVENTS, position__isnull=False).order_by("-position")
    mine = (
        event
        for event in found.iterator(chunk_size=200)
        if event.data.get("revision") == version.revision or version.revision in event.data.get("left", [])
    )
    return [event for event, _ in zip(mine, range(ENTRIES_MAX), strict=False)][::-1]
