"""Sums of many square roots, each rounded down exactly as quadratic.root does it, a million in a tenth of a second.

Two floats hold a root to 100 bits (Dekker's and Knuth's exact sums and products), and a root here has at most 88 bits
before its rounding. Where its next bits are so close to a whole number that the error could change the rounding, and
where a power is too large for two floats, the integer root of the standard library decides. So floats only save time.
"""

import numpy as np
from numpy.typing import NDArray

from governance.tally.quadratic import ROOT_BITS, root

BLOCK = 2**14  # fits the cache
POWER_LIMBS_MAX = 3  # 96 bits
WHOLE_MAX = 2**26
SPLITTER = 2.0**27 + 1
HALF_BITS = 44
# The error of _root is below 2^-100 of the value, which is below 2^88.
DOUBT = 2.0 ** (ROOT_BITS - 100)
Floats = NDArray[np.float64]


def root_sums(
    matrix: NDArray[np.integer], powers: NDArray[np.uint32], wholes: NDArray[np.int64], places: int
) -> list[int]:
    """Return Σ floor(√(weight × power / whole) × 2^places) for each row of weights; powers in limbs of 32 bits."""
    totals = [0] * len(matrix)
    for start in range(0, len(wholes), BLOCK):
        block = slice(start, start + BLOCK)
        whole, power = wholes[block], powers[:, block]
        short = not power[POWER_LIMBS_MAX:].any() and int(whole.max()) <= WHOLE_MAX
        pair = _as_pair(power[:POWER_LIMBS_MAX].astype(np.float64))
        for position, row in enumerate(matrix):
            weight = row[block]
            at = used = np.flatnonzero(weight)
            if short:
                found, doubt = _floors(
                    weight[used].astype(np.float64),
                    pair[0][used],
                    pair[1][used],
                    whole[used].astype(np.float64),
                    places,
                )
                totals[position] += found
                at = used[doubt]
            for one, parts, all_weights in zip(
                weight[at].tolist(), power[:, at].T.tolist(), whole[at].tolist(), strict=True
            ):
                exact = sum(part << 32 * place for place, part in enumerate(parts))
                totals[position] += root(one, exact, all_weights, places)
    return totals


def _floors(weight: Floats, high: Floats, low: Floats, whole: Floats, places: int) -> tuple[int, NDArray[np.bool_]]:
    """Return the sum of the floors that are beyond doubt, and which are in doubt."""
    high, low, exact = _root(weight, high, low, whole)
    high *= 2.0**places
    low *= 2.0**places
    upper = np.floor(high * 2.0**-HALF_BITS)
    near, error = _two_sum(high - upper * 2.0**HALF_BITS, low)
    lower = np.floor(near)
    fraction = (near - lower) + error
    doubt = ~exact & ((fraction < DOUBT) | (fraction > 1 - DOUBT))
    upper[doubt] = 0
    lower[doubt] = 0
    return (int(upper.astype(np.int64).sum()) << HALF_BITS) + int(lower.astype(np.int64).sum()), doubt


def _as_pair(power: Floats) -> tuple[Floats, Floats]:
    """Return whole numbers of at most 96 bits as the exact sum of two floats."""
    high, low = power[0], np.zeros_like(power[0])
    if len(power) > 1:
        above = power[2] * 2.0**64 if len(power) > 2 else low  # noqa: PLR2004 - limbs
        high, low = _two_sum(above, power[1] * 2.0**32)
        high, low = _two_sum(high, low + power[0])
    return high, low


def _root(weight: Floats, high: Floats, low: Floats, whole: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return √(weight × (high + low) / whole) as two floats, and whether it is exact."""
    # 1. × weight
    product, product_error = _product_with_short(high, weight)
    scaled_low = low * weight
    product, rest = _two_sum(product, product_error + scaled_low)
    exact = (product_error == 0) & (scaled_low == 0)
    # 2. ÷ whole
    quotient = product / whole
    back, back_error = _product_with_short(quotient, whole)
    rest += (product - back) - back_error
    quotient, quotient_low = _two_sum(quotient, rest / whole)
    # 3. √
    high = np.sqrt(quotient)
    square, square_error = _square(high)
    remainder = (quotient - square) - square_error + quotient_low
    exact &= (rest == 0) & (remainder == 0)
    return *_two_sum(high, remainder / (2 * high)), exact


def _two_sum(one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """Return the rounded sum and its exact error (Knuth)."""
    total = one + two
    moved = total - one
    return total, (one - (total - moved)) + (two - moved)


def _product_with_short(one: Floats, short: Floats) -> tuple[Floats, Floats]:
    """Return the rounded product and its exact error (Dekker), for whole numbers `short` of at most 26 bits."""
    product = one * short
    high, low = _split(one)
    return product, (high * short - product) + low * short


def _square(one: Floats) -> tuple[Floats, Floats]:
    """Return the rounded square and its exact error (Dekker)."""
    square = one * one
    high, low = _split(one)
    return square, ((high * high - square) + 2 * high * low) + low * low


def _split(value: Floats) -> tuple[Floats, Floats]:
    scaled = SPLITTER * value
    high = scaled - (scaled - value)
    return high, value - high
