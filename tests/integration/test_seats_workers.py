"""A run of several machines without any lent machine: worker processes of the site take the lead and the seats."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import contextlib
import os
import subprocess
import sys

import pytest

from tests.faults.runs_site import WORKER
from tests.integration.bots import ROOT, db, running, template
from tests.integration.test_several_machines import WAIT_SECONDS, eventually, ordered, relay, update
from training_jobs import folders, seats, services
from training_jobs.models import Run


@pytest.fixture
def own_folder(settings, tmp_path):
    """Runs of other tests have the same numbers."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()


@pytest.fixture
def start(db, relay, own_folder, settings):
    """Start a worker of the site that looks at a run once."""

    def started(run, owner):
        chosen = {
            "DATABASE": db,
            "DATA": settings.DATA_DIR,
            "ARTIFACTS": settings.ARTIFACTS_DIR,
            "KEYS": settings.KEYS_DIR,
            "RUNS": settings.RUNS_DIR,
            "LEASE_SECONDS": 6,
            "HEARTBEAT_SECONDS": 2,
            "RELAY_URL": relay,
            "RELAY_SECRET_FILE": settings.RELAY_SECRET_FILE,
            "RUN_STRATEGIES": "single,dilocox",
        }
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER, str(run.pk), owner, ""],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "DJANGO_SETTINGS_MODULE": "config.settings",
                **{f"COMMONWEIGHTS_{name}": str(value) for name, value in chosen.items()},
            },
            start_new_session=True,
        )

    return started


def test_two_workers_of_the_site_do_a_run_alone_and_publish_it(ordered, start):
    run = ordered(8)
    with contextlib.ExitStack() as stack:
        lead = stack.enter_context(running(start(run, "host:1")))
        eventually(lambda: run.attempts.filter(slot=0).exists())
        member = stack.enter_context(running(start(run, "host:2")))
        assert [process.wait(WAIT_SECONDS) for process in (lead, member)] == [0, 0]
    run = Run.objects.select_related("run_record", "version").get()
    assert run.verdict == "accepted", run.failure_detail
    assert run.version.number == 1
    tried = run.attempts.values_list("slot", "owner", "outcome")
    assert list(tried) == [(0, "host:1", "finished"), (1, "host:2", "finished")]
    assert seats.agrees(run, run.seats.get()) is True
    assert [event.kind for event in run.events.filter(slot=1).exclude(kind="step")][:2] == ["claimed", "started"]
    folders.clean(run.pk)
    kept = {path.name for path in folders.folder_of(services.Lease(run.pk, 1, 1)).iterdir()}
    assert not kept & {"inputs", "artifact", "checkpoints"}
    assert {"events.jsonl", "artifact.json"} <= kept
    for slot in (0, 1):
        exchange = folders.folder_of(services.Lease(run.pk, 1, slot)) / "exchange"
        assert {path.name for path in exchange.iterdir()} & {"rounds", "out"} == set(), "payloads are large"
