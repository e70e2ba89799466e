"""Writing proposals: methods and seats, drafts that save themselves, sponsors for those below the threshold."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from governance import services
from tests.integration.pages_story import Story, signed_in, story, told

__all__ = ["story", "told"]
SLUG = "/c/water-commons"


# --- the editor -------------------------------------------------------------------------------------------------------


ANSWERS = {
    "proposal_title": "Where to dig", "proposal_text": "", "question": "Where?", "choices": "North\nSouth\nEast",
    "voting_method": "stv", "voting_seats": "2",
}  # fmt: skip


def test_a_poll_is_written_with_its_method_and_seats_and_comes_back_as_it_was(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    form = client.get(f"{SLUG}/propose/poll/").content.decode()
    assert len(re.findall(r'name="voting_method"', form)) == 7
    created = client.post(f"{SLUG}/propose/poll/", ANSWERS)
    assert created.status_code == 302, created.content.decode()
    path = created.headers["Location"]
    assert "Several seats in proportion (STV)" in client.get(path).content.decode()
    edit = client.get(f"{path}edit/").content.decode()
    assert re.search(r'value="stv" checked', edit)
    assert "North\nSouth\nEast</textarea>" in edit
    assert re.search(r'name="voting_seats" value="2"', edit)


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"voting_seats": "two"}, 400, 'href="#field-voting_seats"'),
        ({"voting_seats": "9" * 30}, 400, 'href="#field-voting_seats"'),
        ({"voting_method": "governor"}, 422, 'href="#field-voting_method"'),
        ({"voting_method": "copeland", "voting_seats": "2"}, 422, "Where?"),
        ({"choices": "North"}, 422, 'href="#field-choices"'),
        ({"choices": "North\nnorth"}, 422, 'href="#field-choices"'),
        ({"question": ""}, 422, 'href="#field-question"'),
    ],
)
def test_what_cannot_be_voted_on_is_refused_beside_its_question(
    story: Story, client: Client, changes: dict[str, str], status: int, expected: str
) -> None:
    signed_in(client, story.wallets["Alice"])
    response = client.post(f"{SLUG}/propose/poll/", {**ANSWERS, **changes})
    assert response.status_code == status
    assert expected in response.content.decode()


def test_a_charter_that_is_no_json_comes_back_with_what_was_written(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    answers = {"proposal_title": "New rules", "proposal_text": "", "charter": "{not json"}
    response = client.post(f"{SLUG}/propose/governance_rules/", answers)
    assert response.status_code in {400, 422}
    assert "{not json" in response.content.decode()


def test_a_draft_saves_itself_and_says_what_is_wrong_with_it(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    path = client.post(f"{SLUG}/propose/poll/", ANSWERS).headers["Location"]
    headers = {"accept": "application/json"}
    saved = client.post(f"{path}edit/", {**ANSWERS, "proposal_title": "Where to drill"}, headers=headers)
    assert saved.json() == {"saved": True}
    assert "Where to drill" in client.get(path).content.decode()
    refused = client.post(f"{path}edit/", {**ANSWERS, "proposal_title": ""}, headers=headers)
    assert refused.status_code == 422
    assert refused.json() == {"problem": "This is needed."}
    assert "Where to drill" in client.get(path).content.decode()


def test_editing_a_draft_in_the_form_keeps_the_timing_that_its_author_asked_for(story: Story, client: Client) -> None:
    alice = story.wallets["Alice"]
    timing = {"voting_period_seconds": 5 * 86_400}
    content = services.Draft("text_signal", "Slowly", "", {"statement": "We."}, timing)
    draft = services.create_draft(story.community, alice.address, content, datetime.now(UTC))
    signed_in(client, alice)
    answers = {"proposal_title": "Slowly, please", "proposal_text": "", "statement": "We.", "voting_method": "basic"}
    assert client.post(f"{SLUG}/drafts/{draft.pk}/edit/", answers).status_code == 302
    draft.refresh_from_db()
    assert (draft.title, draft.method, draft.timing) == ("Slowly, please", "basic", timing)


# --- sponsors ---------------------------------------------------------------------------------------------------------


def test_a_draft_below_the_threshold_says_the_shortfall_and_can_seek_sponsors(story: Story, client: Client) -> None:
    poor = story.wallets["Emma"]
    signed_in(client, poor)
    content = services.Draft("text_signal", "Mine", "", {"statement": "We."}, {})
    draft = services.create_draft(story.community, poor.address, content, datetime.now(UTC))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "submit", _refuse)
        refused = client.post(f"{SLUG}/drafts/{draft.pk}/submit/")
    text = refused.content.decode()
    assert refused.status_code == 403
    assert "60,000 votes are missing" in text
    assert client.post(f"{SLUG}/drafts/{draft.pk}/seek-sponsors/").status_code == 302
    assert "Mine" in client.get(f"{SLUG}/sponsor/").content.decode()
    own = client.get(f"{SLUG}/sponsor/{draft.pk}/").content.decode()
    assert "This is your draft." in own
    signed_in(client, story.wallets["Bob"])
    assert "data-sponsor-sign" in client.get(f"{SLUG}/sponsor/{draft.pk}/").content.decode()
    assert client.post(f"{SLUG}/drafts/{draft.pk}/seek-sponsors/").status_code == 404


def _refuse(*_arguments: object) -> None:
    from governance.errors import Forbidden

    raise Forbidden("below_threshold", "more power is needed", found="40000", allowed="100000")
