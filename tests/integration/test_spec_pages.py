"""A model update on its pages: written in the form with all it offers, and compared with the recipe before it."""

import copy
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from governance.errors import Invalid
from governance.models import Proposal
from models_registry.models import Dataset, Version
from tests.integration.pages_story import Story, Teller, get, signed_in, story, told
from training_jobs.proposal_kinds import ModelUpdate

pytestmark = pytest.mark.usefixtures("every_strategy")

__all__ = ["get", "story", "told"]
SLUG = "/c/water-commons"
HEADING = "What changes against the recipe of the base version"


def answers(story: Story, **changes: Any) -> dict[str, Any]:
    """Return the answers of somebody who changes nothing that the form offers, but what is said."""
    return {
        "proposal_title": "Another update", "proposal_text": "", "base": Version.objects.get(number=0).revision,
        "datasets": [story.dataset.digest], "languages": ["en", "fr"],
        "suite": Dataset.objects.get(role="evaluation").digest, "objective": "supervised", "preference_beta": "0.1",
        "method": "full", "lora_rank": "8", "learning_rate": "0.002", "epochs": "2", "batch_size": "8",
        "accumulation": "1", "sequence_length": "64", "seed": "7", "precision": "float32", "strategy": "single",
        "workers": "2", "local_steps": "10", "device_seconds": "300", **changes,
    }  # fmt: skip


def proposed(story: Story, **changes: Any) -> Proposal:
    """Submit an update of the release, whose recipe is that of the accepted update with these changes."""
    spec = copy.deepcopy(story.proposals["update"].payload["spec"])
    spec["base"] |= {"revision": story.version.revision, "manifest_sha256": story.version.manifest_sha256}
    teller = Teller(story.community, story.wallets)
    moment = datetime.now(UTC) - timedelta(minutes=5)
    return teller.submitted("model_update", "Learn on", {"spec": spec | changes}, moment)


# --- the form ---------------------------------------------------------------------------------------------------------


def test_the_form_offers_every_choice_in_words_with_the_plain_recipe_chosen(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    text = client.get(f"{SLUG}/propose/model_update/").content.decode()
    for name, first in (
        ("objective", "supervised"),
        ("method", "full"),
        ("precision", "float32"),
        ("strategy", "single"),
    ):
        assert re.search(rf'<select id="field-{name}"[^>]*><option value="{first}" selected>', text), name
    for words in ("Which of two answers is better", "16 bits (bfloat16), faster on a GPU", "One machine"):
        assert words in text
    for name, value in (("accumulation", "1"), ("workers", "2"), ("local_steps", "10")):
        assert re.search(rf'name="{name}" value="{value}"', text), name


@pytest.mark.parametrize(
    ("objective", "kind", "preference"), [("continued", "text", None), ("preference", "preference", {"beta": "0.25"})]
)
def test_an_objective_is_accepted_with_the_rows_that_it_needs(
    story: Story, client: Client, objective: str, kind: str, preference: object
) -> None:
    signed_in(client, story.wallets["Alice"])
    wanted = answers(story, objective=objective, preference_beta="0.25")
    refused = client.post(f"{SLUG}/propose/model_update/", wanted)
    assert refused.status_code == 422
    assert 'href="#field-objective"' in refused.content.decode()
    assert f"rows of the kind {kind}; a chosen dataset has rows of the kind dialogue" in refused.content.decode()
    Dataset.objects.filter(pk=story.dataset.pk).update(kind=kind)
    created = client.post(f"{SLUG}/propose/model_update/", wanted)
    assert created.status_code == 302, created.content.decode()
    spec = Proposal.objects.get(title="Another update").payload["spec"]
    assert (spec["objective"], spec["preference"]) == (objective, preference)


@pytest.mark.parametrize(
    ("changes", "key", "expected"),
    [
        ({}, "topology", None),
        ({"precision": "bfloat16"}, "precision", "bfloat16"),
        ({"method": "qlora"}, "lora", {"rank": 8, "alpha": 16}),
        ({"accumulation": "2"}, "accumulation", 2),
        ({"template": "plain-turns"}, "template", "plain-turns"),
        ({"strategy": "single", "workers": "many"}, "topology", None),
    ],
)
def test_an_answer_becomes_its_part_of_the_specification(
    story: Story, client: Client, changes: dict[str, str], key: str, expected: object
) -> None:
    signed_in(client, story.wallets["Alice"])
    created = client.post(f"{SLUG}/propose/model_update/", answers(story, **changes))
    assert created.status_code == 302, created.content.decode()
    assert Proposal.objects.get(title="Another update").payload["spec"][key] == expected


@pytest.mark.parametrize(("strategy", "bits"), [("ddp", None), ("diloco", 4), ("dilocox", 1)])
def test_a_strategy_takes_the_answers_that_it_needs_and_the_form_comes_back_as_it_was(
    story: Story, client: Client, strategy: str, bits: int | None
) -> None:
    signed_in(client, story.wallets["Alice"])
    wanted = answers(story, strategy=strategy, workers="3", local_steps="1", batch_size="1", learning_rate="0.004")
    created = client.post(f"{SLUG}/propose/model_update/", wanted)
    assert created.status_code == 302, created.content.decode()
    topology = Proposal.objects.get(title="Another update").payload["spec"]["topology"]
    assert (topology["workers"], topology["bits"]) == (3, bits)
    edit = client.get(f"{created.headers['Location']}edit/").content.decode()
    assert re.search(rf'<option value="{strategy}" selected>', edit)
    assert re.search(r'name="workers" value="3"', edit)
    assert re.search(r'name="learning_rate" value="0.004"', edit)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"objective": "magic"}, "objective"),
        ({"objective": "preference", "preference_beta": "lots"}, "preference_beta"),
        ({"objective": "preference", "preference_beta": ""}, "preference_beta"),
        ({"precision": "int1"}, "precision"),
        ({"template": "alpaca"}, "template"),
        ({"template": "chatml"}, "template"),
        ({"accumulation": "0"}, "accumulation"),
        ({"accumulation": "1000"}, "accumulation"),
        ({"accumulation": "two"}, "accumulation"),
        ({"strategy": "magic"}, "strategy"),
        ({"strategy": "ddp", "workers": "1"}, "workers"),
        ({"strategy": "ddp", "workers": ""}, "workers"),
        ({"strategy": "diloco", "workers": "two"}, "workers"),
        ({"strategy": "diloco", "local_steps": ""}, "local_steps"),
        ({"strategy": "dilocox", "local_steps": "1000"}, "local_steps"),
        ({"device_seconds": "1", "epochs": "900"}, "device_seconds"),
    ],
)
def test_a_refusal_stands_beside_its_question_and_leaves_nothing(
    story: Story, client: Client, changes: dict[str, str], field: str
) -> None:
    signed_in(client, story.wallets["Alice"])
    before = Proposal.objects.count()
    response = client.post(f"{SLUG}/propose/model_update/", answers(story, **changes))
    assert response.status_code in {400, 422}
    assert f'href="#field-{field}"' in response.content.decode()
    assert Proposal.objects.count() == before


