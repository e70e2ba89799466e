"""A worker dies, hangs or is never told: another one goes on from the last checkpoint, and the run ends once."""

import os
import signal
import sqlite3

import pytest
from django.db import IntegrityError, transaction

from config import sweeper
from governance.clock import now as clock
from tests.faults.runs_site import LEASE_SECONDS, alive, until
from tests.moments import just_past
from training_jobs import checkpoints, services, worker
from training_jobs.models import Attempt, Run

EVERY = 5


def finished(site):
    run = site.run
    return run.verdict == "accepted" and run.version_id is not None


def test_a_worker_killed_in_mid_run_takes_its_trainer_along_and_another_goes_on_from_its_checkpoint(site):
    site.simulate(f"steps=60 seconds=0.05 every={EVERY}")
    doomed = site.worker("doomed")
    until(lambda: site.step(1) >= 12)
    doomed.kill()
    doomed.wait()
    until(lambda: not alive(site.folder(1)))
    left = site.kept(1)
    written = max(left)
    assert services.claim(site.run_id, "too early", clock()) is None
    until(lambda: site.run_id in services.due(clock()), LEASE_SECONDS + 1)
    site.worker("heir")
    until(lambda: finished(site))
    assert site.outcomes() == [("doomed", "lost"), ("heir", "finished")]
    assert site.resumed_at(2) == written, "wasted: less than one interval"
    heir = site.run.events.filter(attempt=2, kind="step").values_list("data__step", flat=True)
    assert (min(heir), max(heir)) == (written + 1, 60)
    assert not (site.folder(1) / "inputs").exists(), "what nobody needs of an ended attempt is removed"
    assert (site.folder(2) / "artifact").exists()
    assert checkpoints.steps_in(site.folder(2)) == []


def test_a_stopped_worker_whose_run_another_one_finished_writes_nothing_and_its_trainer_is_dead(site):
    site.simulate(f"steps=120 seconds=0.05 every={EVERY}")
    stopped = site.worker("stopped")
    until(lambda: site.step(1) >= 6)
    os.kill(stopped.pid, signal.SIGSTOP)
    until(lambda: site.run_id in services.due(clock()), LEASE_SECONDS + 1)
    assert not alive(site.folder(1)), "the guard has ended the trainer before the lease could be taken over"
    site.worker("heir")
    until(lambda: finished(site))
    said = site.run.events.count()
    before = Run.objects.values().get()
    os.kill(stopped.pid, signal.SIGCONT)
    assert stopped.wait(20) == 0
    assert site.run.events.count() == said
    assert Run.objects.values().get() == before
    assert site.outcomes() == [("stopped", "lost"), ("heir", "finished")]


def test_a_worker_that_wakes_up_before_anybody_took_over_goes_back_to_the_line(site):
    """Its trainer is dead by then; the run is tried again from the checkpoint."""
    site.simulate(f"steps=120 seconds=0.05 every={EVERY}")
    sleeper = site.worker("sleeper")
    until(lambda: site.step(1) >= 6)
    os.kill(sleeper.pid, signal.SIGSTOP)
    until(lambda: not alive(site.folder(1)))
    os.kill(sleeper.pid, signal.SIGCONT)
    assert sleeper.wait(20) == 0
    assert site.outcomes() == [("sleeper", "lost_contact")]
    assert site.kept(1)
    assert site.run.failed_at is None


def test_a_checkpoint_that_changed_after_it_was_written_is_not_gone_on_from(site):
    site.simulate(f"steps=40 seconds=0.05 every={EVERY}")
    doomed = site.worker("doomed")
    until(lambda: len(site.written(1)) == 2)
    doomed.kill()
    doomed.wait()
    until(lambda: not alive(site.folder(1)))
    older, newest = checkpoints.steps_in(site.folder(1))
    (checkpoints.folder_of(site.folder(1), newest) / "state.json").write_text('{"step": 39}')
    Run.objects.update(lease_expires_at=just_past())
    site.worker("heir")
    until(lambda: finished(site))
    assert site.resumed_at(2) == older


