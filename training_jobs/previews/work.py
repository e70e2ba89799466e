"""One worker's way through a preview or a trial: claim it, let the supervisor work on it, remove what it made. Thin.

The folder is RUNS_DIR/previews/<preview>/<fencing number>. As soon as the preview has ended, all is gone from it but
the small files that tell what happened: no weights, no checkpoint, no input.
"""

import logging
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from governance import clock
from governance.errors import Conflict
from governance.evidence.canonical import canonical_bytes
from governance.models import Record
from models_registry.metrics import measured_on
from models_registry.models import Version
from training_jobs import folders
from training_jobs.models import Preview
from training_jobs.previews import report, services, trial_report
from training_jobs.previews.services import Lease
from training_jobs.suites import Measuring, measured_by
from training_jobs.supervisor import Assignment, Limits, supervise
from training_jobs.trial.outcomes import SIDES
from training_jobs.worker import database

logger = logging.getLogger(__name__)

# What may stay of an attempt. A list of what to keep: what a child calls its files is its own affair.
KEPT = frozenset({"spec.json", "preview.json", "events.jsonl", "trace.jsonl", "output.log", "report.json"})
KEPT_OF_TRIAL = frozenset({"spec.json", "trial-of.json", "evaluation.json", "events.jsonl", "output.log", "trial.json"})
# Said of a run's approved budget; a preview has bounds of the site.
_TOO_LONG = frozenset({"budget_used_up", "evaluation_too_long"})


def work(preview_id: int, owner: str | None = None, *, leaving: Callable[[], bool] = lambda: False) -> None:
    """Do a preview, if it is free and no run waits for this machine. Safe to call twice, at once, or for nothing."""
    now = clock.now()
    if leaving() or preview_id not in services.due(now):
        return
    lease = services.claim(preview_id, owner or f"{socket.gethostname()}:{os.getpid()}", now)
    if lease is not None:
        preview = Preview.objects.get(pk=preview_id)
        limits = Limits(
            memory_bytes=settings.RUN_MEMORY_BYTES or None,
            scratch_bytes=settings.RUN_SCRATCH_BYTES,
            no_progress_seconds=settings.RUN_NO_PROGRESS_SECONDS,
        )
        folder = folder_of(preview_id) / str(lease.fence)
        platform = TrialPlatform(lease, preview) if preview.is_trial else PreviewPlatform(lease, preview)
        outcome = supervise(platform, assignment(preview), folder, limits, leaving=leaving)
        logger.info("preview %s, attempt %s: %s %s", preview_id, lease.fence, outcome.how, outcome.code)
        if outcome.how == "unreachable":
            return
    clean(preview_id)


def folder_of(preview_id: int) -> Path:
    """Return the folder of a preview's attempts."""
    return settings.RUNS_DIR / "previews" / str(preview_id)


