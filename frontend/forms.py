"""The typed form of a proposal: built from the questions of its kind, so that a new kind needs no new form.

The form only reads; whether answers are acceptable is said by the kind (`clean`), and its refusals come back beside the
question that they are about.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from frontend import numbers, words
from governance.errors import Malformed, Refusal
from governance.kinds import Field, InOtherUnits, ProposalKind
from governance.models import Community, Proposal
from governance.services import Draft
from governance.tally import method_named

Answers = dict[str, Any]
METHOD, SEATS = "voting_method", "voting_seats"
_RATIO_PLACES = 9
_SEATS_DIGITS_MAX = 4


@dataclass(frozen=True)
class Question:
    """One question with its present answer and what is wrong with it."""

    field: Field
    value: str
    chosen: frozenset[str]
    errors: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return the id of the control."""
        return f"field-{self.field.name}"


@dataclass(frozen=True)
class ProposalForm:
    """The form of one kind, with answers and errors. `methods` are offered when there is something to choose."""

    kind: ProposalKind
    questions: tuple[Question, ...]
    errors: tuple[str, ...] = ()
    methods: tuple[tuple[str, words.Word], ...] = ()
    method: str = ""
    method_errors: tuple[str, ...] = ()
    seats: Question | None = None

    @property
    def error_count(self) -> int:
        """Return how many things are wrong."""
        asked = (*self.questions, *([self.seats] if self.seats else []))
        return len(self.errors) + len(self.method_errors) + sum(len(question.errors) for question in asked)


def answers_of(kind: ProposalKind, community: Community, data: QueryDict) -> Answers:
    """Return the answers of a posted form as they stand there."""
    answers: Answers = {METHOD: data.get(METHOD, ""), SEATS: data.get(SEATS, "1")}
    for field in _fields(kind, community):
        answers[field.name] = data.getlist(field.name) if field.type == "choices" else data.get(field.name, "")
    return answers


def draft_of(kind: ProposalKind, answers: Answers, timing: Mapping[str, int]) -> Draft:
    """Return the draft that answers describe; raise a Refusal where they cannot be read."""
    common = {_name("title"), _name("text"), METHOD, SEATS}
    own = {name: value for name, value in answers.items() if name not in common}
    seats = answers[SEATS].strip() or "1"
    if not seats.isascii() or not seats.isdigit() or len(seats) > _SEATS_DIGITS_MAX:
        raise Malformed("malformed_field", "seats are a whole number", field="seats", found=seats)
    return Draft(
        kind.name,
        answers[_name("title")],
        answers[_name("text")],
        kind.from_form(own),
        dict(timing),
        answers[METHOD],
        int(seats),
    )


def blank(kind: ProposalKind, community: Community, given: QueryDict) -> ProposalForm:
    """Return the form with the initial answers of the kind, or with those that the address gives for it."""
    answers: Answers = {field.name: field.initial for field in _fields(kind, community)}
    answers |= {name: given[name] for name, initial in answers.items() if name in given and isinstance(initial, str)}
    return build(kind, community, answers)


def filled(kind: ProposalKind, community: Community, draft: Proposal) -> ProposalForm:
    """Return the form with the answers that a stored draft came from."""
    answers: Answers = {_name("title"): draft.title, _name("text"): draft.text}
    answers |= {METHOD: draft.method, SEATS: str(draft.seats)}
    given = kind.answers(draft.payload) if isinstance(kind, InOtherUnits) else {}
    for field in kind.fields(community):
        answers[field.name] = given[field.name] if field.name in given else _answer(field, draft.payload)
    return build(kind, community, answers)


