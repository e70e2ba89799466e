"""Whose data it is, the whole way: registered with sources, learnt from, asked back, removed, and trained without."""

import hashlib
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance import clock
from governance.errors import Conflict, Invalid, Refusal
from governance.models import Event, Record
from governance.power.contribution_credits import ContributionCredits
from governance.records import closure
from models_registry import fsck
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Dataset, Removal, RemovalRequest, Version
from models_registry.provenance.verify import TrustRoots, check
from models_registry.rights import selectors, services
from models_registry.rights.leaves import leaf_of
from models_registry.rights.lifecycle import Owed
from models_registry.rights.settling import Rights
from tests.integration.commons import Commons
from tests.integration.pages_story import signed_in
from tests.integration.test_rows_by_kind import Place, content, place_with, rows_of
from tests.simulators import tiny_model
from training_jobs import worker
from training_jobs.models import Run

SOURCE = {
    "name": "Letters of the waterworks",
    "url": "https://example.org/letters",
    "license": "CC-BY-4.0",
    "consent": "consent_of_persons",
    "contact": "data@example.org",
    "collected_from": "2026-01-01",
    "collected_to": "2026-03-31",
    "place": "Valley",
}
DAY = timedelta(days=1)


@pytest.fixture
def place(list_community, tmp_path, stand_in, monkeypatch):
    """A community whose model a stand-in trains; every clock shows the moment that its votes have come to."""
    made = place_with(list_community(), tiny_model.write(tmp_path / "base"))
    monkeypatch.setattr(clock, "now", lambda: made.moment)
    return made


def rows() -> list[dict[str, str]]:
    """Return rows of which the first half is said to be Bob's by the beginning of their ids."""
    made = rows_of("dialogue")
    return [{**row, "id": f"{'bob' if index < 20 else 'all'}-{index:03d}"} for index, row in enumerate(made)]


def included(place: Place, given: Rights, data: list[dict[str, str]] | None = None) -> Dataset:
    new = registering.NewDataset("pairs", "Questions", "CC-BY-4.0", "training", "pairs.jsonl", rights=given)
    stream = io.BytesIO(content(data or rows()))
    commons = place.commons
    dataset, _new = registering.register_dataset(commons.community, commons.address("Alice"), new, stream, place.moment)
    place.passed("dataset_inclusion", {"digest": dataset.digest})
    return Dataset.objects.get(pk=dataset.pk)


def by_prefix(commons: Commons) -> Rights:
    return Rights(sources=[SOURCE], contributors={"prefixes": {commons.address("Bob"): ["bob-"]}})


def trained(place: Place, dataset: Dataset) -> Version:
    """Let a vote order a version that learns from a dataset, and a worker make it."""
    place.passed("model_update", place.update(dataset, "supervised"))
    run = Run.objects.latest("pk")
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert run.version is not None, [(event.kind, event.data) for event in run.events.all()][-3:]
    return Version.objects.get(pk=run.version.pk)


def verified(version: Version) -> bool:
    key = version.model.community.release_key
    report = check(registry.version_folder(version), TrustRoots(release_key=key))
    assert report.ok, report.to_dict()
    return report.ok


def removed(place: Place, dataset: Dataset, **payload: Any) -> Removal:
    said = {
        "digest": dataset.digest,
        "why": "Two letters name a neighbour.",
        "follow_up": {"action": "retrain", "days": 30, "because": ""},
        **payload,
    }
    place.passed("dataset_removal", said)
    return Removal.objects.get(dataset=dataset)


