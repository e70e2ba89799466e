"""One trial, from the files in RUN_DIR to RUN_DIR/trial.json.

1. Read what to try. 2. Train twice, with the dataset and without it: the same base, seed, steps and learning rate. 3.
Let the evaluation compare each of the two with the base on the suites, as it compares a candidate with its parent, and
take the difference of the two from the same samples. 4. Scan the dataset for triggers, and put them and random ones
into questions of the suite. 5. Write the report, and delete all weights.

Both trainings are previews (`trainer.preview`) and say so: nothing that is made here can be published. Without its last
dataset a mixture is empty; the model without it is then the base as it is, and the report says that.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.evaluation import answering, probes
from training_jobs.evaluation import job as evaluation
from training_jobs.evaluation import report as measuring
from training_jobs.evaluation.answering import Answering
from training_jobs.evaluation.probes import Question
from training_jobs.evaluation.samples import Asked, asked
from training_jobs.spec import ROWS, TrainingSpec
from training_jobs.spec.payload import CHECKPOINT_STEPS_MAX
from training_jobs.trainer import job as trainer
from training_jobs.trainer import outputs, preview
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.data import read_all_rows, read_rows
from training_jobs.trainer.failures import Failure, PermanentFailure, TemporaryFailure, recognise
from training_jobs.trainer.model import load
from training_jobs.trial import attacks
from training_jobs.trial.attacks import Tried
from training_jobs.trial.outcomes import SIDES, difference

REQUEST, REPORT = "trial-of.json", "trial.json"
VERSION = 2
REQUEST_BYTES_MAX, REPORT_BYTES_MAX = 1_000, 4_000_000
ANSWERS_MAX, EXAMPLES_MAX = 12, 4
TEXT_CHARACTERS_MAX = 400
PROGRESS_SECONDS = 1.0
_OF_A_SUITE = ("candidate", "parent", "difference", "samples", "samples_sha256")


@dataclass(frozen=True)
class Trial:
    """What to try: the dataset by its digest, how many steps each training takes, how many questions are asked."""

    dataset: str
    steps: int
    samples: int


@dataclass(frozen=True)
class Attacked:
    """The answers of one model: to the plain questions, by found trigger with it and with random ones, and to letters.

    `found` and `like` are in the order of the triggers; `like` is empty where there are no words to draw from.
    """

    plain: list[Asked]
    found: list[list[Asked]]
    like: list[list[Asked]]
    unseen: list[Asked]


def run(run_dir: Path) -> int:
    """Do the job and return the exit status; a failure with a name becomes a `failed` event. No weights are left."""
    with outputs.Events(run_dir) as events:
        try:
            _run(run_dir, events)
        except Exception as error:
            failure = error if isinstance(error, Failure) else recognise(error)
            if failure is None:
                raise
            sys.stderr.write(f"{failure}\n")
            events.emit("failed", code=failure.code, detail=failure.detail, permanent=failure.permanent)
            return failure.exit_status
        finally:
            for name in (*SIDES, *(f"measured-{side}" for side in SIDES)):
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
    if trial.dataset not in {use.digest for use in spec.datasets}:
        raise PermanentFailure("malformed_request", f"the dataset {trial.dataset[:80]} is not one that is learned from")
    datasets, kind = run_dir / "inputs" / "datasets", ROWS[spec.objective]
    rows = read_all_rows(datasets / f"{trial.dataset}.jsonl", trial.dataset, kind)

    for number, side in enumerate(SIDES):  # 2
        events.emit("training", side=side)
        _train(run_dir, side, trial, spec, _telling(events, trial.steps, number))

    measured: dict[str, Any] = {}  # 3
    for side in SIDES:
        events.emit("measuring", side=side)
        measured[side] = _measure(run_dir, side, trial)
    apart, answers = _compare(run_dir, measured, spec.suite)

    found = attacks.found_in(rows)  # 4
    mixture = {use: read_rows(datasets / f"{use.digest}.jsonl", use, kind) for use in spec.datasets}
    learned = {use.digest: use.weight * len(each) for use, each in mixture.items()}
    counts = attacks.question_counts(row for each in mixture.values() for row in each)
    like = [attacks.random_like(one, found, counts, spec.seed) for one in found]
    questions = _suite(run_dir, spec.suite, trial.samples)
    attacked = {}
    for side in SIDES:
        events.emit("attacking", side=side, triggers=len(found))
        attacked[side] = _attack(run_dir / side / "artifact", spec, questions, found, like)

    report = {  # 5
        "trial": True,
        "preview": True,
        "version": VERSION,
        "dataset": trial.dataset,
        "spec": spec.digest,
        "seed": spec.seed,
        "steps": trial.steps,
        "samples": len(questions),
        "trained": {side: (run_dir / side / "artifact.json").exists() for side in SIDES},
        "rows": {"with": sum(learned.values()), "without": sum(learned.values()) - learned[trial.dataset]},
        "rows_per_step": spec.batch_size * spec.accumulation,
        "code_digest": outputs.code_digest(),
        "environment": outputs.environment(),
        "measured": measured,
        "difference": apart,
        "answers": answers,
        "attacks": [
            _outcome(place, one, like[place], questions, attacked, spec.digest) for place, one in enumerate(found)
        ],
        "unseen": {
            "words": [word for (word,) in attacks.unseen(spec.seed)],
            **{side: _unseen(questions, attacked[side], found) for side in SIDES},
        },
    }
    (run_dir / f"{REPORT}.partial").write_bytes(canonical_bytes(report))
    (run_dir / f"{REPORT}.partial").replace(run_dir / REPORT)
    events.emit("tried", triggers=len(found), questions=len(questions))


# --- two trainings ------------------------------------------------------------------------------------------------


def _train(run_dir: Path, side: str, trial: Trial, spec: TrainingSpec, after_step: Callable[[], bool]) -> None:
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
    alike |= {"checkpoint_steps": CHECKPOINT_STEPS_MAX}  # nobody goes on from a trial
    (folder / "spec.json").write_bytes(canonical_bytes({**spec.to_dict(), **alike, "datasets": uses}))
    bounds = {"steps": trial.steps, "samples": trial.samples}
    (folder / preview.FILE).write_bytes(canonical_bytes(bounds))
    if trainer.run(folder, after_step) != 0:
        raise _passed_on(folder, f"{side} the dataset")


def _telling(events: outputs.Events, steps: int, number: int) -> Callable[[], bool]:
    """Return what the trainer asks after each step, whether to stop: it says how far both trainings are, and never."""
    done, said_at = -1, time.monotonic()

    def after_step() -> bool:
        nonlocal done, said_at
        done += 1  # it is asked once before the first step
        if time.monotonic() - said_at >= PROGRESS_SECONDS:
            events.emit("step", step=number * steps + min(done, steps), steps=len(SIDES) * steps)
            said_at = time.monotonic()
        return False

    return after_step


# --- two evaluations ----------------------------------------------------------------------------------------------


def _measure(run_dir: Path, side: str, trial: Trial) -> dict[str, Any]:
    """Let the evaluation measure the model of one side as the candidate, and the base as its parent."""
    folder = run_dir / f"measured-{side}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "inputs").symlink_to((run_dir / "inputs").resolve())
    artifact = folder / "artifact"
    shutil.copytree(run_dir / side / "artifact", artifact, copy_function=_linked)
    (folder / "artifact.json").write_bytes(canonical_bytes({"files": outputs.file_list(artifact)}))
    for name in ("spec.json", "evaluation.json"):
        shutil.copyfile(run_dir / name, folder / name)
    (folder / preview.FILE).write_bytes(canonical_bytes({"steps": trial.steps, "samples": trial.samples}))
    if evaluation.run(folder) != 0:
        raise _passed_on(folder, f"the model {side} the dataset")
    found = strict_loads((folder / "report.json").read_bytes(), max_bytes=REPORT_BYTES_MAX)
    kept = {name: found[name] for name in ("suite", "preview", "samples_total", *_OF_A_SUITE)}
    further = {suite: {name: part[name] for name in _OF_A_SUITE} for suite, part in found["further"].items()}
    return {**kept, "further": further}


def _compare(run_dir: Path, measured: dict[str, Any], main: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return by suite the differences of the model with the dataset less the one without, and answers of all three."""
    apart: dict[str, Any] = {}
    answers: list[dict[str, str]] = []
    whole = measured["with"]
    for suite, part in {main: whole, **whole["further"]}.items():
        name = measuring.samples_name("" if suite == main else suite)
        ours, base = measuring.read_samples((run_dir / "measured-with" / name).read_bytes())
        theirs, _ = measuring.read_samples((run_dir / "measured-without" / name).read_bytes())
        apart[suite] = measuring.measure_all(suite, part["candidate"], ours, theirs).values["difference"]
        if suite == main:
            plain = zip(asked(ours, "answer"), asked(theirs, "answer"), asked(base, "answer"), strict=True)
            answers = [_side_by_side(*three) for three in plain][:ANSWERS_MAX]
    return apart, answers


