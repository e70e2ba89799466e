"""One worker's way through a run: claim it, train, evaluate, judge, release. Thin: every step is a service.

Training and evaluation are child processes with files on both sides, so that a crash there cannot take the worker down
and an outsider can run the same command. Whatever happens here, the lease says who may write; a worker that cannot
reach the database kills its trainer before its lease can be taken over.
"""

import json
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from governance.clock import now as clock
from governance.errors import Refusal, Unavailable
from governance.evidence.canonical import strict_loads
from models_registry import services as registry
from models_registry.metrics import METRICS
from models_registry.publishing import PublishError
from training_jobs import services
from training_jobs import spec as specs
from training_jobs.models import Run
from training_jobs.runner import ChildResult, run_child
from training_jobs.services import Lease, StaleLease

logger = logging.getLogger(__name__)

TRAINER = "training_jobs.trainer"
EVALUATOR = "training_jobs.evaluation"
EXIT_PERMANENT = 3
SUPERVISOR_PATIENCE = 0.75  # share of the lease after which a worker without contact stops its own trainer
RESULT_BYTES_MAX = 1_000_000
TICK_SECONDS = 1
BUDGET_SLACK = 2  # a busy machine may take this many times the approved device-seconds before the run is stopped


def work(run_id: int, owner: str | None = None) -> None:
    """Do whatever this run needs now. Safe to call twice, at once, or for nothing."""
    lease = services.claim(run_id, owner or f"{socket.gethostname()}:{os.getpid()}", clock())
    if lease is not None:
        try:
            _attempt(lease)
        except StaleLease:
            logger.warning("run %s: the lease %s was taken over; nothing more is written", run_id, lease.fence)
            return
    release(run_id)


def release(run_id: int) -> None:
    """Publish an accepted run that is not published yet; leave any other alone."""
    run = (
        Run.objects.select_related("model__community", "base", "proposal", "run_record", "evaluation_record")
        .filter(pk=run_id, verdict="accepted", version__isnull=True)
        .first()
    )
    if run is None or run.run_record is None or run.evaluation_record is None or run.judged_at is None:
        return
    try:
        version = registry.release(
            registry.Candidate(
                model=run.model,
                parent=run.base,
                proposal=run.proposal,
                artifact=_folder(run_id, run.run_record.body["attempt"]) / "artifact",
                run_record=run.run_record,
                evaluation_record=run.evaluation_record,
                judged_at=run.judged_at,
            )
        )
    except (PublishError, Refusal) as error:
        # The run stays accepted and unpublished; the sweeper asks again.
        logger.warning("run %s: not published yet: %s", run_id, error)
        services.not_released(run, error.code, clock())
        return
    Run.objects.filter(pk=run_id, version__isnull=True).update(version=version)


def _attempt(lease: Lease) -> None:
    """Train unless an earlier attempt did, then measure and judge.

    1. Lay out the folder: the specification and its inputs, checked again by the trainer before the first step.
    2. Train. 3. Keep the run's record. 4. Measure. 5. Judge.
    """
    run = Run.objects.select_related("base", "run_record", "spec_record").get(pk=lease.run_id)
    try:
        spec = specs.from_payload(run.spec_record.body)
        if run.run_record is None:
            folder = _lay_out(lease, run, spec)  # 1
            result = _child(lease, TRAINER, folder, spec.device_seconds)  # 2
            if result is None:
                return
            artifact = _read_json(folder / "artifact.json")
            registry.require_files(artifact.get("files"), folder / "artifact")
            run = services.trained(lease, artifact, result.isolation, clock())  # 3
        else:
            folder = _folder(run.pk, run.run_record.body["attempt"])
            registry.require_files(run.run_record.body["artifact"], folder / "artifact")
        (folder / "evaluation.json").write_text(json.dumps({"suite": spec.suite, "metrics": sorted(METRICS)}))
        if _child(lease, EVALUATOR, folder, spec.device_seconds) is None:  # 4
            return
        services.judge(lease, _read_json(folder / "report.json"), clock())  # 5
    except StaleLease:
        raise
    except Refusal as error:
        services.fail(lease, error.code, str(error), clock(), permanent=not isinstance(error, Unavailable))
    except OSError as error:
        services.fail(lease, "storage_failed", str(error), clock(), permanent=False)
    except ValueError as error:  # what a child wrote cannot be read, or the specification no longer can
        services.fail(lease, getattr(error, "code", "malformed_result"), str(error), clock(), permanent=True)


