"""The real trainer under the real supervisor: killed in the middle, taken over, and nobody can tell from the result."""

import json
import shutil

import pytest

from governance.clock import now as clock
from tests.faults import runs_site
from tests.faults.runs_site import alive, until
from tests.moments import just_past
from training_jobs import services
from training_jobs.lifecycle import State
from training_jobs.models import Run

EVERY = 50


@pytest.fixture(scope="module")
def made(tmp_path_factory, django_db_blocker):
    """A site with an approved run of a model of two thin layers: some hundred quick steps."""
    folder = tmp_path_factory.mktemp("real")
    base = runs_site.thin(folder / "base")
    changes = {
        "epochs": 60,
        "batch_size": 32,
        "sequence_length": 128,
        "checkpoint_steps": EVERY,
        "budget": {"device_seconds": 3_600},
    }
    with django_db_blocker.unblock():
        return runs_site.make(folder, base, changes)


@pytest.fixture
def site(made, tmp_path, django_db_blocker, settings):
    """A site with an approved run, for one test."""
    with django_db_blocker.unblock(), runs_site.copied(made, tmp_path, settings) as copy:
        yield copy


def test_a_run_that_was_paused_and_then_killed_gives_the_bytes_of_one_that_was_not(site, tmp_path):
    site.worker("first", trainer="")
    until(lambda: site.written(1))
    services.pause(site.run_id, site.commons.address("Bob"), "Wait.", clock())
    until(lambda: site.run.state(clock()) is State.PAUSED)
    paused_at = max(site.kept(1))
    Run.objects.update(paused_until=just_past())
    doomed = site.worker("doomed", trainer="")
    until(lambda: max(site.written(2), default=0) > paused_at)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(site.folder(2) / "inputs", undisturbed / "inputs")
    shutil.copyfile(site.folder(2) / "spec.json", undisturbed / "spec.json")
    doomed.kill()
    doomed.wait()
    until(lambda: not alive(site.folder(2)))
    killed_at = max(site.kept(2))
    Run.objects.update(lease_expires_at=just_past())
    site.worker("heir", trainer="")
    from training_jobs.trainer import job

    assert job.run(undisturbed) == 0
    until(lambda: site.run.run_record_id)
    assert site.outcomes() == [("first", "paused"), ("doomed", "lost"), ("heir", "")]
    assert (site.resumed_at(2), site.resumed_at(3)) == (paused_at, killed_at)
    whole = json.loads((undisturbed / "artifact.json").read_text())
    interrupted = site.run.run_record.body
    assert interrupted["artifact"] == whole["files"]
    assert (interrupted["steps"], interrupted["trace_sha256"]) == (whole["steps"], whole["trace_sha256"])
