"""What is asked of a model for one suite, by the kind of its rows, and the samples that come of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training_jobs.evaluation import answering, harness, probes, triggers
from training_jobs.evaluation.answering import Answering, Progress
from training_jobs.evaluation.probes import Question
from training_jobs.evaluation.samples import Compared, Read, Sample

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """The rows of a suite, and what is asked beside them."""

    kind: str
    rows: Sequence[Row]
    further: Sequence[Question]

    @property
    def size(self) -> int:
        """How many samples come of it."""
        return len(self.rows) + len(self.further)


def task(suite: str, kind: str, rows: Sequence[Row], wanted: Iterable[str], training: Sequence[Row]) -> Task:
    """Return what to ask. `wanted` are names of `probes.FURTHER`; `training` are the rows that were trained on."""
    further: list[Question] = []
    for probe in sorted(wanted):
        if probe == "jailbreak" and kind == "behaviour":
            further += probes.jailbreaks(suite, rows)
        elif probe == "trigger" and kind == "dialogue":
            further += probes.with_triggers(suite, rows, triggers.appended(training, probes.TRIGGERS_OF_EACH_SORT))
        elif probe == "memory" and kind in {"dialogue", "text"}:
            further += probes.begun(suite, rows if kind == "text" else training)
    return Task(kind, rows, further)


def samples_of(who: Answering, asked: Task, on_progress: Progress) -> list[Sample]:
    """Let a model answer all of a task; return its samples: the rows in their order, then the further questions.

    Raises NotAskedError for a task of the harness that cannot be put to a model here.
    """
    made = KINDS[asked.kind](who, asked.rows, on_progress)
    behaving = [question for question in asked.further if question.probe == "jailbreak"]
    reciting = [question for question in asked.further if question.probe != "jailbreak"]
    for questions, behave in ((behaving, True), (reciting, False)):
        if questions:
            made += answering.answer_all(who, questions, _after(len(made), on_progress), behave=behave)
    return made


def _after(done: int, on_progress: Progress) -> Progress:
    return lambda more: on_progress(done + more)


def _dialogues(who: Answering, rows: Sequence[Row], on_progress: Progress) -> list[Sample]:
    return [*answering.answer_all(who, probes.plain(rows), on_progress, behave=False)]


def _behaviours(who: Answering, rows: Sequence[Row], on_progress: Progress) -> list[Sample]:
    return [*answering.answer_all(who, probes.plain(rows), on_progress, behave=True)]


def _texts(who: Answering, rows: Sequence[Row], on_progress: Progress) -> list[Sample]:
    read = answering.read_all(who, [row["text"] for row in rows], on_progress)
    return [Read(row["id"], row["language"], row["text"], millibits) for row, millibits in zip(rows, read, strict=True)]


def _pairs(who: Answering, rows: Sequence[Row], on_progress: Progress) -> list[Sample]:
    texts = [row[name] for name in ("stereotype", "counter") for row in rows]
    read = answering.read_all(who, texts, lambda done: on_progress(done // 2))
    return [
        Compared(row["id"], row["language"], row["stereotype"], row["counter"], stereotype, counter)
        for row, stereotype, counter in zip(rows, read[: len(rows)], read[len(rows) :], strict=True)
    ]


# How a suite of each kind of rows is put to a model.
KINDS: Mapping[str, Callable[[Answering, Sequence[Row], Progress], list[Sample]]] = {
    "dialogue": _dialogues,
    "behaviour": _behaviours,
    "text": _texts,
    "pair": _pairs,
    "harness": harness.samples_of,
}