def test_the_heir_has_files_of_its_own(site):
    """A zombie that still writes into its checkpoint reaches no file of the next attempt."""
    site.simulate(f"steps=400 seconds=0.05 every={EVERY}")
    doomed = site.worker("doomed")
    until(lambda: site.written(1))
    doomed.kill()
    doomed.wait()
    until(lambda: not alive(site.folder(1)))
    Run.objects.update(lease_expires_at=just_past())
    heir = site.worker("heir")
    until(lambda: site.step(2) > 0)
    heir.kill()  # at rest: while it trains, checkpoints come and go under our eyes
    heir.wait()
    until(lambda: not alive(site.folder(2)))
    of_first, of_second = ({path.stat().st_ino for path in site.folder(number).rglob("*")} for number in (1, 2))
    assert not of_first & of_second


def test_two_workers_at_once_are_one_attempt_and_two_live_attempts_are_impossible(site):
    site.simulate("steps=20 seconds=0.05")
    for name in ("first", "second"):
        site.worker(name)
    until(lambda: all(process.poll() is not None for process in site.workers))
    assert [outcome for _, outcome in site.outcomes()] == ["finished"]
    Attempt.objects.update(ended_at=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.create(run=site.run, number=9, owner="another", started_at=clock())


def test_a_database_that_is_locked_for_a_while_costs_the_run_nothing(site):
    site.simulate(f"steps=60 seconds=0.05 every={EVERY}")
    site.worker("patient", COMMONWEIGHTS_LEASE_SECONDS="20", COMMONWEIGHTS_HEARTBEAT_SECONDS="3")
    until(lambda: site.step(1) >= 3)
    holder = sqlite3.connect(site.url.removeprefix("sqlite://"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    until((site.folder(1) / "artifact.json").exists)
    holder.execute("ROLLBACK")
    holder.close()
    until(lambda: finished(site))
    assert site.outcomes() == [("patient", "finished")]
    steps = site.run.events.filter(kind="step").values_list("data__step", flat=True)
    assert list(steps) == list(range(1, 61)), "what was said meanwhile is written down once it can be"


def test_a_trainer_without_a_database_is_dead_before_its_lease_runs_out(site):
    site.simulate(f"steps=4000 seconds=0.05 every={EVERY}")
    site.worker("cut off")
    until(lambda: site.step(1) >= 3)
    holder = sqlite3.connect(site.url.removeprefix("sqlite://"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    expires = site.run.lease_expires_at
    until(lambda: not alive(site.folder(1)))
    died = clock()
    holder.execute("ROLLBACK")
    holder.close()
    assert died < expires
    until(lambda: site.outcomes() == [("cut off", "lost_contact")])


def test_a_run_whose_message_was_lost_is_found_by_the_sweeper(site, monkeypatch):
    """Celery is never told; the sweeper reads the database, again and again until somebody works on the run."""
    sent = []
    monkeypatch.setattr(sweeper.run_job, "apply_async", lambda arguments, **_: sent.append(arguments))
    assert sweeper.nudge() == 1
    assert sweeper.nudge() == 1, "nobody took it: told again"
    services.claim(site.run_id, "worker", clock())
    assert sweeper.nudge() == 0
    until(lambda: sweeper.nudge() == 1, LEASE_SECONDS + 2)
    assert sent == [(site.run_id,)] * 3


def test_a_worker_that_is_told_to_end_leaves_a_checkpoint_and_the_run_goes_on_at_once(site, stepping):
    site.simulate(f"steps=60 seconds=0.05 every={EVERY}")
    worker.work(site.run_id, "leaving", leaving=lambda: site.step(1) >= 6)
    left = max(site.kept(1))
    assert site.outcomes() == [("leaving", "released")]
    worker.work(site.run_id, "next")
    assert (site.run.verdict, site.resumed_at(2)) == ("accepted", left)


def test_to_be_asked_to_end_uses_up_no_attempt(site, stepping, settings):
    settings.RUN_ATTEMPTS_MAX = 1
    site.simulate("steps=10 seconds=0.01")
    worker.work(site.run_id, "gone already", leaving=lambda: True)
    assert site.outcomes() == [], "who is leaving takes nothing"
    for number in range(3):
        worker.work(site.run_id, f"leaving {number}", leaving=lambda: site.run.fence > number)  # noqa: B023
    worker.work(site.run_id, "last")
    assert [outcome for _, outcome in site.outcomes()] == ["released"] * 3 + ["finished"]
