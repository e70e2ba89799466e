"""A community that shares computing: sites with measured machines, let in by hand, and what tests ask of them."""

from datetime import datetime, timedelta
from typing import Any

from governance.models import Community, Event
from tests.integration.site_places import LAKE, MEASURED
from training_jobs.models import Admission, Allotment, ComputeRequest, Runner, Site
from training_jobs.sites import measuring, services, telling

MINUTE = timedelta(minutes=1)
OPERATOR = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"


def add_site(community: Community, slug: str, now: datetime, *, devices: int = 2, **changes: Any) -> Site:
    """Let in a site with one machine, which has measured itself."""
    said = {**LAKE, "slug": slug, "name": slug, "devices": devices, **changes}
    site = services.register(OPERATOR, said, now)
    runner = Runner.objects.create(
        community=community, owner=OPERATOR, site=site, name=f"node-{slug}", created_at=now, last_seen_at=now
    )
    measuring.take_in(runner, {**MEASURED, "devices": devices}, now)
    let_in(site, community, now)
    return Site.objects.get(pk=site.pk)


def let_in(site: Site, community: Community, now: datetime) -> Admission:
    """Let a site in, as a steward would."""
    made = Admission.objects.create(site=site, community=community, admitted_at=now, admitted_by=OPERATOR)
    telling.admitted(made, now, OPERATOR)
    return made


def seen(now: datetime, *slugs: str) -> None:
    """Let sites be heard of."""
    Site.objects.filter(slug__in=slugs).update(last_seen_at=now)


def machine_of(slug: str) -> Runner:
    """Return the machine of a site."""
    return Runner.objects.get(site__slug=slug)


def told(community: Community, request: str = "") -> list[dict[str, Any]]:
    """Return what the log says of computing, oldest first: kind and data; of one request, or of all."""
    found = Event.objects.filter(community=community, kind__startswith="compute_").order_by("pk")
    return [{"kind": each.kind, **each.data} for each in found if request in {"", each.data.get("request")}]


def kinds(community: Community, request: str = "") -> list[str]:
    """Return the kinds of these events."""
    return [each["kind"].removeprefix("compute_") for each in told(community, request)]


def allotted(name: str) -> Allotment:
    """Return the allotment in force of a request."""
    return Allotment.objects.in_force().select_related("site").get(request__name=name)


def request_named(name: str) -> ComputeRequest:
    """Return a request."""
    return ComputeRequest.objects.get(name=name)
