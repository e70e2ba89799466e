"""Checkpoints that a runner leaves for whoever takes its run over: whole or not there, the newest two.

RUNS_DIR/<run>/<fence>/checkpoints/<step:08d>/ with the files of its manifest, and the manifest last. Nobody can tell
from outside whether the numbers in a checkpoint are honest; who resumes from it believes the attempt before.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from governance.errors import Conflict, Invalid
from governance.evidence.canonical import canonical_bytes
from training_jobs.checkpoints import FOLDER, KEPT, MANIFEST
from training_jobs.models import Run
from training_jobs.runners import uploads
from training_jobs.runners.uploads import attempt_folder

STEP_MAX = 99_999_999
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.(?:safetensors|json|jsonl)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE_KEYS = {"path", "size", "sha256"}


def keep(run: Run, fence: int, manifest: Mapping[str, Any]) -> None:
    """Take a checkpoint over whose files were uploaded; the caller knows that the runner holds the lease. Repeatable.

    1. The manifest is in form and of this run's specification. 2. Every file is there with its size and digest.
    3. The folder appears whole. 4. Older ones, and uploads that were taken over, go.
    """
    step, files = _read(run, manifest)  # 1
    folder = attempt_folder(run.pk, fence)
    target = folder / FOLDER / f"{step:08d}"
    with uploads.only_one(folder):
        if (target / MANIFEST).exists():
            if (target / MANIFEST).read_bytes() != canonical_bytes(dict(manifest)):
                raise Conflict("checkpoint_differs", "another checkpoint of this step was kept", found=step)
            return
        half = folder / FOLDER / f".{step:08d}.partial"
        shutil.rmtree(half, ignore_errors=True)
        try:
            uploads.assemble(folder, files, half)
            for entry in files:  # 2
                if (half / entry["path"]).stat().st_size != entry["size"]:
                    raise Invalid("manifest_mismatch", f"{entry['path']} has another size", field=entry["path"])
            _write(half / MANIFEST, canonical_bytes(dict(manifest)))  # 3
            half.rename(target)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise
        for entry in files:  # 4
            (folder / uploads.UPLOADS / entry["sha256"]).unlink(missing_ok=True)
        for old in sorted((folder / FOLDER).glob("[0-9]*"))[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def _read(run: Run, manifest: Mapping[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    if set(manifest) != {"step", "spec", "code_digest", "environment", "files"}:
        raise Invalid("manifest_malformed", "a manifest has step, spec, code_digest, environment and files")
    step, files = manifest["step"], manifest["files"]
    if type(step) is not int or not 0 <= step <= STEP_MAX:
        raise Invalid("manifest_malformed", "step is a whole number", field="manifest.step", found=step)
    spec = hashlib.sha256(run.spec_record.canonical_body()).hexdigest()
    if manifest["spec"] != spec:
        raise Invalid(
            "another_spec", "this checkpoint is of another specification", field="manifest.spec", allowed=spec
        )
    if not isinstance(files, list) or not 0 < len(files) <= uploads.FILES_MAX:
        raise Invalid("manifest_malformed", "files is a list of at least one file", field="manifest.files")
    for entry in files:
        if not isinstance(entry, dict) or set(entry) != _FILE_KEYS or not _is_file(entry):
            raise Invalid("name_not_allowed", "a file has an allowed name, a size and a digest", field="manifest.files")
    if len({entry["path"] for entry in files}) != len(files):
        raise Invalid("manifest_malformed", "a file stands there twice", field="manifest.files")
    return step, files


def _is_file(entry: Mapping[str, Any]) -> bool:
    path, size, sha256 = entry["path"], entry["size"], entry["sha256"]
    return (
        isinstance(path, str)
        and _NAME.fullmatch(path) is not None
        and path != MANIFEST
        and type(size) is int
        and size > 0
        and isinstance(sha256, str)
        and _DIGEST.fullmatch(sha256) is not None
    )


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
