"""Governor counting as in OpenZeppelin's GovernorCountingSimple: against 0, for 1, abstain 2. Pure.

The quorum counts for + abstain; only for and against decide. A tie does not pass.
"""

from collections.abc import Iterable

from governance.tally.base import Count, InvalidChoice

AGAINST, FOR, ABSTAIN = 0, 1, 2


class Governor:
    """Three options, one per voter, weighted by voting power."""

    name = "governor"
    label = "For, against or abstain"
    options = ("against", "for", "abstain")

    def validate(self, choice: int) -> None:
        """Raise InvalidChoice unless the choice is 0, 1 or 2."""
        if type(choice) is not int or not 0 <= choice < len(self.options):
            raise InvalidChoice(choice, "0 against, 1 for, 2 abstain")

    def count(self, ballots: Iterable[tuple[int, int]]) -> Count:
        """Sum the power per option."""
        totals = [0] * len(self.options)
        ballot_count = 0
        for choice, power in ballots:
            self.validate(choice)
            if type(power) is not int or power <= 0:
                raise ValueError(f"power is a positive integer, found {power!r}")
            totals[choice] += power
            ballot_count += 1
        return Count(dict(zip(self.options, totals, strict=True)), ballot_count)

    def quorum_votes(self, count: Count) -> int:
        """For + abstain (GovernorCountingSimple)."""
        return count.totals["for"] + count.totals["abstain"]

    def support(self, count: Count) -> tuple[int, int]:
        """For, and for + against: abstentions do not dilute a majority."""
        return count.totals["for"], count.totals["for"] + count.totals["against"]
