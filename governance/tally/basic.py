"""Basic voting as in Snapshot: 1 for, 2 against and, where there is a third choice, 3 abstain. Pure.

For wins only with more than against; abstentions count to the quorum alone.
"""

from collections.abc import Hashable, Sequence

from governance.tally.base import Count, InvalidChoices
from governance.tally.binary import binary_count
from governance.tally.choices import index
from governance.tally.profile import Profile, ProfileMethod, totals

FOR, AGAINST = 0, 1
WITH_ABSTAIN = 3


class Basic(ProfileMethod):
    """For and against, with or without abstain."""

    name = "basic"
    label = "For or against"
    description = "Each voter says for, against or abstain; more for than against wins."
    tie_rule = "tie_fails"
    binary = True

    def check_choices(self, choices: Sequence[str], seats: int = 1) -> None:
        """Raise InvalidChoices unless there are two or three different names."""
        super().check_choices(choices, seats)
        if len(choices) > WITH_ABSTAIN:
            raise InvalidChoices(len(choices), "2 or 3 names")

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the position; raise InvalidChoice unless the choice is an index from 1."""
        return index(choice, choices)

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Sum the power per option."""
        scores = tuple(profile[position].power if position in profile else 0 for position in range(choices))
        cast, valid = totals(profile)
        return binary_count(scores, in_favour=FOR, against=AGAINST, valid=valid, cast=cast, quorum_power=cast)
