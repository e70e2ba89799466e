"""What voters are told before a vote: each changed voting rule with both values, and energy, carbon and money."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance.models import Account
from governance.selectors.charters import charter_compared
from tests.integration import commons_rows as rows
from tests.integration.commons import charter_of_members
from tests.integration.conftest import FOR, NOON
from training_jobs.carbon import configured

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
HOUR = timedelta(hours=1)


def charter(**rules: Any) -> dict[str, Any]:
    return charter_of_members(MEMBERS, {"standard": rules})


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("&#x27;", "'")


def section(html: str) -> str:
    """Return the words of what changes in the voting rules."""
    found = re.search(r'<section class="stack" aria-labelledby="charter-changes">(.*?)</section>', html, re.DOTALL)
    assert found, "the page does not say what changes"
    return words(found[1])


def page(client: Client, path: str, language: str = "en") -> str:
    answer = client.get(path, headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def signed_in(address: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get_or_create(address=address)[0])
    return client


# --- voting rules -----------------------------------------------------------------------------------------------------


@pytest.fixture
def gardens(list_community, at):
    at(NOON)
    return list_community(MEMBERS)


def test_a_voter_reads_each_changed_rule_with_both_values(gardens, client):
    changes = {"voting_period_seconds": 259_200, "support_bps": 1_000, "late_quorum_seconds": 3_600}
    proposal = gardens.propose("governance_rules", {"charter": charter(**changes)})
    html = page(client, f"/c/gardens/proposals/{proposal.number}/")
    said = section(html)
    assert "Voting lasts 1 minute 40 seconds 3 days" in said
    assert "A late quorum keeps voting open for no such rule 1 hour" in said
    assert "Support no such rule for from at least 10% of all votes" in said
    assert "Majority" not in said, "what stays is not listed"
    assert "Nothing changes in: Which tier decides on what" in said
    assert "259200" not in html
    french = section(page(client, f"/c/gardens/proposals/{proposal.number}/", "fr"))
    assert "3 jours" in french


def test_the_draft_and_the_check_of_the_form_say_the_same(gardens):
    body = charter(quorum_bps=9_000)
    draft = gardens.draft("governance_rules", {"charter": body})
    author = signed_in(gardens.address("Alice"))
    assert "Quorum 20% of all votes 90% of all votes" in section(page(author, f"/c/gardens/drafts/{draft.pk}/"))
    answers = {"proposal_title": "More", "proposal_text": "So.", "charter": json.dumps(body)}
    checked = author.post("/c/gardens/propose/governance_rules/check/", answers).content.decode()
    assert "Quorum 20% of all votes 90% of all votes" in section(checked)


def test_a_proposal_is_compared_with_the_rules_that_it_rests_on(gardens, client):
    """Another vote that changes the charter meanwhile does not change what was put to the vote, and voters are told."""
    slow = gardens.propose("governance_rules", {"charter": charter(timelock_seconds=50)})
    assert not charter_compared(slow).overtaken
    quick = gardens.propose("governance_rules", {"charter": charter(quorum_bps=3_000)})
    for name in MEMBERS:
        gardens.vote(quick, name, FOR)
    gardens.executed(quick)
    slow.refresh_from_db()
    found = charter_compared(type(slow).objects.get(pk=slow.pk))
    assert found.overtaken
    said = section(page(client, f"/c/gardens/proposals/{slow.number}/"))
    assert "Another vote has changed the rules since this was submitted" in said
    assert "Waiting time 20 seconds 50 seconds" in said
    assert "Quorum" not in said
    done = section(page(client, f"/c/gardens/proposals/{quick.number}/"))
    assert "Another vote" not in done
    assert "Quorum 20% of all votes 30% of all votes" in done


def test_a_draft_that_was_overtaken_by_its_own_content_says_that_nothing_changes(gardens):
    draft = gardens.draft("governance_rules", {"charter": charter(quorum_bps=3_000)})
    quick = gardens.propose("governance_rules", {"charter": charter(quorum_bps=3_000)}, author="Bob")
    for name in MEMBERS:
        gardens.vote(quick, name, FOR)
    gardens.executed(quick)
    html = page(signed_in(gardens.address("Alice")), f"/c/gardens/drafts/{draft.pk}/")
    assert "Nothing changes: these are the rules that it rests on." in section(html)


def test_other_kinds_change_no_charter(gardens):
    assert charter_compared(gardens.propose()) is None


# --- energy, carbon and money -----------------------------------------------------------------------------------------


@pytest.fixture
def told(update, propose, client):
    """Return the words of a proposed update's page, and the API's estimate of it."""
    proposal = propose("model_update", update)

    def fetch(language: str = "en") -> tuple[str, dict[str, Any]]:
        html = page(client, f"/c/{proposal.community.slug}/proposals/{proposal.number}/", language)
        return words(html), client.get(f"/api/v1/proposals/{proposal.public_id}/estimate").json()

    fetch.proposal = proposal  # type: ignore[attr-defined]
    return fetch


def test_where_nothing_is_declared_the_page_says_that_carbon_is_not_known(told):
    said, estimate = told()
    assert "Energy not known: no power declared Carbon not known: no power declared" in said
    assert (estimate["joules"], estimate["milligrams"], estimate["money"]) == (None, None, [])
    assert estimate["carbon_unknown"] == "no_power"
    seconds = estimate["device_seconds"]
    assert 0 < seconds["planned"] <= seconds["most"]
    assert (seconds["low"], seconds["high"], seconds["runs"], seconds["runs_needed"]) == (None, None, 0, 9)
    assert "There are 0 comparable past runs, and what is likely is known from 9 on" in said
    assert estimate["next_slot"] is None
    assert "Approved today" not in said


def test_what_the_installation_declares_is_multiplied(told, settings):
    settings.DEVICE_WATTS, settings.GRID_GRAMS_PER_KWH = 300, 50
    said, estimate = told()
    seconds = estimate["device_seconds"]["most"]
    assert estimate["joules"]["most"] == seconds * 300
    assert estimate["milligrams"]["most"] == -(-seconds * 300 * 50 // 3_600)
    assert re.search(r"Carbon [\d.]+ g of CO₂e", said)
    assert "Power of a device as this site declares it: 300 W." in said
    assert "Carbon of the grid as this site declares it: 50 g for each kWh." in said
    assert "Money" not in said
    assert "CO₂e" in told("fr")[0]


def test_where_sites_are_shared_the_estimate_spans_them_with_their_prices(told, settings, tmp_path):
    community, now = told.proposal.community, NOON
    settings.DATA_DIR, settings.CARBON_SOURCE, settings.CARBON_FILE = tmp_path, "sample", None
    rows.site(community, now, region="sample-wind")
    dear = {**rows.INPUTS, "watts": {**rows.INPUTS["watts"], "value": 800}}
    rows.site(community, now, "hill", region="sample-sun", inputs=dear)
    said, estimate = told()
    assert estimate["carbon_unknown"] == "no_intensity", "no forecast is kept yet, and a page asks nobody"
    assert "Carbon not known: no carbon intensity of the grid is known" in said
    assert estimate["joules"]["most"] == 800 * estimate["device_seconds"]["most"]
    (money,) = estimate["money"]
    assert (money["currency"], money["low"], money["places"]) == ("EUR", None, 2)
    assert re.search(r"Money [\d.]+\s?EUR", said)
    assert "Power as it is declared by: hill, lake." in said
    at = int(now.timestamp())
    configured.forecasts(["sample-wind"], at)
    said, estimate = told()
    assert estimate["milligrams"]["places"] == 1
    assert "Carbon: known for 1 of 2 sites." in said
    configured.forecasts(["sample-sun"], at)
    said, estimate = told()
    assert estimate["milligrams"]["places"] == 2
    assert {place["grid"] for place in estimate["places"]} == {"sample"}


def test_the_check_of_a_form_says_carbon_before_anything_is_saved(update, voters, community, settings):
    settings.DEVICE_WATTS, settings.GRID_GRAMS_PER_KWH = 300, 50
    author = signed_in(voters["Alice"].address)
    form = author.get(f"/c/{community.slug}/propose/model_update/").content.decode()
    answers = dict(re.findall(r'<input id="field-[\w-]+" name="([\w-]+)" value="([^"]*)"', form))
    for name, body in re.findall(r'<select id="field-[\w-]+" name="([\w-]+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', body) or re.search(r'<option value="([^"]+)"', body)
        answers[name] = chosen[1] if chosen else ""
    for name, value in re.findall(r'<input type="checkbox" name="([\w-]+)" value="([^"]*)"', form):
        answers.setdefault(name, value)
    answers |= {"proposal_title": "Once more", "epochs": "1"}
    said = words(author.post(f"/c/{community.slug}/propose/model_update/check/", answers).content.decode())
    assert "If this passes" in said, said
    assert re.search(r"Carbon [\d.]+ g of CO₂e", said)


def test_a_proposal_that_trains_nothing_has_no_estimate(gardens, client):
    proposal = gardens.propose()
    answer = client.get(f"/api/v1/proposals/{proposal.public_id}/estimate")
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_is_trained")
    assert client.get("/api/v1/proposals/0x1/estimate").status_code in {400, 404}
