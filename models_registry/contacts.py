"""How to reach somebody is kept as long as they may still be told something, then erased; on demand at once.

There are contacts of whoever asked for a removal, of whoever reported an incident, and of the sources of a dataset.
Records and the log never have them. What backups and copies that others made hold is outside of this.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from governance.errors import Forbidden, NotFound
from governance.models import Community
from governance.services import note
from models_registry.incidents.services import is_steward
from models_registry.models import Dataset, DatasetIntake, Incident, RemovalRequest
from models_registry.rights import selectors
from models_registry.rights.lifecycle import OPEN, Asked


def settle(now: datetime) -> int:
    """Erase what is due: CONTACT_DAYS after a request or an incident was answered, or a dataset was removed.

    What was said of a dataset on its way in goes as soon as that is over: the dataset has it. Return how many rows had
    something to erase. Safe to repeat.
    """
    before = now - timedelta(days=settings.CONTACT_DAYS)
    count = 0
    for request in RemovalRequest.objects.exclude(contact="").select_related("community", "dataset__removal"):
        answered = _answered_at(request, now)
        if answered is not None and answered <= before:
            count += erase_request(request, "", now)
    for incident in Incident.objects.filter(answered_at__lte=before).exclude(contact="").select_related("community"):
        count += erase_incident(incident, "", now)
    for dataset in Dataset.objects.filter(removal__removed_at__lte=before).select_related("community"):
        count += erase_sources(dataset, "", now)
    over = DatasetIntake.objects.filter(Q(done_at__isnull=False) | Q(failed_at__isnull=False))
    for intake in over.filter(asked__has_key="rights"):
        intake.asked = {name: value for name, value in intake.asked.items() if name != "rights"}
        intake.save(update_fields=["asked"])
        count += 1
    return count


def erase_of_request(reference: str, actor: str, now: datetime, salt: str = "") -> None:
    """Erase how to reach whoever asked: for a steward, or for themselves, signed in or by the salt of their request."""
    with transaction.atomic():
        rows = RemovalRequest.objects.select_for_update(of=("self",)).select_related("community")
        request = rows.filter(reference=reference).first()
        if request is None:
            raise NotFound("unknown_request", "there is no such request", found=reference)
        if not salt or salt != request.salt:
            _require(request.community, actor, now, own=request.requester == actor)
        erase_request(request, actor, now)


def erase_of_incident(slug: str, number: int, actor: str, now: datetime) -> None:
    """Erase how to reach whoever reported an incident: for a steward, or for themselves if they had signed in."""
    with transaction.atomic():
        rows = Incident.objects.select_for_update(of=("self",)).select_related("community")
        incident = rows.filter(community__slug=slug, number=number).first()
        if incident is None:
            raise NotFound("unknown_incident", "there is no incident with this number", found=number)
        _require(incident.community, actor, now, own=incident.reporter == actor)
        erase_incident(incident, actor, now)


def erase_of_sources(digest: str, actor: str, now: datetime) -> None:
    """Erase how to reach the sources of a dataset: for a steward, or for whoever registered it."""
    with transaction.atomic():
        rows = Dataset.objects.select_for_update(of=("self",)).select_related("community")
        dataset = rows.filter(digest=digest).first()
        if dataset is None:
            raise NotFound("unknown_dataset", "there is no such dataset", found=digest)
        _require(dataset.community, actor, now, own=dataset.registered_by == actor)
        erase_sources(dataset, actor, now)


def _require(community: Community, actor: str, now: datetime, *, own: bool) -> None:
    """Refuse somebody who neither gave the contact nor is a steward; nobody signed in gave none under a name."""
    if not (own and actor) and not is_steward(community, actor, now):
        detail = "only whoever gave it and the stewards of this community may do this"
        raise Forbidden("not_a_steward", detail, found=actor)


def _answered_at(request: RemovalRequest, now: datetime) -> datetime | None:
    """Return when the answer to a request was there; None while it is open."""
    row = selectors.request_of(request, now)
    if row.state in OPEN or row.state is Asked.PROPOSED:
        return None
    if row.state is Asked.REMOVED:
        removal = request.removals.order_by("removed_at").first() or selectors.removal_of(request.dataset)
        return removal.removed_at if removal else None
    return request.declined_at or (row.proposal.closes_at if row.proposal else None)


def erase_request(request: RemovalRequest, actor: str, now: datetime) -> int:
    """Erase the salt, too: with it whoever reads the database could try contacts until the digest in the log fits."""
    if not request.contact:
        return 0
    request.contact, request.salt, request.contact_erased_at = "", "", now
    request.save(update_fields=["contact", "salt", "contact_erased_at"])
    return _told(request.community, actor, now, request=request.reference)


def erase_incident(incident: Incident, actor: str, now: datetime) -> int:
    """Erase how to reach who reported it; return how many were."""
    if not incident.contact:
        return 0
    incident.contact, incident.contact_erased_at = "", now
    incident.save(update_fields=["contact", "contact_erased_at"])
    return _told(incident.community, actor, now, incident=incident.number)


def erase_sources(dataset: Dataset, actor: str, now: datetime) -> int:
    """Erase how to reach those from whom a dataset came; return for how many datasets it was done."""
    if not any(source["contact"] for source in dataset.sources):
        return 0
    dataset.sources = [{**source, "contact": ""} for source in dataset.sources]
    dataset.save(update_fields=["sources"])
    return _told(dataset.community, actor, now, dataset=dataset.digest)


def _told(community: Community, actor: str, now: datetime, **what: Any) -> int:  # noqa: ANN401 - any JSON
    note("contact_erased", now, community=community, actor=actor, **what)
    return 1
