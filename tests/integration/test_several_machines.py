"""One voted run on several machines: a site, a relay and bots, each a process of its own, from the vote to the release."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from config.demo import specs
from governance.clock import now as clock
from models_registry import services as registry
from models_registry.provenance.verify import TrustRoots, check
from tests.integration.bots import ROOT, Bot, db, eventually, running, site, template, trainable_base  # noqa: F401 - fixtures
from tests.integration.conftest import pass_
from training_jobs import services, worker
from training_jobs.lifecycle import State
from training_jobs.models import Run

DONE, STOPPED, NOTHING = 0, 4, 75
# For what comes to its end on a machine with much else to do; no test takes so long on one that is free.
WAIT_SECONDS = 600
TOPOLOGY = {
    "workers": 2,
    "local_steps": 4,
    "outer_learning_rate": "0.7",
    "outer_momentum": "0.6",
    "rank": 8,
    "bits": 4,
    "delay": 1,
    "adaptive": True,
    "aggregation": "mean",
}


@pytest.fixture
def relay(tmp_path, settings) -> Iterator[str]:
    """A relay of its own process, which shares a secret with the site."""
    secret = tmp_path / "relay.secret"
    secret.write_bytes(secrets.token_bytes(32))
    command = [
        sys.executable,
        "-m",
        "training_jobs.exchange.relay",
        str(tmp_path / "relay"),
        "--secret-file",
        str(secret),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        url = process.stdout.readline().strip()
        settings.RELAY_URL, settings.RELAY_SECRET_FILE = url, str(secret)
        settings.RUN_STRATEGIES = ["single", "diloco", "dilocox"]
        yield url
        process.kill()


@pytest.fixture
def bot(site, relay, community, voters, tmp_path):  # noqa: F811
    """Make a bot of Alice's."""
    return lambda name: Bot(site, community, voters["Alice"].address, tmp_path / name)


@pytest.fixture
def update(community, dataset, suite, rule, tmp_path):
    """The payload of a small model update, of a base that can really be trained."""
    pinned = trainable_base(community, tmp_path / "base")
    return {**specs.good_update(pinned, dataset.digest, suite.digest), "sequence_length": 128, "checkpoint_steps": 5}


@pytest.fixture
def ordered(relay, update, propose, voters, settings):
    """Order a dilocox run of two machines and so many epochs, under a lease of seconds."""
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 12, 2
    settings.RUN_HERE = False

    def order(epochs, **other):
        several = {"strategy": "dilocox", "topology": {**TOPOLOGY, **other}}
        spec = {**update, **several, "epochs": epochs, "budget": {"device_seconds": 6_000}}
        pass_(propose("model_update", {"spec": spec}), voters)
        return Run.objects.get()

    return order


def test_two_machines_train_what_was_voted_for_and_the_release_verifies(ordered, bot):
    run, one, two = ordered(8, stages=2), bot("one"), bot("two")
    with contextlib.ExitStack() as stack:
        ended = [stack.enter_context(running(each.start("--once"))) for each in (one, two)]
        assert [process.wait(WAIT_SECONDS) for process in ended] == [DONE, DONE], one.log + two.log
    run.refresh_from_db()
    assert run.verdict == "accepted", run.failure_detail
    assert {attempt.slot: attempt.outcome for attempt in run.attempts.all()} == {0: "finished", 1: "finished"}
    assert len({attempt.owner for attempt in run.attempts.all()}) == 2
    seat = run.seats.get()
    assert seat.description["files"] == run.run_record.body["artifact"], "both machines made the same bytes"
    worker.release(run.pk)
    run.refresh_from_db()
    report = check(registry.version_folder(run.version), TrustRoots(release_key=run.community.release_key))
    assert report.ok, report.to_dict()
    assert bot("three").once() == NOTHING


def test_a_member_that_is_killed_is_replaced_and_the_run_goes_on(ordered, bot):
    run, lead, lost, late = ordered(60), bot("lead"), bot("lost"), bot("late")
    with running(lead.start("--once")) as leading:
        eventually(lambda: run.attempts.filter(slot=0).exists())
        with running(lost.start("--once")) as losing:
            eventually(lambda: run.events.filter(slot=1, kind="step").exists())
            os.killpg(losing.pid, signal.SIGKILL)
            losing.wait(10)
        assert leading.poll() is None, "the run goes on"
        eventually(lambda: run.seats.get().lease_expires_at < clock())
        assert late.once() == DONE, late.log
        assert leading.wait(WAIT_SECONDS) == DONE, lead.log
    run.refresh_from_db()
    assert run.verdict == "accepted", run.failure_detail
    outcomes = list(run.attempts.filter(slot=1).order_by("number").values_list("owner", "outcome"))
    assert outcomes == [(lost.runner.lease_name, "lost"), (late.runner.lease_name, "finished")]
    assert run.seats.get().description["files"] == run.run_record.body["artifact"]


def test_a_lead_that_is_killed_is_replaced_while_the_member_goes_on(ordered, bot):
    run, lost, member, late = ordered(60), bot("lost"), bot("member"), bot("late")
    with running(lost.start("--once")) as losing:
        eventually(lambda: run.attempts.filter(slot=0).exists())
        with running(member.start("--once")) as going_on:
            eventually(lambda: run.events.filter(slot=0, kind="checkpoint").exists())
            os.killpg(losing.pid, signal.SIGKILL)
            losing.wait(10)
            eventually(lambda: Run.objects.get().state(clock()) == State.STALLED)
            assert late.once() == DONE, late.log
            assert going_on.wait(WAIT_SECONDS) == DONE, member.log
    run.refresh_from_db()
    assert run.verdict == "accepted", run.failure_detail
    assert run.seats.get().description["files"] == run.run_record.body["artifact"]


def test_a_canceled_run_reaches_every_machine(ordered, bot, voters):
    run, one, two = ordered(400), bot("one"), bot("two")
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(running(each.start("--once"))) for each in (one, two)]
        for slot in (0, 1):
            eventually(lambda slot=slot: run.events.filter(slot=slot, kind="step").exists())
        services.cancel(run.pk, voters["Alice"].address, clock())
        assert [process.wait(60) for process in processes] == [STOPPED, STOPPED], one.log + two.log
    assert Run.objects.get().state(clock()) == State.CANCELED
    assert not run.attempts.filter(ended_at__isnull=True).exists()