def test_data_that_is_asked_back_leaves_the_dataset_and_then_the_model(place: Place) -> None:
    """Register, include, train; ask, propose, remove; the page warns until a version without it is released."""
    commons = place.commons
    dataset = included(place, by_prefix(commons))
    body = dataset.inclusion_record.body
    assert body["sources"] == [{name: value for name, value in SOURCE.items() if name != "contact"}]
    assert [(each["contributor"], each["share"]) for each in body["contributors"]] == [
        (commons.address("Bob"), {"numerator": 5, "denominator": 12}),
        (None, {"numerator": 7, "denominator": 12}),
    ]
    first = trained(place, dataset)
    assert verified(first)
    largest = selectors.shares_of(first)[0]
    assert (largest.contributor, str(largest.part)) == (commons.address("Bob"), "5/12")

    # A stranger asks for two records, by id and by digest; what they write is told to nobody.
    line = registering.dataset_path(dataset.digest).read_bytes().splitlines()[-1]
    wanted = json.loads(line)["id"]
    ask = {
        "dataset": dataset.digest,
        "scope": "records",
        "records": [leaf_of(line), "bob-003"],
        "reason": "It is about my neighbour Zoé.",
        "contact": "zoe@example.org",
    }
    answer = Client().post("/api/v1/removal-requests", ask, content_type="application/json")
    assert answer.status_code == 201, answer.content
    asked = answer.json()
    assert asked["state"] == "received"
    request = RemovalRequest.objects.get()
    said = {"contact": request.contact, "reason": request.reason, "salt": asked["salt"]}
    spelled = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(spelled).hexdigest() == asked["digest"]
    public = Client().get("/api/v1/removal-requests?community=gardens").content.decode()
    assert asked["reference"] in public
    assert "Zo" not in public
    assert "salt" not in public
    assert "Zo" not in json.dumps([event.data for event in Event.objects.all()])

    # One click makes the draft; the vote removes the records and includes what is left.
    client = Client()
    signed_in(client, commons.wallet("Alice"))
    answer = client.post(f"/api/v1/removal-requests/{asked['reference']}/draft")
    assert answer.status_code == 201, answer.content
    removal = removed(place, dataset, records=[wanted, "bob-003"], request=asked["reference"])
    assert removal.request == request
    assert Client().get(f"/api/v1/removal-requests/{asked['reference']}").json()["state"] == "removed"
    left = removal.successor
    assert left is not None
    assert left.inclusion_record is not None
    assert (left.records, left.inclusion_record.body["replaces"]) == (dataset.records - 2, dataset.digest)
    kept = registering.dataset_path(left.digest).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == left.digest
    assert line not in kept
    assert b'"bob-003"' not in kept

    # No new run learns from the old one, the hub hands it out no more, and the model owes a version without it.
    with pytest.raises(Conflict, match="dataset_removed"):
        commons.draft("model_update", place.update(dataset, "supervised"), now=place.moment)
    assert Client().get(f"/api/v1/datasets/{dataset.digest}/rows").status_code == 409
    assert Client().get(f"/hub/api/datasets/gardens/pairs/revision/{dataset.digest[:40]}").status_code == 451
    assert Client().get("/hub/api/datasets/gardens/pairs").json()["sha"] == left.digest[:40]
    (warned,) = selectors.warnings_of(first.model, place.moment)
    assert (warned.state, [each.revision for each in warned.learnt]) == (Owed.DUE, [first.revision])
    assert selectors.warnings_of(first.model, place.moment + 31 * DAY)[0].state is Owed.OVERDUE
    page = Client().get("/models/commons/water-assistant/").content.decode()
    assert "learnt from data that was removed" in page
    told = Client().get(f"/api/v1/releases/{first.revision}").json()["learnt_from_removed"]
    assert told[0]["sentence"].startswith("Learnt from data removed on ")
    assert "retraining due by" in told[0]["sentence"]

    # A version built on the one that learnt has learnt, too: it does not settle anything.
    second_update = place.update(left, "supervised")
    second_update["spec"]["base"] = {**second_update["spec"]["base"], "revision": first.revision}
    second_update["spec"]["base"]["manifest_sha256"] = first.manifest_sha256
    place.passed("model_update", second_update)
    worker.work(Run.objects.latest("pk").pk, "worker")
    second = Version.objects.latest("number")
    assert verified(second)
    found = selectors.search(commons.community, "dataset", dataset.digest)
    assert [(each.version, each.through) for each in found.blast.learnt] == [(1, ()), (2, (first.revision,))]
    assert selectors.warnings_of(first.model, place.moment)[0].state is Owed.DUE

    # One that begins at the base again, with what is left, does.
    third = trained(place, left)
    assert verified(third)
    assert selectors.warnings_of(first.model, place.moment)[0].state is Owed.SETTLED
    page = Client().get("/models/commons/water-assistant/").content.decode()
    assert "learnt from data that was removed" not in page.partition('<ul class="listing">')[0]

    page = Client().get(f"/releases/{third.revision}/").content.decode()
    assert "Removal of data" in page, "the lineage leads over the removal"
    assert "Whose data its training learnt from" in page

    # By record, shard and source the same versions are found.
    record = selectors.search(commons.community, "record", leaf_of(line))
    assert [each.version for each in record.blast.learnt] == [1, 2]
    shard = dataset.shards[0]["sha256"]
    query = f"/api/v1/blast-radius?community=gardens&by=shard&value={shard}"
    assert [each["version"] for each in Client().get(query).json()["learnt"]] == [1, 2]
    by_source = selectors.search(commons.community, "source", SOURCE["url"])
    assert [each.version for each in by_source.blast.learnt] == [1, 2, 3]


