"""One worker's way through an inquiry: claim it, let the supervisor's evaluation child work, keep the result. Thin.

The folder is RUNS_DIR/inquiries/<inquiry>/<fencing number>. When the inquiry has ended, everything is removed from it
but the small files that tell what happened; the questions of incidents are not among them.
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
from governance.errors import Conflict, Unavailable
from governance.evidence.canonical import canonical_bytes
from models_registry import services as registry
from models_registry.datasets.registering import dataset_path
from models_registry.scorers import naming
from training_jobs import folders, kept_samples
from training_jobs.evaluation import question
from training_jobs.evaluation.report import samples_name
from training_jobs.inquiries import answers, services
from training_jobs.inquiries.plan import Origin, origin_of
from training_jobs.inquiries.services import Lease
from training_jobs.models import Inquiry
from training_jobs.supervisor import Assignment, Limits, supervise
from training_jobs.worker import database

logger = logging.getLogger(__name__)

# What may stay of an attempt: a list of what to keep, because what a child calls its files is its own affair.
KEPT = frozenset({"spec.json", "evaluation.json", "events.jsonl"})
# Said of a run's approved budget; an inquiry has a bound of the site.
_TOO_LONG = frozenset({"budget_used_up", "evaluation_too_long"})


def work(inquiry_id: int, owner: str | None = None, *, leaving: Callable[[], bool] = lambda: False) -> None:
    """Do an inquiry, if it is free and no run waits for this machine. Safe to call twice, at once, or for nothing."""
    now = clock.now()
    if leaving() or inquiry_id not in services.due(now):
        return
    lease = services.claim(inquiry_id, owner or f"{socket.gethostname()}:{os.getpid()}", now)
    if lease is not None:
        joined = Inquiry.objects.select_related("version__evaluation_record", "version__parent", "incident")
        inquiry = joined.get(pk=inquiry_id)
        limits = Limits(
            memory_bytes=settings.RUN_MEMORY_BYTES or None,
            scratch_bytes=settings.RUN_SCRATCH_BYTES,
            no_progress_seconds=settings.RUN_NO_PROGRESS_SECONDS,
        )
        folder = folder_of(inquiry_id) / str(lease.fence)
        platform = InquiryPlatform(lease, inquiry)
        outcome = supervise(platform, platform.assignment(), folder, limits, leaving=leaving)
        logger.info("inquiry %s, attempt %s: %s %s", inquiry_id, lease.fence, outcome.how, outcome.code)
        if outcome.how == "unreachable":
            return
    clean(inquiry_id)


def folder_of(inquiry_id: int) -> Path:
    """Return the folder of an inquiry's attempts."""
    return settings.RUNS_DIR / "inquiries" / str(inquiry_id)


