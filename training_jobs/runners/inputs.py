"""What a runner may download of a run: the files of its RUN_DIR, by the paths that they have there.

A path in an address is a key into this list and is never joined to a folder. Nothing secret is in it: the base model,
the datasets, suites and classifiers are what votes named by digest, and whoever takes a run over gets its newest
checkpoint. A member gets the one that was kept for it when it came.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Version
from models_registry.provenance.manifest import PROVENANCE_FOLDER, name_is_allowed
from models_registry.scorers import store
from training_jobs import checkpoints
from training_jobs.folders import folder_of
from training_jobs.leases import Lease
from training_jobs.models import Run
from training_jobs.runners.uploads import attempt_folder
from training_jobs.suites import Measuring, measuring


def files_of(run: Run, lease: Lease) -> dict[str, Path]:
    """Return path in RUN_DIR → file, for the phase that the run is in; the caller selected `base` and the records."""
    found = named_files(run.base, run.spec_record.body, measuring(run))
    if run.run_record is not None and not lease.slot:
        made = attempt_folder(run.pk, run.run_record.body["attempt"]) / "artifact"
        return found | {f"artifact/{entry['path']}": made / entry["path"] for entry in run.run_record.body["artifact"]}
    attempts = [folder_of(lease)] if lease.slot else _of_leads(run)
    checkpoint = _newest_checkpoint(attempts)
    if checkpoint is not None:
        kept = [path for path in sorted(checkpoint.iterdir()) if path.is_file()]
        found |= {f"{checkpoints.FOLDER}/{checkpoint.name}/{path.name}": path for path in kept}
    return found


def named_files(version: Version, spec: Mapping[str, Any], wanted: Measuring) -> dict[str, Path]:
    """Return path in RUN_DIR → file of what a specification names, and of what it is measured on and by."""
    base = registry.version_folder(version)
    found = {
        f"inputs/base/{path.name}": path
        for path in sorted(base.iterdir())
        if path.name != PROVENANCE_FOLDER and name_is_allowed(path.name)
    }
    for use in spec["datasets"]:
        found[f"inputs/datasets/{use['digest']}.jsonl"] = registering.dataset_path(use["digest"])
    for suite in wanted.suites:
        found[f"inputs/suite/{suite}.jsonl"] = registering.dataset_path(suite)
    for digest in sorted(wanted.classifiers):
        found |= {f"inputs/classifiers/{digest}/{name}": path for name, path in store.files_of(digest).items()}
    return found


def _of_leads(run: Run) -> list[Path]:
    return [attempt_folder(run.pk, number) for number in run.attempts.filter(slot=0).values_list("number", flat=True)]


def _newest_checkpoint(attempts: list[Path]) -> Path | None:
    """Return the folder of the checkpoint with the highest step of these attempts; who downloads it verifies it."""
    found = [(step, folder) for folder in attempts for step in checkpoints.steps_in(folder)]
    if not found:
        return None
    step, folder = max(found)
    return checkpoints.folder_of(folder, step)


def described(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file; a large one is hashed once as long as it does not change."""
    status = path.stat()
    return status.st_size, _sha256(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256(path: str, _size: int, _changed: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
