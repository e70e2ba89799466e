"""While an author writes: what is missing, what would happen and what it would cost, without anything being stored."""

import re

from django.test import Client

from governance.models import Event, Proposal
from tests.integration.pages_story import Story, signed_in, story, told

__all__ = ["story", "told"]


def written(client: Client, story: Story, kind: str) -> dict[str, str]:
    """Return the answers with which the form of a kind begins, as the browser would send them."""
    text = client.get(f"/c/water-commons/propose/{kind}/").content.decode()
    found = dict(re.findall(r'<input id="field-[\w-]+" name="([\w-]+)" value="([^"]*)"', text))
    for name, body in re.findall(r'<select id="field-[\w-]+" name="([\w-]+)".*?>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', body) or re.search(r'<option value="([^"]+)"', body)
        found[name] = chosen[1] if chosen else ""
    for name, value in re.findall(r'<input type="checkbox" name="([\w-]+)" value="([^"]*)"', text):
        found.setdefault(name, value)
    return found


def check(client: Client, kind: str, answers: dict[str, str]) -> str:
    answer = client.post(f"/c/water-commons/propose/{kind}/check/", answers, headers={"hx-request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_is_missing_is_said_beside_its_question(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    said = check(client, "text_signal", {"proposal_title": "", "statement": "We meet."})
    assert "Still to do" in said
    assert 'href="#field-proposal_title"' in said
    assert "If this passes" not in said


def test_a_training_says_what_it_costs_and_what_differs_before_it_is_saved(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    answers = written(client, story, "model_update") | {"proposal_title": "Once more", "epochs": "1"}
    before = Proposal.objects.count(), Event.objects.count()
    said = check(client, "model_update", answers)
    assert "If this passes" in said, said
    assert "device-second" in said
    assert "What changes against the recipe" in said
    assert (Proposal.objects.count(), Event.objects.count()) == before


def test_a_budget_that_does_not_pay_for_the_work_is_said_at_once(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    answers = written(client, story, "model_update") | {"proposal_title": "Much", "epochs": "50", "device_seconds": "1"}
    said = check(client, "model_update", answers)
    assert "Still to do" in said
    assert 'href="#field-device_seconds"' in said


def test_only_who_signed_in_is_answered_and_odd_input_is_no_failure(story: Story, client: Client) -> None:
    assert client.post("/c/water-commons/propose/poll/check/", {}).status_code == 302
    signed_in(client, story.wallets["Bob"])
    assert client.post("/c/water-commons/propose/nonsense/check/", {}).status_code == 404
    for kind in ("model_update", "poll", "ethics_rule", "governance_rules"):
        assert "Still to do" in check(client, kind, {"voting_seats": "x" * 90, "proposal_title": "\x01"})
