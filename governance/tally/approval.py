"""Approval voting as in Snapshot: every approved choice gets the voter's full power, so scores may sum to more. Pure.

An empty list is a valid blank: it counts to the quorum and approves nothing.
"""

from collections.abc import Hashable
from fractions import Fraction

from governance.tally.base import Count
from governance.tally.choices import indices
from governance.tally.plural import most
from governance.tally.profile import Profile, ProfileMethod, totals


class Approval(ProfileMethod):
    """Any number of options per voter."""

    name = "approval"
    label = "Approval"
    description = "Each voter approves any number of choices with full power; the most approved choice wins."
    structured = True

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the approved positions in rising order; raise InvalidChoice unless they are different indices."""
        return tuple(sorted(indices(choice, choices, f"a list of different whole numbers from 1 to {choices}")))

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Sum the power per approved choice."""
        sums = [0] * choices
        for approved, group in profile.items():
            for position in approved:
                sums[position] += group.power
        scores = tuple(Fraction(power) for power in sums)
        cast, valid = totals(profile)
        winners, explanation = most(scores, cast)
        return Count(scores, winners, valid, (), cast, cast, explanation=explanation)
