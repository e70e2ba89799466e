"""Cancel, a guardian's pause, the budget and the deadline reach a running child in time and leave a checkpoint."""

from datetime import timedelta

import pytest

from config import sweeper
from governance.clock import now as clock
from governance.errors import Conflict, Forbidden, Invalid
from governance.models import Event
from tests.faults.runs_site import alive, until
from tests.moments import just_past
from training_jobs import lifecycle, services, worker
from training_jobs.lifecycle import NotAllowed, State
from training_jobs.models import Run

REACHED_SECONDS_MAX = 15
PRODUCTION = {"COMMONWEIGHTS_LEASE_SECONDS": "60", "COMMONWEIGHTS_HEARTBEAT_SECONDS": "15"}
LONG = "steps=4000 seconds=0.05 every=100000"  # only who is asked to end leaves a checkpoint


def at_work(site, **environment):
    """Start a worker and wait until it trains."""
    process = site.worker("worker", **environment)
    until(lambda: site.step(1) >= 3)
    return process


def test_a_canceled_run_ends_within_seconds_and_leaves_a_checkpoint(site):
    site.simulate(LONG)
    at_work(site, **PRODUCTION)
    services.cancel(site.run_id, site.commons.address("Alice"), clock())
    assert site.run.state(clock()) is State.STOPPING
    took = until(lambda: site.run.state(clock()) is State.CANCELED)
    assert took <= REACHED_SECONDS_MAX
    assert not alive(site.folder(1))
    assert len(site.kept(1)) == 1
    assert site.outcomes() == [("worker", "canceled")]


def test_a_paused_run_stops_with_a_checkpoint_and_goes_on_from_it_afterwards(site, settings):
    settings.RUN_ATTEMPTS_MAX = 1
    site.simulate(LONG)
    at_work(site, **PRODUCTION)
    paused = services.pause(site.run_id, site.commons.address("Bob"), " Something is odd. ", clock())
    assert (paused.pause_reason, site.run.state(clock())) == ("Something is odd.", State.PAUSING)
    took = until(lambda: site.run.state(clock()) is State.PAUSED)
    assert took <= REACHED_SECONDS_MAX
    assert not alive(site.folder(1))
    left = site.kept(1)[0]
    assert services.due(clock()) == []
    assert services.claim(site.run_id, "impatient", clock()) is None
    Run.objects.update(paused_until=just_past())
    site.simulate(f"steps={left + 5} seconds=0.01")
    assert services.due(clock()) == [site.run_id]
    site.worker("next")
    until(lambda: site.run.verdict)
    assert (site.resumed_at(2), site.outcomes()) == (left, [("worker", "paused"), ("next", "finished")])
    assert Event.objects.get(kind="run_paused").data["reason"] == "Something is odd."


def test_a_trainer_that_does_not_listen_is_killed(site):
    site.simulate("steps=20 seconds=0.05 every=5 then=deaf")
    site.worker("worker")
    until(lambda: site.step(1) >= 10)
    services.cancel(site.run_id, site.commons.address("Alice"), clock())
    took = until(lambda: site.run.state(clock()) is State.CANCELED)
    assert took <= REACHED_SECONDS_MAX
    assert not alive(site.folder(1))
    assert site.kept(1) == [5], "the checkpoint before it went deaf is there"


def test_a_budget_that_is_used_up_ends_the_run_with_a_checkpoint(site, stepping, monkeypatch):
    site.simulate(LONG)
    approve(monkeypatch, device_seconds=2)
    worker.work(site.run_id, "worker")
    run = site.run
    assert (run.state(clock()), run.failure, site.outcomes()) == (
        State.FAILED,
        "budget_used_up",
        [("worker", "budget_used_up")],
    )
    assert len(site.kept(1)) == 1
    assert run.attempts.get().device_seconds in {1, 2, 3}


