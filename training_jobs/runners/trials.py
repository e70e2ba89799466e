"""What a runner does to trials of datasets: it takes one, shows signs of life, says what it found. The lease decides.

Nobody voted for a trial, so there is no proof to check: a machine takes one only if its owner said so, and the site
offers none to the machines of those whose dataset it is. What a machine says it found is checked for its form and for
agreeing with itself, and the report names the machine; whether it is true, voters have to judge.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from governance.errors import Conflict, NotFound
from governance.models import Community
from models_registry.models import Version
from training_jobs.commons import allotments, data_rules
from training_jobs.leases import StaleLease
from training_jobs.models import Preview, Runner
from training_jobs.previews import lifecycle, services, trial_report, work
from training_jobs.previews.services import Lease, StalePreviewLease
from training_jobs.runners import inputs, kept


def open_to(runner: Runner, now: datetime) -> list[Preview]:
    """Return the trials that this runner may take now, oldest first."""
    if not settings.TRIALS_BY_MEMBERS:
        return []
    others = allotments.previews_kept_from(runner.site)
    waiting = _of(runner).filter(finished_at__isnull=True, failed_at__isnull=True).exclude(pk__in=others).order_by("pk")
    free = [trial for trial in waiting if trial.state(now) in lifecycle.CLAIMABLE]
    theirs = [trial for trial in free if not kept.from_trial(runner, trial)]
    return [trial for trial in theirs if data_rules.why_not(runner.site, *_data_of(trial)) is None]


def claim(runner: Runner, trial_id: int, now: datetime) -> dict[str, Any]:
    """Take a trial; return the assignment, or raise Conflict; Forbidden where its rows may not go to this machine."""
    trial = _trial(runner, trial_id)
    if not settings.TRIALS_BY_MEMBERS:
        raise Conflict("previews_off", "this site makes its trials itself")
    if kept.from_trial(runner, trial):
        raise Conflict("own_dataset", "whose dataset it is does not try it; this is left to the machines of others")
    data_rules.require_may_have(runner.site, *_data_of(trial))
    lease = services.claim(trial_id, runner.lease_name, now)
    if lease is None:
        raise Conflict("not_claimable", "somebody else has this trial, or it is over", found=str(trial.state(now)))
    trial = _trial(runner, trial_id)
    given = work.assignment(trial)
    return {
        "trial": trial.pk,
        "fence": lease.fence,
        "spec": dict(given.spec),
        "request": work.trial_request(trial),
        "metrics": given.metrics,
        "suite": given.suite,
        "further": dict(given.further),
        "device_seconds": given.device_seconds,
        "lease_seconds": given.lease_seconds,
        "heartbeat_seconds": given.heartbeat_seconds,
    }


def held(runner: Runner, lease: Lease) -> Preview:
    """Return the trial if this runner holds this lease; raise StaleLease if it is over, or was never this runner's."""
    trial = _trial(runner, lease.preview_id)
    if (trial.fence, trial.lease_owner) != (lease.fence, runner.lease_name):
        raise StalePreviewLease(lease)
    return trial


def files(runner: Runner, lease: Lease) -> dict[str, Path]:
    """Return path in RUN_DIR → file of what the trial needs; raise Forbidden where its rows may not go to a machine."""
    trial = held(runner, lease)
    data_rules.require_may_have(runner.site, *_data_of(trial))
    base = Version.objects.get(model__community=runner.community_id, revision=trial.spec["base"]["revision"])
    return inputs.named_files(base, trial.spec, work.wanted_of(trial))


def heartbeat(runner: Runner, lease: Lease, now: datetime) -> str:
    """Prolong the lease; answer what the runner is to do. A lease of somebody else is `stale`, without more words."""
    try:
        held(runner, lease)
    except StaleLease:
        return "stale"
    return services.heartbeat(lease, now)


def stream(runner: Runner, lease: Lease, events: list[dict[str, Any]]) -> None:
    """Keep how far it is."""
    held(runner, lease)
    services.stream(lease, events)


def tried(runner: Runner, lease: Lease, said: Mapping[str, Any], isolation: str, now: datetime) -> Preview:
    """Take what a machine found. The same again, because the answer was lost, changes nothing."""
    trial = _trial(runner, lease.preview_id)
    if trial.report is not None and trial.fence == lease.fence:
        made_by = trial.report["made_by"] or {}
        if made_by.get("runner") == runner.pk and all(trial.report[name] == said.get(name) for name in said):
            return trial
        raise Conflict("already_tried", "this trial has its report, and it is another one")
    trial = held(runner, lease)
    report = trial_report.build(trial, said, f"remote: {isolation}", runner, now)
    return services.done(lease, report, now)


def fail(runner: Runner, lease: Lease, code: str, detail: str, now: datetime) -> None:
    """End an attempt that did not work. One machine's word ends no trial: another one may try, while attempts last."""
    held(runner, lease)
    services.fail(lease, code, detail, now, permanent=False)


def stopped(runner: Runner, lease: Lease, now: datetime) -> None:
    """Hear that the child is gone."""
    held(runner, lease)
    services.stopped(lease, now)


def _of(runner: Runner) -> QuerySet[Preview]:
    trials = Preview.objects.select_related("proposal__community", "proposal__record")
    return trials.filter(kind=Preview.TRIAL, proposal__community=runner.community_id)


def _trial(runner: Runner, trial_id: int) -> Preview:
    trial = _of(runner).filter(pk=trial_id).first()
    if trial is None:
        raise NotFound("unknown_trial", "this community has no such trial", found=trial_id)
    return trial


def _data_of(trial: Preview) -> tuple[Community, list[str]]:
    return trial.proposal.community, data_rules.named(trial.spec)