def build(
    kind: ProposalKind, community: Community, answers: Mapping[str, Any], refusal: Refusal | None = None
) -> ProposalForm:
    """Return the form with answers, and a refusal beside the question that it is about."""
    fields = _fields(kind, community)
    place = refusal.field if refusal else ""
    about = METHOD if place == "method" else SEATS if place == "seats" else _about(fields, place)
    message = sentence(refusal) if refusal else ""
    questions = []
    for field in fields:
        answer = answers.get(field.name, field.initial)
        several = not isinstance(answer, str)
        questions.append(
            Question(
                field,
                "" if several else str(answer),
                frozenset(answer) if several else frozenset({answer}),
                (message,) if refusal and about == field.name else (),
            )
        )
    return ProposalForm(
        kind,
        tuple(questions),
        (message,) if refusal and not about else (),
        tuple((name, words.word("method", name)) for name in kind.methods) if len(kind.methods) > 1 else (),
        answers.get(METHOD) or kind.methods[0],
        (message,) if about == METHOD else (),
        _seats(kind, answers, (message,) if about == SEATS else ()),
    )


def sentence(refusal: Refusal, decimals: int = numbers.TOKEN_DECIMALS) -> str:
    """Return a refusal in the reader's words."""
    return words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed, decimals)


def _seats(kind: ProposalKind, answers: Mapping[str, Any], errors: tuple[str, ...]) -> Question | None:
    """Return the question for the seats, where a way of voting that may be chosen fills several."""
    if len(kind.methods) == 1 or not any(method_named(name).elects_many for name in kind.methods):
        return None
    field = Field(
        SEATS,
        _("Seats"),
        "integer",
        _("How many choices win. More than one is for “several seats in proportion” alone."),
        required=False,
    )
    return Question(field, str(answers.get(SEATS) or "1"), frozenset(), errors)


def _fields(kind: ProposalKind, community: Community) -> list[Field]:
    """Return the two questions of every proposal, then those of the kind."""
    return [
        Field(_name("title"), _("Title"), "text", _("What the community decides, in one line.")),
        Field(
            _name("text"),
            _("Why, and what to consider"),
            "long_text",
            _("Markdown is understood. This text is frozen with the proposal: every ballot signs it."),
            required=False,
        ),
        *kind.fields(community),
    ]


def _name(common: str) -> str:
    """Return the form name of a common question: kinds may have a title of their own (an ethics rule has)."""
    return f"proposal_{common}"


def _about(fields: Sequence[Field], path: str) -> str:
    """Return the name of the question that a refused path such as payload.spec.lora.rank is about, or nothing."""
    if not path:
        return ""
    names = [field.name for field in fields]
    if path in {"title", "text"}:
        return _name(path)
    parts = [part for part in path.split(".") if not part.isdigit()]
    joined = "_".join(parts)
    for name in names:
        if parts and (parts[-1] == name or joined.endswith(f"_{name}")):
            return name
    return next((part for part in reversed(parts) if part in names), "")


def _answer(field: Field, payload: Mapping[str, Any]) -> str | list[str]:
    """Find the answer to a question in a payload: by the names on the way to a value, and by the options on offer."""
    whole = payload.get(field.name)
    if field.type == "long_text" and isinstance(whole, list | dict):
        return _as_text(whole)
    leaves = [
        (path, value)
        for path, value in _leaves(payload, ())
        if field.name in path or "_".join(path).endswith(field.name)
    ]
    leaves.sort(key=lambda leaf: field.name not in leaf[0])  # a name itself before one that only ends like it
    if field.type == "choices":
        offered = {value for value, _label in field.options}
        return sorted({value for _path, value in leaves if value in offered})
    if field.type == "choice":
        offered = {value for value, _label in field.options}
        return next((value for _path, value in leaves if value in offered), "")
    return leaves[0][1] if leaves else ""


def _as_text(value: list[Any] | dict[str, Any]) -> str:
    """Return what was read from lines, or from JSON, as it is written: a list has a line for each entry."""
    if isinstance(value, dict):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return "\n".join(" ".join(map(str, line.values())) if isinstance(line, dict) else str(line) for line in value)


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping) and set(value) == {"numerator", "denominator"}:
        exact = Decimal(value["numerator"]) / Decimal(value["denominator"])
        yield path, f"{round(exact, _RATIO_PLACES).normalize():f}"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    elif value is not None:
        yield path, str(value)
