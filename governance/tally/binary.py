"""What for/against methods share: the winner is strict, a tie fails, and abstentions are no side. No method itself."""

from fractions import Fraction

from governance.tally.base import Count, Sentence, whole_text
from governance.tally.profile import nothing_cast


def binary_count(
    scores: tuple[int, ...], *, in_favour: int, against: int, valid: int, cast: int, quorum_power: int
) -> Count:
    """Return the count of a question; `in_favour` and `against` are positions in `scores`."""
    power_for, power_against = scores[in_favour], scores[against]
    values = {"in_favour": whole_text(power_for), "against": whole_text(power_against)}
    if not valid:
        winners: tuple[int, ...] = ()
        explanation = nothing_cast()
    elif power_for == power_against:
        winners, explanation = (), (Sentence("binary_tie", values),)
    elif power_for > power_against:
        winners, explanation = (in_favour,), (Sentence("binary_for", values),)
    else:
        winners, explanation = (against,), (Sentence("binary_against", values),)
    return Count(
        scores=tuple(Fraction(score) for score in scores),
        winners=winners,
        valid=valid,
        invalid=(),
        cast=cast,
        quorum_power=quorum_power,
        explanation=explanation,
    )