# --- what changes -----------------------------------------------------------------------------------------------------


def test_an_update_of_a_trained_version_says_what_changes_against_its_recipe(
    story: Story, get: Callable[..., str]
) -> None:
    proposal = proposed(
        story, learning_rate="0.006", batch_size=1, strategy="diloco", topology={"workers": 4, "local_steps": 2}
    )
    text = get(f"{SLUG}/proposals/{proposal.number}/")
    assert HEADING in text
    assert "The learning rate doubles: 0.003 → 0.006" in text
    assert "The batch size shrinks by a factor of 32: 32 → 1" in text
    assert "Trains on 4 sites that exchange every 2 steps instead of on one machine" in text
    assert f'href="/runs/{story.accepted.pk}/"' in text
    assert "The version it starts from" not in text


def test_author_and_sponsors_read_what_changes_before_it_is_submitted(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    wanted = answers(story, base=story.version.revision, learning_rate="0.006", epochs="3", batch_size="32")
    path = client.post(f"{SLUG}/propose/model_update/", wanted).headers["Location"]
    assert client.post(f"{path}seek-sponsors/").status_code == 302
    sponsor = path.replace("/drafts/", "/sponsor/")
    for page in (path, sponsor):
        text = client.get(page).content.decode()
        assert HEADING in text, page
        assert "The learning rate doubles: 0.003 → 0.006" in text


def test_the_same_recipe_on_a_newer_version_is_said_to_be_the_same(story: Story, get: Callable[..., str]) -> None:
    text = get(f"{SLUG}/proposals/{proposed(story).number}/")
    assert "Nothing: the same recipe is repeated on the newer version." in text


def test_an_update_of_a_version_that_no_run_made_is_compared_with_nothing(
    story: Story, get: Callable[..., str]
) -> None:
    assert HEADING not in get(f"{SLUG}/proposals/{story.proposals['update'].number}/")
    assert HEADING not in get(f"{SLUG}/proposals/{story.proposals['open'].number}/")


def test_the_api_gives_the_changes_as_data_and_in_words(story: Story, client: Client) -> None:
    proposal = proposed(story, learning_rate="0.006", seed=8)
    answer = client.get(f"/api/v1/proposals/{proposal.public_id}/difference")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["proposal"], body["base"], body["run"]) == (
        proposal.public_id,
        story.version.revision,
        story.accepted.pk,
    )
    assert body["changes"] == [
        {"field": "learning_rate", "code": "times", "old": "0.003", "new": "0.006", "times": "2", "subject": "",
         "sentence": "The learning rate doubles: 0.003 → 0.006"},
        {"field": "seed", "code": "changed", "old": 7, "new": 8, "times": None, "subject": "",
         "sentence": "The seed changes: 7 → 8"},
    ]  # fmt: skip


@pytest.mark.parametrize(("which", "status"), [("update", 404), ("open", 404), (None, 404), ("0x12", 400)])
def test_the_api_refuses_what_has_nothing_to_compare(
    story: Story, client: Client, which: str | None, status: int
) -> None:
    known = story.proposals.get(which or "")
    public_id = known.public_id if known else which or "0x" + "0" * 64
    answer = client.get(f"/api/v1/proposals/{public_id}/difference")
    assert answer.status_code == status
    assert answer.json()["code"]


def test_what_the_machines_here_cannot_do_is_not_offered_and_is_refused(
    story: Story, client: Client, settings: Any
) -> None:
    settings.RUN_METHODS, settings.RUN_STRATEGIES = ["full", "lora"], ["single"]
    names = {field.name: field for field in ModelUpdate().fields(story.community)}
    assert not {"strategy", "workers", "local_steps"} & names.keys()
    assert [value for value, _ in names["method"].options] == ["full", "lora"]
    with pytest.raises(Invalid) as refusal:
        proposed(story, strategy="diloco", topology={"workers": 2, "local_steps": 2}, batch_size=1)
    assert (refusal.value.code, refusal.value.field) == ("not_offered_here", "payload.spec.strategy")
    assert refusal.value.allowed == ["single"]
