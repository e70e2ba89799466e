"""The shapes of choices in ballots, as Snapshot has them: an index from 1, a list, a map of weights. Strict.

Where Snapshot lets a choice pass and then counts nothing for it (`["1"]`, the key "01") the choice is refused here.
true and 1.0 are no integers. Everything returned counts positions from 0 and can be hashed.
"""

from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import gcd, lcm

from governance.tally.base import InvalidChoice

WEIGHT_DIGITS_MAX = 308  # before and after the point: what a JSON number can hold elsewhere
WEIGHT_MAX = 2**1024
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
    places = _places(choices)
    whole: dict[int, int] = {}
    parts: dict[int, Fraction] = {}
    for key, weight in choice.items():
        position = places.get(key)
        if position is None:
            raise InvalidChoice(choice, allowed)
        if type(weight) is int and 0 <= weight <= WEIGHT_MAX:
            whole[position] = weight
        else:
            parts[position] = _part(weight, choice, allowed)
    if parts:
        denominator = lcm(*(part.denominator for part in parts.values()))
        whole = {position: weight * denominator for position, weight in whole.items()}
        whole |= {position: part.numerator * (denominator // part.denominator) for position, part in parts.items()}
    common = gcd(*whole.values())
    if not common:
        raise InvalidChoice(choice, allowed)
    return tuple(sorted([(position, weight // common) for position, weight in whole.items() if weight]))


@cache
def _places(choices: int) -> dict[str, int]:
    """Return the position for each key of a map: the one way of writing each index."""
    return {str(position + 1): position for position in range(choices)}


def _part(weight: object, choice: object, allowed: str) -> Fraction:
    """Return the exact value of a weight that is a Fraction or a Decimal of bearable length, or refuse the choice."""
    if isinstance(weight, Fraction) and weight >= 0 and max(weight.as_integer_ratio()) <= WEIGHT_MAX:
        return weight
    if isinstance(weight, Decimal) and weight.is_finite() and weight >= 0:
        short = len(weight.as_tuple().digits) <= WEIGHT_DIGITS_MAX and abs(weight.adjusted()) <= WEIGHT_DIGITS_MAX
        if not weight or short:
            return Fraction(weight) if weight else Fraction(0)
    raise InvalidChoice(choice, allowed)


def is_index_key(key: object, choices: int) -> bool:
    """Say whether a map's key is the one way of writing an index from 1 to `choices`."""
    return isinstance(key, str) and key in _places(choices)