def test_a_budget_counts_all_attempts(site, stepping, monkeypatch):
    site.simulate(LONG)
    approve(monkeypatch, device_seconds=5)
    worker.work(site.run_id, "first", leaving=lambda: site.run.events.filter(kind="step").count() > 40)
    used = site.run.attempts.get().device_seconds
    assert used >= 1
    began = clock()
    worker.work(site.run_id, "second")
    assert (site.run.failure, site.outcomes()[0]) == ("budget_used_up", ("first", "released"))
    assert clock() - began < timedelta(seconds=5 - used + 3)


def test_a_deadline_ends_a_running_attempt_with_a_checkpoint(site):
    site.simulate(LONG)
    at_work(site)
    Run.objects.update(deadline_at=just_past())
    until(lambda: site.run.failed_at)
    assert (site.run.failure, site.outcomes()) == ("deadline_passed", [("worker", "deadline_passed")])
    assert len(site.kept(1)) == 1


def test_a_deadline_that_passes_while_nobody_works_is_found_by_the_sweeper(site):
    Run.objects.update(deadline_at=just_past())
    assert site.run.state(clock()) is State.OVERDUE
    assert services.due(clock()) == []
    assert sweeper.settle() == 1
    assert sweeper.settle() == 0
    assert (site.run.state(clock()), site.run.failure) == (State.FAILED, "deadline_passed")
    assert services.claim(site.run_id, "late", clock()) is None


def test_the_attempt_of_a_canceled_run_whose_worker_died_is_closed_by_the_sweeper(site):
    services.claim(site.run_id, "dead", clock())
    services.cancel(site.run_id, site.commons.address("Alice"), clock())
    Run.objects.update(lease_expires_at=just_past())
    assert sweeper.settle() == 1
    assert sweeper.settle() == 0
    assert site.outcomes() == [("dead", "lost")]


@pytest.mark.parametrize("name", ["Alice", "Mallory"])
def test_only_guardians_pause_a_run(site, name):
    with pytest.raises(Forbidden) as refusal:
        services.pause(site.run_id, site.commons.address(name), "Wait.", clock())
    assert refusal.value.code == "not_a_guardian"
    assert site.run.paused_until is None


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_guardian_says_why_in_a_few_words(site, reason):
    with pytest.raises(Invalid):
        services.pause(site.run_id, site.commons.address("Bob"), reason, clock())


def test_a_run_is_paused_once_and_not_after_its_end(site):
    services.pause(site.run_id, site.commons.address("Bob"), "Wait.", clock())
    with pytest.raises(NotAllowed):
        services.pause(site.run_id, site.commons.address("Chloé"), "Longer.", clock())
    Run.objects.update(paused_until=just_past())
    with pytest.raises(Conflict) as refusal:
        services.pause(site.run_id, site.commons.address("Chloé"), "Again.", clock())
    assert refusal.value.code == "already_paused"
    services.cancel(site.run_id, site.commons.address("Alice"), clock())
    with pytest.raises(NotAllowed):
        services.pause(site.run_id, site.commons.address("Chloé"), "Late.", clock())


def test_a_pause_leaves_half_of_the_time_to_the_deadline(site):
    now = clock().replace(microsecond=0)
    Run.objects.update(deadline_at=now + timedelta(seconds=100))
    paused = services.pause(site.run_id, site.commons.address("Bob"), "Wait.", now)
    assert paused.paused_until == now + timedelta(seconds=50)


def test_a_machine_that_takes_a_run_and_gives_it_back_for_ever_ends_too(site):
    for number in range(lifecycle.UNCOUNTED_MAX):
        lease = services.claim(site.run_id, f"worker {number}", clock())
        services.stopped(lease, clock())
    assert services.claim(site.run_id, "once more", clock()) is None
    assert site.run.failure == "attempts_used_up"


def approve(monkeypatch, device_seconds):
    """Let the approved budget be so much: the record itself cannot be changed."""
    from governance.models import Record

    body = Record.body

    def smaller(record):
        found = body.__get__(record)
        return {**found, "budget": {"device_seconds": device_seconds}} if record.kind == "spec" else found

    monkeypatch.setattr(Record, "body", property(smaller))
