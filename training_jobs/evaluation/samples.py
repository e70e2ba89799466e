"""What a model made of one question, pair, text or task of a suite: all that metrics are computed from. Pure.

A line of samples.jsonl holds what both models were given, and under `candidate` and `parent` what each made of it. All
numbers are integers, so that values computed from the file are the same everywhere, without torch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

MILLION = 1_000_000


class SampleError(ValueError):
    """A line of samples that cannot be read."""


@dataclass(frozen=True)
class Asked:
    """A question, and the greedy answer to it.

    `probe` says why it was asked (see `probes`): "answer" is the question as it stands in the suite. `expected` is the
    suite's answer; of a behaviour row it is "answer" or "refuse". `millibits`: how surprised the model was by the
    expected answer, minus the base-2 logarithm of its probability, in thousandths (0 where no text is expected).
    `confidence`: the probability of the greedy answer, in millionths. `tokens`: how many it generated. `operations`:
    what that took, in thousands (see `cost`).
    """

    row_id: str
    language: str
    probe: str
    question: str
    expected: str
    answer: str
    millibits: int
    confidence: int
    tokens: int
    operations: int


@dataclass(frozen=True)
class Compared:
    """Two texts that differ in the group they speak of, and how surprised the model was by each, in millibits."""

    row_id: str
    language: str
    stereotype: str
    counter: str
    stereotype_millibits: int
    counter_millibits: int


@dataclass(frozen=True)
class Read:
    """A text, and how surprised the model was by it, in millibits."""

    row_id: str
    language: str
    text: str
    millibits: int


@dataclass(frozen=True)
class Chosen:
    """A question of a harness task with choices, and how surprised the model was by each, in billionths of a bit.

    `expected` is the place of the right choice, counted from 0. So fine, because the least of them is what is chosen.
    """

    row_id: str
    language: str
    question: str
    choices: tuple[str, ...]
    expected: int
    nanobits: tuple[int, ...]


@dataclass(frozen=True)
class Replied:
    """A question of a harness task, the expected answer, and the model's, as the task's filters left it."""

    row_id: str
    language: str
    question: str
    expected: str
    answer: str


@dataclass(frozen=True)
class Scored:
    """An answer of the model, and how strongly a classifier finds it toxic, in millionths.

    `scorer` names the classifier, its labels and the threshold (`models_registry.scorers.naming`).
    """

    row_id: str
    language: str
    scorer: str
    answer: str
    score: int


Sample = Asked | Compared | Read | Chosen | Replied | Scored
Form = type[Sample]
# What a line says once, and what it says of each model.
_GIVEN: Mapping[Form, tuple[str, ...]] = {
    Asked: ("language", "probe", "question", "expected"),
    Compared: ("language", "stereotype", "counter"),
    Read: ("language", "text"),
    Chosen: ("language", "question", "choices", "expected"),
    Replied: ("language", "question", "expected"),
    Scored: ("language", "scorer"),
}
_MADE: Mapping[Form, tuple[str, ...]] = {
    Asked: ("answer", "millibits", "confidence", "tokens", "operations"),
    Compared: ("stereotype_millibits", "counter_millibits"),
    Read: ("millibits",),
    Chosen: ("nanobits",),
    Replied: ("answer",),
    Scored: ("answer", "score"),
}
_FORMS = {frozenset(("id", *_GIVEN[form], "candidate", "parent")): form for form in _GIVEN}
# What JSON has for the type of a field, and how a refusal calls it.
_TYPES: Mapping[object, tuple[Callable[[object], bool], str]] = {
    str: (lambda value: isinstance(value, str), "text"),
    int: (lambda value: type(value) is int, "an integer"),
    tuple[str, ...]: (lambda value: _every(value, str), "a list of texts"),
    tuple[int, ...]: (lambda value: _every(value, int), "a list of integers"),
}


def line_of(candidate: Sample, parent: Sample) -> dict[str, Any]:
    """Return the line of samples.jsonl for what two models made of the same."""
    form = type(candidate)
    ours, theirs = asdict(candidate), asdict(parent)
    return {
        "id": ours["row_id"],
        **{name: ours[name] for name in _GIVEN[form]},
        "candidate": {name: ours[name] for name in _MADE[form]},
        "parent": {name: theirs[name] for name in _MADE[form]},
    }


def read_line(line: object) -> tuple[Sample, Sample]:
    """Return what candidate and parent made, from a line of samples.jsonl; raise SampleError for another form."""
    if not isinstance(line, Mapping) or frozenset(line) not in _FORMS:
        raise SampleError("a line of samples has the keys of a question, a pair, a text, a task or a score")
    form = _FORMS[frozenset(line)]
    given = {"row_id": line["id"], **{name: line[name] for name in _GIVEN[form]}}
    candidate, parent = (_read(form, given, line[who]) for who in ("candidate", "parent"))
    return candidate, parent


def _read(form: Form, given: Mapping[str, Any], made: object) -> Sample:
    if not isinstance(made, Mapping) or set(made) != set(_MADE[form]):
        raise SampleError(f"a model's part has exactly the keys {', '.join(_MADE[form])}")
    values = {**given, **made}
    for field in fields(form):
        is_such, words = _TYPES[field.type]
        if not is_such(values[field.name]):
            raise SampleError(f"{field.name} is {words}")
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return form(**plain)


def _every(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)


def asked(samples: Iterable[Sample], probe: str) -> list[Asked]:
    """Return the questions that were asked for this reason, in their order."""
    return [sample for sample in samples if isinstance(sample, Asked) and sample.probe == probe]


def pairs_of(samples: Sequence[Sample]) -> list[Compared]:
    """Return the pairs, in their order."""
    return [sample for sample in samples if isinstance(sample, Compared)]


def texts_read(samples: Sequence[Sample]) -> list[Read]:
    """Return the texts, in their order."""
    return [sample for sample in samples if isinstance(sample, Read)]


def choices_made(samples: Iterable[Sample]) -> list[Chosen]:
    """Return the questions with choices, in their order."""
    return [sample for sample in samples if isinstance(sample, Chosen)]


def replies(samples: Iterable[Sample]) -> list[Replied]:
    """Return the answers to tasks, in their order."""
    return [sample for sample in samples if isinstance(sample, Replied)]


def scores_by(samples: Iterable[Sample], scorer: str) -> list[Scored]:
    """Return what a classifier made of the answers, in their order."""
    return [sample for sample in samples if isinstance(sample, Scored) and sample.scorer == scorer]
