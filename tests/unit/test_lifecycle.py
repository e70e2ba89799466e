"""The two state machines: every state against every action, and the laws that time must obey."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import lifecycle as proposals
from governance.lifecycle import Action, Facts, State
from training_jobs import lifecycle as runs

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TIMES = st.none() | st.integers(-5, 5).map(lambda seconds: NOON + seconds * SECOND)
FACTS = st.builds(
    Facts,
    submitted_at=TIMES,
    census_at=TIMES,
    opens_at=TIMES,
    closes_at=TIMES,
    passed=st.none() | st.booleans(),
    eta=TIMES,
    expires_at=TIMES,
    paused_until=TIMES,
    executed_at=TIMES,
    canceled_at=TIMES,
    vetoed_at=TIMES,
)
OPENED = Facts(submitted_at=NOON, census_at=NOON, opens_at=NOON - SECOND, closes_at=NOON)
PASSED = replace(OPENED, passed=True)
NOMINAL = {
    State.DRAFT: Facts(),
    State.PENDING: Facts(submitted_at=NOON, census_at=NOON, opens_at=NOON + SECOND, closes_at=NOON + 2 * SECOND),
    State.ACTIVE: replace(OPENED, closes_at=NOON + SECOND),
    State.CLOSING: OPENED,
    State.DEFEATED: replace(OPENED, passed=False),
    State.SUCCEEDED: PASSED,
    State.QUEUED: replace(PASSED, eta=NOON + SECOND),
    State.PAUSED: replace(PASSED, eta=NOON, paused_until=NOON + SECOND, expires_at=NOON + 2 * SECOND),
    State.READY: replace(PASSED, eta=NOON, expires_at=NOON + SECOND),
    State.EXPIRED: replace(PASSED, eta=NOON, expires_at=NOON),
    State.EXECUTED: replace(PASSED, eta=NOON, executed_at=NOON),
    State.CANCELED: Facts(submitted_at=NOON, canceled_at=NOON),
    State.VETOED: replace(PASSED, eta=NOON + SECOND, vetoed_at=NOON),
}


@pytest.mark.parametrize("state", State)
def test_every_state_is_reached_by_its_facts(state):
    assert proposals.state(NOMINAL[state], NOON) == state


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_every_action_is_allowed_exactly_where_the_table_says(state, action):
    if state in proposals.ALLOWED[action]:
        assert proposals.require(action, NOMINAL[state], NOON) == state
    else:
        with pytest.raises(proposals.NotAllowed) as refusal:
            proposals.require(action, NOMINAL[state], NOON)
        assert (refusal.value.found, refusal.value.action) == (state, action)
        assert set(refusal.value.allowed) == proposals.ALLOWED[action]


def test_ended_proposals_allow_nothing():
    assert {state for state in State if not any(state in allowed for allowed in proposals.ALLOWED.values())} == (
        proposals.TERMINAL
    )


def test_a_vote_does_not_open_before_its_census_is_taken():
    without = replace(NOMINAL[State.ACTIVE], census_at=None)
    for moment in (NOON, NOON + 10 * SECOND):
        assert proposals.state(without, moment) == State.PENDING


def test_the_council_can_stop_or_delay_and_never_approve_or_shorten():
    assert proposals.ALLOWED[Action.VETO] == {State.QUEUED, State.PAUSED, State.READY}
    assert proposals.ALLOWED[Action.PAUSE] == {State.QUEUED, State.READY}
    queued = replace(NOMINAL[State.QUEUED], paused_until=NOON - SECOND)
    assert proposals.state(queued, NOON) == State.QUEUED, "a pause that ends does not end the timelock"


@pytest.mark.parametrize(
    ("facts", "moment", "expected"),
    [
        (NOMINAL[State.PENDING], NOON + SECOND, State.ACTIVE),
        (NOMINAL[State.ACTIVE], NOON + SECOND, State.CLOSING),
        (NOMINAL[State.QUEUED], NOON + SECOND, State.READY),
        (NOMINAL[State.PAUSED], NOON + SECOND, State.READY),
        (NOMINAL[State.PAUSED], NOON + 2 * SECOND, State.EXPIRED),
        (NOMINAL[State.READY], NOON + SECOND, State.EXPIRED),
    ],
)
def test_a_state_ends_in_the_very_second_that_is_written_down(facts, moment, expected):
    assert proposals.state(facts, moment) == expected
    assert proposals.state(facts, moment - timedelta(microseconds=1)) != expected


@given(facts=FACTS, later=st.integers(0, 100))
def test_terminal_states_stay_terminal_whatever_the_clock_says(facts, later):
    first = proposals.state(facts, NOON)
    if first in proposals.TERMINAL:
        assert proposals.state(facts, NOON + later * SECOND) == first


@given(facts=FACTS, earlier=st.integers(0, 100))
def test_a_clock_that_jumps_back_cannot_reopen_a_count_that_was_made(facts, earlier):
    if facts.passed is not None:
        assert proposals.state(facts, NOON - earlier * SECOND) not in proposals.ALLOWED[Action.VOTE]


@given(facts=FACTS)
def test_nothing_is_ready_before_its_timelock_or_during_a_pause(facts):
    if proposals.state(facts, NOON) == State.READY:
        assert facts.eta is not None
        assert facts.eta <= NOON
        assert facts.passed is True
        assert facts.paused_until is None or facts.paused_until <= NOON


@given(facts=FACTS, steps=st.lists(st.integers(0, 3), max_size=10))
def test_time_alone_never_moves_a_proposal_backwards(facts, steps):
    order = [
        State.PENDING,
        State.ACTIVE,
        State.CLOSING,
        State.QUEUED,
        State.PAUSED,
        State.READY,
        State.EXPIRED,
    ]
    moment, before = NOON, -1
    for step in steps:
        moment += step * SECOND
        state = proposals.state(facts, moment)
        if state in order:
            assert order.index(state) >= before
            before = order.index(state)


RUN_TIMES = st.none() | st.integers(-5, 5).map(lambda seconds: NOON + seconds * SECOND)
RUN_FACTS = st.builds(
    runs.Facts,
    verdict=st.sampled_from(["", "accepted", "rejected"]),
    canceled_at=RUN_TIMES,
    failed_at=RUN_TIMES,
    lease_expires_at=RUN_TIMES,
    lease_owner=st.sampled_from(["", "worker"]),
    heartbeat_at=RUN_TIMES,
    retry_at=RUN_TIMES,
    trained_at=RUN_TIMES,
    paused_until=RUN_TIMES,
    deadline_at=RUN_TIMES,
)


@given(facts=RUN_FACTS)
def test_a_run_with_a_live_lease_cannot_be_claimed(facts):
    leased = facts.lease_owner and facts.lease_expires_at and facts.lease_expires_at > NOON
    if leased:
        assert runs.state(facts, NOON) not in runs.ALLOWED[runs.Action.CLAIM]


@given(facts=RUN_FACTS)
def test_a_judged_run_can_neither_be_claimed_nor_written_nor_canceled(facts):
    if facts.verdict:
        state = runs.state(facts, NOON)
        assert state in {runs.State.ACCEPTED, runs.State.REJECTED}
        assert not any(state in allowed for allowed in runs.ALLOWED.values())


def test_a_lease_that_ran_out_means_stalled_and_is_free_to_take():
    facts = runs.Facts(lease_owner="worker", lease_expires_at=NOON)
    assert runs.state(facts, NOON - SECOND) == runs.State.RUNNING
    assert runs.state(facts, NOON) == runs.State.STALLED
    assert runs.require(runs.Action.CLAIM, facts, NOON) == runs.State.STALLED
    with pytest.raises(runs.NotAllowed):
        runs.require(runs.Action.CLAIM, facts, NOON - SECOND)


def test_retries_wait_longer_each_time_and_end():
    waits = [runs.retry_seconds(attempts, attempts_max=3, permanent=False) for attempts in (1, 2, 3)]
    assert waits == [5, 10, None]
    assert runs.retry_seconds(1, attempts_max=3, permanent=True) is None


def test_a_paused_run_stops_rests_and_goes_on():
    facts = runs.Facts(paused_until=NOON, lease_owner="worker", lease_expires_at=NOON + SECOND)
    before = NOON - SECOND
    assert runs.state(facts, before) == runs.State.PAUSING
    assert runs.state(replace(facts, lease_owner=""), before) == runs.State.PAUSED
    assert runs.state(replace(facts, lease_owner=""), NOON) == runs.State.QUEUED
    for found in (facts, replace(facts, lease_owner="")):
        with pytest.raises(runs.NotAllowed):
            runs.require(runs.Action.CLAIM, found, before)
        assert runs.require(runs.Action.CANCEL, found, before)


def test_a_run_past_its_deadline_is_for_nobody():
    facts = runs.Facts(deadline_at=NOON)
    assert runs.state(facts, NOON - SECOND) == runs.State.QUEUED
    assert runs.state(facts, NOON) == runs.State.OVERDUE
    assert not any(runs.State.OVERDUE in allowed for allowed in runs.ALLOWED.values())
    assert runs.state(replace(facts, verdict="accepted"), NOON) == runs.State.ACCEPTED
