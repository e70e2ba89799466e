"""What a model made of one question, pair or text of a suite: all that metrics are computed from. Pure.

A line of samples.jsonl holds what both models were given, and under `candidate` and `parent` what each made of it. All
numbers are integers, so that values computed from the file are the same everywhere, without torch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
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


Sample = Asked | Compared | Read
# What a line says once, and what it says of each model.
_GIVEN: Mapping[type[Asked | Compared | Read], tuple[str, ...]] = {
    Asked: ("language", "probe", "question", "expected"),
    Compared: ("language", "stereotype", "counter"),
    Read: ("language", "text"),
}
_MADE: Mapping[type[Asked | Compared | Read], tuple[str, ...]] = {
    Asked: ("answer", "millibits", "confidence", "tokens", "operations"),
    Compared: ("stereotype_millibits", "counter_millibits"),
    Read: ("millibits",),
}
_FORMS = {frozenset(("id", *_GIVEN[form], "candidate", "parent")): form for form in _GIVEN}


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
        raise SampleError("a line of samples has the keys of a question, a pair or a text")
    form = _FORMS[frozenset(line)]
    given = {"row_id": line["id"], **{name: line[name] for name in _GIVEN[form]}}
    if not all(isinstance(value, str) for value in given.values()):
        raise SampleError("what models were given is text")
    candidate, parent = (_read(form, given, line[who]) for who in ("candidate", "parent"))
    return candidate, parent


def _read(form: type[Asked | Compared | Read], given: Mapping[str, Any], made: object) -> Sample:
    if not isinstance(made, Mapping) or set(made) != set(_MADE[form]):
        raise SampleError(f"a model's part has exactly the keys {', '.join(_MADE[form])}")
    for name, value in made.items():
        if not isinstance(value, str) if name == "answer" else type(value) is not int:
            raise SampleError(f"{name} is {'text' if name == 'answer' else 'an integer'}")
    return form(**given, **made)


def asked(samples: Iterable[Sample], probe: str) -> list[Asked]:
    """Return the questions that were asked for this reason, in their order."""
    return [sample for sample in samples if isinstance(sample, Asked) and sample.probe == probe]


def pairs_of(samples: Sequence[Sample]) -> list[Compared]:
    """Return the pairs, in their order."""
    return [sample for sample in samples if isinstance(sample, Compared)]


def texts_read(samples: Sequence[Sample]) -> list[Read]:
    """Return the texts, in their order."""
    return [sample for sample in samples if isinstance(sample, Read)]
