"""The shapes of choices in ballots, as Snapshot has them: an index from 1, a list, a map of weights. Strict.

Where Snapshot lets a choice pass and then counts nothing for it (`["1"]`, the key "01") the choice is refused here.
true and 1.0 are no integers. Everything returned counts positions from 0 and can be hashed.
"""

from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm

from governance.tally.base import InvalidChoice

WEIGHT_DIGITS_MAX = 308  # before and after the point: what a JSON number can hold elsewhere
WEIGHT_BITS_MAX = 1024
Weights = tuple[tuple[int, int], ...]


def index(choice: object, choices: int) -> int:
    """Return the position of one choice."""
    if type(choice) is not int or not 1 <= choice <= choices:
        raise InvalidChoice(choice, f"one whole number from 1 to {choices}")
    return choice - 1


def indices(choice: object, choices: int, allowed: str) -> tuple[int, ...]:
    """Return the positions of a list of different choices, in its order; it may be empty."""
    if not isinstance(choice, list | tuple) or len(choice) > choices:
        raise InvalidChoice(choice, allowed)
    for item in choice:
        if type(item) is not int or not 1 <= item <= choices:
            raise InvalidChoice(choice, allowed)
    if len(set(choice)) != len(choice):
        raise InvalidChoice(choice, allowed)
    return tuple([item - 1 for item in choice])


def full_ranking(choice: object, choices: int) -> tuple[int, ...]:
    """Return the positions of a list that ranks every choice, best first."""
    allowed = f"a list of all whole numbers from 1 to {choices}, best first"
    ranking = indices(choice, choices, allowed)
    if len(ranking) != choices:
        raise InvalidChoice(choice, allowed)
    return ranking


def weights(choice: object, choices: int) -> Weights:
    """Return (position, weight) pairs, weights as the smallest whole numbers in the same proportion; none is zero.

    Weights are int, Decimal or Fraction: exact as they were written.
    """
    allowed = f'a map from "1" … "{choices}" to weights of at least 0, of which one is more than 0'
    if not isinstance(choice, dict) or len(choice) > choices:
        raise InvalidChoice(choice, allowed)
    exact = {}
    for key, weight in choice.items():
        value = _weight(weight)
        if value is None or not is_index_key(key, choices):
            raise InvalidChoice(choice, allowed)
        if value:
            exact[int(key) - 1] = value
    if not exact:
        raise InvalidChoice(choice, allowed)
    denominator = lcm(*(value.denominator for value in exact.values()))
    whole = {position: value.numerator * (denominator // value.denominator) for position, value in exact.items()}
    common = gcd(*whole.values())
    return tuple(sorted((position, weight // common) for position, weight in whole.items()))


def is_index_key(key: object, choices: int) -> bool:
    """Say whether a map's key is the one way of writing an index from 1 to `choices`."""
    if not isinstance(key, str) or not 0 < len(key) <= len(str(choices)) or not (key.isascii() and key.isdigit()):
        return False
    return key[0] != "0" and int(key) <= choices


def _weight(weight: object) -> int | Fraction | None:
    """Return the exact value of a weight, or None for what is no weight or far too long for one."""
    if type(weight) is int:
        return weight if weight >= 0 and weight.bit_length() <= WEIGHT_BITS_MAX else None
    if isinstance(weight, Fraction):
        parts = (weight.numerator.bit_length(), weight.denominator.bit_length())
        return weight if weight >= 0 and max(parts) <= WEIGHT_BITS_MAX else None
    if isinstance(weight, Decimal) and weight.is_finite() and weight >= 0:
        if not weight:
            return 0
        _, digits, exponent = weight.as_tuple()
        if (
            len(digits) <= WEIGHT_DIGITS_MAX
            and abs(weight.adjusted()) <= WEIGHT_DIGITS_MAX
            and isinstance(exponent, int)
        ):
            return Fraction(weight)
    return None