def clean(inquiry_id: int) -> None:
    """Remove what an inquiry that has ended was made with, and write down that it is gone."""
    if not Inquiry.objects.ended().filter(pk=inquiry_id).exists():
        return
    try:
        for path in folder_of(inquiry_id).glob("*/*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in KEPT or path.is_symlink():
                path.unlink()
    except OSError:
        logger.exception("inquiry %s: not everything could be removed; the sweeper tries again", inquiry_id)
        return
    services.removed(inquiry_id, clock.now())


class InquiryPlatform:
    """The platform of the supervisor for an inquiry: its row in the database, and a folder on this machine's disk."""

    def __init__(self, lease: Lease, inquiry: Inquiry) -> None:
        """Read what the version was made by and from, so that files can be laid out without the database."""
        self.lease = lease
        self.inquiry = inquiry
        found = origin_of(inquiry.version)
        assert found is not None, "nothing is asked of a version whose records do not say what made it"
        self.origin: Origin = found

    def assignment(self) -> Assignment:
        """Return what the holder of the lease is to do: measure or ask on one machine, and train nothing."""
        inquiry, plan = self.inquiry, self.inquiry.plan
        alone = {"strategy": "single", "topology": None, "budget": {"device_seconds": inquiry.seconds_max}}
        return Assignment(
            run_id=inquiry.pk,
            fence=self.lease.fence,
            spec={**self.origin.spec, **alone},
            phase="evaluate",
            metrics=plan.get("metrics", []),
            suite=plan.get("suite", ""),
            further=plan.get("further", {}),
            device_seconds=inquiry.seconds_max,
            lease_seconds=settings.LEASE_SECONDS,
            heartbeat_seconds=settings.HEARTBEAT_SECONDS,
        )

    def heartbeat(self) -> str:
        """Prolong the lease."""
        with database():
            return services.heartbeat(self.lease, clock.now())

    def stream(self, events: list[dict[str, Any]]) -> None:
        """Keep how far it is."""
        with database():
            services.stream(self.lease, events)

    def lay_out(self, folder: Path) -> None:
        """Copy the released files and those of the version before, with what is asked.

        The files must be those that the run's record names: what was changed since the release is not measured. Rows
        that were trained on and are gone are left out; the plan asks nothing that would need them.
        """
        plan, spec, version = self.inquiry.plan, self.origin.spec, self.inquiry.version
        parent = version.parent
        if parent is None:
            raise Conflict("parent_missing", "the version before is not known here", found=version.revision)
        there = [use for use in spec["datasets"] if dataset_path(use["digest"]).is_file()]
        suites = [] if self.inquiry.incident_id else [plan["suite"], *plan["further"]]
        used = [] if self.inquiry.incident_id else there
        asked = [*plan.get("metrics", ()), *(name for names in plan.get("further", {}).values() for name in names)]
        classifiers = naming.classifiers_in(asked)
        folders.lay_in(folder, parent, {**spec, "datasets": used}, suites, classifiers)
        (folder / "spec.json").write_bytes(canonical_bytes(spec))
        released = registry.version_folder(version)
        for entry in self.origin.artifact:
            target = folder / "artifact" / entry["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(released / entry["path"], target)
        registry.require_files(self.origin.artifact, folder / "artifact")
        (folder / "artifact.json").write_bytes(canonical_bytes({"files": self.origin.artifact}))
        if self.inquiry.incident is not None:
            question.write(folder, question.Question(self.inquiry.incident.prompt, plan["answers"]))

    def evaluated(self, report: dict[str, Any], folder: Path) -> None:
        """Keep what was measured, with its samples, or what was answered."""
        incident = self.inquiry.incident
        if incident is not None:
            said = answers.read(report, self.inquiry.plan["answers"], incident.seen, incident.expected)
            with database():
                services.answered(self.lease, said, clock.now())
            return
        services.require_readable(report)
        names = {part["samples_sha256"]: suite for suite, part in kept_samples.parts_of(report)}
        files = {
            digest: folder / samples_name("" if suite == report["suite"] else suite) for digest, suite in names.items()
        }
        kept_samples.require_true(report, files)
        with database():
            services.measured(self.lease, report, clock.now())
        kept_samples.keep(report, files)

    def fail(self, code: str, detail: str, permanent: bool) -> None:  # noqa: FBT001 - the words of the protocol
        """End the attempt."""
        with database():
            named = "inquiry_too_long" if code in _TOO_LONG else code
            services.fail(self.lease, named, detail, clock.now(), permanent=permanent)

    def stopped(self) -> None:
        """End the attempt that was asked to end."""
        with database():
            services.stopped(self.lease, clock.now())

    def checkpoint(self, folder: Path) -> None:
        """Nobody goes on from it: nothing is trained."""

    def trained(self, description: dict[str, Any], folder: Path, isolation: str) -> None:
        """Refuse it: nothing is trained."""
        raise Unavailable("nothing_is_trained", "an inquiry trains nothing")

    def took_part(self, description: dict[str, Any]) -> None:
        """Nobody takes part: it is one machine."""

    def tried(self, report: dict[str, Any], isolation: str) -> None:
        """Nothing is tried."""
