"""Quadratic voting as in Snapshot: q = (Σ √(share × power))² per choice, scaled so that scores sum to the power cast.

It rewards the number of backers, so it needs voters who are known to be different people: splitting one's power in two
raises one's influence. Pure.

Roots: floor(√(share × power) × 2^k) by integer arithmetic, where k is ROOT_BITS less the bits of the whole root of the
largest power in the poll, at least PLACES_MIN. A float has 53 bits; the sum of a million roots is still right to 68.
A root that is finite in binary is exact.
"""

from collections.abc import Hashable, Sequence
from fractions import Fraction
from math import isqrt

from governance.tally.base import Count, Sentence
from governance.tally.choices import Weights, weights
from governance.tally.plural import most
from governance.tally.profile import Profile, ProfileMethod, totals

ROOT_BITS = 88
PLACES_MIN = 32


class Quadratic(ProfileMethod):
    """Shares of the power for each option; many small backers count for more than one large one."""

    name = "quadratic"
    label = "Quadratic"
    description = (
        "Each voter divides their power; square roots make many small backers count for more than one large one."
    )
    structured = True

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the smallest whole weights by position; raise InvalidChoice unless it is a map of weights."""
        return weights(choice, choices)

    def placed(self, choice: object, power: int, choices: int) -> Hashable:
        """Group by choice and power, since two voters with half the power have more influence than one."""
        return weights(choice, choices), power

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Sum the roots."""
        binary_places = root_places(max((power for _, power in profile), default=1))
        roots = [0] * choices
        pairs: Weights
        for (pairs, power), group in profile.items():
            whole = sum(weight for _, weight in pairs)
            for position, weight in pairs:
                roots[position] += group.ballots * root(weight, power, whole, binary_places)
        cast, valid = totals(profile)
        return quadratic_count(roots, cast, valid, binary_places)


def root_places(power_max: int) -> int:
    """Return how many binary places roots have in a poll whose largest ballot has this power."""
    return max(PLACES_MIN, ROOT_BITS - isqrt(power_max).bit_length())


def root(weight: int, power: int, whole: int, binary_places: int) -> int:
    """Return floor(√(weight × power / whole) × 2^binary_places)."""
    return isqrt((weight * power << 2 * binary_places) // whole)


def quadratic_count(roots: Sequence[int], cast: int, valid: int, binary_places: int) -> Count:
    """Return the count for the sum of roots by position."""
    squares = [total * total for total in roots]
    whole = sum(squares) or 1
    scores = tuple(Fraction(cast * square, whole) for square in squares)
    winners, explanation = most(scores, cast)
    if valid:
        explanation = (*explanation, Sentence("roots", {"places": str(binary_places)}))
    return Count(scores, winners, valid, (), cast, cast, explanation=explanation)
