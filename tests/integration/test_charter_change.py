"""Changing the rules by a vote: it counts for what is submitted afterwards, and for nothing that exists already.

T4: what was voted down comes back only after its cool-down. T5: no rule change revives or ends anything. T6: a copied
payload is another proposal, and harms nobody's.
"""

import random
from datetime import timedelta

import pytest

from governance import services
from governance.errors import Conflict, Forbidden, Invalid
from governance.lifecycle import NotAllowed, State
from governance.models import Community, Proposal, Record
from governance.services import submission
from tests.integration.commons import RULES, SECOND, charter_of_members, end_of, listed
from tests.integration.conftest import AGAINST, FOR, NOON

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
HOUR = timedelta(hours=1)


def charter(**rules):
    """Return a charter with one tier, changed by `rules`."""
    return charter_of_members(MEMBERS, {"standard": rules})


def in_force():
    return Community.objects.get().charter


def adopt(commons, body, now, *voters):
    """Change the charter by a vote of these members (of all, if none is named)."""
    proposal = commons.propose("governance_rules", {"charter": body}, now=now)
    for name in voters or MEMBERS:
        commons.vote(proposal, name, FOR)
    return commons.executed(proposal)


def test_a_vote_changes_the_rules_for_what_is_submitted_afterwards(list_community):
    commons = list_community(MEMBERS)
    founding = in_force()
    adopted = adopt(commons, charter(quorum_bps=9_000, timelock_seconds=77), NOON)
    assert in_force().body["tiers"]["standard"]["quorum_bps"] == 9_000
    assert in_force().value.parents == (adopted.execution_record_id,)
    assert in_force().subject == founding.subject
    later = commons.propose(now=NOON + HOUR)
    assert later.rules["quorum_bps"] == 9_000
    assert set(later.record.value.parents) == {commons.community.record_id, in_force().pk}
    for name in ("Alice", "Bob", "Chloé"):
        commons.vote(later, name, FOR)
    queued = commons.queued(later)
    assert queued.eta - queued.queued_at == timedelta(seconds=77)


def test_a_rule_change_that_is_voted_down_changes_nothing(list_community):
    commons = list_community(MEMBERS)
    before = in_force()
    proposal = commons.propose("governance_rules", {"charter": charter(quorum_bps=1)})
    commons.vote(proposal, "Alice", AGAINST)
    commons.vote(proposal, "Bob", FOR)
    assert commons.queued(proposal).passed is False
    assert in_force() == before


def test_open_proposals_keep_their_rules_to_the_end(list_community):
    commons = list_community(MEMBERS)
    started = commons.propose(voting_period_seconds=5_000)
    adopt(commons, charter(quorum_bps=10_000, timelock_seconds=0), NOON, *MEMBERS)
    commons.vote(started, "Alice", FOR)
    queued = commons.queued(started)
    assert queued.passed is True
    assert queued.eta - queued.queued_at == timedelta(seconds=RULES["timelock_seconds"])


@pytest.mark.parametrize("seed", range(6))
def test_no_history_of_rule_changes_changes_an_ended_or_open_proposal(list_community, seed):
    """T5, over random histories: quorum up and down, while proposals are open, defeated, queued or executed."""
    dice = random.Random(seed)
    commons = list_community(MEMBERS)
    now, frozen, ended = NOON, {}, {}
    for step in range(6):
        if dice.random() < 0.6:
            author = dice.choice(["Bob", "Chloé", "Daouda"])
            proposal = commons.propose(payload={"statement": f"Number {step}."}, author=author, now=now)
            frozen[proposal.pk] = (proposal.rules, proposal.record_id, in_force().pk)
            for name in MEMBERS:
                if dice.random() < 0.5:
                    commons.vote(proposal, name, dice.choice([FOR, FOR, AGAINST]))
            if dice.random() < 0.7:
                closed = commons.queued(proposal)
                ended[proposal.pk] = (closed.passed, closed.decision_record.body["conditions"])
        else:
            tiers = {"quorum_bps": dice.randint(1, 10_000), "threshold_bps": dice.randint(5_000, 9_999)}
            adopt(commons, charter(**tiers), now)
        now += HOUR
        for pk, expected in frozen.items():
            found = Proposal.objects.get(pk=pk)
            under = Record.objects.get(pk__in=found.record.value.parents, kind="charter")
            assert (found.rules, found.record_id, under.pk) == expected
            assert services.terms_of(found).rules.to_body() == found.rules == found.record.body["rules"]
        for pk, (passed, conditions) in ended.items():
            found = Proposal.objects.get(pk=pk)
            assert found.passed is passed
            assert found.state(now) in ({State.DEFEATED} if not passed else {State.QUEUED, State.READY})
            assert [item.to_body() for item in services.count_so_far(found).outcome.conditions] == conditions