def clean(preview_id: int) -> None:
    """Remove what could be used as a model, if the preview has ended, and write down that it is gone."""
    preview = Preview.objects.ended().filter(pk=preview_id).first()
    if preview is None:
        return
    kept = KEPT_OF_TRIAL if preview.is_trial else KEPT
    try:
        for path in folder_of(preview_id).glob("*/*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in kept or path.is_symlink():
                path.unlink()
    except OSError:
        logger.exception("preview %s: not everything could be removed; the sweeper tries again", preview_id)
        return
    services.removed(preview_id, clock.now())


def assignment(preview: Preview) -> Assignment:
    """Return what the holder of the newest lease is to do: all on one machine, whatever the specification says."""
    alone = {"strategy": "single", "topology": None, "budget": {"device_seconds": preview.seconds_max}}
    wanted = wanted_of(preview)
    return Assignment(
        run_id=preview.pk,
        fence=preview.fence,
        spec=preview.spec if preview.is_trial else {**preview.spec, **alone},
        phase="trial" if preview.is_trial else "train",
        metrics=wanted.metrics,
        suite=wanted.suite,
        further=wanted.further,
        device_seconds=preview.seconds_max,
        lease_seconds=settings.LEASE_SECONDS,
        heartbeat_seconds=settings.HEARTBEAT_SECONDS,
    )


def wanted_of(preview: Preview) -> Measuring:
    """Return what is measured: of a training on its suite alone, of a trial what the rules in force ask for too."""
    suite = preview.spec["evaluation"]["suite"]
    if not preview.is_trial:
        return Measuring(suite, measured_on("dialogue"), {})
    rules = Record.objects.filter(pk__in=preview.plan["rules"], kind="rule")
    return measured_by(preview.proposal.community, suite, (rule.body for rule in rules))


def trial_request(preview: Preview) -> dict[str, Any]:
    """Return what `training_jobs.trial` is asked to do: half of the steps for each of the two trainings."""
    return {
        "dataset": preview.plan["dataset"],
        "steps": preview.steps_max // len(SIDES),
        "samples": preview.samples_max,
    }


class PreviewPlatform:
    """The platform of the supervisor for a preview: its row in the database, and a folder on this machine's disk."""

    def __init__(self, lease: Lease, preview: Preview) -> None:
        """Look the base up, so that files can be laid out without the database."""
        self.lease = lease
        self.preview = preview
        named = preview.spec["base"]["revision"]
        self.base = Version.objects.get(model__community=preview.proposal.community_id, revision=named)
        self.made: report.Made | None = None
        self.report: dict[str, Any] | None = None

    def heartbeat(self) -> str:
        """Prolong the lease."""
        with database():
            return services.heartbeat(self.lease, clock.now())

    def stream(self, events: list[dict[str, Any]]) -> None:
        """Keep how far it is."""
        with database():
            services.stream(self.lease, events)

    def lay_out(self, folder: Path) -> None:
        """Copy the inputs, and write the bounds beside the specification as it was proposed."""
        folders.lay_in(folder, self.base, self.preview.spec, [self.preview.spec["evaluation"]["suite"]])
        bounds = {"steps": self.preview.steps_max, "samples": self.preview.samples_max}
        (folder / "preview.json").write_bytes(canonical_bytes(bounds))

    def checkpoint(self, folder: Path) -> None:
        """Nobody goes on from it: a preview that is lost begins again."""

    def trained(self, description: dict[str, Any], folder: Path, isolation: str) -> None:
        """Remember what was said until it is measured; nothing is taken over."""
        self.made = report.Made(description, isolation)

    def took_part(self, description: dict[str, Any]) -> None:
        """Nobody takes part in a preview: it is one machine."""

    def evaluated(self, measured: dict[str, Any], folder: Path) -> None:
        """Make the report and hand it over."""
        if self.report is None:  # else it was made before, and the database did not answer
            assert self.made is not None
            self.report = report.build(self.preview, self.made, measured, folder, clock.now())
        with database():
            services.done(self.lease, self.report, clock.now())

    def tried(self, said: dict[str, Any], isolation: str) -> None:
        """Refuse it: nobody asked for a trial."""
        raise Conflict("malformed_result", "this is a preview of a training, and no trial")

    def fail(self, code: str, detail: str, permanent: bool) -> None:  # noqa: FBT001 - the words of the protocol
        """End the attempt."""
        with database():
            noun = "trial" if self.preview.is_trial else "preview"
            named = f"{noun}_too_long" if code in _TOO_LONG else code
            services.fail(self.lease, named, detail, clock.now(), permanent=permanent)

    def stopped(self) -> None:
        """End the attempt that was asked to end."""
        with database():
            services.stopped(self.lease, clock.now())


class TrialPlatform(PreviewPlatform):
    """The same for a trial."""

    def __init__(self, lease: Lease, preview: Preview) -> None:
        """Look up what the rules ask for, likewise."""
        super().__init__(lease, preview)
        self.assignment = assignment(preview)
        self.wanted = wanted_of(preview)

    def lay_out(self, folder: Path) -> None:
        """Copy the inputs, with the suites of rules, and write down what to try."""
        folders.lay_in(folder, self.base, self.assignment.spec, self.wanted.suites, self.wanted.classifiers)
        (folder / "trial-of.json").write_bytes(canonical_bytes(trial_request(self.preview)))

    def tried(self, said: dict[str, Any], isolation: str) -> None:
        """Judge what was found, and hand it over."""
        if self.report is None:  # else it was made before, and the database did not answer
            with database():
                self.report = trial_report.build(self.preview, said, isolation, None, clock.now())
        with database():
            services.done(self.lease, self.report, clock.now())
