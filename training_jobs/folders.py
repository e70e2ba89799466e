"""The folders of attempts, RUNS_DIR/<run>/<fencing number>: what is put in, and what is kept of those that ended.

No two attempts share a file. What a later attempt needs of an earlier one is copied and hashed. Kept are the artifact
of the attempt that the run's record names, the newest checkpoint until the run is judged, and the small files that tell
what happened (events, trace, output, report).
"""

import hashlib
import shutil
from pathlib import Path

from models_registry import services as registry
from training_jobs import checkpoints
from training_jobs.models import Run
from training_jobs.runners.uploads import attempt_folder

__all__ = ["attempt_folder", "clean", "lay_out"]


def lay_out(run: Run, fence: int, earlier: list[int]) -> Path:
    """Fill the folder of a new attempt, and return it. Files only: `run` comes with its base and its records.

    1. The specification and the inputs that it names by digest; the trainer hashes them again. 2. To train: the newest
    checkpoint of the earlier attempts that verifies. 3. To measure: the artifact, as the run's record has it.
    """
    folder = attempt_folder(run.pk, fence)
    spec = run.spec_record.body
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inputs" / "datasets").mkdir(parents=True)  # 1
    (folder / "inputs" / "suite").mkdir()
    (folder / "spec.json").write_bytes(run.spec_record.canonical_body())
    shutil.copytree(
        registry.version_folder(run.base), folder / "inputs" / "base", ignore=shutil.ignore_patterns("provenance")
    )
    for use in spec["datasets"]:
        name = f"{use['digest']}.jsonl"
        shutil.copyfile(registry.dataset_path(use["digest"]), folder / "inputs" / "datasets" / name)
    suite = spec["evaluation"]["suite"]
    shutil.copyfile(registry.dataset_path(suite), folder / "inputs" / "suite" / f"{suite}.jsonl")
    if run.run_record is None:  # 2
        folders = [attempt_folder(run.pk, number) for number in earlier]
        checkpoints.hand_on(folders, folder, hashlib.sha256(run.spec_record.canonical_body()).hexdigest())
    else:  # 3
        made = attempt_folder(run.pk, run.run_record.body["attempt"])
        shutil.copytree(made / "artifact", folder / "artifact", symlinks=True)
        registry.require_files(run.run_record.body["artifact"], folder / "artifact")
    return folder


def clean(run_id: int) -> None:
    """Remove what nobody needs any more of the attempts that have ended. Safe to repeat; what is gone is gone."""
    run = Run.objects.select_related("run_record").get(pk=run_id)
    made_by = run.run_record.body["attempt"] if run.run_record else None
    ended = list(run.attempts.filter(ended_at__isnull=False).values_list("number", flat=True))
    every = list(run.attempts.values_list("number", flat=True))
    newest = max(every, key=lambda number: (_newest_step(run_id, number), number), default=None)
    for number in ended:
        folder = attempt_folder(run_id, number)
        unneeded = ["inputs", ".held"]
        if number != made_by:
            unneeded.append("artifact")
        if run.verdict or number != newest:
            unneeded.append(checkpoints.FOLDER)
        for name in unneeded:
            shutil.rmtree(folder / name, ignore_errors=True)


def _newest_step(run_id: int, number: int) -> int:
    return max(checkpoints.steps_in(attempt_folder(run_id, number)), default=-1)
