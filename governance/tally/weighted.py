"""Weighted voting as in Snapshot: a voter's power is divided in proportion to the weights; shares are exact. Pure.

score = Σ weight × power / (sum of the ballot's weights). Ballots with the same sum are added as whole numbers first, so
one division remains for each different sum. If the common denominator of all sums has more than DENOMINATOR_BITS_MAX
bits (hundreds of voters each with an unusual sum), the part of each sum is rounded down to PLACES binary places
instead: otherwise a few strangers could make a score of millions of digits.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from fractions import Fraction
from math import lcm

from governance.tally.base import Count, Sentence
from governance.tally.choices import weights
from governance.tally.plural import most
from governance.tally.profile import Profile, ProfileMethod, totals

DENOMINATOR_BITS_MAX = 8192
PLACES = 128
Sums = dict[int, dict[int, int]]  # by the sum of the weights, by position


class Weighted(ProfileMethod):
    """A share of the power for each option."""

    name = "weighted"
    label = "Weighted"
    description = "Each voter divides their power among the choices; the choice with the most power wins."
    structured = True

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the smallest whole weights by position; raise InvalidChoice unless it is a map of weights."""
        return weights(choice, choices)

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Sum weight × power for each sum of weights."""
        sums: Sums = defaultdict(lambda: defaultdict(int))
        for pairs, group in profile.items():
            part = sums[sum(weight for _, weight in pairs)]
            for position, weight in pairs:
                part[position] += weight * group.power
        cast, valid = totals(profile)
        return weighted_count(sums, choices, cast, valid)


def weighted_count(sums: Sums, choices: int, cast: int, valid: int) -> Count:
    """Return the count for Σ weight × power by position, for each sum of weights."""
    denominator = common_denominator(sums)
    rounded = denominator is None
    denominator = denominator or 1 << PLACES
    shared = [0] * choices
    for whole, part in sums.items():
        for position, power in part.items():
            shared[position] += power * denominator // whole  # exact unless rounded
    scores = tuple(Fraction(share, denominator) for share in shared)
    winners, explanation = most(scores, cast)
    if rounded:
        explanation = (*explanation, Sentence("shares_rounded", {"places": str(PLACES)}))
    return Count(scores, winners, valid, (), cast, cast, explanation=explanation)


def common_denominator(sums: Iterable[int]) -> int | None:
    """Return the least common multiple of all sums of weights, or None if it grows too long."""
    multiple = 1
    for whole in sums:
        multiple = lcm(multiple, whole)
        if multiple.bit_length() > DENOMINATOR_BITS_MAX:
            return None
    return multiple
