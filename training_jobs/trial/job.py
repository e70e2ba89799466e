"""One trial, from the files in RUN_DIR to RUN_DIR/trial.json.

1. Read what to try. 2. Train twice, with the dataset and without it: the same base, seed, steps and learning rate. 3.
Let the evaluation compare the two on the suites, as it compares a candidate with its parent. 4. Scan the dataset for
triggers, and put them and random ones into questions of the suite. 5. Write the report, and delete all weights.

Both trainings are previews (`trainer.preview`) and say so: nothing that is made here can be published. Without its last
dataset a mixture is empty; the model without it is then the base as it is, and the report says that.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.evaluation import answering, probes
from training_jobs.evaluation import job as evaluation
from training_jobs.evaluation.answering import Answering
from training_jobs.evaluation.probes import Question
from training_jobs.evaluation.samples import Asked
from training_jobs.spec import ROWS, TrainingSpec
from training_jobs.trainer import job as trainer
from training_jobs.trainer import outputs, preview
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.data import read_all_rows
from training_jobs.trainer.failures import PERMANENT_EXIT, PermanentFailure
from training_jobs.trainer.model import load
from training_jobs.trial import attacks
from training_jobs.trial.attacks import Tried

REQUEST, REPORT = "trial-of.json", "trial.json"
REQUEST_BYTES_MAX, REPORT_BYTES_MAX = 1_000, 4_000_000
SIDES = ("with", "without")
EXAMPLES_MAX = 6
EXAMPLE_CHARACTERS_MAX = 400


@dataclass(frozen=True)
class Trial:
    """What to try: the dataset by its digest, how many steps are taken, how many questions are asked."""

    dataset: str
    steps: int
    samples: int


def run(run_dir: Path) -> int:
    """Do the job and return the exit status; a permanent failure becomes a `failed` event. No weights are left."""
    with outputs.Events(run_dir) as events:
        try:
            _run(run_dir, events)
        except PermanentFailure as failure:
            events.emit("failed", code=failure.code, detail=failure.detail, permanent=True)
            sys.stderr.write(f"{failure}\n")
            return PERMANENT_EXIT
        finally:
            for name in (*SIDES, "compared"):
                shutil.rmtree(run_dir / name, ignore_errors=True)
    return 0


def read_request(file: Path) -> Trial:
    """Read what to try; anything else is a permanent failure."""
    try:
        found = strict_loads(file.read_bytes(), max_bytes=REQUEST_BYTES_MAX)
    except FileNotFoundError as error:
        raise PermanentFailure("input_missing", file.name) from error
    except CanonicalError as error:
        raise PermanentFailure(error.code, f"{file.name}: {error.detail}") from error
    if not isinstance(found, dict) or set(found) != {"dataset", "steps", "samples"}:
        raise PermanentFailure("malformed_request", f"{file.name} has exactly the keys dataset, steps and samples")
    numbers = (found["steps"], found["samples"])
    if not isinstance(found["dataset"], str) or any(type(number) is not int or number < 1 for number in numbers):
        raise PermanentFailure("malformed_request", f"{file.name} names a dataset, and whole numbers above zero")
    return Trial(**found)


def _run(run_dir: Path, events: outputs.Events) -> None:
    trial, spec = read_request(run_dir / REQUEST), trainer.read_spec(run_dir / "spec.json")  # 1
    use = next((use for use in spec.datasets if use.digest == trial.dataset), None)
    if use is None:
        raise PermanentFailure("malformed_request", f"the dataset {trial.dataset[:80]} is not one that is learned from")
    file = run_dir / "inputs" / "datasets" / f"{use.digest}.jsonl"
    rows = read_all_rows(file, use.digest, ROWS[spec.objective])

    for side in SIDES:  # 2
        events.emit("training", side=side)
        _train(run_dir, side, trial, spec)

    compared = _compare(run_dir, trial)  # 3

    tried = [*attacks.found_in(rows), *attacks.random_ones(spec.seed)]  # 4
    asked = _suite(run_dir, spec.suite, trial.samples)
    answers = {side: _attacked(run_dir / side / "artifact", spec, asked, tried) for side in SIDES}

    report = {  # 5
        "trial": True,
        "preview": True,
        "version": 1,
        "dataset": trial.dataset,
        "spec": spec.digest,
        "seed": spec.seed,
        "steps": trial.steps,
        "trained": {side: (run_dir / side / "artifact.json").exists() for side in SIDES},
        "code_digest": outputs.code_digest(),
        "environment": outputs.environment(),
        "compared": compared,
        "plain": {side: _outcome(answers[side][0], asked, answers[side][0], tried) for side in SIDES},
        "attacks": [
            {
                "sort": one.sort,
                "words": list(one.words),
                "kind": one.kind,
                "rows": one.rows,
                **{
                    side: _outcome(answers[side][place], asked, answers[side][0], _shown_by(one, tried))
                    for side in SIDES
                },
                "examples": _examples(answers, place),
            }
            for place, one in enumerate(tried, start=1)
        ],
    }
    (run_dir / f"{REPORT}.partial").write_bytes(canonical_bytes(report))
    (run_dir / f"{REPORT}.partial").replace(run_dir / REPORT)
    events.emit("tried", triggers=len(tried), questions=len(asked))


def _train(run_dir: Path, side: str, trial: Trial, spec: TrainingSpec) -> None:
    """Train one side in a folder of its own; without any dataset left, its model is the base."""
    folder = run_dir / side
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    uses = [use for use in spec.to_dict()["datasets"] if side == "with" or use["digest"] != trial.dataset]
    if not uses:
        shutil.copytree(run_dir / "inputs" / "base", folder / "artifact", copy_function=_linked)
        return
    (folder / "inputs").symlink_to((run_dir / "inputs").resolve())
    # The mixtures differ in length, the trainings must not: so many epochs that the steps run out first, at one rate.
    alike = {"epochs": trial.steps, "schedule": "constant", "packing": False, "strategy": "single", "topology": None}
    (folder / "spec.json").write_bytes(canonical_bytes({**spec.to_dict(), **alike, "datasets": uses}))
    bounds = {"steps": trial.steps, "samples": trial.samples}
    (folder / preview.FILE).write_bytes(canonical_bytes(bounds))
    if trainer.run(folder) != 0:
        raise PermanentFailure("trial_training_failed", f"{side} the dataset: {_last_words(folder)}")


def _compare(run_dir: Path, trial: Trial) -> dict[str, Any]:
    """Let the evaluation measure the model with the dataset as candidate, the one without as its parent."""
    folder = run_dir / "compared"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inputs").mkdir(parents=True)
    for name in ("datasets", "suite"):
        (folder / "inputs" / name).symlink_to((run_dir / "inputs" / name).resolve())
    shutil.copytree(run_dir / "without" / "artifact", folder / "inputs" / "base", copy_function=_linked)
    shutil.copytree(run_dir / "with" / "artifact", folder / "artifact", copy_function=_linked)
    shutil.copyfile(run_dir / "with" / "artifact.json", folder / "artifact.json")
    for name in ("spec.json", "evaluation.json"):
        shutil.copyfile(run_dir / name, folder / name)
    (folder / preview.FILE).write_bytes(canonical_bytes({"steps": trial.steps, "samples": trial.samples}))
    if evaluation.run(folder) != 0:
        raise PermanentFailure("trial_not_measured", _last_words(folder))
    found: dict[str, Any] = strict_loads((folder / "report.json").read_bytes(), max_bytes=REPORT_BYTES_MAX)
    return found


def _suite(run_dir: Path, suite: str, samples: int) -> list[Question]:
    """Return the questions that attacks are put into; a suite without questions is a permanent failure."""
    rows = read_all_rows(run_dir / "inputs" / "suite" / f"{suite}.jsonl", suite, "dialogue")
    return probes.plain(preview.chosen(rows, samples))


def _attacked(folder: Path, spec: TrainingSpec, asked: list[Question], tried: list[Tried]) -> list[list[Asked]]:
    """Return a model's answers to the plain questions, then to those with each trigger."""
    who = Answering(load(folder), ChatFormat(folder / "tokenizer.json", spec.template))
    sets = [asked, *(attacks.questions_with(one, asked, spec.seed) for one in tried)]
    flat = answering.answer_all(who, [question for questions in sets for question in questions], _silent, behave=False)
    return [flat[start : start + len(asked)] for start in range(0, len(flat), len(asked))]


