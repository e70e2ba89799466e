"""What this app knows about an event that people are told of: its model and version, and who answers for harm."""

from typing import Any

from governance.models import Event
from governance.notifications.planning import Facts
from governance.notifications.topics import Concern
from models_registry.incidents.services import stewards_of
from models_registry.models import HiddenSuite, Model, Version


def facts(event: Event) -> Facts:
    """Return the model that an event is about and what is said of it, the stewards, and keepers of hidden suites."""
    people: dict[str, list[str]] = {}
    if event.kind in {"incident_reported", "incident_waits"} and event.community is not None:
        people[Concern.STEWARD] = [member["address"] for member in stewards_of(event.community, event.at)]
    if event.kind == "openings_awaited":
        keepers = HiddenSuite.objects.filter(commitment__in=event.data["suites"]).values_list("keeper", flat=True)
        people[Concern.KEEPER] = sorted(set(keepers))
    version = _version_of(event)
    if version is None:
        return Facts(people=people)
    return Facts(str(version.model), people, {**about(version.model), "version": version.number})


def about(model: Model) -> dict[str, Any]:
    """Return how a model is called."""
    return {"model": str(model), "title_en": model.title_en, "title_fr": model.title_fr}


def _version_of(event: Event) -> Version | None:
    revision = event.data.get("revision")
    if not isinstance(revision, str):
        return None
    found = Version.objects.select_related("model").defer("files").filter(revision=revision)
    return found.filter(model__community=event.community_id).first()
