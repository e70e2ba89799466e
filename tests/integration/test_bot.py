"""The bot as a process of its own against a site that serves: from the vote to a release that verifies, and what breaks."""

import contextlib
import os
import signal
import stat
from datetime import timedelta

import pytest

from config.demo import specs
from governance.clock import now as clock
from models_registry import services as registry
from models_registry.provenance.verify import TrustRoots, check
from tests.integration.bots import Bot, db, eventually, running, site, template, trainable_base, unused_port  # noqa: F401 - fixtures
from tests.integration.conftest import pass_
from tests.integration.machines import files_below
from training_jobs import services, worker
from training_jobs.lifecycle import State
from training_jobs.models import Run, RunnerToken
from training_jobs.runners import services as runners

DONE, FAILED, CONFIGURATION, REFUSED, STOPPED, UNREACHABLE, NOTHING = 0, 1, 2, 3, 4, 69, 75
WAIT_SECONDS = 120


@pytest.fixture
def update(community, dataset, suite, rule, tmp_path):
    """The payload of a small model update, of a base that can really be trained."""
    pinned = trainable_base(community, tmp_path / "base")
    return {"spec": {**specs.good_update(pinned, dataset.digest, suite.digest), "sequence_length": 128}}


@pytest.fixture
def bot(site, community, voters, tmp_path):  # noqa: F811
    """Make a bot of Alice's."""
    return lambda name="bot", **other: Bot(site, community, voters["Alice"].address, tmp_path / name, **other)


@pytest.fixture
def ordered(update, propose, voters, settings):
    """Order a run of so many epochs, under a lease of seconds."""
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 6, 2

    def order(epochs):
        spec = {**update["spec"], "epochs": epochs, "checkpoint_steps": 5, "budget": {"device_seconds": 3_000}}
        pass_(propose("model_update", {"spec": spec}), voters)
        return Run.objects.get()

    return order


def test_a_bot_takes_what_was_voted_for_and_the_release_verifies(run, bot):
    one = bot()
    assert one.once() == DONE, one.log
    run.refresh_from_db()
    assert run.verdict == "accepted", run.failure_detail
    assert run.attempts.get().owner == one.runner.lease_name
    assert run.run_record.body["isolation"].startswith("remote: ")
    worker.release(run.pk)
    run.refresh_from_db()
    report = check(registry.version_folder(run.version), TrustRoots(release_key=run.community.release_key))
    assert report.ok, report.to_dict()
    assert not any("uploads" in name for name in files_below(run))
    assert set(one.left()) <= {"lock", "speed"}
    assert one.token not in one.log
    assert one.once() == NOTHING


def test_a_bad_line_costs_time_and_nothing_else(run, bot, site, settings):  # noqa: F811
    """The first answer of every kind of call is lost after the site has done it, and the first of every file is cut."""
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 20, 3
    met = set()

    def trouble(method, path):
        kind = path.split("/")[6] if path.startswith("/api/v1/runner/runs/") else ""
        place = (method, path) if kind == "files" or method in {"PUT", "HEAD"} else (method, kind)
        if kind in {"", "claim", "proof"} or place in met:
            return ""
        met.add(place)
        return "cut" if "/files/" in path else "lost"

    site.trouble = trouble
    one = bot()
    assert one.once() == DONE, one.log
    assert {kind for _, kind in met} >= {"heartbeat", "events", "trained", "evaluated"}
    assert any("/files/inputs/base/model.safetensors bytes=" in line for line in site.seen), "the download went on"
    run.refresh_from_db()
    assert run.verdict == "accepted"
    assert run.attempts.count() == 1
    assert [event.kind for event in run.events.filter(kind__in=["trained", "judged"])] == ["trained", "judged"]


def test_of_two_bots_at_once_one_gets_the_run_and_the_other_nothing(run, bot, site):  # noqa: F811
    bots = [bot("one"), bot("two")]
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(running(each.start("--once"))) for each in bots]
        ended = sorted(process.wait(240) for process in processes)
    assert ended == [DONE, NOTHING], [each.log for each in bots]
    assert run.attempts.count() == 1


def test_a_bot_that_is_killed_loses_its_run_to_the_next_which_goes_on_from_its_checkpoint(ordered, bot):
    """One bot is asked to stop, the next is killed, the third finishes: nothing is trained twice but since a checkpoint."""
    run = ordered(60)
    first, second, third = bot("first"), bot("second"), bot("third")
    with running(first.start("--once")) as process:
        eventually(lambda: run.events.filter(kind="step").exists())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == STOPPED, first.log
    assert Run.objects.get().state(clock()) == State.QUEUED
    with running(second.start("--once")) as process:
        resumed = eventually(lambda: run.events.filter(attempt=2, kind="resumed").first())
        assert resumed.data["step"] >= 1
        eventually(lambda: _checkpoint_of(run, 2))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    eventually(lambda: Run.objects.get().state(clock()) == State.STALLED)
    assert third.once() == DONE, third.log
    assert run.events.get(attempt=3, kind="resumed").data["step"] > resumed.data["step"]
    attempts = list(run.attempts.order_by("number").values_list("owner", "outcome"))
    outcomes = ("released", "lost", "finished")
    assert attempts == [
        (each.runner.lease_name, how) for each, how in zip((first, second, third), outcomes, strict=True)
    ]
    run.refresh_from_db()
    assert run.verdict == "accepted"
    assert not any("uploads" in name for name in files_below(run))


def _checkpoint_of(run, attempt):
    return [name for name in files_below(run) if name.startswith(f"{attempt}/checkpoints/") and "manifest" in name]


def test_a_canceled_run_reaches_the_bots_trainer(ordered, bot, voters):
    long_run, one = ordered(400), bot()
    with running(one.start("--once")) as process:
        eventually(lambda: long_run.events.filter(kind="step").exists())
        services.cancel(long_run.pk, voters["Alice"].address, clock())
        assert process.wait(60) == STOPPED, one.log
    assert Run.objects.get().state(clock()) == State.CANCELED


def test_a_bot_renews_its_token_before_it_ends_and_the_new_one_works(community, bot):
    one = bot()
    made = clock() - timedelta(days=80)
    RunnerToken.objects.update(created_at=made, expires_at=made + timedelta(days=90))
    assert one.once() == NOTHING, one.log
    renewed = (one.folder / "token").read_text().strip()
    assert renewed.startswith("cwr_")
    assert renewed != one.token
    assert stat.S_IMODE((one.folder / "token").stat().st_mode) == 0o600
    RunnerToken.objects.order_by("pk")[:1].get().delete()
    assert one.once() == NOTHING, one.log


def test_a_bot_says_with_its_status_what_keeps_it_from_working(community, bot, voters):
    one = bot()
    one.write(f"http://127.0.0.1:{unused_port()}", community.record_id)
    assert one.once() == UNREACHABLE
    one = bot("revoked")
    runners.revoke(one.runner.pk, voters["Alice"].address, clock())
    assert one.once() == CONFIGURATION
    assert "does not accept the token" in one.log


def test_a_budget_larger_than_the_machine_gives_is_left_to_others(run, bot):
    one = bot(limits="device_seconds = 60")
    assert one.once() == NOTHING, one.log
    assert run.attempts.count() == 0
