"""What happened to the releases of a model, newest first, from the community's log: what its feed says."""

from dataclasses import dataclass

from governance.models import Event
from models_registry.models import Model

NEWEST_MAX = 50
READ_MAX = 2_000
KINDS = (
    "version_released",
    "release_paused",
    "release_held",
    "release_pause_ended",
    "release_withdrawn",
    "release_rolled_back",
    "incident_reported",
    "incident_triaged",
    "incident_answered",
)


@dataclass(frozen=True)
class Happening:
    """One event, the number of the version that it is about, and the incident's number where there is one."""

    event: Event
    number: int
    revision: str
    incident: int | None
    reason: str


def of_model(model: Model) -> list[Happening]:
    """Return the newest events about the versions of a model."""
    numbers = dict(model.versions.values_list("revision", "number"))
    events = model.community.events.filter(kind__in=KINDS, position__isnull=False).order_by("-position")
    found = []
    for event in events[:READ_MAX]:
        revision = event.data.get("revision")
        if revision in numbers and len(found) < NEWEST_MAX:
            reason = str(event.data.get("reason", ""))
            found.append(Happening(event, numbers[revision], str(revision), event.data.get("incident"), reason))
    return found
