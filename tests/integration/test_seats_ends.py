"""How a run of several machines ends for its members: canceled, paused, out of budget or time, failed, judged."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from config import sweeper
from governance.clock import now as clock
from tests.integration.machines import model_in
from tests.integration.test_runner_protocol import _own_folder, browser, finish, machine, other, register
from tests.integration.test_seats import beat, let_lapse, live, order, place, secret, several, third
from tests.moments import just_past
from training_jobs import budget, seats, services
from training_jobs.lifecycle import State
from training_jobs.models import Attempt, Run, Seat
from training_jobs.services import Lease, StaleLease

SECOND = timedelta(seconds=1)


@pytest.fixture
def at_work(several, machine, other):
    """A run with a lead and one member: what they were given."""
    return machine.claim(several), other.claim(several)


def test_a_canceled_run_tells_its_members_also_when_its_lead_was_faster(several, machine, other, at_work, voters):
    lead, member = at_work
    services.cancel(several.pk, voters["Alice"].address, clock())
    assert (beat(machine, several, lead), beat(other, several, member)) == ("cancel", "cancel")
    assert machine.post(f"runs/{several.pk}/stopped", place(lead)).status_code == 200
    assert beat(other, several, member) == "cancel"
    for _ in range(2):
        assert other.post(f"runs/{several.pk}/stopped", place(member)).status_code == 200
    assert set(several.attempts.values_list("slot", "outcome")) == {(0, "canceled"), (1, "canceled")}
    assert beat(other, several, member) == "stale"
    assert other.get("work").json() == {"runs": []}


def test_a_member_of_a_canceled_run_that_went_silent_is_ended_by_the_sweeper(several, machine, at_work, voters):
    services.cancel(several.pk, voters["Alice"].address, clock())
    assert sweeper.settle() == 0, "its lease still holds"
    let_lapse(several.seats.get(slot=1))
    assert sweeper.settle() == 1
    assert list(live(several).values_list("slot", flat=True)) == [0]
    assert several.attempts.get(slot=1).outcome == "lost"
    assert sweeper.settle() == 0


def test_a_pause_reaches_the_members_and_their_seats_are_free_afterwards(several, machine, other, third, at_work):
    lead, member = at_work
    until = clock() + timedelta(hours=1)
    Run.objects.update(paused_until=until, paused_by="0x" + "1" * 40, pause_reason="Wait.")
    assert (beat(machine, several, lead), beat(other, several, member)) == ("pause", "pause")
    assert third.get("work").json() == {"runs": []}
    assert machine.post(f"runs/{several.pk}/stopped", place(lead)).status_code == 200
    assert beat(other, several, member) == "pause"
    assert other.post(f"runs/{several.pk}/stopped", place(member)).status_code == 200
    assert set(several.attempts.values_list("slot", "outcome")) == {(0, "paused"), (1, "paused")}
    assert third.post(f"runs/{several.pk}/claim").json()["code"] == "not_claimable"
    Run.objects.update(paused_until=just_past())
    assert [third.claim(several)["slot"], other.claim(several)["slot"]] == [0, 1]


def test_the_budget_is_what_all_machines_use_together_and_its_end_reaches_each(order):
    run = order(workers=2, budget={"device_seconds": 600})
    now = clock()
    lead, member = services.claim(run.pk, "lead", now), seats.claim(run.pk, "member", now)
    for lease in (lead, member):
        services.stream(lease, [{"event": "started"}], now)
    for seconds in range(10, 300, 10):
        moment = now + seconds * SECOND
        assert {services.heartbeat(lease, moment) for lease in (lead, member)} == {"continue"}
    run.refresh_from_db()
    assert budget.seconds_left(run, now + 290 * SECOND) == 20
    over = now + 300 * SECOND
    assert {services.heartbeat(lease, over) for lease in (lead, member)} == {"cancel"}
    services.stopped(member, over)
    assert run.attempts.get(slot=1).outcome == "budget_used_up"
    assert seats.claim(run.pk, "another", over) is None
    services.stopped(lead, over)
    run.refresh_from_db()
    assert (run.state(over), run.failure) == (State.FAILED, "budget_used_up")
    assert {attempt.device_seconds for attempt in run.attempts.all()} == {300}


def test_a_member_that_went_silent_uses_nothing_up_after_its_last_sign_of_life(order, settings):
    run = order(workers=2, budget={"device_seconds": 600})
    now = clock()
    lead, member = services.claim(run.pk, "lead", now), seats.claim(run.pk, "member", now)
    for lease in (lead, member):
        services.stream(lease, [{"event": "started"}], now)
    assert services.heartbeat(member, now + 20 * SECOND) == "continue"
    for seconds in range(10, 200, 10):
        services.heartbeat(lead, now + seconds * SECOND)
    run.refresh_from_db()
    assert budget.seconds_left(run, now + 190 * SECOND) == 600 - 190 - 20
    seats.claim(run.pk, "another", now + 190 * SECOND)
    assert run.attempts.get(slot=1, number=1).device_seconds == 20


def test_the_deadline_reaches_the_members_and_ends_their_attempts(order):
    run = order(deadline_seconds=24 * 3600)
    now = clock()
    lead, member = services.claim(run.pk, "lead", now), seats.claim(run.pk, "member", now)
    late = run.deadline_at
    assert {services.heartbeat(lease, late) for lease in (lead, member)} == {"cancel"}
    services.stopped(lead, late)
    assert services.heartbeat(member, late) == "stale"
    assert run.attempts.get(slot=1).outcome == "run_over"
    assert not live(run).exists()


def test_an_overdue_run_that_nobody_answers_for_leaves_no_attempt_behind(order):
    run = order(deadline_seconds=24 * 3600)
    now = clock()
    services.claim(run.pk, "lead", now)
    seats.claim(run.pk, "member", now)
    assert services.settle(run.deadline_at) == [run.pk]
    assert sorted(run.attempts.values_list("slot", "outcome")) == [(0, "lost"), (1, "run_over")]


def test_a_run_that_failed_needs_no_member_any_more(several, other, at_work):
    _, member = at_work
    services.fail(Lease(several.pk, 1), "payload_changed", "", clock(), permanent=True)
    assert beat(other, several, member) == "stale"
    assert several.attempts.get(slot=1).outcome == "run_over"
    late = other.post(f"runs/{several.pk}/stopped", place(member))
    assert (late.status_code, late.json()["code"]) == (409, "stale_lease")
    assert not live(several).exists()
    assert not several.seats.exclude(lease_owner="").exists()


def test_a_run_that_is_judged_needs_no_member_any_more(several, machine, other, at_work, tmp_path):
    lead, member = at_work
    told = machine.upload(several, lead["fence"], model_in(tmp_path / "model"))
    body = {"fence": lead["fence"], "description": told, "isolation": "none"}
    assert machine.post(f"runs/{several.pk}/trained", body).status_code == 200
    assert beat(other, several, member) == "continue", "its share may still end well"
    finish(machine, several, lead["fence"], told)
    assert beat(other, several, member) == "stale"
    assert set(several.attempts.values_list("slot", "outcome")) == {(0, "finished"), (1, "run_over")}


def test_a_members_lease_opens_nothing_of_the_leads(several):
    now = clock()
    services.claim(several.pk, "lead", now)
    member = seats.claim(several.pk, "member", now)
    for write in (
        lambda: services.trained(member, {}, "none", now),
        lambda: services.judge(member, {}, now),
        lambda: services.stream(Lease(several.pk, 2, 1), [{"event": "step"}], now),
        lambda: seats.took_part(Lease(several.pk, 1, 2), {}, now),
        lambda: seats.took_part(Lease(several.pk, 1, 9), {}, now),
    ):
        with pytest.raises(StaleLease):
            write()


def test_what_the_tables_forbid_is_impossible_by_hand(several):
    now = clock()
    services.claim(several.pk, "lead", now)
    seats.claim(several.pk, "member", now)
    for wrong in (
        lambda: Seat.objects.create(run=several, slot=1),
        lambda: Seat.objects.create(run=several, slot=0),
        lambda: several.seats.filter(slot=2).update(lease_owner="member"),
        lambda: several.seats.filter(slot=1).update(took_part_at=now),
        lambda: Attempt.objects.create(run=several, slot=1, number=2, owner="second", started_at=now),
        lambda: Attempt.objects.create(run=several, slot=1, number=1, owner="x", started_at=now, ended_at=now),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            wrong()


# --- what the sweeper tells workers -------------------------------------------------------------------------------


def test_workers_hear_of_a_free_seat_until_none_is_left_or_they_cannot_take_it(several, settings):
    now = clock()
    assert services.due(now) == [several.pk]
    services.claim(several.pk, "lead", now)
    assert services.due(now) == [several.pk]
    first, second = seats.claim(several.pk, "host:1", now), seats.claim(several.pk, "host:2", now)
    assert services.due(now) == []
    assert services.next_moment(now) == now + settings.LEASE_SECONDS * SECOND
    services.fail(first, "crash", "", now, permanent=False)
    assert services.next_moment(now) == now + 5 * SECOND
    assert services.due(now) == []
    rested = now + 5 * SECOND
    assert services.due(rested) == [several.pk]
    settings.RUN_HERE = False
    assert services.due(rested) == []
    settings.RUN_HERE = True
    services.fail(second, "crash", "", now, permanent=False)
    assert services.due(rested) == [], "its own machines have failed often enough; others may come"


def test_seats_of_a_run_that_has_begun_come_before_runs_that_have_not(order):
    early, late = order(), order()
    now = clock()
    services.claim(late.pk, "lead", now)
    assert services.due(now) == [late.pk, early.pk]
