"""The life of an incident: states and deadlines follow from facts alone, and nothing is done out of turn."""

from datetime import UTC, datetime, timedelta

import pytest

from frontend import words
from governance.errors import Conflict
from models_registry.incidents import lifecycle
from models_registry.incidents.lifecycle import Action, Facts, State

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_an_incident_is_received_then_triaged_then_has_an_outcome() -> None:
    assert lifecycle.state(Facts(NOON, "high")) is State.RECEIVED
    assert lifecycle.state(Facts(NOON, "high", NOON)) is State.TRIAGED
    for outcome in lifecycle.OUTCOMES:
        assert lifecycle.state(Facts(NOON, "high", NOON, outcome)) is outcome


def test_the_table_of_deadlines() -> None:
    told = {
        name: (limits.triage_seconds // 86_400, limits.answer_seconds // 86_400, limits.may_pause)
        for name, limits in lifecycle.SEVERITIES.items()
    }
    assert told == {
        "critical": (1, 3, True), "high": (2, 7, True), "medium": (5, 14, False), "low": (10, 30, False),
    }  # fmt: skip


def test_both_deadlines_count_from_the_report_so_a_late_triage_buys_no_time() -> None:
    received = Facts(NOON, "critical")
    assert lifecycle.due_at(received) == NOON + DAY
    assert not lifecycle.overdue(received, NOON + DAY - timedelta(seconds=1))
    assert lifecycle.overdue(received, NOON + DAY)
    late = Facts(NOON, "critical", NOON + 2 * DAY)
    assert lifecycle.due_at(late) == NOON + 3 * DAY
    assert lifecycle.overdue(late, NOON + 3 * DAY)
    answered = Facts(NOON, "critical", NOON, State.ANSWERED)
    assert lifecycle.due_at(answered) is None
    assert not lifecycle.overdue(answered, NOON + 99 * DAY)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("found", State)
def test_what_is_out_of_turn_is_refused_with_both_states(action: Action, found: State) -> None:
    outcome = "" if found in {State.RECEIVED, State.TRIAGED} else str(found)
    facts = Facts(NOON, "high", None if found is State.RECEIVED else NOON, outcome)
    if found in lifecycle.ALLOWED[action]:
        lifecycle.require(action, facts)
        return
    with pytest.raises(Conflict) as caught:
        lifecycle.require(action, facts)
    assert (caught.value.code, caught.value.found) == ("incident_moved_on", str(found))
    assert caught.value.allowed == sorted(map(str, lifecycle.ALLOWED[action]))


def test_every_state_category_and_severity_has_words() -> None:
    assert set(words.TABLES["incident_state"]) == set(map(str, State))
    assert set(words.TABLES["incident_category"]) == set(lifecycle.CATEGORIES)
    assert list(words.TABLES["severity"]) == list(lifecycle.SEVERITIES)
