"""Questions that pages and the API ask about calls for another vote. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet

from governance.models import Community
from models_registry.calls import services, words
from models_registry.models import Call, Version


@dataclass(frozen=True)
class Shown:
    """A call as pages show it. `may_take_up`: this viewer could make a draft of it now, if they have voting power."""

    call: Call
    title: str
    found: str
    taken: bool
    may_take_up: bool


def all_of(community: Community) -> QuerySet[Call]:
    """Return the calls of a community: the open ones first, then the newest."""
    found = Call.objects.filter(community=community).select_related("community", "version", "proposal")
    return found.order_by(F("closed_at").desc(nulls_first=True), "-pk")


def open_in(community: Community, viewer: str, now: datetime) -> tuple[Shown, ...]:
    """Return the open calls of a community, newest first."""
    return tuple(shown(call, viewer, now) for call in all_of(community).filter(closed_at__isnull=True))


def open_about(version: Version, viewer: str, now: datetime) -> tuple[Shown, ...]:
    """Return the open calls about a version."""
    found = all_of(version.model.community).filter(closed_at__isnull=True, version=version)
    return tuple(shown(call, viewer, now) for call in found)


def shown(call: Call, viewer: str, now: datetime) -> Shown:
    """Return a call in the words of the language that is active."""
    taken = services.is_taken(call, viewer, now)
    may = bool(viewer) and call.closed_at is None and not taken
    return Shown(call, words.title(call), words.found(call), taken, may)
