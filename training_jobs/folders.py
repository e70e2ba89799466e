"""The folders of attempts, RUNS_DIR/<run>/<fencing number>: what is put in, and what is kept of those that ended.

A member's is RUNS_DIR/<run>/seat-<slot>/<fencing number>; nothing in it is needed once it has ended. No two attempts
share a file. What a later attempt needs of an earlier one is copied and hashed. Kept are the artifact
of the attempt that the run's record names, the newest checkpoint until the run is judged, and the small files that tell
what happened (events, trace, output, report).
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Version
from models_registry.scorers import store
from training_jobs import checkpoints
from training_jobs.leases import Lease
from training_jobs.models import Run
from training_jobs.runners.uploads import attempt_folder
from training_jobs.suites import Measuring

__all__ = ["attempt_folder", "clean", "folder_of", "hand_to_member", "lay_in", "lay_out"]


# What an attempt needs only while it lasts.
_PASSING = ("inputs", ".held", "exchange/rounds", "exchange/out")
logger = logging.getLogger(__name__)


def folder_of(lease: Lease) -> Path:
    """Return the folder of the attempt under a lease."""
    return attempt_folder(lease.run_id, lease.fence, lease.slot)


def lay_out(run: Run, lease: Lease, earlier: list[int], wanted: Measuring) -> Path:
    """Fill the folder of a new attempt, and return it. Files only: `run` comes with its base and its records.

    1. The specification and the inputs that it names by digest; the trainer hashes them again. 2. To train: the newest
    checkpoint of the lead's attempts in `earlier` that verifies, so that a member who comes late need not repeat all
    rounds. 3. To measure: the artifact, as the run's record has it.
    """
    folder = folder_of(lease)
    lay_in(folder, run.base, run.spec_record.body, wanted.suites, wanted.classifiers)  # 1
    if lease.slot or run.run_record is None:  # 2
        folders = [attempt_folder(run.pk, number) for number in earlier]
        checkpoints.hand_on(folders, folder, hashlib.sha256(run.spec_record.canonical_body()).hexdigest())
    else:  # 3
        made = attempt_folder(run.pk, run.run_record.body["attempt"])
        shutil.copytree(made / "artifact", folder / "artifact", symlinks=True)
        registry.require_files(run.run_record.body["artifact"], folder / "artifact")
        (folder / "artifact.json").write_bytes(canonical_bytes({"files": run.run_record.body["artifact"]}))
    return folder


def lay_in(
    folder: Path, base: Version, spec: Mapping[str, Any], suites: Sequence[str], classifiers: Iterable[str] = ()
) -> None:
    """Make a folder anew, with a specification, the inputs that it names, and suites and classifiers by digest.

    A classifier that this site does not keep is left out: what it was to judge has no value then, and its rule rejects.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inputs" / "datasets").mkdir(parents=True)
    (folder / "inputs" / "suite").mkdir()
    (folder / "spec.json").write_bytes(canonical_bytes(spec))
    shutil.copytree(
        registry.version_folder(base), folder / "inputs" / "base", ignore=shutil.ignore_patterns("provenance")
    )
    for use in spec["datasets"]:
        name = f"{use['digest']}.jsonl"
        shutil.copyfile(registering.dataset_path(use["digest"]), folder / "inputs" / "datasets" / name)
    for suite in suites:
        shutil.copyfile(registering.dataset_path(suite), folder / "inputs" / "suite" / f"{suite}.jsonl")
    for digest in classifiers:
        for name, path in store.files_of(digest).items():
            place = folder / "inputs" / "classifiers" / digest
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place / name)


def clean(run_id: int) -> None:
    """Remove what nobody needs any more of the attempts that have ended. Safe to repeat; what is gone is gone."""
    run = Run.objects.select_related("run_record").get(pk=run_id)
    made_by = run.run_record.body["attempt"] if run.run_record else None
    leads = run.attempts.filter(slot=0)
    ended = list(leads.filter(ended_at__isnull=False).values_list("number", flat=True))
    every = list(leads.values_list("number", flat=True))
    newest = max(every, key=lambda number: (_newest_step(run_id, number), number), default=None)
    for number in ended:
        folder = attempt_folder(run_id, number)
        unneeded = [*_PASSING]
        if number != made_by:
            unneeded.append("artifact")
        if run.verdict or run.reviewing_since or number != newest:
            unneeded.append(checkpoints.FOLDER)
        for name in unneeded:
            shutil.rmtree(folder / name, ignore_errors=True)
    for slot, number in run.attempts.filter(slot__gt=0, ended_at__isnull=False).values_list("slot", "number"):
        folder = attempt_folder(run_id, number, slot)
        for name in (*_PASSING, "artifact", checkpoints.FOLDER):
            shutil.rmtree(folder / name, ignore_errors=True)
        with suppress(OSError):  # something is left in it
            folder.rmdir()
            folder.parent.rmdir()


def hand_to_member(run: Run, lease: Lease) -> None:
    """Keep the lead's newest checkpoint for a member on another machine, for as long as its attempt lasts.

    Links to files that nobody writes into: the lead removes old checkpoints while the member still downloads. Without
    a checkpoint the member begins with the base. Who downloads it verifies it.
    """
    leads = run.attempts.filter(slot=0).values_list("number", flat=True)
    folders = [attempt_folder(run.pk, number) for number in leads]
    found = [(step, checkpoints.folder_of(folder, step)) for folder in folders for step in checkpoints.steps_in(folder)]
    for step, source in sorted(found, key=lambda pair: pair[0], reverse=True):
        target = checkpoints.folder_of(folder_of(lease), step)
        try:
            target.mkdir(parents=True)
            for file in source.iterdir():
                os.link(file, target / file.name, follow_symlinks=False)
            if checkpoints.is_complete(target):
                return
        except OSError as error:
            logger.info("run %s: step %s is not there for seat %s: %s", run.pk, step, lease.slot, error)
        shutil.rmtree(target, ignore_errors=True)


def _newest_step(run_id: int, number: int) -> int:
    return max(checkpoints.steps_in(attempt_folder(run_id, number)), default=-1)
