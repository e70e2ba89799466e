"""Sums of many square roots, each rounded down exactly as quadratic.root does it, a million in a tenth of a second.

Two floats hold a root to 100 bits (Dekker's and Knuth's exact sums and products), and a root here has at most 88 bits
before its rounding. Where its next bits are so close to a whole number that the error could change the rounding, and
where a power is too large for two floats, the integer root of the standard library decides. So floats only save time.
"""

import numpy as np
from numpy.typing import NDArray

from governance.tally.quadratic import ROOT_BITS, root

BLOCK = 2**14  # fits the cache
SPLITTER = 2.0**27 + 1
HALF_BITS = 44
# The error of _root is below 2^-100 of the value, which is below 2^88.
DOUBT = 2.0 ** (ROOT_BITS - 100)
Floats = NDArray[np.float64]


def root_sums(
    weights: NDArray[np.signedinteger], powers: NDArray[np.uint32], wholes: NDArray[np.int64], places: int
) -> int:
    """Return Σ floor(√(weight × power / whole) × 2^places); powers in limbs of 32 bits, weights below 2^31."""
    total = 0
    for start in range(0, len(weights), BLOCK):
        block = slice(start, start + BLOCK)
        used = np.flatnonzero(weights[block])
        weight, power, whole = weights[block][used], powers[:, block][:, used], wholes[block][used]
        doubtful = np.arange(len(used))
        if not power[3:].any():
            sums, doubt = _floors(weight.astype(np.float64), power.astype(np.float64), whole.astype(np.float64), places)
            total += sums
            doubtful = np.flatnonzero(doubt)
        limbs = power[:, doubtful].T.tolist()
        for one, parts, all_weights in zip(weight[doubtful].tolist(), limbs, whole[doubtful].tolist(), strict=True):
            total += root(one, sum(part << 32 * place for place, part in enumerate(parts)), all_weights, places)
    return total


def _floors(weight: Floats, power: Floats, whole: Floats, places: int) -> tuple[int, NDArray[np.bool_]]:
    """Return the sum of the floors that are beyond doubt, and which are in doubt."""
    high, low, exact = _root(weight, power, whole)
    high, low = high * 2.0**places, low * 2.0**places
    upper = np.floor(high * 2.0**-HALF_BITS)
    near, error = _two_sum(high - upper * 2.0**HALF_BITS, low)
    lower = np.floor(near)
    fraction = (near - lower) + error
    doubt = ~exact & ((fraction < DOUBT) | (fraction > 1 - DOUBT))
    upper[doubt] = 0
    lower[doubt] = 0
    return (int(upper.astype(np.int64).sum()) << HALF_BITS) + int(lower.astype(np.int64).sum()), doubt


def _root(weight: Floats, power: Floats, whole: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return √(weight × power / whole) as two floats, and whether it is exact."""
    # 1. power as two floats: at most 96 bits, so exactly
    high, low = power[0], np.zeros_like(power[0])
    if len(power) > 1:
        above = power[2] * 2.0**64 if len(power) > 2 else np.zeros_like(high)  # noqa: PLR2004 - limbs
        high, low = _two_sum(above, power[1] * 2.0**32)
        high, low = _two_sum(high, low + power[0])
    # 2. × weight
    product, product_error = _two_product(high, weight)
    scaled_low = low * weight
    product, low = _two_sum(product, product_error + scaled_low)
    # 3. ÷ whole
    quotient = product / whole
    back, back_error = _two_product(quotient, whole)
    rest = (product - back) - back_error + low
    quotient, quotient_low = _two_sum(quotient, rest / whole)
    # 4. √
    high = np.sqrt(quotient)
    square, square_error = _two_product(high, high)
    remainder = (quotient - square) - square_error + quotient_low
    low = remainder / (2 * high)
    exact = (rest == 0) & (remainder == 0) & (scaled_low == 0) & (product_error == 0)
    return *_two_sum(high, low), exact


def _two_sum(one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """Return the rounded sum and its exact error (Knuth)."""
    total = one + two
    moved = total - one
    return total, (one - (total - moved)) + (two - moved)


def _two_product(one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """Return the rounded product and its exact error (Dekker)."""
    product = one * two
    one_high, one_low = _split(one)
    two_high, two_low = _split(two)
    return product, ((one_high * two_high - product) + one_high * two_low + one_low * two_high) + one_low * two_low


def _split(value: Floats) -> tuple[Floats, Floats]:
    scaled = SPLITTER * value
    high = scaled - (scaled - value)
    return high, value - high
