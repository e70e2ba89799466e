"""A community that shares computing, as it is when it leaves: what tests of leaving start from.

A run was allotted, done, checked, reviewed and released; a second one waits for a site that is silent by then.
"""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance import log
from governance.evidence.canonical import digest
from governance.models import Community
from governance.portability.tables import parts
from tests.integration.reviews_story import Reviewed, told_reviews, valley, work
from tests.integration.shared_sites import OPERATOR, add_site, kinds, machine_of, seen
from tests.integration.test_reviews import attest
from training_jobs import worker
from training_jobs.commons import allotting, newcomers
from training_jobs.models import (
    Admission,
    Allotment,
    Attested,
    ComputeRequest,
    Doubt,
    LedgerPosting,
    NewcomerAttestation,
    Run,
    Site,
    SiteMeasurement,
    Slice,
    SpotCheck,
)
from training_jobs.sites import services as sites
from training_jobs.spot_checks import doubting, drawing, handing
from training_jobs.spot_checks import services as checking

MOVING = (Site, Admission, SiteMeasurement, ComputeRequest, Allotment, Slice, SpotCheck, Doubt, Attested)
MOVING = (*MOVING, NewcomerAttestation, LedgerPosting)
HOUR = timedelta(hours=1)


@pytest.fixture
def sharing(valley: Reviewed, settings: Any, tmp_path: Path) -> Reviewed:
    """A community with a site, money, a newcomer; a released run with its checks; and a run that waits."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.SPOT_CHECK_BPS = 10_000
    found = valley.commons
    budget = {"budget": "general", "currency": "EUR", "amount": "100.00", "source": "A grant."}
    valley.passed("budget_opening", budget)
    add_site(found.community, "lake", valley.now)
    sites.describe("lake", OPERATOR, {"name": "Great lake", "hours_max": 48}, valley.now)
    newcomers.attest(
        found.community, valley.address("Alice"), valley.address("Bob"), "student", "He studies.", valley.now
    )
    run = _done(valley, valley.run())
    for name in ("Bob", "Chloé"):
        attest(valley, run, name)
    _checked(found.community, run, valley.now)
    worker.release(run.pk)
    waiting = valley.run()
    allotting.allot(valley.now + HOUR)
    assert kinds(found.community, f"run:{waiting.pk}") == ["requested", "waits"], "its site is silent"
    log.publish_checkpoint(found.community.pk, valley.now + HOUR)
    return valley


def _done(valley: Reviewed, run: Run) -> Run:
    seen(valley.now, "lake")
    assert allotting.allot(valley.now) == 1
    done = work(run, valley.now, owner=machine_of("lake").lease_name)
    assert done.reviewing_since is not None
    return done


def _checked(community: Community, run: Run, now: datetime) -> None:
    """Hand two slices over, have the drawn one checked, and doubt an attempt."""
    attempt, site = run.attempts.get(), Site.objects.get()
    for steps in ((0, 3), (3, 6)):
        said: dict[str, Any] = {"files": [], "losses": ["1.0"] * 3, "code_digest": "", "environment": {}, "tokens": 9}
        handing._noted(site, attempt, steps, False, None, digest({"step": steps[1]}), said, now)
    log.publish_checkpoint(community.pk, now)
    assert drawing.draw_due(now) == 1
    drawn = SpotCheck.objects.get()
    lease = checking.claim(drawn.pk, "worker", None, now)
    assert lease is not None
    found = {"first": drawn.first_step, "last": drawn.last_step, "final": False, "sketch": None}
    found |= {name: drawn.slice.claimed[name] for name in ("files", "losses", "code_digest", "environment")}
    assert checking.recomputed(lease, found, "none", now).outcome == "equal"
    checking.settle(now)
    doubting.doubt(site, attempt, "wrong_digest", {"code": "digest_mismatch"}, now)


def wrong(community: Community) -> list[str]:
    return [str(found) for part in parts() for found in part.check(Community.objects.get(pk=community.pk))]
