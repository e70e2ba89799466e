"""What happened to the releases of a model, newest first, from the community's log: what its feed says."""

from dataclasses import dataclass

from governance.models import Event
from models_registry.models import Model
from models_registry.release_status import passed_over

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
    "release_measured_again",
    "revote_called",
    "revote_call_closed",
)


@dataclass(frozen=True)
class Happening:
    """One event, the number of the version that it is about, and the incident's number where there is one.

    `passed_over` are the rules that a version broke that was released all the same.
    """

    event: Event
    number: int
    revision: str
    incident: int | None
    reason: str
    passed_over: tuple[str, ...] = ()


def of_model(model: Model) -> list[Happening]:
    """Return the newest events about the versions of a model."""
    versions = {each.revision: each for each in model.versions.select_related("evaluation_record").defer("files")}
    events = model.community.events.filter(kind__in=KINDS, position__isnull=False).order_by("-position")
    found = []
    for event in events[:READ_MAX]:
        revision = event.data.get("revision")
        if revision in versions and len(found) < NEWEST_MAX:
            version, incident = versions[revision], event.data.get("incident")
            broken = passed_over(version) if event.kind == "version_released" else ()
            reason = str(event.data.get("reason", ""))
            found.append(Happening(event, version.number, version.revision, incident, reason, broken))
    return found
