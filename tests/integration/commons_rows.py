"""Sites, requests and allotments as rows: what the tests of the pages about them share."""

from datetime import datetime, timedelta
from typing import Any

from governance import services
from governance.models import Community
from tests.integration.site_places import GIB, INPUTS
from training_jobs.models import Admission, Allotment, Busy, ComputeRequest, Preview, Run, Runner, Site, SiteMeasurement
from training_jobs.sites.measured import BENCHMARK

HOUR = timedelta(hours=1)
MACHINES = 4  # of each site; one takes one piece of work at a time
OPERATOR = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def site(community: Community | None, now: datetime, slug: str = "lake", **changes: Any) -> Site:
    """Return a site that was measured and heard of just now; let in, where a community is given."""
    values: dict[str, Any] = {
        "slug": slug,
        "name": f"{slug.capitalize()} cluster",
        "operator": OPERATOR,
        "region": "FR",
        "country": "FR",
        "device_kind": "cuda",
        "devices": 8,
        "memory_bytes": 16 * GIB,
        "inputs": INPUTS,
        "devices_measured": 8,
        "memory_measured": 16 * GIB,
        "speed_measured": 1_000,
        "measured_at": now,
        "created_at": now,
        "last_seen_at": now,
        **changes,
    }
    made = Site.objects.create(**values)
    if community is not None:
        Admission.objects.create(
            site=made, community=community, admitted_at=now, admitted_by=OPERATOR, reason="It runs on water."
        )
        for number in range(MACHINES):
            _measured(made, community, f"{slug} {number}", now)
    return made


def _measured(at: Site, community: Community, name: str, now: datetime) -> None:
    runner = Runner.objects.create(community=community, owner=at.operator, site=at, name=name, created_at=now)
    SiteMeasurement.objects.create(
        site=at, runner=runner, measured_at=now, device_kind=at.device_kind, devices=at.devices_measured,
        memory_bytes=at.memory_measured, tokens_per_second=at.speed_measured, repeats=[at.speed_measured] * 3,
        software="c" * 64, benchmark=BENCHMARK,
    )  # fmt: skip


def asked_for(community: Community, now: datetime, run: Run | None = None, **changes: Any) -> ComputeRequest:
    """Return a request: of a run, or of the trial for a new draft, which any machine can make."""
    values: dict[str, Any] = {
        "community": community,
        "member": OPERATOR,
        "requested_at": now,
        "waiting_since": now,
        "devices": 2,
        "memory_bytes": 8 * GIB,
        "seconds": 3_600,
        "ceiling": 10**12,
    }
    if run is not None:
        values |= {"name": f"run:{run.pk}", "origin": ComputeRequest.VOTED, "run": run}
    else:
        draft = services.Draft("text_signal", "A question", "Because.", {"statement": "Yes."}, {}, "", 1)
        preview = Preview.objects.create(
            proposal=services.create_draft(community, f"0x{Preview.objects.count():040}", draft, now), kind=Preview.TRIAL, plan={"dataset": "d" * 64, "rows": 1}, requested_by=OPERATOR, spec={}, spec_digest="a" * 64, created_at=now,
            steps_max=1, samples_max=1, seconds_max=60,
        )  # fmt: skip
        values |= {"name": f"preview:{preview.pk}", "origin": ComputeRequest.SANDBOX, "preview": preview}
    return ComputeRequest.objects.create(**values | changes)


def allotted(request: ComputeRequest, at: Site, since: datetime, until: datetime, **changes: Any) -> Allotment:
    """Return devices of a site that a request has, or had."""
    values: dict[str, Any] = {
        "request": request,
        "site": at,
        "allotted_at": since,
        "claimed_at": since,
        "until": until,
        "why": "starts",
        "price": 10_000_000,
    }
    return Allotment.objects.create(**values | changes)


def busy(at: Site, since: datetime, until: datetime, devices: int = 2, summary: str = "Upkeep") -> Busy:
    """Return a time in which a site has devices for itself."""
    return Busy.objects.create(
        site=at, uid=f"{since.isoformat()}@lake", since=since, until=until, devices=devices, summary=summary,
        noted_at=since,
    )  # fmt: skip


def a_busy_week(community: Community, now: datetime) -> list[Site]:
    """Write two sites with work that is over, at work and waiting, and time of their own; return the sites."""
    lake, forest = (
        site(community, now - 90 * HOUR),
        site(community, now - 80 * HOUR, "forest", region="DE", country="DE"),
    )
    Site.objects.update(last_seen_at=now)
    over = asked_for(community, now - 50 * HOUR, ended_at=now - 20 * HOUR, outcome="done")
    allotted(over, lake, now - 48 * HOUR, now - 10 * HOUR, ended_at=now - 30 * HOUR, how="site_silent")
    allotted(over, forest, now - 30 * HOUR, now - 10 * HOUR, ended_at=now - 20 * HOUR, how="ended")
    allotted(asked_for(community, now), lake, now - 2 * HOUR, now + 20 * HOUR)
    allotted(asked_for(community, now, newcomer=True), lake, now - HOUR, now + 6 * HOUR)
    allotted(asked_for(community, now), lake, now - HOUR, now + 8 * HOUR, lent=True, claimed_at=None)
    asked_for(community, now - HOUR, devices=7)
    busy(forest, now + 3 * HOUR, now + 15 * HOUR)
    busy(lake, now - 60 * HOUR, now - 50 * HOUR, summary="Courses of the university, as every week in this term")
    return [lake, forest]