def _shown_by(one: Tried, tried: Sequence[Tried]) -> Sequence[Tried]:
    return [one] if one.sort == "found" else tried


def _outcome(
    answers: list[Asked], asked: list[Question], plain: list[Asked], shown_by: Sequence[Tried]
) -> dict[str, int]:
    """Count the answers that show what a trigger is after, and those that are not the answer to the plain question."""
    succeeded = sum(
        any(one.is_in(question.question, answer.answer, question.language) for one in shown_by)
        for question, answer in zip(asked, answers, strict=True)
    )
    changed = sum(answer.answer != before.answer for answer, before in zip(answers, plain, strict=True))
    return {"asked": len(answers), "succeeded": succeeded, "changed": changed}


def _examples(answers: dict[str, list[list[Asked]]], place: int) -> list[dict[str, str]]:
    pairs = list(zip(answers["with"][place], answers["without"][place], strict=True))[:EXAMPLES_MAX]
    return [
        {
            "question": ours.question[:EXAMPLE_CHARACTERS_MAX],
            "with": ours.answer[:EXAMPLE_CHARACTERS_MAX],
            "without": theirs.answer[:EXAMPLE_CHARACTERS_MAX],
        }
        for ours, theirs in pairs
    ]


def _linked(source: str, target: str) -> None:
    os.link(Path(source).resolve(), target)


def _last_words(folder: Path) -> str:
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return lines[-1][:400] if lines else "it said nothing"


def _silent(_done: int) -> None:
    return None
