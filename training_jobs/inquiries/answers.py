"""What a version answered to an incident's question: read, counted, held against what was reported. Pure.

Evidence for the stewards, and no judgement: a text that is the reported one, or holds it, *is as reported*; one that is
the expected one, or holds it, *is as expected*; every other one is something else, which may still say the same in
other words. Case, accents and punctuation do not matter.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from governance.errors import Invalid
from models_registry.provenance import forms
from training_jobs.evaluation import phrases

CHARACTERS_MAX = 4_000
SAYS = ("reported", "expected", "other")
WHO = ("version", "parent")


def _seed(value: object) -> str | None:
    return None if value is None or (type(value) is int and value > 0) else "is not a seed"


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else "is not true or false"


_ANSWERS = forms.every(forms.keys(seed=_seed, answer=forms.text, tokens=forms.count, ended=_boolean))
FORM = forms.keys(tokens_max=forms.count, version=_ANSWERS, parent=_ANSWERS)


def read(report: Mapping[str, Any], count: int, seen: str, expected: str) -> dict[str, Any]:
    """Return what is kept of a report: each answer with what it says, and how many say what.

    Raises Invalid for a report of another form, or with another number of answers than were asked for.
    """
    wrong = FORM(report)
    if wrong:
        raise Invalid("malformed_result", f"what was answered cannot be read: {wrong}")
    if len(report["version"]) != count or len(report["parent"]) not in (0, count):
        raise Invalid("malformed_result", f"{count} answers of each model were asked for")
    said = {who: [_answer(line, seen, expected) for line in report[who]] for who in WHO}
    counts = {who: dict.fromkeys(SAYS, 0) | Counter(line["says"] for line in said[who]) for who in WHO}
    return {"tokens_max": report["tokens_max"], **said, "counts": counts}


def _answer(line: Mapping[str, Any], seen: str, expected: str) -> dict[str, Any]:
    text = line["answer"]
    shown = text if len(text) <= CHARACTERS_MAX else text[:CHARACTERS_MAX] + "…"
    return {**line, "answer": shown, "says": says(text, seen, expected)}


def says(answer: str, seen: str, expected: str) -> str:
    """Say which of the two texts an answer is or holds: the reported one first, because that is what is looked for."""
    found = f" {phrases.normal(answer)} "
    for name, text in (("reported", seen), ("expected", expected)):
        wanted = phrases.normal(text)
        if wanted and f" {wanted} " in found:
            return name
    return "other"
