"""What a runner does to spot checks: it takes one, shows signs of life, says what it found. The lease decides.

A machine is told which steps of which run to do again, and never what they came to before: only who computes can be
right. What it says is compared with what the site handed over (`spot_checks.comparison`), and one machine's word
condemns nobody. Nothing of its own stays in the platform's folders: it hands over no file.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.errors import Conflict, NotFound
from training_jobs.commons import data_rules
from training_jobs.leases import StaleLease
from training_jobs.models import Runner, SpotCheck
from training_jobs.spot_checks import services, work
from training_jobs.spot_checks.services import Lease


def open_to(runner: Runner, now: datetime) -> list[SpotCheck]:
    """Return the checks that this runner may make now, oldest first."""
    return services.open_to(runner, now)


def claim(runner: Runner, check_id: int, now: datetime) -> dict[str, Any]:
    """Take a check; return the assignment, or raise Conflict; Forbidden where the rows may not go to this machine."""
    check = _check(runner, check_id)
    if not services.is_anothers(check, runner):
        raise Conflict("own_work", "this is left to the machines of others, each of which checks a slice once")
    _require_may_have_rows(runner, check)
    lease = services.claim(check_id, runner.lease_name, runner, now)
    if lease is None:
        raise Conflict("not_claimable", "somebody else has this check, or it is over", found=str(check.state(now)))
    check = services.held(lease, runner.lease_name)
    given = work.assignment(check, lease)
    return {
        "check": check.pk,
        "fence": lease.fence,
        "spec": dict(given.spec),
        "request": work.request(check.slice),
        "suite": given.suite,
        "device_seconds": given.device_seconds,
        "lease_seconds": given.lease_seconds,
        "heartbeat_seconds": given.heartbeat_seconds,
    }


def files(runner: Runner, lease: Lease) -> Mapping[str, Path]:
    """Return path in RUN_DIR → file of what the check needs."""
    check = _check(runner, lease.check_id)
    held = services.held(lease, runner.lease_name)
    _require_may_have_rows(runner, check)
    return work.files_of(held.slice)


def heartbeat(runner: Runner, lease: Lease, now: datetime) -> str:
    """Prolong the lease; answer what the runner is to do. A lease of somebody else is `stale`, without more words."""
    _check(runner, lease.check_id)
    try:
        services.held(lease, runner.lease_name)
    except StaleLease:
        return "stale"
    return services.heartbeat(lease, now)


def stream(runner: Runner, lease: Lease, events: list[dict[str, Any]]) -> None:
    """Keep how far it is."""
    _held(runner, lease)
    services.stream(lease, events)


def recomputed(runner: Runner, lease: Lease, found: Mapping[str, Any], isolation: str, now: datetime) -> None:
    """Take what a machine found. The same again, because the answer was lost, changes nothing."""
    check = _check(runner, lease.check_id)
    if (check.fence, check.checker) != (lease.fence, runner.lease_name):
        raise services.StaleCheckLease(lease)
    services.recomputed(lease, found, f"remote: {isolation}", now)


def fail(runner: Runner, lease: Lease, code: str, detail: str, now: datetime) -> None:
    """End an attempt that did not work. One machine's word ends no check: another one may try, while attempts last."""
    _held(runner, lease)
    services.fail(lease, code, detail, now, permanent=False)


def stopped(runner: Runner, lease: Lease, now: datetime) -> None:
    """Hear that the child is gone."""
    _held(runner, lease)
    services.stopped(lease, now)


def _held(runner: Runner, lease: Lease) -> None:
    _check(runner, lease.check_id)
    services.held(lease, runner.lease_name)


def _require_may_have_rows(runner: Runner, check: SpotCheck) -> None:
    run = check.slice.attempt.run
    data_rules.require_may_have(runner.site, run.community, data_rules.of_run(run))


def _check(runner: Runner, check_id: int) -> SpotCheck:
    run = "slice__attempt__run"
    joined = SpotCheck.objects.select_related(f"{run}__community", f"{run}__spec_record", "slice__site")
    check = joined.filter(pk=check_id, slice__attempt__run__community=runner.community_id).first()
    if check is None:
        raise NotFound("unknown_check", "this community has no such check", found=check_id)
    return check
