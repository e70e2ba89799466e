"""The memory that a request needs: estimated from its base, and more after an attempt that had too little."""

from datetime import datetime, timedelta

import pytest

from governance.clock import now as clock
from governance.models import Community
from models_registry.models import Version
from models_registry.storage import folders
from tests.integration.conftest import pass_
from tests.integration.shared_sites import add_site, allotted, request_named, seen, told
from tests.integration.test_commons_claiming import figures_of, take
from tests.integration.trainer_runs import make_base
from training_jobs import services
from training_jobs.base_shapes import shape_of
from training_jobs.commons import allotting, fsck, memory, selectors
from training_jobs.models import ComputeRequest, Run, Site, SiteMeasurement
from training_jobs.scheduling.values import Why
from training_jobs.spec.memory import BaseShape

GIB = 2**30
HOUR = timedelta(hours=1)
EIGHT_BILLION = BaseShape(8 * 10**9, 10**9, 7 * 10**9, 10**7, 10**8, 4_096, 14_336, 32, 128_256)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()


@pytest.fixture
def order(update, propose, voters, community):
    """Let sites in, then order a run; return it, and the moment of it."""

    def ordered(*slugs):
        lately = clock() - 3 * HOUR
        for slug in slugs:
            add_site(community, slug, lately)
        pass_(propose("model_update", update, now=lately), voters)
        run = Run.objects.order_by("-pk").first()
        seen(run.created_at, *slugs)
        return run, run.created_at

    return ordered


def larger(slug: str) -> None:
    """Let the devices of a site have twice the memory of the others."""
    SiteMeasurement.objects.filter(site__slug=slug).update(memory_bytes=16 * GIB)
    Site.objects.filter(slug=slug).update(memory_measured=16 * GIB)


def tried_in_vain(run: Run, slug: str, now: datetime) -> None:
    """Let the machine of a site take the run, and run out of memory."""
    services.fail(take(run, slug, now), "out_of_memory", "Killed", now, permanent=False)


def needed_then(community: Community, run: Run) -> list[int]:
    """Return how much memory the log was told that the run needs, first and since."""
    return [each["memory_bytes"] for each in told(community, f"run:{run.pk}") if "memory_bytes" in each]


def test_a_run_asks_for_the_memory_that_its_base_and_its_specification_need(community, order, monkeypatch):
    monkeypatch.setattr(memory, "shape_of", lambda _version: EIGHT_BILLION)
    run, now = order("lake")
    needed = request_named(f"run:{run.pk}").memory_bytes
    assert needed > 16 * EIGHT_BILLION.parameters
    assert needed_then(community, run) == [needed]
    assert allotting.allot(now) == 0  # the devices at the lake have 8 GiB
    assert selectors.explanation_of(request_named(f"run:{run.pk}"), now).why is Why.NO_SITE_FITS


def test_the_page_of_a_run_says_how_much_memory_it_needs(client, order):
    run, _ = order("lake")
    assert "of memory on each device" not in client.get(f"/runs/{run.pk}/").content.decode()
    ComputeRequest.objects.update(memory_bytes=24 * 10**9)
    assert "It needs 24\u00a0GB of memory on each device" in client.get(f"/runs/{run.pk}/").content.decode()


def test_where_nothing_is_known_of_the_base_any_device_will_do(order):
    run, now = order("lake")
    assert request_named(f"run:{run.pk}").memory_bytes == 0
    assert allotting.allot(now) == 1


def test_a_run_that_ran_out_of_memory_goes_to_a_larger_site(community, order):
    run, now = order("lake", "hill")
    name = f"run:{run.pk}"
    allotting.allot(now)
    here = allotted(name).site.slug
    other = {"lake": "hill", "hill": "lake"}[here]
    larger(other)
    tried_in_vain(run, here, now)
    assert request_named(name).memory_bytes == 8 * GIB + 1
    assert [each["kind"] for each in told(community, name)][2:] == ["compute_needs_more", "compute_interrupted"]
    assert needed_then(community, run) == [0, 8 * GIB + 1]
    later = now + 2 * HOUR  # long after a site that failed would be tried again
    seen(later, here, other)
    assert allotting.allot(later) == 1
    assert allotted(name).site.slug == other
    assert not list(fsck.check_one(community))
    assert figures_of(community).strays == 0


def test_a_run_that_no_site_has_memory_enough_for_says_why_it_waits(community, order):
    run, now = order("lake")
    allotting.allot(now)
    tried_in_vain(run, "lake", now)
    later = now + 2 * HOUR
    seen(later, "lake")
    assert allotting.allot(later) == 0
    assert selectors.explanation_of(request_named(f"run:{run.pk}"), later).why is Why.NO_SITE_FITS


def test_another_failure_asks_for_no_more_memory(community, order):
    run, now = order("lake")
    allotting.allot(now)
    services.fail(take(run, "lake", now), "disk_full", "", now, permanent=False)
    assert needed_then(community, run) == [0]


def test_fsck_finds_a_need_that_the_log_was_not_told(community, order):
    run, now = order("lake")
    allotting.allot(now)
    tried_in_vain(run, "lake", now)
    ComputeRequest.objects.update(memory_bytes=0)
    (found,) = fsck.check_one(community)
    assert (found.what, found.expected, found.found) == ("memory_bytes", str(8 * GIB + 1), "0")


def test_the_stored_files_of_a_version_say_how_large_it_is(settings, tmp_path):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    version = Version(files=folders.keep(make_base(tmp_path / "base")))
    shape = shape_of(version)
    assert shape is not None
    assert (shape.hidden, shape.inner, shape.layers) == (32, 64, 2)
    assert shape.parameters * 4 == pytest.approx((tmp_path / "base" / "model.safetensors").stat().st_size, rel=0.1)
    lost = [{**each, "sha256": "0" * 64} for each in version.files]
    assert shape_of(Version(files=lost)) is None
