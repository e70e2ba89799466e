"""Governor counting as in OpenZeppelin's GovernorCountingSimple 5.7: against 0, for 1, abstain 2. Pure.

The quorum counts for + abstain; only for and against decide. A tie does not pass.
"""

from collections.abc import Hashable, Sequence

from governance.tally.base import Count, InvalidChoice
from governance.tally.binary import binary_count
from governance.tally.profile import Profile, ProfileMethod, check_names, totals

AGAINST, FOR, ABSTAIN = 0, 1, 2
OPTIONS = ("against", "for", "abstain")


class Governor(ProfileMethod):
    """Three options, one per voter, weighted by voting power."""

    name = "governor"
    label = "For, against or abstain"
    description = (
        "Each voter says for, against or abstain; more for than against wins, and abstentions help the quorum."
    )
    tie_rule = "tie_fails"
    binary = True

    def check_choices(self, choices: Sequence[str], seats: int = 1) -> None:
        """Raise InvalidChoices unless there are three different names."""
        super().check_choices(choices, seats)
        check_names(choices, len(OPTIONS), len(OPTIONS))

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the choice; raise InvalidChoice unless it is 0, 1 or 2."""
        if type(choice) is not int or not AGAINST <= choice <= ABSTAIN:
            raise InvalidChoice(choice, "0 against, 1 for, 2 abstain")
        return choice

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Sum the power per option."""
        scores = tuple(profile[option].power if option in profile else 0 for option in (AGAINST, FOR, ABSTAIN))
        cast, valid = totals(profile)
        return binary_count(
            scores, in_favour=FOR, against=AGAINST, valid=valid, cast=cast, quorum_power=scores[FOR] + scores[ABSTAIN]
        )
