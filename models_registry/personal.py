"""What the registry keeps about people: how to reach whoever reported or asked something, and files that they sent."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from governance.portability.person import Person, Stays, shown
from models_registry import contacts
from models_registry.datasets import uploads
from models_registry.models import (
    Call,
    Dataset,
    DatasetIntake,
    DatasetUpload,
    Incident,
    RemovalRequest,
    WaitingReport,
)

ANSWERED = "the community has to answer it, and the log has its digest; how to reach whoever wrote it is gone"
NAMED = "the log names who did it, and what was decided rests on it"


class Contacts:
    """How to reach somebody: in requests, reports of harm, and sources of datasets."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return the rows that hold it, with what is private in them but no salt and no network."""
        return {
            "requests": [shown(row, "id", "salt", "network") for row in _requests(person)],
            "incidents": [shown(row, "id", "network") for row in _incidents(person)],
            "waiting_reports": [shown(row, "id", "network") for row in _waiting(person)],
            "sources": [
                {"dataset": row.digest, "source": source}
                for row in _sourced(person)
                for source in row.sources
                if source["contact"] == person.email
            ],
            "intakes": [shown(row, "id") for row in _intakes(person)],
        }

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Erase every contact; the log says that it was erased, and not whose."""
        erased = {
            "requests": sum(contacts.erase_request(row, "", now) for row in _requests(person)),
            "incidents": sum(contacts.erase_incident(row, "", now) for row in _incidents(person)),
            "waiting_reports": 0,
            "sources": sum(contacts.erase_sources(row, "", now) for row in _sourced(person)),
            "intakes": 0,
        }
        for report in _waiting(person):
            report.told = {**report.told, "contact": ""}
            report.save(update_fields=["told"])
            erased["waiting_reports"] += 1
        for intake in _intakes(person):
            intake.asked = {name: value for name, value in intake.asked.items() if name != "rights"}
            intake.save(update_fields=["asked"])
            erased["intakes"] += 1
        return erased

    def stays(self, person: Person) -> list[Stays]:
        """Return what somebody asked, reported, registered or took up under an address."""
        at = person.address
        if not at:
            return []
        return [
            Stays("requests", RemovalRequest.objects.filter(requester=at), "the log, by digest", ANSWERED),
            Stays("incidents", Incident.objects.filter(reporter=at), "the page of the incident", ANSWERED),
            Stays("datasets", Dataset.objects.filter(registered_by=at), "the page of the dataset", NAMED),
            Stays("calls", Call.objects.filter(taken_up_by=at), "the page of the call", NAMED),
            Stays("intakes", DatasetIntake.objects.filter(actor=at), "", NAMED),
        ]


class Uploads:
    """Files that somebody sends in parts."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return what was announced."""
        return {"uploads": [shown(row, "id") for row in _uploads(person)]}

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Remove the files; one that is being taken in stays until that is over."""
        del now
        rows = list(_uploads(person))
        for row in rows:
            uploads.forget(row)
        return {"uploads": len(rows) - _uploads(person).count()}

    def stays(self, person: Person) -> list[Stays]:
        """Return files that are being taken in."""
        return [Stays("uploads", _uploads(person), "", "a worker reads it at this moment; it goes when that is over")]


def _reached(person: Person, owner: str) -> Q:
    """Return the rows with a contact that are somebody's, by address or because the contact is theirs."""
    mine = Q(pk__in=[])
    if person.address:
        mine |= Q(**{owner: person.address}) | Q(contact__iexact=person.address)
    if person.email:
        mine |= Q(contact__iexact=person.email)
    return mine & ~Q(contact="")


def _requests(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    return RemovalRequest.objects.filter(_reached(person, "requester")).select_related("community")


def _incidents(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    return Incident.objects.filter(_reached(person, "reporter")).select_related("community")


def _waiting(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    if not person.email:
        return WaitingReport.objects.none()
    return WaitingReport.objects.filter(told__contact__iexact=person.email)


def _sourced(person: Person) -> list[Dataset]:
    """Return the datasets with a source that is reached at the e-mail address: JSON lists are looked through."""
    if not person.email:
        return []
    rows = Dataset.objects.select_related("community").iterator(chunk_size=100)
    return [row for row in rows if any(source["contact"] == person.email for source in row.sources)]


def _intakes(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    """Return what came in and still says how to reach its sources, once nobody works on it."""
    if not person.address:
        return DatasetIntake.objects.none()
    over = Q(done_at__isnull=False) | Q(failed_at__isnull=False)
    return DatasetIntake.objects.filter(over, actor=person.address, asked__has_key="rights")


def _uploads(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    return DatasetUpload.objects.filter(actor=person.address) if person.address else DatasetUpload.objects.none()