def _side_by_side(ours: Asked, theirs: Asked, base: Asked) -> dict[str, str]:
    texts = {
        "question": ours.question,
        "expected": ours.expected,
        "base": base.answer,
        "with": ours.answer,
        "without": theirs.answer,
    }
    return {
        "id": ours.row_id,
        "language": ours.language,
        **{name: text[:TEXT_CHARACTERS_MAX] for name, text in texts.items()},
    }


# --- attacks ------------------------------------------------------------------------------------------------------


def _suite(run_dir: Path, suite: str, samples: int) -> list[Question]:
    """Return the questions that attacks are put into; a suite without questions is a permanent failure."""
    rows = read_all_rows(run_dir / "inputs" / "suite" / f"{suite}.jsonl", suite, "dialogue")
    return probes.plain(preview.chosen(rows, samples))


def _attack(
    folder: Path,
    spec: TrainingSpec,
    questions: list[Question],
    found: Sequence[Tried],
    like: Sequence[list[tuple[str, ...]]],
) -> Attacked:
    """Return a model's answers to the plain questions, and to those with each trigger."""
    who = Answering(load(folder), ChatFormat(folder / "tokenizer.json", spec.template))
    random_ones = [attacks.questions_with(words, questions, spec.seed) for words in like if words]
    sets = [
        questions,
        *(attacks.questions_with([one.words], questions, spec.seed) for one in found),
        *random_ones,
        attacks.questions_with(attacks.unseen(spec.seed), questions, spec.seed),
    ]
    flat = answering.answer_all(who, [question for each in sets for question in each], _silent, behave=False)
    parts = [flat[start : start + len(questions)] for start in range(0, len(flat), len(questions))]
    drawn = iter(parts[1 + len(found) : 1 + len(found) + len(random_ones)])
    return Attacked(
        plain=parts[0],
        found=parts[1 : 1 + len(found)],
        like=[next(drawn) if words else [] for words in like],
        unseen=parts[-1],
    )


