"""The rules of members' seats that need no database: when one may join, and how long a seat rests after a failure."""

from datetime import UTC, datetime, timedelta

import pytest

from training_jobs import lifecycle
from training_jobs.lifecycle import Action, Facts, NotAllowed, State

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEASED = {"lease_owner": "lead", "lease_expires_at": NOON + SECOND}


def test_a_member_joins_while_the_lead_trains_or_is_waited_for():
    assert lifecycle.require(Action.JOIN, Facts(**LEASED), NOON) is State.RUNNING
    assert lifecycle.require(Action.JOIN, Facts(**LEASED), NOON + SECOND) is State.STALLED


@pytest.mark.parametrize(
    "facts",
    [
        Facts(),
        Facts(retry_at=NOON + SECOND),
        Facts(trained_at=NOON, **LEASED),
        Facts(verdict="accepted"),
        Facts(failed_at=NOON),
        Facts(canceled_at=NOON, **LEASED),
        Facts(paused_until=NOON + SECOND, **LEASED),
        Facts(deadline_at=NOON),
    ],
    ids=["queued", "waiting", "evaluating", "judged", "failed", "stopping", "pausing", "overdue"],
)
def test_nobody_joins_a_run_that_has_not_begun_or_does_not_go_on(facts):
    with pytest.raises(NotAllowed):
        lifecycle.require(Action.JOIN, facts, NOON)


def test_a_seat_rests_longer_after_each_failure_up_to_a_bound():
    rests = [lifecycle.rest_seconds(failures) for failures in (1, 2, 3, 6, 7, 8, 10_000)]
    assert rests == [5, 10, 20, 160, 300, 300, 300]
