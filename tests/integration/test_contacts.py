"""How to reach somebody: never in a record or the log, erased in time, and on demand at once."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from governance import clock
from governance.models import Event, Proposal, Record
from models_registry import contacts, fsck
from models_registry.datasets import intakes
from models_registry.incidents import services as incidents
from models_registry.incidents.services import Answer
from models_registry.models import Dataset, DatasetIntake, Incident, RemovalRequest
from models_registry.rights import services
from models_registry.rights.services import Asking
from tests.integration import commons
from tests.integration.hub_site import artifacts
from tests.integration.pages_story import signed_in
from tests.integration.test_incidents import confirmed, later, reported, site
from tests.integration.test_rights import SOURCE, by_prefix, included, place, removed
from tests.integration.test_rows_by_kind import Place

DAY = timedelta(days=1)
ZOE = "zoe@example.org"


def asked(dataset: Dataset, now: datetime, record: str = "bob-001") -> RemovalRequest:
    return services.ask(Asking(dataset.digest, "records", "Mine.", records=(record,), contact=ZOE), "", now)


def kept() -> str:
    """Return all that is for ever: records, the leaves of the log, the payloads of proposals."""
    return json.dumps(
        [
            list(Record.objects.values_list("canonical", flat=True)),
            list(Event.objects.values_list("leaf", flat=True)),
            list(Proposal.objects.values_list("payload", flat=True)),
        ]
    )


def broken(place: Place) -> list[str]:
    return [str(found) for found in fsck.check_one(place.commons.community) if "removal" in found.table]


def test_contacts_are_in_no_record_and_are_erased_when_the_time_is_over(place: Place, settings: Any) -> None:
    """Of a request and of the sources of a dataset that was removed; the log says that they were, and of what."""
    dataset = included(place, by_prefix(place.commons))
    request, other = asked(dataset, place.moment), asked(dataset, place.moment, "bob-002")
    row = removed(place, dataset, records=["bob-001"], request=request.reference)
    assert SOURCE["contact"] not in kept()
    assert ZOE not in kept()
    assert dataset.sources[0]["contact"] == SOURCE["contact"]
    page = Client().get(f"/datasets/{dataset.digest}/").content.decode()
    assert SOURCE["contact"] in page
    form = Client().get(f"/datasets/{row.successor.digest}/ask/").content.decode()
    assert f"It is erased {settings.CONTACT_DAYS} days after the answer" in form

    over = row.removed_at + settings.CONTACT_DAYS * DAY
    assert contacts.settle(over - DAY / 2) == 0
    assert contacts.settle(over) == 2
    assert contacts.settle(over) == 0
    request.refresh_from_db()
    other.refresh_from_db()
    dataset.refresh_from_db()
    assert (request.contact, request.salt, request.contact_erased_at) == ("", "", over)
    assert other.contact == ZOE, "nobody has answered it yet"
    assert dataset.sources == [{**SOURCE, "contact": ""}]
    assert row.successor.sources == [SOURCE], "what is left is still used, and somebody may ask about it"
    told = [event.data for event in Event.objects.filter(kind="contact_erased").order_by("position")]
    assert told == [{"request": request.reference}, {"dataset": dataset.digest}]
    assert broken(place) == []
    page = Client().get(f"/removal-requests/{request.reference}/").content.decode()
    assert ZOE not in page


def test_whoever_asked_has_it_erased_with_the_salt_and_nobody_else_can(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    request = asked(dataset, place.moment)
    address = f"/api/v1/removal-requests/{request.reference}/forget-contact"
    stranger = Client()
    for body in ({}, {"salt": ""}, {"salt": "0" * 32}, {"salt": request.salt[:-1]}):
        answer = stranger.post(address, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_a_steward"), body
    for body in ({"salt": 7}, {"salt": "x" * 33}, {"salt": None}, {"pepper": ""}, [], {"salt": "\x00"}):
        assert stranger.post(address, body, content_type="application/json").status_code == 400, body
    member = Client()
    signed_in(member, place.commons.wallet("Bob"))
    assert member.post(address, {}, content_type="application/json").status_code == 403
    assert member.post(f"/removal-requests/{request.reference}/forget/").status_code == 403
    request.refresh_from_db()
    assert request.contact == ZOE

    assert stranger.post(address, {"salt": request.salt}, content_type="application/json").status_code == 204
    request.refresh_from_db()
    assert (request.contact, request.salt) == ("", "")
    assert broken(place) == []
    missing = stranger.post(address.replace(request.reference, "f" * 16), {}, content_type="application/json")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_request")


def test_without_an_account_it_is_erased_in_the_browser_that_asked(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    asker, other = Client(), Client()
    form = {"scope": "records", "records": "bob-001", "reason": "Mine.", "contact": ZOE}
    address = asker.post(f"/datasets/{dataset.digest}/ask/", form)["Location"]
    request = RemovalRequest.objects.get()
    page, public = asker.get(address).content.decode(), other.get(address).content.decode()
    assert request.salt in page
    assert ZOE in page
    assert request.salt not in public
    assert ZOE not in public
    assert other.post(f"{address}forget/").status_code == 403
    assert asker.get(f"{address}forget/").status_code == 405
    assert asker.post(f"{address}forget/").status_code == 302
    assert ZOE not in asker.get(address).content.decode()
    request.refresh_from_db()
    assert (request.contact, request.salt) == ("", "")


def test_whoever_registered_a_dataset_erases_the_addresses_of_its_sources(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    address = f"/datasets/{dataset.digest}/forget-sources/"
    bob, alice = Client(), Client()
    signed_in(bob, place.commons.wallet("Bob"))
    signed_in(alice, place.commons.wallet("Alice"))
    assert Client().post(address).status_code == 302, "to the sign-in"
    assert bob.post(address).status_code == 403
    assert address not in bob.get(f"/datasets/{dataset.digest}/").content.decode()
    assert address in alice.get(f"/datasets/{dataset.digest}/").content.decode()
    assert alice.post(address).status_code == 302
    page = alice.get(f"/datasets/{dataset.digest}/").content.decode()
    assert SOURCE["contact"] not in page
    assert address not in page
    assert alice.post(f"/datasets/{'0' * 64}/forget-sources/").status_code == 404
    api = f"/api/v1/datasets/{dataset.digest}/forget-contacts"
    assert [client.post(api).status_code for client in (Client(), bob, alice)] == [401, 403, 204]
    assert alice.post(api.replace(dataset.digest, "nonsense")).json()["code"] == "unknown_dataset"


def test_how_to_reach_a_reporter_is_erased_after_the_answer_and_sooner_if_they_wish(
    site: commons.Commons, later: datetime, settings: Any
) -> None:
    incident = confirmed(site, later)
    waits = reported(later, prompt="Another?")
    over = later + settings.CONTACT_DAYS * DAY
    assert contacts.settle(over) == 1
    incident.refresh_from_db()
    assert (incident.contact, incident.contact_erased_at) == ("", over)

    daouda, alice = Client(), Client()
    signed_in(daouda, site.wallet("Daouda"))
    signed_in(alice, site.wallet("Alice"))
    address = f"/api/v1/communities/gardens/incidents/{waits.number}/forget-contact"
    assert Client().post(address).status_code == 401
    assert daouda.post(address).json()["code"] == "not_a_steward"
    assert "Erase how to reach them" in alice.get(f"/c/gardens/incidents/{waits.number}/").content.decode()
    assert alice.post(f"/c/gardens/incidents/{waits.number}/forget/").status_code == 302
    waits.refresh_from_db()
    assert waits.contact == ""
    told = incidents.Report("other", "low", "Mine?", "Yes.", contact="daouda@example.org")
    mine, _new = incidents.report(waits.version.revision, site.address("Daouda"), told, later)
    assert isinstance(mine, Incident)
    assert daouda.post(address.replace(f"/{waits.number}/", f"/{mine.number}/")).status_code == 204
    assert not Incident.objects.exclude(contact="").exists()
    findings = [str(found) for found in fsck.check_one(site.community) if "incident" in found.table]
    assert findings == []


def test_with_no_days_a_contact_goes_with_the_answer(site: commons.Commons, later: datetime, settings: Any) -> None:
    settings.CONTACT_DAYS = 0
    confirmed(site, later)
    assert contacts.settle(later) == 1


def test_what_was_said_of_a_dataset_on_its_way_in_goes_when_it_is_in(place: Place) -> None:
    row = DatasetIntake.objects.create(
        community=place.commons.community,
        actor=place.commons.address("Alice"),
        source={"kind": "url", "url": "https://example.org/a.jsonl", "sha256": "0" * 64, "name": "a.jsonl"},
        asked={"title": "Pairs", "rights": {"sources": [SOURCE]}},
        requested_at=place.moment,
        next_at=place.moment,
    )
    assert contacts.settle(place.moment) == 0, "a worker reads it yet"
    DatasetIntake.objects.filter(pk=row.pk).update(next_at=None, failed_at=place.moment, error_code="too_large")
    assert contacts.settle(place.moment) == 1
    row.refresh_from_db()
    assert row.asked == {"title": "Pairs"}
    assert intakes.state(row, clock.now()) == "refused"