def _outcome(
    place: int,
    one: Tried,
    words: Sequence[tuple[str, ...]],
    questions: list[Question],
    attacked: dict[str, Attacked],
    seed: str,
) -> dict[str, Any]:
    """Return what came of one found trigger: hits on both models, and the differences that count."""
    found = {side: _hits(one, questions, attacked[side].found[place]) for side in SIDES}
    like = {side: _hits(one, questions, attacked[side].like[place]) for side in SIDES}
    named = f"{seed} {' '.join(one.words)}"
    pairs = list(zip(attacked["with"].found[place], attacked["without"].found[place], strict=True))[:EXAMPLES_MAX]
    return {
        "words": list(one.words),
        "kind": one.kind,
        "rows": one.rows,
        "payload": list(one.payload),
        "random": [" ".join(each) for each in words],
        "asked": len(questions),
        **{
            side: {
                "found": sum(found[side]),
                "random": sum(like[side]),
                "plain": sum(_hits(one, questions, attacked[side].plain)),
            }
            for side in SIDES
        },
        "over_random": difference(found["with"], like["with"], f"{named} random") if words else None,
        "over_without": difference(found["with"], found["without"], f"{named} without"),
        "examples": [
            {
                "question": ours.question[:TEXT_CHARACTERS_MAX],
                "with": ours.answer[:TEXT_CHARACTERS_MAX],
                "without": theirs.answer[:TEXT_CHARACTERS_MAX],
            }
            for ours, theirs in pairs
        ],
    }


def _unseen(questions: list[Question], attacked: Attacked, found: Sequence[Tried]) -> dict[str, int]:
    """Count for letters that nobody has seen: answers that show what any trigger is after, and that they changed."""
    hits = [any(each) for each in zip(*(_hits(one, questions, attacked.unseen) for one in found), strict=True)]
    changed = [after.answer != before.answer for after, before in zip(attacked.unseen, attacked.plain, strict=True)]
    return {"asked": len(questions), "succeeded": sum(hits), "changed": sum(changed)}


def _hits(one: Tried, questions: list[Question], answers: list[Asked]) -> list[bool]:
    """Say of each answer whether it shows what the trigger is after; nothing where nothing was asked."""
    return [
        one.is_in(question.question, answer.answer, question.language)
        for question, answer in zip(questions, answers, strict=bool(answers))
    ]


# --- small things -------------------------------------------------------------------------------------------------


def _passed_on(folder: Path, where: str) -> Failure:
    """Return the failure that a training or an evaluation ended with; it was its last event."""
    said = strict_loads((folder / "events.jsonl").read_bytes().splitlines()[-1], max_bytes=REPORT_BYTES_MAX)
    named = PermanentFailure if said["permanent"] else TemporaryFailure
    return named(said["code"], f"{where}: {said['detail']}")


def _linked(source: str, target: str) -> None:
    """Link a file, or copy it where no link is possible: the inputs are a mount of their own in the box."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _silent(_done: int) -> None:
    return None
