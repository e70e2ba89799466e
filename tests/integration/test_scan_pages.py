"""What scans found reaches voters: on the dataset's page, on the proposal's page and in the API, and never unmasked."""

import io
import json

import pytest
from django.test import Client
from django.urls import reverse

from benchmarks._clean_rows import clean_rows
from config.demo import corpus
from models_registry.datasets import registering
from models_registry.datasets.scans import SCANS
from models_registry.models import Dataset, Model
from tests.integration.conftest import FOR, NOON

EMAIL = "jean.dupont@mairie.example.fr"
PHONE = "06 12 34 56 78"


@pytest.fixture
def commons(list_community):
    """A community of listed members."""
    return list_community()


def registered(commons, slug: str, rows: list[dict[str, str]], role: str = "training") -> Dataset:
    stream = io.BytesIO(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    new = registering.NewDataset(slug, slug.title(), "CC-BY-4.0", role, "rows.jsonl")
    return registering.register_dataset(commons.community, commons.address("Alice"), new, stream, NOON)[0]


def worrying() -> list[dict[str, str]]:
    rows = clean_rows(40, "page")
    rows[3]["answer"] += f" Write to Jean Dupont, {EMAIL}, or {PHONE}."
    rows[5]["question"] = "Who \u200bopens the gate?"
    rows[7]["answer"] = "People say that all immigrants are thieves."
    return rows


def test_a_dataset_page_shows_findings_first_with_masked_samples_and_what_each_scan_cannot_see(commons):
    dataset = registered(commons, "worrying", worrying())
    assert not dataset.clean
    page = Client().get(f"/datasets/{dataset.digest}/").content.decode()
    assert "Line " in page
    assert "⟨U+200B⟩" in page
    assert "<mark>█████</mark>" in page
    for private in (EMAIL, PHONE, "Dupont"):
        assert private not in page
        assert private not in json.dumps(dataset.scans, ensure_ascii=False)
    assert page.index("Personal data") < page.index("Harmful language") < page.index("scans found nothing")
    for result in dataset.scans:
        assert SCANS[result["scan"]].blind_to.split(",")[0][:30] in page.replace("&#x27;", "'")
    french = Client().get(f"/datasets/{dataset.digest}/", headers={"accept-language": "fr"})
    assert french.status_code == 200


def test_the_api_serves_samples_kinds_and_blind_spots(commons):
    dataset = registered(commons, "worrying", worrying())
    body = Client().get(reverse("api-dataset", args=[dataset.digest])).json()
    found = {scan["scan"]: scan for scan in body["scans"]}
    assert found["personal_data"]["kinds"] == {"e-mail address": 1, "phone number": 1}
    assert found["personal_data"]["blind_to"] == SCANS["personal_data"].blind_to
    assert found["personal_data"]["samples"][0]["what"] == "e-mail address"
    assert found["harmful_language"]["samples"][0]["found"].startswith("all immigrants are")
    assert found["harmful_language"]["blocks"] is False
    assert EMAIL not in json.dumps(body)


def test_voters_see_the_scans_on_the_proposal_and_the_record_holds_no_samples(commons):
    Model.objects.create(
        community=commons.community,
        namespace="commons",
        name="assistant",
        title_en="Assistant",
        title_fr="Assistant",
        license="cc0-1.0",
    )
    registered(commons, "suite", corpus.evaluation_rows()[:20], "evaluation")
    rows = clean_rows(40, "vote")
    rows[7]["answer"] = "People say that all immigrants are thieves."
    dataset = registered(commons, "judged", rows)
    assert dataset.clean
    names = {scan["scan"]: scan["passed"] for scan in dataset.scans}
    assert (names["licence_fit"], names["harmful_language"], names["contamination"]) == (False, False, True)
    proposal = commons.propose("dataset_inclusion", {"digest": dataset.digest})
    for member in ("Alice", "Bob", "Chloé"):
        commons.vote(proposal, member, FOR)
    page = Client().get(f"/c/{commons.community.slug}/proposals/{proposal.number}/evidence/").content.decode()
    assert "all immigrants are thieves" in page
    assert "names have to be kept" in page
    assert "Voters judge the samples" in page
    commons.executed(proposal)
    dataset.refresh_from_db()
    recorded = dataset.inclusion_record.body["scans"]
    assert [set(scan) for scan in recorded] == [{"scan", "passed", "found", "detail"}] * len(dataset.scans)
    assert "immigrants" not in json.dumps(recorded)


def test_results_of_before_there_were_samples_are_still_shown(commons):
    dataset = registered(commons, "old", clean_rows(30, "old"))
    old = {"scan": "a_scan_of_before", "version": 1, "passed": False, "found": 3, "detail": "Three.", "blocks": True}
    Dataset.objects.filter(pk=dataset.pk).update(scans=[old])
    page = Client().get(f"/datasets/{dataset.digest}/").content.decode()
    assert "A scan of before" in page
    body = Client().get(reverse("api-dataset", args=[dataset.digest])).json()
    added = {"blind_to": "", "kinds": {}, "samples": [], "said": "", "facts": {}}
    assert body["scans"] == [old | added | dict.fromkeys(("unfinished", "looked_at", "lines"))]
