"""What waits for one person in this app (`settings.NEEDS`): incidents for stewards, and calls for a vote."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import OuterRef, Subquery

from governance.models import Community, Council
from governance.selectors.needs import SHOWN_MAX, Need
from models_registry.incidents import lifecycle
from models_registry.models import Call, Incident, IncidentStewards


def incidents(viewer: str, communities: Sequence[Community], now: datetime) -> Iterable[Need]:
    """Return the incidents that a steward has to answer for (`incidents.services.stewards_of`, for all at once)."""
    mine = _stewarded(viewer, communities, now)
    rows = Incident.objects.filter(community__in=mine, outcome="").select_related("community", "version__model")
    for row in rows.order_by("reported_at")[:SHOWN_MAX]:
        yield Need("incident", row.community, row.number, str(row.version), lifecycle.due_at(row.facts))


def calls(viewer: str, communities: Sequence[Community], now: datetime) -> Iterable[Need]:  # noqa: ARG001 - for everybody
    """Return the calls for another vote that nobody has taken up."""
    rows = Call.objects.filter(community__in=communities, closed_at__isnull=True, taken_up_at__isnull=True)
    for row in rows.select_related("community", "version__model").order_by("-opened_at")[:SHOWN_MAX]:
        yield Need("call", row.community, row.pk, str(row.version or row.subject))


def _stewarded(viewer: str, communities: Sequence[Community], now: datetime) -> list[int]:
    """Return where somebody answers incidents: those whom a vote named last, else the council in office."""
    named = IncidentStewards.objects.filter(community=OuterRef("community")).order_by("-named_at", "-pk").values("pk")
    elected = Council.objects.filter(community=OuterRef("community")).order_by("-elected_at", "-pk").values("pk")
    stewards = IncidentStewards.objects.filter(community__in=communities, pk=Subquery(named[:1]))
    councils = Council.objects.filter(community__in=communities, pk=Subquery(elected[:1]), term_ends_at__gt=now)
    answering = {row.community_id: row.members for row in councils}
    answering |= {row.community_id: row.members for row in stewards if row.members}
    return [pk for pk, members in answering.items() if viewer in {member["address"] for member in members}]