def test_what_members_gave_becomes_voting_power(place: Place) -> None:
    """The export is what the charter's power source reads; removed data gives no credit."""
    commons = place.commons
    dataset = included(place, by_prefix(commons))
    parameters = Client().get("/api/v1/contribution-credits?community=gardens").json()
    source = ContributionCredits()
    snapshot = source.snapshot(parameters)
    assert source.power_of(commons.address("Bob"), snapshot) == 20
    assert source.power_of(commons.address("Alice"), snapshot) == 0

    removed(place, dataset, records=[f"bob-{index:03d}" for index in range(5)])
    parameters = Client().get("/api/v1/contribution-credits?community=gardens").json()
    assert source.power_of(commons.address("Bob"), source.snapshot(parameters)) == 15


def test_a_whole_dataset_can_be_removed_with_nothing_to_follow(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    removal = removed(place, dataset, follow_up={"action": "none", "because": "Nothing has learnt from it."})
    assert (removal.successor, removal.due_at) == (None, None)
    assert removal.record is not None
    assert removal.record.body["follow_up"] == {
        "action": "none",
        "days": None,
        "because": "Nothing has learnt from it.",
    }
    with pytest.raises(Conflict, match="dataset_removed"):
        place.commons.draft("dataset_removal", {**place_payload(dataset)}, now=place.moment)


def place_payload(dataset: Dataset) -> dict[str, Any]:
    return {
        "digest": dataset.digest,
        "why": "Again.",
        "follow_up": {"action": "retrain", "days": 30, "because": ""},
    }


def test_a_vote_that_comes_after_the_removal_makes_no_run(place: Place) -> None:
    """The update was proposed before; its execution is held up with the reason."""
    dataset = included(place, by_prefix(place.commons))
    commons = place.commons
    update = commons.propose("model_update", place.update(dataset, "supervised"), now=place.moment)
    for name in ("Alice", "Bob"):
        commons.vote(update, name, 1)
    removed(place, dataset)
    with pytest.raises(Conflict, match="dataset_removed"):
        commons.executed(update)
    assert not Run.objects.exists()


def test_a_contributor_takes_their_rows_back_where_the_rule_allows_it(place: Place) -> None:
    """Without a vote on it nobody does; with one, at once, and the release says by which rule the dataset lost rows."""
    commons = place.commons
    dataset = included(place, by_prefix(commons))
    version = trained(place, dataset)
    client = Client()
    signed_in(client, commons.wallet("Bob"))
    ask = {"dataset": dataset.digest, "scope": "contributor", "reason": "I changed my mind."}

    answer = client.post("/api/v1/removal-requests", ask, content_type="application/json")
    assert (answer.status_code, answer.json()["state"]) == (201, "received")
    assert not Removal.objects.exists()
    place.passed("taking_back", {"allowed": False, "days": None})
    answer = client.post("/api/v1/removal-requests", ask, content_type="application/json")
    assert (answer.status_code, answer.json()["state"]) == (201, "received")

    vote = place.passed("taking_back", {"allowed": True, "days": 30})
    assert "without a vote" in Client().get("/c/gardens/data-rights/").content.decode()
    assert "it is done at once" in client.get(f"/datasets/{dataset.digest}/ask/").content.decode()
    answer = client.post("/api/v1/removal-requests", ask, content_type="application/json")
    assert (answer.status_code, answer.json()["state"]) == (201, "removed"), answer.content
    removal = Removal.objects.get()
    assert (removal.proposal, len(removal.records)) == (None, 20)
    assert removal.due_at == removal.removed_at + 30 * DAY
    record = removal.record
    assert record is not None
    assert record.body["taken_back"]["by"] == commons.address("Bob")
    (rule,) = Record.objects.filter(pk__in=record.value.parents, kind="taking_back")
    assert rule.value.parents == (vote.execution_record_id,)
    listed = Client().get("/api/v1/removals?community=gardens").json()
    assert [(each["proposal"], each["record"]) for each in listed] == [(None, record.pk)]

    left = removal.successor
    assert left is not None
    assert (left.records, left.included_at) == (len(rows()) - 20, None), "what is left waits for a vote"
    assert [each["contributor"] for each in left.contributors] == [None]
    assert selectors.warnings_of(version.model, place.moment)[0].state is Owed.DUE
    proposal = place.passed("dataset_inclusion", {"digest": left.digest})
    assert proposal.payload["replaces"] == dataset.digest
    second = trained(place, Dataset.objects.get(pk=left.pk))
    assert verified(second)
    kinds = {record.kind for record in closure(second.release_record).values()}
    assert {"removal", "taking_back"} <= kinds, "the evidence of the release explains why rows are gone"
    assert "Rule on taking data back" in Client().get(f"/releases/{second.revision}/").content.decode()
    assert selectors.warnings_of(version.model, place.moment)[0].state is Owed.SETTLED
    assert [str(each) for each in fsck.check_one(commons.community)] == []

    carol = Client()
    signed_in(carol, commons.wallet("Chloé"))
    ask["dataset"] = left.digest
    answer = carol.post("/api/v1/removal-requests", ask, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_contributor")


@pytest.mark.parametrize("registered_before", [False, True])
def test_what_is_left_goes_no_further_than_the_dataset_did(place: Place, registered_before: bool) -> None:
    """Not even where somebody registered the same rows before, and said that they are public."""
    commons, said = place.commons, {"data_kinds": ["health"], "country": "FR"}

    def register(data: list[dict[str, str]], **values: Any) -> Dataset:
        new = registering.NewDataset("pairs", "Questions", "CC-BY-4.0", "training", "pairs.jsonl", **values)
        stream = io.BytesIO(content(data))
        alice = commons.address("Alice")
        return registering.register_dataset(commons.community, alice, new, stream, place.moment)[0]

    dataset = register(rows(), **said)
    place.passed("dataset_inclusion", {"digest": dataset.digest})
    if registered_before:
        register([row for row in rows() if row["id"] != "bob-003"], data_kinds=["public"])
    left = removed(place, Dataset.objects.get(pk=dataset.pk), records=["bob-003"]).successor
    assert left is not None
    assert left.inclusion_record is not None
    assert {name: left.inclusion_record.body[name] for name in said} == said
    assert (left.data_kinds, left.country) == (["health"], "FR")
    found = [str(each) for each in fsck.check_one(commons.community)]
    assert [each for each in found if "data_kinds" in each or "country" in each] == []


def test_who_gave_every_row_takes_the_whole_dataset_back(place: Place) -> None:
    commons = place.commons
    dataset = included(place, Rights(contributors={"all": commons.address("Bob")}))
    place.passed("taking_back", {"allowed": True, "days": 1})
    asking = services.Asking(dataset.digest, "contributor", "I changed my mind.")
    services.ask(asking, commons.address("Bob"), place.moment)
    removal = Removal.objects.get()
    assert (removal.records, removal.successor) == (None, None)
    assert removal.record is not None
    assert removal.record.body["successor"] is None
    assert [str(each) for each in fsck.check_one(commons.community)] == []


def test_rows_of_a_dataset_that_no_vote_has_included_are_barred_without_a_record(place: Place) -> None:
    commons = place.commons
    place.passed("taking_back", {"allowed": True, "days": 30})
    new = registering.NewDataset(
        "pairs", "Questions", "CC-BY-4.0", "training", "pairs.jsonl", rights=by_prefix(commons)
    )
    stream = io.BytesIO(content(rows()))
    dataset, _new = registering.register_dataset(commons.community, commons.address("Alice"), new, stream, place.moment)
    services.ask(services.Asking(dataset.digest, "contributor", "No."), commons.address("Bob"), place.moment)
    removal = Removal.objects.get()
    assert (removal.record, len(removal.records)) == (None, 20)
    assert removal.successor is not None
    place.passed("dataset_inclusion", {"digest": removal.successor.digest})
    included_as = Dataset.objects.get(pk=removal.successor.pk)
    assert included_as.inclusion_record is not None
    assert included_as.inclusion_record.body["replaces"] is None
    assert [str(each) for each in fsck.check_one(commons.community)] == []


BAD_RULES = {
    "no word of days": ({"allowed": True}, "missing_field"),
    "no days": ({"allowed": True, "days": None}, "value_out_of_range"),
    "no day": ({"allowed": True, "days": 0}, "value_out_of_range"),
    "days before": ({"allowed": True, "days": -1}, "value_out_of_range"),
    "years": ({"allowed": True, "days": 367}, "value_out_of_range"),
    "days as text": ({"allowed": True, "days": "30"}, "value_out_of_range"),
    "half a day": ({"allowed": True, "days": 0.5}, "value_out_of_range"),
    "true as days": ({"allowed": True, "days": True}, "value_out_of_range"),
    "days for a vote": ({"allowed": False, "days": 30}, "value_out_of_range"),
    "perhaps": ({"allowed": "yes", "days": 30}, "malformed_field"),
    "one": ({"allowed": 1, "days": 30}, "malformed_field"),
    "null": ({"allowed": None, "days": 30}, "malformed_field"),
    "a list": ({"allowed": [True], "days": 30}, "malformed_field"),
    "whose": ({"allowed": True, "days": 30, "who": "Bob"}, "unknown_field"),
}


def test_a_bad_rule_on_taking_back_is_refused_before_the_vote(place: Place) -> None:
    for name, (payload, code) in BAD_RULES.items():
        with pytest.raises(Refusal, match=code):
            place.commons.draft("taking_back", payload, now=place.moment)
            pytest.fail(name)


def test_a_steward_declines_with_a_public_reason_and_nobody_else_can(place: Place) -> None:
    commons = place.commons
    dataset = included(place, by_prefix(commons))
    council = commons.elect("Alice", "Bob", seats=1, now=place.moment)
    place.moment = council.elected_at + DAY
    asking = services.Asking(dataset.digest, "source", "Not yours.", source=SOURCE["name"], contact="zoe@example.org")
    request = services.ask(asking, "", clock.now())
    path = f"/api/v1/removal-requests/{request.reference}"

    bob, alice = Client(), Client()
    signed_in(bob, commons.wallet("Bob"))
    signed_in(alice, commons.wallet("Alice"))
    said = {"reason": "The letters are in the public domain."}
    assert Client().post(f"{path}/decline", said, content_type="application/json").status_code == 401
    assert bob.post(f"{path}/decline", said, content_type="application/json").json()["code"] == "not_a_steward"
    assert "contact" not in bob.get(path).json()
    assert alice.get(path).json()["contact"] == "zoe@example.org"
    answer = alice.post(f"{path}/decline", said, content_type="application/json").json()
    assert (answer["state"], answer["declined_reason"]) == ("declined", said["reason"])
    assert alice.post(f"{path}/decline", said, content_type="application/json").json()["code"] == "request_answered"
    with pytest.raises(Conflict, match="request_answered"):
        commons.draft("dataset_removal", {**place_payload(dataset), "request": request.reference}, now=clock.now())


def test_a_request_is_overdue_after_a_month_and_declined_when_its_vote_fails(place: Place) -> None:
    commons = place.commons
    dataset = included(place, by_prefix(commons))
    asking = services.Asking(dataset.digest, "records", "Mine.", records=("bob-001",), contact="zoe@example.org")
    request = services.ask(asking, "", place.moment)
    assert selectors.request_named(request.reference, place.moment + 29 * DAY).state == "received"
    assert selectors.request_named(request.reference, place.moment + 30 * DAY).state == "overdue"

    draft = services.draft_removal(request.reference, commons.address("Alice"), place.moment)
    proposal = commons.propose("dataset_removal", draft.payload, now=place.moment)
    assert selectors.request_named(request.reference, place.moment).state == "proposed"
    commons.vote(proposal, "Alice", 0)
    commons.queued(proposal)
    row = selectors.request_named(request.reference, place.moment + DAY)
    assert (row.state, row.proposal) == ("declined", proposal)


BAD_REQUESTS = {
    "no contact and no sign-in": ({"contact": ""}, 422, "missing_field"),
    "no reason": ({"reason": "  "}, 422, "length_out_of_range"),
    "another scope": ({"scope": "everything"}, 422, "unknown_scope"),
    "an unknown record": ({"records": ["nobody"]}, 422, "unknown_record"),
    "no record": ({"records": []}, 422, "missing_field"),
    "records that are no list": ({"records": "bob-001"}, 400, "malformed_field"),
    "a record that is no text": ({"records": [1]}, 400, "malformed_field"),
    "too many records": ({"records": ["x"] * 1_001}, 400, "malformed_field"),
    "an unknown source": ({"scope": "source", "source": "Elsewhere"}, 422, "unknown_source"),
    "oneself without a sign-in": ({"scope": "contributor"}, 403, "not_signed_in"),
    "an unknown dataset": ({"dataset": "0" * 64}, 404, "unknown_dataset"),
    "a digest that is none": ({"dataset": "pairs"}, 400, "malformed_field"),
    "an unknown key": ({"urgent": True}, 400, "unknown_field"),
    "NUL in a record": ({"records": ["bob\x00"]}, 400, "forbidden_character"),
    "NUL in the reason": ({"reason": "\x00"}, 400, "forbidden_character"),
    "a contact of 300": ({"contact": "x" * 300}, 422, "length_out_of_range"),
}


def test_a_bad_request_is_refused_with_what_and_where_and_leaves_nothing(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    good = {
        "dataset": dataset.digest,
        "scope": "records",
        "records": ["bob-001"],
        "reason": "Mine.",
        "contact": "zoe@example.org",
    }
    for name, (change, status, code) in BAD_REQUESTS.items():
        answer = Client().post("/api/v1/removal-requests", {**good, **change}, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (status, code), (name, answer.content)
    assert not RemovalRequest.objects.exists()
    for _ in range(services.PER_REQUESTER_PER_DAY_MAX):
        assert Client().post("/api/v1/removal-requests", good, content_type="application/json").status_code == 201
    answer = Client().post("/api/v1/removal-requests", good, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_removals_asked")
    assert int(answer["Retry-After"]) > 0


BAD_PAYLOADS = {
    "another digest": ({"digest": "0" * 64}, "dataset_not_included"),
    "a list as digest": ({"digest": ["x"]}, "dataset_not_included"),
    "no reason": ({"why": ""}, "length_out_of_range"),
    "an unknown record": ({"records": ["nobody"]}, "unknown_record"),
    "an empty list": ({"records": []}, "malformed_field"),
    "an unknown follow-up": ({"follow_up": {"action": "hope"}}, "unknown_follow_up"),
    "no days": ({"follow_up": {"action": "retrain"}}, "value_out_of_range"),
    "text as days": ({"follow_up": {"action": "retrain", "days": "30"}}, "value_out_of_range"),
    "a thousand days": ({"follow_up": {"action": "rollback", "days": 1000}}, "value_out_of_range"),
    "nothing without a reason": ({"follow_up": {"action": "none"}}, "missing_field"),
    "an unknown request": ({"request": "0" * 16}, "unknown_request"),
    "another title": ({"title": "Answers"}, "dataset_differs"),
    "everything record by record": (
        {"records": [f"{w}-{i:03d}" for i in range(60) for w in ("bob", "all")]},
        "unknown_record",
    ),
}


def test_a_bad_removal_is_refused_before_the_vote(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    for name, (change, code) in BAD_PAYLOADS.items():
        with pytest.raises(Refusal, match=code):
            place.commons.draft("dataset_removal", {**place_payload(dataset), **change}, now=place.moment)
            pytest.fail(name)
    everything = [row["id"] for row in rows()]
    with pytest.raises(Invalid, match="nothing_left"):
        place.commons.draft("dataset_removal", {**place_payload(dataset), "records": everything}, now=place.moment)


def test_a_second_request_is_about_what_the_first_removal_left(place: Place) -> None:
    """And one whose records are gone already is answered by that."""
    dataset = included(place, by_prefix(place.commons))

    def asked(*records: str) -> RemovalRequest:
        asking = services.Asking(
            dataset.digest, "records", "Mine.", records=records, contact=f"{records[0]}@example.org"
        )
        return services.ask(asking, "", place.moment)

    gone, other = asked("bob-001"), asked("bob-001", "bob-002")
    removal = removed(place, dataset, records=["bob-001", "bob-003"])
    states = {row.request.pk: str(row.state) for row in selectors.requests_of(place.commons.community, place.moment)}
    assert states == {gone.pk: "removed", other.pk: "received"}

    draft = services.draft_removal(other.reference, place.commons.address("Alice"), place.moment)
    assert removal.successor is not None
    assert draft.payload["digest"] == removal.successor.digest
    assert len(draft.payload["records"]) == 1
    place.passed("dataset_removal", draft.payload)
    assert str(selectors.request_named(other.reference, place.moment).state) == "removed"
    chain = Dataset.objects.included().filter(removal__isnull=True, role="training").get()
    assert chain.records == dataset.records - 3
