"""A model update over the API: every way of writing a wrong specification is refused by name and leaves nothing."""

import copy
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from governance.models import Proposal, Record
from tests.integration.pages_story import Story, signed_in, story, told
from tests.unit.test_spec_variations import DATASET, GROUPS, Case

pytestmark = pytest.mark.usefixtures("every_strategy")

__all__ = ["story", "told"]


def exact(value: Any) -> bool:
    """Say whether a value keeps its type through JSON: a number with a point is read as an exact decimal there."""
    if isinstance(value, dict):
        return all(exact(item) for item in value.values())
    if isinstance(value, list):
        return all(exact(item) for item in value)
    return not isinstance(value, float | Decimal)


def draft(story: Story, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the draft of the story's own update with some changes, its dataset in place of the made-up one."""
    spec = copy.deepcopy(story.proposals["update"].payload["spec"]) | copy.deepcopy(changes)
    for use in spec["datasets"]:
        use["digest"] = story.dataset.digest if use["digest"] == DATASET else use["digest"]
    return {"community": "water-commons", "kind": "model_update", "title": "T", "payload": {"spec": spec}}


@pytest.mark.parametrize("group", GROUPS)
def test_the_api_refuses_every_variation_with_its_field_and_keeps_nothing(
    story: Story, client: Client, group: str
) -> None:
    signed_in(client, story.wallets["Alice"])
    before = (Proposal.objects.count(), Record.objects.count())
    cases: list[Case] = [case for case in GROUPS[group] if exact(case[0])]
    assert len(cases) >= 14
    for changes, code, field in cases:
        answer = client.post("/api/v1/drafts", draft(story, changes), content_type="application/json")
        problem = answer.json()
        assert answer.status_code == (400 if code == "malformed_field" else 422), (changes, problem)
        assert (problem["code"], problem["field"]) == (code, f"payload.spec.{field}"), changes
        assert problem["found"]
        assert problem["allowed"]
    assert (Proposal.objects.count(), Record.objects.count()) == before


def test_a_draft_is_kept_with_every_key_written_out(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    changes = {"strategy": "ddp", "topology": {"workers": 2}, "batch_size": 1}
    answer = client.post("/api/v1/drafts", draft(story, changes), content_type="application/json")
    assert answer.status_code == 201, answer.json()
    kept = answer.json()["payload"]["spec"]
    assert kept["topology"] == dict.fromkeys(kept["topology"]) | {"workers": 2}
    assert kept["budget"] == {"device_seconds": 120, "carbon_grams": None, "money": None}
