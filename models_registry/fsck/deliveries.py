"""Publications and deliveries: each publication is its record, and each delivery is exactly as far as it can be."""

from collections.abc import Iterator

from django.db.models import QuerySet

from governance.fsck.finding import Finding, advised, against_record, compare, finding, guarded, seconds
from governance.models import Community, Event
from governance.services.common import required_record
from models_registry.models import Delivery, Publication, Version
from models_registry.publishing import TARGETS, HubTarget, delivery

DELIVERIES, PUBLICATIONS = "models_registry_delivery", "models_registry_publication"
RESTORE = "restore the row from a backup; the record and the log are right"
AGAIN = "if nothing else is wrong with the row, `manage.py deliveries --again REVISION TARGET` starts it anew"
PLAN = "`manage.py deliveries --plan TARGET` plans what is missing"


def check_deliveries(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with where the releases of a community went, and are going.

    1. every publication; every release is on our own hub. 2. every delivery. 3. every event has what it tells of.
    """
    publications = Publication.objects.filter(version__model__community=community)
    for publication in publications.select_related("version__release_record", "record").order_by("pk"):  # 1
        yield from guarded(PUBLICATIONS, publication.pk, _check_publication(publication))
    for version in _releases(community).exclude(publications__target=HubTarget.name).order_by("pk"):
        yield finding(PUBLICATIONS, f"of {version}", "target", HubTarget.name, "no publication")
    rows = Delivery.objects.filter(version__model__community=community)
    for row in rows.select_related("version__proposal", "publication").order_by("pk"):  # 2
        yield from guarded(DELIVERIES, row.pk, _check_delivery(row))
    yield from _check_events(community)  # 3


def _releases(community: Community) -> QuerySet[Version]:
    return Version.objects.filter(model__community=community, release_record__isnull=False).select_related("model")


def _check_publication(row: Publication) -> Iterator[Finding]:
    version = row.version
    body = {"target": row.target, "location": row.location, "revision": row.revision}
    subject = f"publication:{version.revision}/{row.target}"
    parents = [required_record(version.release_record).digest]
    yield from against_record(row, row.record, "publication", subject, body, parents)
    if row.target == HubTarget.name:
        yield from compare(
            PUBLICATIONS, row.pk, {"published_at": version.published_at}, {"published_at": row.published_at}
        )
    elif not Delivery.objects.filter(publication=row).exists():
        yield finding(PUBLICATIONS, row.pk, "delivery", "the delivery that brought it there", "none", todo=PLAN)


def _check_delivery(row: Delivery) -> Iterator[Finding]:
    """Check one delivery: the facts fit together, and what is done or given up is so in the log at the same moment."""
    if row.target not in TARGETS or row.target == HubTarget.name:
        allowed = ", ".join(sorted(TARGETS.keys() - {HubTarget.name}))
        yield finding(DELIVERIES, row.pk, "target", f"one of {allowed}", row.target)
    if row.version.release_record_id is None:
        yield finding(DELIVERIES, row.pk, "version", "a release", "a base model, which no vote releases")
    yield from advised(AGAIN, _check_attempts(row))
    events = Event.objects.filter(proposal=row.version.proposal, data__target=row.target)
    if row.publication is not None:
        there = {"version": row.version_id, "target": row.target}
        found = {"version": row.publication.version_id, "target": row.publication.target}
        yield from compare(DELIVERIES, row.pk, there, found)
        said = {"location": row.publication.location, "at": seconds(row.publication.published_at)}
        told = [
            {"location": event.data.get("location"), "at": seconds(event.at)}
            for event in events.filter(kind="release_delivered")
        ]
        if said not in told:
            yield finding(DELIVERIES, row.pk, "publication", "an event release_delivered that says it", said)
    if row.failed_at is not None:
        last = events.filter(kind="delivery_failed").order_by("position").last()
        expected = {
            "failed_at": seconds(last.at) if last else None,
            "error_code": last.data.get("code") if last else None,
        }
        given_up = {"failed_at": seconds(row.failed_at), "error_code": row.error_code}
        yield from advised(AGAIN, compare(DELIVERIES, row.pk, expected, given_up))


def _check_attempts(row: Delivery) -> Iterator[Finding]:
    """Check what attempts leave behind."""
    if row.attempts > delivery.ATTEMPTS_MAX:
        yield finding(DELIVERIES, row.pk, "attempts", f"at most {delivery.ATTEMPTS_MAX}", row.attempts)
    if row.fence < row.attempts:
        yield finding(DELIVERIES, row.pk, "fence", f"at least {row.attempts}, one for each attempt", row.fence)
    if row.attempts and row.tried_at is None:
        yield finding(DELIVERIES, row.pk, "tried_at", "the moment of the last attempt", None)
    if row.lease_expires_at is not None and (row.next_at is None or not row.attempts):
        yield finding(DELIVERIES, row.pk, "lease_expires_at", "none: nobody works on it", row.lease_expires_at)
    if row.error_detail and not row.error_code:
        yield finding(DELIVERIES, row.pk, "error_code", "the code of what went wrong", row.error_code)
    if row.publication_id is not None and row.error_code:
        yield finding(DELIVERIES, row.pk, "error_code", "none: it is published", row.error_code)


def _check_events(community: Community) -> Iterator[Finding]:
    for event in community.events.filter(kind="release_delivered").order_by("position"):
        done = Delivery.objects.filter(
            version__proposal=event.proposal,
            target=event.data.get("target"),
            publication__location=event.data.get("location"),
        )
        if not done.exists():
            yield finding(
                "governance_event", event.pk, "release_delivered", "the publication that it tells of", event.data
            )
