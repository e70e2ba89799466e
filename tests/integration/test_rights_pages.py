"""The pages of whose data it is: adding with a source, asking, answering with one click, and what readers see."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from governance.models import Proposal
from models_registry.models import Dataset, RemovalRequest
from tests.integration.pages_story import signed_in
from tests.integration.test_rights import SOURCE, Place, by_prefix, content, included, place, removed, rows

FORM = {"title": "Pairs", "slug": "added", "license": "CC-BY-4.0", "role": "training", "source": "file"}


def test_a_member_adds_a_dataset_with_its_source_in_the_form(place: Place) -> None:
    client = Client()
    signed_in(client, place.commons.wallet("Alice"))
    said = {
        **FORM,
        "topic": "general",
        "source_name": "Letters",
        "source_url": "ftp://example.org",
        "source_consent": "own_work",
        "source_contact": "data@example.org",
        "all_mine": "1",
    }

    def send(**more: str) -> object:
        return client.post(
            "/c/gardens/datasets/add/", {**said, **more, "file": SimpleUploadedFile("a.jsonl", content(rows()))}
        )

    refused = send()
    assert refused.status_code == 422  # type: ignore[attr-defined]
    assert "Address of the source" in refused.content.decode()  # type: ignore[attr-defined]
    assert not Dataset.objects.filter(slug="added").exists()
    taken = send(source_url="https://example.org/letters")
    assert taken.status_code == 302, taken.content  # type: ignore[attr-defined]
    dataset = Dataset.objects.get(slug="added")
    assert (dataset.sources[0]["consent"], dataset.sources[0]["license"]) == ("own_work", "CC-BY-4.0")
    assert dataset.contributors[0]["contributor"] == place.commons.address("Alice")
    page = client.get(f"/datasets/{dataset.digest}/").content.decode()
    for shown in ("Letters", "own work", "data@example.org", "1/1"):
        assert shown in page


def test_anybody_asks_and_a_member_turns_it_into_a_proposal_with_one_click(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    form = f"/datasets/{dataset.digest}/ask/"
    assert Client().get(form).status_code == 200
    said = {
        "scope": "records",
        "records": "bob-001\nnobody",
        "reason": "<b>It is mine.</b>",
        "contact": "zoe@example.org",
    }
    refused = Client().post(form, said)
    assert refused.status_code == 422
    assert "zoe@example.org" in refused.content.decode(), "what was written is still there"
    assert not RemovalRequest.objects.exists()
    answer = Client().post(form, {**said, "records": "bob-001 bob-002"})
    request = RemovalRequest.objects.get()
    assert answer["Location"] == f"/removal-requests/{request.reference}/"

    page = Client().get(answer["Location"]).content.decode()
    assert "It is mine" not in page
    assert "zoe" not in page
    assert request.records[0] in page
    assert Client().post(f"{answer['Location']}propose/").status_code == 302, "to the sign-in"
    assert not Proposal.objects.filter(kind="dataset_removal").exists()
    member = Client()
    signed_in(member, place.commons.wallet("Alice"))
    assert member.post(f"{answer['Location']}decline/", {"reason": "No."}).status_code == 403
    drafted = member.post(f"{answer['Location']}propose/")
    draft = Proposal.objects.get(kind="dataset_removal")
    assert drafted["Location"] == f"/c/gardens/drafts/{draft.pk}/"
    assert "2 records are taken out of the dataset" in member.get(drafted["Location"]).content.decode()
    edited = member.get(f"{drafted['Location']}edit/").content.decode()
    assert request.records[0] in edited, "the form has what the draft says"


def test_every_page_answers_in_both_languages_and_says_what_it_does_not_know(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    removal = removed(place, dataset, records=["bob-001"])
    assert removal.successor is not None
    pages = [
        f"/datasets/{dataset.digest}/",
        f"/datasets/{removal.successor.digest}/",
        f"/datasets/{removal.successor.digest}/ask/",
        "/c/gardens/data-rights/",
        "/c/gardens/learnt/",
        f"/c/gardens/learnt/?by=source&value={SOURCE['url']}",
    ]
    for language in ("en", "fr"):
        for path in pages:
            answer = Client().get(path, headers={"accept-language": language})
            assert answer.status_code == 200, (path, answer.content)
    for query, status in (
        ("by=record&value=abc", 422),
        ("by=wisdom&value=abc", 422),
        (f"by=record&value={'0' * 64}", 404),
        ("by=source&value=%00", 200),
    ):
        assert Client().get(f"/c/gardens/learnt/?{query}").status_code == status, query
    assert Client().get("/removal-requests/nothing/").status_code == 404
    assert Client().get(f"/datasets/{dataset.digest}/ask/").status_code == 200
    late = {"scope": "records", "records": "bob-002", "reason": "Mine.", "contact": "zoe@example.org"}
    answer = Client().post(f"/datasets/{dataset.digest}/ask/", late)
    assert answer.status_code == 409, "and the answer names what is left"
    assert removal.successor.digest in answer.content.decode()
