"""One worker's way through a run: claim it, work on the attempt, judge, release. Thin: every step is a service.

`training_jobs.supervisor` does the work; what it asks of its platform is answered here from the database. Whatever
happens, the lease says who may write.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from governance import clock
from governance.errors import Conflict, Refusal, Unavailable
from models_registry import services as registry
from models_registry.publishing import PublishError
from training_jobs import folders, kept_samples, seats, services
from training_jobs.assignments import assignment
from training_jobs.evaluation.report import samples_name
from training_jobs.folders import attempt_folder, folder_of
from training_jobs.models import Run
from training_jobs.services import Lease, StaleLease
from training_jobs.suites import measuring
from training_jobs.supervisor import (
    Limits,
    Outcome,
    PlatformUnreachable,
    StaleLeaseError,
    keeping_the_lease,
    supervise,
)

logger = logging.getLogger(__name__)


def work(run_id: int, owner: str | None = None, *, leaving: Callable[[], bool] = lambda: False) -> None:
    """Do whatever this run needs now. Safe to call twice, at once, or for nothing.

    Of a run of several machines it takes the lead, or else a free member's seat: processes of this site can do it all.
    `leaving` says that this process was asked to end: a run at work leaves a checkpoint and goes back to the line.
    """
    name = owner or f"{socket.gethostname()}:{os.getpid()}"
    lease = _claimed(run_id, name) if settings.RUN_HERE and not leaving() else None
    if lease is not None:
        outcome = _attempt(lease, leaving)
        logger.info("run %s, seat %s, attempt %s: %s %s", run_id, lease.slot, lease.fence, outcome.how, outcome.code)
        if outcome.how in {"stale", "unreachable"}:
            return
        folders.clean(run_id)
    release(run_id)


def release(run_id: int) -> None:
    """Publish a run that was accepted, or overridden by a vote, and is not published yet; leave any other alone."""
    names = ("model__community", "base", "proposal", "run_record", "evaluation_record", "override_record")
    run = Run.objects.unpublished().select_related(*names).filter(pk=run_id).first()
    if run is None or run.run_record is None or run.evaluation_record is None or run.judged_at is None:
        return
    try:
        version = registry.release(
            registry.Candidate(
                model=run.model,
                parent=run.base,
                proposal=run.proposal,
                artifact=attempt_folder(run_id, run.run_record.body["attempt"]) / "artifact",
                run_record=run.run_record,
                evaluation_record=run.evaluation_record,
                judged_at=run.overridden_at or run.judged_at,
                override_record=run.override_record,
            )
        )
    except (PublishError, Refusal) as error:
        # The run stays unpublished; the sweeper asks again.
        logger.warning("run %s: not published yet: %s", run_id, error)
        services.not_released(run, error.code, clock.now())
        return
    Run.objects.filter(pk=run_id, version__isnull=True).update(version=version)


def _claimed(run_id: int, name: str) -> Lease | None:
    """Take the lead of a run, or else a free seat in it."""
    try:
        lease = services.claim(run_id, name, clock.now())
        if lease is None and not seats.tried_enough(run_id, seats.OF_THIS_SITE):
            lease = seats.claim(run_id, name, clock.now())
    except Unavailable as error:
        logger.warning("run %s: not taken: %s", run_id, error)
        return None
    return lease


def _attempt(lease: Lease, leaving: Callable[[], bool]) -> Outcome:
    """Let the supervisor work on a claimed run."""
    run = Run.objects.select_related("base", "run_record", "spec_record", "community").get(pk=lease.run_id)
    limits = Limits(
        memory_bytes=settings.RUN_MEMORY_BYTES or None,
        scratch_bytes=settings.RUN_SCRATCH_BYTES,
        no_progress_seconds=settings.RUN_NO_PROGRESS_SECONDS,
        watts=settings.DEVICE_WATTS,
    )
    task = assignment(run, lease, clock.now())
    return supervise(DatabasePlatform(lease, run), task, folder_of(lease), limits, leaving=leaving)


class DatabasePlatform:
    """The platform as a worker of the site sees it: the database, and the folders on this machine's disk."""

    def __init__(self, lease: Lease, run: Run) -> None:
        """Keep the run with its records, so that files can be laid out without the database."""
        self.lease = lease
        self.run = run
        leads = run.attempts.filter(slot=0)
        others = leads if lease.slot else leads.exclude(number=lease.fence)
        self.earlier = list(others.values_list("number", flat=True))
        self.wanted = measuring(run)

    def heartbeat(self) -> str:
        """Prolong the lease."""
        with database():
            return services.heartbeat(self.lease, clock.now())

    def stream(self, events: list[dict[str, Any]]) -> None:
        """Write the events down."""
        with database():
            services.stream(self.lease, events, clock.now())

    def lay_out(self, folder: Path) -> None:
        """Copy inputs and the newest checkpoint; `folder` is the one that the fencing number names."""
        made = folders.lay_out(self.run, self.lease, self.earlier, self.wanted)
        assert made == folder

    def checkpoint(self, folder: Path) -> None:
        """Leave it where it is: whoever takes over finds it on the same disk, and verifies it."""

    def trained(self, description: dict[str, Any], folder: Path, isolation: str) -> None:
        """Hash the artifact again, beside the heartbeats, and write the run's record."""
        files = description.get("files")
        keeping_the_lease(self, settings.HEARTBEAT_SECONDS, lambda: registry.require_files(files, folder / "artifact"))
        with database():
            services.trained(self.lease, description, isolation, clock.now())

    def took_part(self, description: dict[str, Any]) -> None:
        """Write down that a member's share is done."""
        with database():
            seats.took_part(self.lease, description, clock.now())

    def evaluated(self, report: dict[str, Any], folder: Path) -> None:
        """Let the rules judge, and keep the samples."""

        def keep_samples() -> None:
            names = {part["samples_sha256"]: suite for suite, part in kept_samples.parts_of(report)}
            main = report["suite"]
            kept_samples.keep(
                report,
                {digest: folder / samples_name("" if suite == main else suite) for digest, suite in names.items()},
            )

        with database():
            services.judge(self.lease, report, clock.now(), keep_samples)

    def tried(self, report: dict[str, Any], isolation: str) -> None:
        """Refuse it: a run is no trial, and nothing of a trial may become a run's."""
        raise Conflict("preview_not_a_result", "this was made for a trial, and is no result of a run")

    def fail(self, code: str, detail: str, permanent: bool) -> None:  # noqa: FBT001 - the words of the protocol
        """End the attempt."""
        with database():
            services.fail(self.lease, code, detail, clock.now(), permanent=permanent)

    def stopped(self) -> None:
        """End the attempt that was asked to end."""
        with database():
            services.stopped(self.lease, clock.now())


@contextmanager
def database() -> Iterator[None]:
    """Say in the supervisor's words what the database has to say; a connection that broke is not used again."""
    try:
        yield
    except StaleLease as error:
        raise StaleLeaseError from error
    except (OperationalError, InterfaceError) as error:
        connection.close_if_unusable_or_obsolete()
        raise PlatformUnreachable(str(error)) from error