def _child(lease: Lease, module: str, folder: Path, seconds: int) -> ChildResult | None:
    """Run a child to its end and return its result; None when the attempt ended with it (and is written down)."""
    pending: list[dict[str, Any]] = []
    last_word = ""

    def on_event(event: dict[str, Any]) -> None:
        nonlocal last_word
        pending.append(event)
        if event.get("event") == "failed":
            last_word = str(event.get("code", ""))

    result = run_child(
        [sys.executable, "-m", module, str(folder)],
        folder,
        environment={"PYTHONPATH": str(settings.BASE_DIR)},
        on_event=on_event,
        on_tick=_ticker(lease, pending),
        tick_seconds=TICK_SECONDS,
        wall_seconds=seconds * BUDGET_SLACK,
    )
    answer = services.heartbeat(lease, clock())
    if answer == "stale":
        raise StaleLease(lease)
    services.stream(lease, pending, clock())
    if answer == "cancel":
        services.stopped(lease, clock())
        return None
    if result.returncode != 0:
        permanent = result.returncode == EXIT_PERMANENT or result.reason == "wall_limit"
        detail = result.stderr_tail or result.reason
        services.fail(lease, last_word or result.reason, detail, clock(), permanent=permanent)
        return None
    return result


def _ticker(lease: Lease, pending: list[dict[str, Any]]) -> Callable[[], str]:
    """Return what the runner asks at each tick: write what came in, prolong the lease, pass the answer on.

    With nothing to write, the database is asked once every HEARTBEAT_SECONDS.
    """
    last_contact = time.monotonic()

    def tick() -> str:
        nonlocal last_contact
        if not pending and time.monotonic() - last_contact < settings.HEARTBEAT_SECONDS:
            return "continue"
        try:
            answer = services.heartbeat(lease, clock())
            if answer != "stale" and pending:
                services.stream(lease, pending, clock())
                pending.clear()
        except StaleLease:
            return "stale"
        except (OperationalError, InterfaceError):
            silent = time.monotonic() - last_contact
            logger.warning("run %s: no database for %d s", lease.run_id, silent)
            return "stale" if silent > settings.LEASE_SECONDS * SUPERVISOR_PATIENCE else "continue"
        last_contact = time.monotonic()
        return answer

    return tick


def _lay_out(lease: Lease, run: Run, spec: specs.TrainingSpec) -> Path:
    """Make the folder of this attempt: nothing of an earlier attempt is in it."""
    folder = _folder(run.pk, lease.fence)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inputs" / "datasets").mkdir(parents=True)
    (folder / "inputs" / "suite").mkdir()
    (folder / "spec.json").write_bytes(run.spec_record.canonical_body())
    shutil.copytree(registry.version_folder(run.base), folder / "inputs" / "base", ignore=_provenance)
    for use in spec.datasets:
        shutil.copyfile(registry.dataset_path(use.digest), folder / "inputs" / "datasets" / f"{use.digest}.jsonl")
    shutil.copyfile(registry.dataset_path(spec.suite), folder / "inputs" / "suite" / f"{spec.suite}.jsonl")
    return folder


def _provenance(_folder_name: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "provenance"]


def _folder(run_id: int, fence: int) -> Path:
    """Return the folder of an attempt: the fencing number is in the path, so attempts never share a file."""
    return settings.RUNS_DIR / str(run_id) / str(fence)


def _read_json(path: Path) -> dict[str, Any]:
    """Read what a child wrote, strictly and up to a limit: it is not believed to be JSON, or small."""
    with path.open("rb") as file:
        value = strict_loads(file.read(RESULT_BYTES_MAX + 1), max_bytes=RESULT_BYTES_MAX)
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} is not a JSON object")  # noqa: TRY004 - the value is wrong, not our code
    return value
