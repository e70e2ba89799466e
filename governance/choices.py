"""What a ballot says, in the names of its choices: for people to read before they sign and after. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from governance.sealed.terms import VOID
from governance.tally import Method

# Of these the list is an order; of the others it is a set.
RANKED = frozenset({"ranked-choice", "copeland", "stv"})


@dataclass(frozen=True)
class Part:
    """One choice that a ballot names: the rank it has there (0: none), or the weight or amount it gets (0: none)."""

    name: str
    rank: int = 0
    weight: int = 0
    of: int = 0


def parts_of(method: Method, choices: Sequence[str], choice: Any) -> tuple[Part, ...]:  # noqa: ANN401 - any JSON
    """Return what a valid choice names, in the ballot's own order; nothing for a blank or void one."""
    if choice == VOID:
        return ()
    if isinstance(choice, dict):
        weights = {key: int(weight) for key, weight in choice.items()}
        whole = sum(weights.values())
        return tuple(Part(_name(method, choices, int(key)), weight=w, of=whole) for key, w in weights.items() if w)
    if isinstance(choice, list):
        ranked = method.name in RANKED
        return tuple(
            Part(_name(method, choices, item), rank=place if ranked else 0) for place, item in enumerate(choice, 1)
        )
    return (Part(_name(method, choices, choice)),)


def text_of(method: Method, choices: Sequence[str], choice: Any) -> str:  # noqa: ANN401 - any JSON
    """Return a choice as one line: "for", "1. Wells, 2. Gauges", "Wells 60 %, Gauges 40 %"."""
    return ", ".join(_text(part) for part in parts_of(method, choices, choice)) or "–"


def _text(part: Part) -> str:
    if part.rank:
        return f"{part.rank}. {part.name}"
    if part.of:
        return f"{part.name} {part.weight * 100 // part.of} %"
    return part.name


def _name(method: Method, choices: Sequence[str], number: int) -> str:
    """Return the name of a choice: the contract's codes begin at 0, everything else at 1."""
    first = 0 if method.name in {"governor", "fractional"} else 1
    return choices[number - first]
