"""Where a request of computing stands, and since when nobody works on what was allotted to it."""

from datetime import UTC, datetime, timedelta

import pytest

from training_jobs.commons.lifecycle import Facts, Place, State, idle_since, state

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALLOTTED = Facts(allotted_at=NOW - 10 * MINUTE)
TAKEN = Facts(allotted_at=NOW - 10 * MINUTE, claimed_at=NOW - 9 * MINUTE)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (Facts(), State.WAITING),
        (ALLOTTED, State.ALLOTTED),
        (TAKEN, State.RUNNING),
        (Facts(outcome="refused"), State.REFUSED),
        (Facts("done", NOW, NOW), State.ENDED),
    ],
)
def test_the_state_is_computed_from_the_facts(facts: Facts, found: State) -> None:
    assert state(facts) is found


@pytest.mark.parametrize(
    ("facts", "place", "since"),
    [
        (Facts(), Place(), None),
        (ALLOTTED, Place(), NOW - 10 * MINUTE),
        (ALLOTTED, Place(left_at=NOW - 60 * MINUTE), NOW - 10 * MINUTE),  # that was at another site
        (TAKEN, Place("runner:1", NOW + MINUTE), None),
        (TAKEN, Place("runner:1", NOW - MINUTE), NOW - MINUTE),
        (TAKEN, Place(left_at=NOW - 2 * MINUTE), NOW - 2 * MINUTE),
    ],
)
def test_nobody_works_since_the_lease_was_over_or_the_attempt_ended(
    facts: Facts, place: Place, since: datetime | None
) -> None:
    assert idle_since(facts, place, NOW) == since
