"""Single choice as in Snapshot: one choice per voter; the most power wins, and a tie has no winner. Pure."""

from collections.abc import Hashable
from fractions import Fraction

from governance.tally.base import Count
from governance.tally.choices import index
from governance.tally.plural import most
from governance.tally.profile import Profile, ProfileMethod, totals


class SingleChoice(ProfileMethod):
    """Many options, one per voter."""

    name = "single-choice"
    label = "One choice"
    description = "Each voter picks one choice; the choice with the most voting power wins."

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the position; raise InvalidChoice unless the choice is an index from 1."""
        return index(choice, choices)

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Sum the power per choice."""
        scores = tuple(Fraction(profile[position].power if position in profile else 0) for position in range(choices))
        cast, valid = totals(profile)
        winners, explanation = most(scores, cast)
        return Count(scores, winners, valid, (), cast, cast, explanation=explanation)
