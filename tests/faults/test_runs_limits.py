"""What a trainer may not do, and how it goes wrong: each cause has its own name, and only what can help is tried again."""

import shutil
import subprocess

import pytest

from governance.clock import now as clock
from tests.faults.runs_site import alive
from training_jobs import worker
from training_jobs.lifecycle import State

MEGABYTE = 1_000_000
# accident, settings, code, whether another attempt is made
ACCIDENTS = {
    "memory": ({"RUN_MEMORY_BYTES": 400 * MEGABYTE}, "out_of_memory", True),
    "disk": ({"RUN_SCRATCH_BYTES": 5 * MEGABYTE}, "scratch_full", False),
    "nan": ({}, "loss_not_finite", False),
    "silence": ({"RUN_NO_PROGRESS_SECONDS": 1}, "no_progress", True),
    "deaf": ({"RUN_NO_PROGRESS_SECONDS": 1}, "no_progress", True),
}


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_each_way_to_go_wrong_has_a_name_and_only_what_can_help_is_tried_again(site, stepping, settings, accident):
    changed, code, again = ACCIDENTS[accident]
    for name, value in changed.items():
        setattr(settings, name, value)
    site.simulate(f"steps=20 seconds=0.01 every=5 then={accident}")
    worker.work(site.run_id, "worker")
    assert site.outcomes() == [("worker", code)]
    assert not alive(site.folder(1))
    assert site.kept(1) == [5], "the checkpoint before the accident is kept"
    assert site.run.state(clock()) is (State.WAITING if again else State.FAILED)
    assert site.run.failure == ("" if again else code)


def test_many_small_files_count_towards_the_quota_too(site, stepping, settings):
    settings.RUN_SCRATCH_BYTES = 1 * MEGABYTE
    site.simulate("steps=4000 seconds=0.005 every=100000")
    (site.folder(1)).parent.mkdir(parents=True)
    original = worker.folders.lay_out

    def with_much(*what):
        folder = original(*what)
        for number in range(5):
            (folder / f"part{number}").write_bytes(bytes(MEGABYTE // 4))
        return folder

    worker.folders.lay_out = with_much
    try:
        worker.work(site.run_id, "worker")
    finally:
        worker.folders.lay_out = original
    assert site.outcomes() == [("worker", "scratch_full")]


def test_a_full_disk_is_called_a_full_disk_and_the_checkpoint_is_kept(site, stepping, settings, tmp_path):
    """A real one: a file system of 8 MB in memory."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    settings.RUNS_DIR = small
    try:
        site.simulate("steps=20 seconds=0.01 every=5 then=disk")
        worker.work(site.run_id, "worker")
        assert site.outcomes() == [("worker", "disk_full")]
        assert site.kept(1) == [5]
        assert site.run.state(clock()) is State.WAITING
    finally:
        subprocess.run(["umount", small], check=True)
        shutil.rmtree(small)


def test_a_run_that_never_goes_well_ends_with_the_name_of_its_last_failure(site, stepping, settings):
    settings.RUN_ATTEMPTS_MAX, settings.RUN_NO_PROGRESS_SECONDS = 2, 1
    site.simulate("steps=20 seconds=0.01 every=5 then=silence")
    worker.work(site.run_id, "first")
    type(site.run).objects.update(retry_at=None)
    worker.work(site.run_id, "second")
    assert (site.run.state(clock()), site.run.failure) == (State.FAILED, "no_progress")
    assert site.resumed_at(2) == 5
