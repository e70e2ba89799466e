"""A worker killed in the middle of a preview: another one begins again, and nothing that was made stays."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings as project

from governance.clock import now as clock
from tests.faults import runs_site
from tests.faults.runs_site import alive, until
from tests.integration import preview_site
from tests.integration.preview_site import weights_below
from tests.integration.test_races import using
from tests.testbed import migrated
from training_jobs.models import Preview
from training_jobs.previews import work
from training_jobs.previews.lifecycle import State

# The real worker; only the trainer is another one.
WORKER = f"""
import sys
import django
django.setup()
from training_jobs import runner, supervisor
from training_jobs.previews import work
supervisor.TRAINER = supervisor.EVALUATOR = "{preview_site.STAND_IN}"
runner.CODE_FOLDERS = (*runner.CODE_FOLDERS, "tests")
work.work(int(sys.argv[1]), sys.argv[2])
"""


@pytest.fixture
def site(tmp_path, settings, django_db_blocker):
    """A community in a database file, which other processes can open."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.PREVIEW_STEPS = 3
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = runs_site.LEASE_SECONDS, 1
    database = tmp_path / "site.sqlite3"
    with django_db_blocker.unblock(), using(f"sqlite://{database}"):
        migrated.give_tables(database)
        with preview_site.prepared(tmp_path, runs_site.tiny(tmp_path / "base")) as found:
            yield found


def worker(preview, owner, folder):
    """Start a worker that looks at a preview."""
    chosen = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(project.BASE_DIR),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "COMMONWEIGHTS_DATA": str(project.DATA_DIR),
        "COMMONWEIGHTS_ARTIFACTS": str(folder / "artifacts"),
        "COMMONWEIGHTS_RUNS": str(project.RUNS_DIR),
        "COMMONWEIGHTS_DATABASE": f"sqlite://{folder}/site.sqlite3",
        "COMMONWEIGHTS_LEASE_SECONDS": str(runs_site.LEASE_SECONDS),
        "COMMONWEIGHTS_HEARTBEAT_SECONDS": "1",
    }
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", WORKER, str(preview.pk), owner], env=chosen)


def test_a_preview_whose_worker_was_killed_begins_again_and_leaves_nothing(site, tmp_path):
    site.simulate("stubborn")
    preview = site.order(site.draft())
    doomed = worker(preview, "doomed", tmp_path)
    until(lambda: weights_below(work.folder_of(preview.pk) / "1" / "checkpoints"))
    doomed.kill()
    doomed.wait()
    until(lambda: not alive(work.folder_of(preview.pk)))
    preview.refresh_from_db()
    assert preview.state(clock() + timedelta(seconds=runs_site.LEASE_SECONDS)) is State.STALLED
    until(lambda: Preview.objects.get().state(clock()) is State.STALLED)
    site.simulate("")
    assert worker(preview, "heir", tmp_path).wait(runs_site.WAIT_SECONDS_MAX) == 0
    preview.refresh_from_db()
    assert (preview.fence, preview.state(clock())) == (2, State.DONE)
    assert preview.removed_at
    assert weights_below(project.RUNS_DIR) == []
