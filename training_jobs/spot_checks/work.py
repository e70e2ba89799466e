"""One worker's way through a spot check: claim it, let the supervisor have the slice computed again, hand in. Thin.

What a check needs is laid out the same for the platform's own workers and for machines of members (`files_of`): the
specification, the base, the data, and the checkpoint that the slice begins with. What the site claims is not among it.
"""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from governance import clock
from governance.errors import Unavailable
from governance.evidence.canonical import canonical_bytes
from training_jobs import folders
from training_jobs.checkpoints import FOLDER
from training_jobs.models import Slice, SpotCheck
from training_jobs.runners.inputs import named_files
from training_jobs.spot_checks import files, services
from training_jobs.spot_checks.services import Lease
from training_jobs.suites import Measuring
from training_jobs.supervisor import Assignment, Limits, supervise
from training_jobs.worker import database

logger = logging.getLogger(__name__)


def work(check_id: int, owner: str | None = None, *, leaving: Callable[[], bool] = lambda: False) -> None:
    """Do a check, if it is free and no run waits for this machine. Safe to call twice, at once, or for nothing."""
    now = clock.now()
    if leaving() or check_id not in services.due(now):
        return
    lease = services.claim(check_id, owner or f"{socket.gethostname()}:{os.getpid()}", None, now)
    if lease is None:
        return
    check = SpotCheck.objects.select_related("slice__attempt__run__base", "slice__attempt__run__spec_record").get(
        pk=check_id
    )
    limits = Limits(
        memory_bytes=settings.RUN_MEMORY_BYTES or None,
        scratch_bytes=settings.RUN_SCRATCH_BYTES,
        no_progress_seconds=settings.RUN_NO_PROGRESS_SECONDS,
    )
    folder = files.of_check(check_id) / str(lease.fence)
    outcome = supervise(CheckPlatform(lease, check), assignment(check, lease), folder, limits, leaving=leaving)
    logger.info("check %s, attempt %s: %s %s", check_id, lease.fence, outcome.how, outcome.code)
    if outcome.how not in {"stale", "unreachable"}:
        files.remove(folder)


def assignment(check: SpotCheck, lease: Lease) -> Assignment:
    """Return what the holder of the lease is to do."""
    spec = check.slice.attempt.run.spec_record.body
    return Assignment(
        run_id=check.pk,
        fence=lease.fence,
        spec=spec,
        phase="check",
        metrics=[],
        suite=spec["evaluation"]["suite"],
        further={},
        device_seconds=check.seconds_max,
        lease_seconds=settings.LEASE_SECONDS,
        heartbeat_seconds=settings.HEARTBEAT_SECONDS,
    )


def request(checked: Slice) -> dict[str, Any]:
    """Return what `trainer.slice` is asked to do."""
    return {
        "first": checked.first_step,
        "last": checked.last_step,
        "final": checked.is_final,
        "seed": checked.seed,
    }


def files_of(checked: Slice) -> Mapping[str, Path]:
    """Return path in RUN_DIR → file of what a machine needs to do the slice again."""
    run = checked.attempt.run
    found = named_files(run.base, run.spec_record.body, measured_on_nothing(run.spec_record.body))
    if checked.first_step:
        folder = files.of_slice(checked.pk) / files.FIRST
        name = f"{FOLDER}/{checked.first_step:08d}"
        found |= {f"{name}/{path.name}": path for path in sorted(folder.iterdir())}
    return found


def measured_on_nothing(spec: Mapping[str, Any]) -> Measuring:
    """Return that nothing is measured; the suite is one of a run's files all the same."""
    return Measuring(spec["evaluation"]["suite"], [], {})


class CheckPlatform:
    """The platform of the supervisor for a check: its row in the database, and a folder on this machine's disk."""

    def __init__(self, lease: Lease, check: SpotCheck) -> None:
        """Keep the check with what it needs, so that files can be laid out without the database."""
        self.lease = lease
        self.checked = check.slice

    def heartbeat(self) -> str:
        """Prolong the lease."""
        with database():
            return services.heartbeat(self.lease, clock.now())

    def stream(self, events: list[dict[str, Any]]) -> None:
        """Keep how far it is."""
        with database():
            services.stream(self.lease, events)

    def lay_out(self, folder: Path) -> None:
        """Copy the inputs and the checkpoint, and write down which steps."""
        run = self.checked.attempt.run
        spec = run.spec_record.body
        folders.lay_in(folder, run.base, spec, measured_on_nothing(spec).suites)
        if self.checked.first_step:
            target = folder / FOLDER / f"{self.checked.first_step:08d}"
            files.copy(files.of_slice(self.checked.pk) / files.FIRST, target)
        (folder / "slice.json").write_bytes(canonical_bytes(request(self.checked)))

    def tried(self, report: dict[str, Any], isolation: str) -> None:
        """Have what was found judged."""
        with database():
            services.recomputed(self.lease, report, isolation, clock.now())

    def fail(self, code: str, detail: str, permanent: bool) -> None:  # noqa: FBT001 - the words of the protocol
        """End the attempt."""
        with database():
            services.fail(self.lease, code, detail, clock.now(), permanent=permanent)

    def stopped(self) -> None:
        """End the attempt that was asked to end."""
        with database():
            services.stopped(self.lease, clock.now())

    def checkpoint(self, folder: Path) -> None:
        """Nobody goes on from it."""

    def trained(self, description: dict[str, Any], folder: Path, isolation: str) -> None:
        """Refuse it: what a check trains is no result."""
        raise Unavailable("nothing_is_trained", "a check hands over no model")

    def took_part(self, description: dict[str, Any]) -> None:
        """Nobody takes part: it is one machine."""

    def evaluated(self, report: dict[str, Any], folder: Path) -> None:
        """Nothing is measured."""
