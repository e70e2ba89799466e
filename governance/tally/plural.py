"""What methods with one winner among many share: who has the most, and nobody if several have. No method itself."""

from collections.abc import Sequence
from fractions import Fraction

from governance.tally.base import Sentence, readable_text
from governance.tally.profile import nothing_cast


def most(scores: Sequence[Fraction], cast: int) -> tuple[tuple[int, ...], tuple[Sentence, ...]]:
    """Return the position of the one choice with the most, or () for a tie or an empty poll, and why."""
    top = max(scores)
    if top == 0:
        return (), nothing_cast()
    leaders = tuple(position for position, score in enumerate(scores) if score == top)
    values = {"score": readable_text(top), "total": readable_text(Fraction(cast))}
    if len(leaders) > 1:
        return (), (Sentence("tie", {"choices": places(leaders), "score": values["score"]}),)
    return leaders, (Sentence("winner", {"choice": places(leaders), **values}),)


def places(positions: Sequence[int]) -> str:
    """Return positions from 0 as the text that sentences carry: places from 1."""
    return ", ".join(str(position + 1) for position in positions)
