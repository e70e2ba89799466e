"""The parameters of a compute policy: what people write and what is frozen, bounds, and both told apart."""

import pytest
from django.utils import translation

from governance.errors import Invalid
from training_jobs.commons import policies
from training_jobs.commons.policies import NewcomerRule
from training_jobs.commons.policy_parameters import ASKED, POLICY, RULE
from training_jobs.commons.proposal_kinds import ComputePolicyChange, answers_of
from training_jobs.scheduling.events import ComputePolicyAdopted, data_of
from training_jobs.scheduling.values import Policy

DAY = 86_400
BY_NAME = {each.name: each for each in ASKED}
KIND = ComputePolicyChange()


def test_every_field_of_policy_and_rule_is_asked_for_once():
    assert sorted(BY_NAME) == sorted([*POLICY, *RULE])
    assert len(ASKED) == len(BY_NAME)


def test_a_policy_survives_being_kept_as_json():
    policy = Policy(half_life=3 * DAY, shares={"b": 2, "a": 3}, reserved_bps=2_500, backfill=False)
    rule = NewcomerRule(("student",), 3, 90, "council")
    body = policies.body_of(policy, rule)
    assert policies.read_body(body) == (policy, rule)
    assert list(body["shares"]) == ["a", "b"]


def test_the_defaults_are_within_their_own_bounds_and_what_the_form_writes_reads_as_the_same():
    body = policies.body_of(Policy(shares={"gardens": 3, "water": 2}), NewcomerRule())
    answers = answers_of(body)
    assert (answers["half_life"], answers["reserved_bps"], answers["wait_max"]) == ("7", "10", "14")
    assert (answers["reserved_lent"], answers["shares"]) == ("yes", "gardens 3\nwater 2")
    assert KIND.from_form(answers) == body
    for each in ASKED:
        value = body["newcomers"][each.name] if each.name in RULE else body[each.name]
        assert each.judge("payload.x", value) == value


@pytest.mark.parametrize(
    ("name", "answer", "frozen"),
    [
        ("half_life", " 30 ", 30 * DAY),
        ("reserved_bps", "12,5", 1_250),
        ("reserved_bps", "0.07", 7),
        ("reserved_bps", "10.", 1_000),
        ("carbon_aware", "no", False),
        ("shares", "gardens: 3\n\n water 2 ", {"gardens": 3, "water": 2}),
        ("peers", "3", 3),
    ],
)
def test_people_write_days_percent_and_words(name, answer, frozen):
    assert BY_NAME[name].read(answer) == frozen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("half_life", 0),
        ("half_life", DAY - 1),
        ("half_life", DAY + 1),
        ("half_life", 366 * DAY),
        ("half_life", True),
        ("half_life", 7.0),
        ("half_life", "7"),
        ("half_life", 10**40),
        ("wait_max", -DAY),
        ("weight_fair", -1),
        ("weight_age", 10_001),
        ("reserved_bps", 9_001),
        ("reserved_bps", None),
        ("reserved_lent", 1),
        ("backfill", "yes"),
        ("shares", [["gardens", 1]]),
        ("shares", {"gardens": 0}),
        ("shares", {"gardens": 1_001}),
        ("shares", {"gardens": "3 apples"}),
        ("shares", {f"c{n}": 1 for n in range(101)}),
        ("shares", {"a\x00b": 1}),
        ("kinds", []),
        ("kinds", ["millionaire"]),
        ("kinds", "student"),
        ("kinds", [["student"]]),
        ("peers", 0),
        ("peers", 21),
        ("days", 731),
        ("attesters", "everybody"),
        ("attesters", ["members"]),
    ],
)
def test_what_is_absurd_is_refused_and_names_its_field(name, value):
    with pytest.raises(Invalid) as refused:
        BY_NAME[name].judge(f"payload.{name}", value)
    assert refused.value.field == f"payload.{name}"
    assert refused.value.allowed is not None or name == "shares"


@pytest.mark.parametrize("answer", ["", "ten", "-5", "1.234", "1e3", ".", "٣"])
def test_a_percentage_that_is_none_is_refused_and_never_guessed(answer):
    read = BY_NAME["reserved_bps"].read(answer)
    with pytest.raises(Invalid):
        BY_NAME["reserved_bps"].judge("payload.reserved_bps", read)


@translation.override("en")
def test_voters_read_what_changes_and_what_does_not():
    before = policies.body_of(Policy(), NewcomerRule())
    after = policies.body_of(Policy(reserved_bps=2_050, backfill=False), NewcomerRule(peers=3))
    payload = {**after, "before": before}
    assert KIND.describe(payload) == (
        "computing is shared by other rules: Reserved for newcomers: 10% → 20.5%; "
        "Let small work go in gaps: yes → no; Others who must attest it: 2 → 3."
    )
    facts = {fact.label: fact.text for fact in KIND.facts(payload)}
    assert facts["Reserved for newcomers"] == "10% → 20.5%"
    assert facts["Past use counts half after"] == "7 days, unchanged"
    assert facts["Shares of communities"] == "all alike, unchanged"
    more = {**policies.body_of(Policy(DAY, 1, 2, 3, 2 * DAY), NewcomerRule()), "before": before}
    assert KIND.describe(more).endswith("; and 2 more changes.")


def test_every_policy_that_can_be_voted_fits_the_log():
    widest = Policy(365 * DAY, 10_000, 10_000, 10_000, 365 * DAY, {"x" * 50: 1_000}, 9_000, False, False, 365 * DAY)
    assert data_of(ComputePolicyAdopted.of(widest, 7))["proposal_number"] == 7
