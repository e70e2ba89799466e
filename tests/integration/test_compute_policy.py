"""A community changes how it shares computing: by a vote alone, in the editor and over the API, told in its log."""

from typing import Any

import pytest
from django.test import Client

from governance.errors import Invalid, Refusal
from governance.models import Event, Proposal
from tests.integration.books import decide
from tests.integration.conftest import FOR
from tests.integration.site_places import signed_in
from training_jobs.commons import fsck, policies
from training_jobs.commons.policies import NewcomerRule, newcomer_rule_of, policy_of
from training_jobs.commons.proposal_kinds import answers_of
from training_jobs.models import ComputePolicy
from training_jobs.scheduling.events import ComputePolicyAdopted, read
from training_jobs.scheduling.values import Policy

DAY = 86_400


@pytest.fixture
def gardens(list_community):
    return list_community()


def payload(rule: NewcomerRule | None = None, **changes: Any) -> dict[str, Any]:
    return policies.body_of(Policy(**changes), rule or NewcomerRule())


def test_a_vote_changes_the_policy_and_the_log_has_all_of_it(gardens):
    assert policy_of(gardens.community) == Policy()
    assert newcomer_rule_of(gardens.community) == NewcomerRule()
    asked = payload(reserved_bps=2_000, shares={"gardens": 3}, half_life=30 * DAY)
    done = decide(gardens, "compute_policy", asked)
    assert policy_of(gardens.community) == Policy(reserved_bps=2_000, shares={"gardens": 3}, half_life=30 * DAY)
    event = Event.objects.get(kind="compute_policy_adopted")
    said = read(event.kind, event.data)
    assert isinstance(said, ComputePolicyAdopted)
    assert (said.policy, said.proposal) == (policy_of(gardens.community), done.number)
    assert (event.community, event.proposal) == (gardens.community, done)
    assert event.position is not None
    assert not Event.objects.filter(kind="newcomer_rule_adopted").exists(), "that rule did not change"

    other = NewcomerRule(("student",), 1, 30, "council")
    second = decide(gardens, "compute_policy", payload(other))
    assert second.payload["before"] == asked, "voters compared it with the policy that was in force"
    assert (policy_of(gardens.community), newcomer_rule_of(gardens.community)) == (Policy(), other)
    rule = Event.objects.get(kind="newcomer_rule_adopted")
    assert rule.data == {
        "proposal_number": second.number, "kinds": ["student"], "peers": 1, "days": 30, "attesters": "council",
    }  # fmt: skip
    answer = Client().get("/api/v1/communities/gardens/compute-policy").json()
    assert (answer["proposal_number"], answer["newcomers"]["peers"], answer["reserved_bps"]) == (
        second.number,
        1,
        1_000,
    )


def test_a_vote_that_is_lost_changes_nothing(gardens):
    proposal = gardens.propose("compute_policy", payload(reserved_bps=0))
    gardens.vote(proposal, "Alice", 0)
    gardens.queued(proposal)
    assert policy_of(gardens.community) == Policy()
    assert not ComputePolicy.objects.exists()


def test_fsck_names_a_policy_that_no_vote_adopted_so(gardens):
    done = decide(gardens, "compute_policy", payload(reserved_bps=2_000))
    row = ComputePolicy.objects.get()
    assert list(fsck.check_one(gardens.community)) == []
    ComputePolicy.objects.update(body={**row.body, "reserved_bps": 0})
    assert [(each.what, each.expected, each.found) for each in fsck.check_one(gardens.community)] == [
        ("reserved_bps", "2000", "0")
    ]
    ComputePolicy.objects.all().delete()
    assert [(each.key, each.what) for each in fsck.check_one(gardens.community)] == [(str(done.pk), "compute policy")]


def test_other_communities_keep_their_policy(gardens, list_community):
    decide(gardens, "compute_policy", payload(reserved_bps=0))
    assert policy_of(list_community(slug="water").community).reserved_bps == Policy().reserved_bps


def test_what_cannot_be_a_policy_is_refused(gardens):
    good = payload(reserved_bps=500)
    rule = good["newcomers"]
    for wrong, code in (
        (payload(), "nothing_changes"),
        ({"backfill": False}, "missing_field"),
        ({**good, "priority_of": "me"}, "unknown_field"),
        ({name: value for name, value in good.items() if name != "backfill"}, "missing_field"),
        ({**good, "reserved_bps": 10_000}, "beyond_bounds"),
        ({**good, "weight_fair": 0, "weight_age": 0, "weight_tier": 0}, "nothing_counts"),
        ({**good, "shares": {"nobody": 2}}, "share_of_nobody"),
        ({**good, "newcomers": []}, "malformed_field"),
        ({**good, "newcomers": {**rule, "extra": 1}}, "malformed_field"),
        ({**good, "newcomers": {**rule, "peers": 1.5}}, "beyond_bounds"),
    ):
        with pytest.raises(Refusal) as refused:
            gardens.draft("compute_policy", wrong)
        assert (refused.value.code, type(refused.value)) == (code, Invalid), wrong
        assert refused.value.field.startswith("payload")
    lying = {**good, "before": {"reserved_bps": 9_000}}
    assert gardens.draft("compute_policy", lying).payload["before"] == payload(), "what it is compared with is ours"


def test_the_editor_asks_in_days_and_percent_and_takes_them_back(gardens):
    client = signed_in(gardens, "Alice")
    asked = client.get("/c/gardens/propose/compute_policy/").content.decode()
    assert 'name="half_life" value="7"' in asked
    assert 'name="reserved_bps" value="10"' in asked
    answers = {**answers_of(payload()), "proposal_title": "More for newcomers", "proposal_text": "Because."}
    same = client.post("/c/gardens/propose/compute_policy/", answers)
    assert (same.status_code, "in force already" in same.content.decode()) == (422, True)
    answers |= {"reserved_bps": "22,5", "half_life": "14", "shares": "gardens 2", "kinds": ["student"]}
    made = client.post("/c/gardens/propose/compute_policy/", answers)
    assert made.status_code == 302, made.content.decode()
    draft = Proposal.objects.get(title="More for newcomers")
    assert (draft.payload["reserved_bps"], draft.payload["half_life"]) == (2_250, 14 * DAY)
    assert (draft.payload["shares"], draft.payload["newcomers"]["kinds"]) == ({"gardens": 2}, ["student"])
    page = client.get(made.headers["Location"]).content.decode()
    assert "10% → 22.5%" in page
    again = client.get(f"{made.headers['Location']}edit/").content.decode()
    for shown in ('name="reserved_bps" value="22.5"', 'name="half_life" value="14"', ">gardens 2</textarea>"):
        assert shown in again, shown
    assert again.count('type="checkbox" name="kinds"') == 3
    assert again.count('value="student" checked') == 1
    assert 'independent_researcher" checked' not in again
    absurd = client.post("/c/gardens/propose/compute_policy/", {**answers, "reserved_bps": "95"})
    assert (absurd.status_code, 'href="#field-reserved_bps"' in absurd.content.decode()) == (422, True)
    proposal = gardens.propose("compute_policy", draft.payload, author="Bob")
    gardens.vote(proposal, "Alice", FOR)
    assert "22.5%" in client.get(f"/c/gardens/proposals/{proposal.number}/").content.decode()
