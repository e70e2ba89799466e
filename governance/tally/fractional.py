"""Fractional counting as in OpenZeppelin's GovernorCountingFractional 5.7: power may be split. Pure.

A choice is 0 against, 1 for, 2 abstain with all of the power, or a map of these codes to absolute amounts whose sum is
above 0 and at most the ballot's power; the rest is not placed. The quorum counts for + abstain; a tie does not pass.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from governance.tally.base import Count, InvalidChoice, Sentence, whole_text
from governance.tally.binary import binary_count
from governance.tally.governor import ABSTAIN, AGAINST, FOR, OPTIONS, Governor
from governance.tally.profile import Profile, totals

AMOUNT_BITS_MAX = 256
AMOUNT_DIGITS_MAX = 78
CODES = {"0": AGAINST, "1": FOR, "2": ABSTAIN}


class Fractional(Governor):
    """Three options, with the voter's power split among them."""

    name = "fractional"
    label = "For, against or abstain, split"
    description = "Each voter may split their power between for, against and abstain; more for than against wins."
    structured = True

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the code, or the amounts by code; raise InvalidChoice for anything else."""
        if not isinstance(choice, dict):
            return super().canonical(choice, choices)
        allowed = '0, 1 or 2, or a map from "0", "1", "2" to whole amounts, of which one is more than 0'
        amounts = [0] * len(OPTIONS)
        for key, value in choice.items():
            amount = _amount(value)
            if not isinstance(key, str) or key not in CODES or amount is None:
                raise InvalidChoice(choice, allowed)
            amounts[CODES[key]] = amount
        if not any(amounts):
            raise InvalidChoice(choice, allowed)
        return tuple(amounts)

    def placed(self, choice: object, power: int, choices: int) -> Hashable:
        """Refuse amounts that are more than the ballot's power."""
        key = self.canonical(choice, choices)
        if isinstance(key, tuple) and sum(key) > power:
            raise InvalidChoice(choice, f"amounts of at most {whole_text(power)} together")
        return key

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Sum the placed amounts per option."""
        sums = [0] * len(OPTIONS)
        for key, group in profile.items():
            if isinstance(key, int):
                sums[key] += group.power
                continue
            for option, amount in enumerate(key):
                sums[option] += amount * group.ballots
        return fractional_count(sums, *totals(profile))

    def reduced(self, choice: object, before: int, after: int) -> object:
        """Scale amounts down in proportion, rounded down; the largest keeps 1 where nothing would be left."""
        if not isinstance(choice, dict) or after >= before:
            return choice
        amounts = self.canonical(choice, len(OPTIONS))
        assert isinstance(amounts, tuple)
        scaled = [amount * after // before for amount in amounts]
        if not any(scaled) and after > 0:
            scaled[amounts.index(max(amounts))] = 1
        return {key: str(scaled[code]) for key, code in CODES.items() if scaled[code]}


def fractional_count(sums: Sequence[int], cast: int, valid: int) -> Count:
    """Return the count for the sum of amounts by code."""
    count = binary_count(
        tuple(sums), in_favour=FOR, against=AGAINST, valid=valid, cast=cast, quorum_power=sums[FOR] + sums[ABSTAIN]
    )
    if sum(sums) == cast:
        return count
    unused = Sentence("unused", {"power": whole_text(cast - sum(sums))})
    return replace(count, explanation=(*count.explanation, unused))


def _amount(value: object) -> int | None:
    """Return a whole amount from an int or its one decimal text, or None."""
    if type(value) is int:
        return value if value >= 0 and value.bit_length() <= AMOUNT_BITS_MAX else None
    if isinstance(value, str) and 0 < len(value) <= AMOUNT_DIGITS_MAX and value.isascii() and value.isdigit():
        return int(value) if value == "0" or value[0] != "0" else None
    return None