def test_a_lower_quorum_does_not_revive_what_was_defeated(list_community):
    """GHSA-xrc4-737v-9q75: counted again under the new rules it would pass."""
    commons = list_community(MEMBERS)
    proposal = commons.propose()
    commons.vote(proposal, "Daouda", FOR)
    assert commons.queued(proposal).passed is False
    adopt(commons, charter(quorum_bps=1), NOON + HOUR)
    defeated = Proposal.objects.get(pk=proposal.pk)
    assert defeated.state(NOON + 2 * HOUR) == State.DEFEATED
    with pytest.raises(NotAllowed):
        services.queue(proposal.pk, NOON + 2 * HOUR)


def test_a_longer_pause_in_new_rules_does_not_hold_up_what_was_submitted_before(list_community):
    commons = list_community(MEMBERS, pause_seconds_max=60)
    commons.elect("Bob", "Chloé", seats=1, now=NOON)
    waiting = commons.propose(now=NOON + HOUR, voting_period_seconds=500)
    commons.vote(waiting, "Alice", FOR)
    longer = charter_of_members(MEMBERS, pause_seconds_max=30 * 24 * 3600)
    adopt(commons, longer, NOON + HOUR)
    eta = commons.queued(waiting).eta
    paused = services.pause(waiting.pk, commons.address("Bob"), "Wait.", eta)
    assert paused.paused_until - eta == timedelta(seconds=60)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**charter(), "power": {"source": "token_of_nobody", "parameters": {}}}, "charter.power"),
        ({**charter(), "power": {"source": "fixed_list", "parameters": {"members": {}}}}, "charter.power"),
        ({**charter(), "power": {"source": "fixed_list", "parameters": {"members": {"0x1": "1"}}}}, "charter.power"),
        ({**charter(), "power": {"source": "fixed_list", "parameters": []}}, "charter.power.parameters"),
        ({**charter(), "power": {"source": ["fixed_list"], "parameters": {}}}, "charter.power.source"),
        (
            {**charter(), "house": {"name": {"en": "C", "fr": "C"}, "source": "fixed_list", "parameters": {}}},
            "charter.house",
        ),
        (charter(quorum_bps=0), "charter.tiers.standard.quorum_bps"),
        (charter(timelock_seconds=10**12), "charter.tiers.standard.timelock_seconds"),
        ({**charter(), "kinds": {"default": "none"}}, "charter.kinds.default"),
        ("rules", "charter.charter"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rules_by_which_nobody_could_decide_are_refused_before_the_vote(list_community, body, field):
    commons = list_community(MEMBERS)
    with pytest.raises(Invalid) as refusal:
        commons.draft("governance_rules", {"charter": body})
    assert refusal.value.field.endswith(field)
    assert not Proposal.objects.exists()


def test_rules_that_are_in_force_already_are_no_change(list_community):
    commons = list_community(MEMBERS)
    with pytest.raises(Invalid) as refusal:
        commons.draft("governance_rules", {"charter": charter()})
    assert refusal.value.code == "nothing_changes"


def test_a_voting_period_that_nobody_would_notice_is_refused(list_community, settings):
    commons = list_community(MEMBERS)
    settings.VOTING_PERIOD_SECONDS_MIN = 72 * 3600
    with pytest.raises(Invalid) as refusal:
        commons.draft("governance_rules", {"charter": charter(quorum_bps=5_000)})
    assert refusal.value.code == "period_too_short"


def test_a_change_of_where_power_comes_from_counts_from_the_next_proposal_on(list_community):
    commons = list_community(MEMBERS)
    old = commons.propose(voting_period_seconds=5_000)
    new = {**charter(), "power": listed({"Emma": 1})}
    adopt(commons, new, NOON, "Alice", "Bob")
    commons.vote(old, "Chloé", FOR)
    later = commons.propose(author="Emma", now=NOON + HOUR)
    commons.vote(later, "Emma", FOR)
    with pytest.raises(Invalid) as refusal:
        commons.vote(later, "Alice", FOR)
    assert refusal.value.code == "no_voting_power"


def test_rules_that_change_while_a_draft_is_submitted_are_noticed(list_community, monkeypatch):
    """The snapshot was taken by the old rules: submitting goes on only with the rules that it began with."""
    commons = list_community(MEMBERS)
    drafted = commons.draft(now=NOON)
    read, asked = submission.require_standing, []

    def slow(*arguments):
        asked.append(arguments)
        if len(asked) == 1:
            adopt(commons, charter(quorum_bps=9_000), NOON)
        return read(*arguments)

    monkeypatch.setattr(submission, "require_standing", slow)
    with pytest.raises(Conflict) as refusal:
        services.submit(drafted.pk, commons.address("Alice"), NOON + HOUR)
    assert refusal.value.code == "changed_meanwhile"
    assert services.submit(drafted.pk, commons.address("Alice"), NOON + HOUR).rules["quorum_bps"] == 9_000


# --- T4: what was voted down --------------------------------------------------------------------------------------

COOL = {"cool_down_seconds": 3_600}


def defeated(commons, payload=None, now=NOON, author="Alice"):
    proposal = commons.propose(payload=payload, now=now, author=author)
    commons.vote(proposal, "Alice", AGAINST)
    assert commons.queued(proposal).passed is False
    return proposal


def test_what_was_voted_down_comes_back_after_its_cool_down_and_not_before(list_community):
    commons = list_community(MEMBERS, tiers={"standard": COOL})
    ended = end_of(defeated(commons))
    for author, moment in (("Alice", ended), ("Bob", ended + HOUR - SECOND)):
        with pytest.raises(Conflict) as refusal:
            commons.propose(author=author, now=moment)
        assert refusal.value.code == "cool_down"
    assert commons.propose(payload={"statement": "Something else."}, now=ended)
    assert commons.propose(now=ended + HOUR)


def test_another_title_is_the_same_thing(list_community):
    commons = list_community(MEMBERS, tiers={"standard": COOL})
    ended = end_of(defeated(commons))
    drafted = commons.draft(now=ended)
    new = services.Draft("text_signal", "Quite another title", "New reasons.", {"statement": " Yes. "}, {})
    services.edit_draft(drafted.pk, commons.address("Alice"), new, ended)
    with pytest.raises(Conflict) as refusal:
        services.submit(drafted.pk, commons.address("Alice"), ended)
    assert refusal.value.code == "cool_down"


def test_a_veto_starts_the_cool_down_when_it_is_spoken_whatever_was_voted_down_meanwhile(list_community):
    """The later of the two counts: one copy passed first and was vetoed last, another was voted down in between."""
    commons = list_community(MEMBERS, tiers={"standard": {**COOL, "timelock_seconds": 3_000}})
    commons.elect("Bob", "Chloé", seats=1, now=NOON)
    begin = NOON + HOUR
    vetoed = commons.propose(now=begin)
    commons.vote(vetoed, "Alice", FOR)
    eta = commons.queued(vetoed).eta
    defeated(commons, now=begin + 500 * SECOND, author="Bob")
    services.veto(vetoed.pk, commons.address("Bob"), "Never.", eta - SECOND)
    with pytest.raises(Conflict) as refusal:
        commons.propose(now=eta + HOUR - 2 * SECOND)
    assert refusal.value.code == "cool_down"
    assert commons.propose(now=eta + HOUR - SECOND)


def test_an_author_who_sees_that_it_fails_cannot_withdraw_and_try_again_at_once(list_community):
    commons = list_community(MEMBERS, tiers={"standard": COOL})
    proposal = commons.propose()
    commons.vote(proposal, "Bob", AGAINST)
    last = proposal.closes_at - SECOND
    services.cancel(proposal.pk, commons.address("Alice"), "Let us see …", last)
    with pytest.raises(Conflict) as refusal:
        commons.propose(now=last + SECOND)
    assert refusal.value.code == "cool_down"
    assert commons.propose(now=last + HOUR)


def test_a_mistake_that_is_withdrawn_before_the_vote_costs_nothing(list_community):
    commons = list_community(MEMBERS, tiers={"standard": COOL})
    proposal = commons.propose()
    services.cancel(proposal.pk, commons.address("Alice"), "A typing error in the text.", NOON)
    assert commons.propose(now=NOON + SECOND)


def test_what_passed_and_was_never_carried_out_may_come_back(list_community):
    commons = list_community(MEMBERS, tiers={"standard": {**COOL, "execution_window_seconds": 10}})
    proposal = commons.propose()
    commons.vote(proposal, "Alice", FOR)
    expired = commons.queued(proposal)
    assert expired.state(expired.expires_at) == State.EXPIRED
    assert commons.propose(now=expired.expires_at)


# --- T6: copies ---------------------------------------------------------------------------------------------------


def test_mallory_copies_a_payload_and_alice_is_not_harmed(list_community):
    """Front-running and withdrawing, as in CVE-2023-34234: another id, another author, and no cool-down for Alice."""
    commons = list_community({**MEMBERS, "Mallory": 5}, tiers={"standard": COOL})
    copy = commons.propose(author="Mallory", now=NOON)
    services.cancel(copy.pk, commons.address("Mallory"), "Gotcha.", copy.opens_at)
    hers = commons.propose(author="Alice", now=copy.opens_at)
    assert hers.record_id != copy.record_id
    again = commons.propose(author="Mallory", payload={"statement": "Another."}, now=copy.opens_at)
    with pytest.raises(Forbidden):
        services.cancel(hers.pk, commons.address("Mallory"), "Gotcha.", copy.opens_at)
    for name in ("Alice", "Bob"):
        commons.vote(hers, name, FOR)
        commons.vote(again, name, AGAINST)
    commons.queued(again)
    assert commons.executed(hers).executed_at is not None


def test_a_copy_that_is_open_at_the_same_time_and_defeated_does_not_defeat_the_other(list_community):
    commons = list_community({**MEMBERS, "Mallory": 5}, tiers={"standard": COOL})
    hers, copy = commons.propose(author="Alice"), commons.propose(author="Mallory")
    assert hers.record_id != copy.record_id
    assert hers.payload_digest == copy.payload_digest
    commons.vote(copy, "Alice", AGAINST)
    commons.vote(hers, "Alice", FOR)
    assert commons.queued(copy).passed is False
    assert commons.executed(hers).executed_at is not None


def test_two_equal_drafts_of_one_author_have_two_names(list_community):
    commons = list_community(MEMBERS)
    assert commons.propose().record_id != commons.propose().record_id
