"""How sure a measured value is: the 95 % interval around it, in integers, the same for everybody. Pure.

A metric gives each unit (a question, a pair) a few whole numbers, and its value is a fraction of their sums. The
interval is the percentile bootstrap (Efron 1979): RESAMPLES times as many units as there are are drawn with
replacement, within each stratum, and the value is computed anew; the ends are the values at 2.5 % and 97.5 %. Candidate
and parent share every draw, so that the interval of their difference is a paired one.

Draw b of a measure is SHAKE256 (FIPS 202) of the UTF-8 text "<suite digest> <metric> <b>", read as little-endian
32-bit words, one per unit; a word w chooses unit w x size / 2^32, rounded down, of its stratum. Strata come in the
order of their names, units in the order of the samples.

Where a value is a share (each unit counts 0 or 1), a bootstrap of all or none would see no doubt at all. There the
interval is widened to Wilson's (1927), and that of the difference to that of Bonett and Price (2012). Every end is
rounded outwards to millionths, and the interval always holds the value.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import isqrt

RESAMPLES = 1_000
# The ends: so many of the sorted values lie beyond each of them, 2.5 % of RESAMPLES.
_BEYOND = 25
_MILLION = 1_000_000
# 1.96 squared, in ten-thousandths: the point of the normal distribution beyond which 2.5 % lie.
_Z_SQUARED, _SCALE = 38_416, 10_000
_SHIFT = 96  # fractions are sorted as integers; sums of far more than 10^9 would be needed to tie

Terms = tuple[int, ...]
Ratio = Callable[[Sequence[int]], tuple[int, int]]


@dataclass(frozen=True)
class Unit:
    """What one unit adds for candidate and parent; draws keep the number of units of each stratum."""

    stratum: str
    candidate: Terms
    parent: Terms


@dataclass(frozen=True)
class Estimate:
    """A value, as its ratio gave it, and the ends of its interval."""

    numerator: int
    denominator: int
    low: Fraction
    high: Fraction

    @property
    def value(self) -> Fraction:
        """The value as one number."""
        return Fraction(self.numerator, self.denominator)


def estimate(units: Sequence[Unit], ratio: Ratio, seed: str) -> tuple[Estimate, Estimate, Estimate]:
    """Return the estimates for the candidate, the parent, and candidate less parent. `units` is not empty."""
    units = sorted(units, key=lambda unit: unit.stratum)
    sizes = [len(list(same)) for _, same in groupby(units, key=lambda unit: unit.stratum)]
    ours = _columns([unit.candidate for unit in units])
    theirs = _columns([unit.parent for unit in units])
    everybody = range(len(units))
    one, other = ratio([column(everybody) for column in ours]), ratio([column(everybody) for column in theirs])
    apart = (Fraction(*one) - Fraction(*other)).as_integer_ratio()
    drawn: tuple[list[Fraction], list[Fraction], list[Fraction]] = ([], [], [])
    # Where all units are alike, so is every draw.
    for number in range(RESAMPLES if len({(unit.candidate, unit.parent) for unit in units}) > 1 else 0):
        chosen = _draw(f"{seed} {number}", sizes)
        first, second = (Fraction(*ratio([column(chosen) for column in side])) for side in (ours, theirs))
        for values, value in zip(drawn, (first, second, first - second), strict=True):
            values.append(value)
    shares = _share_ends(units)
    wider = (*(wilson(hits, len(units)) for hits in shares[:2]), shares[2]) if shares else (None, None, None)
    found = zip((one, other, apart), drawn, wider, strict=True)
    candidate, parent, difference = (_estimate(value, values, ends) for value, values, ends in found)
    return candidate, parent, difference


def wilson(hits: int, count: int) -> tuple[Fraction, Fraction]:
    """Return the ends of Wilson's interval for a share of `hits` in `count`, rounded outwards."""
    spread = _Z_SQUARED * _Z_SQUARED + -(-4 * _Z_SQUARED * _SCALE * hits * (count - hits) // count)
    middle, root, whole = 2 * hits * _SCALE + _Z_SQUARED, isqrt(spread) + 1, 2 * (count * _SCALE + _Z_SQUARED)
    return max(Fraction(0), Fraction(middle - root, whole)), min(Fraction(1), Fraction(middle + root, whole))


def bonett_price(gained: int, lost: int, count: int) -> tuple[Fraction, Fraction]:
    """Return the ends of the interval for a paired difference of shares: an adjusted Wald interval.

    `gained` units count 1 for the candidate alone, `lost` for the parent alone, out of `count`.
    """
    size = count + 2
    difference = gained - lost
    # z^2 ((g + l + 2) / size - (g - l)^2 / size^2) / size, as a fraction of size^3
    variance = (gained + lost + 2) * size - difference * difference
    root = isqrt(-(-_Z_SQUARED * variance * _SCALE // size)) + 1  # = _SCALE x size x half of the interval, rounded up
    half = Fraction(root, _SCALE * size)
    middle = Fraction(difference, size)
    return max(Fraction(-1), middle - half), min(Fraction(1), middle + half)


def _columns(rows: Sequence[Terms]) -> list[Callable[[Sequence[int]], int]]:
    """Return for each term a function that sums it over the chosen units."""

    def summing(column: Sequence[int]) -> Callable[[Sequence[int]], int]:
        if len(set(column)) == 1:
            return lambda chosen: column[0] * len(chosen)
        return lambda chosen: sum(map(column.__getitem__, chosen))

    return [summing(column) for column in zip(*rows, strict=True)]


def _draw(seed: str, sizes: Sequence[int]) -> list[int]:
    """Return the chosen units of one draw, for strata of these sizes, one after the other."""
    count = sum(sizes)
    words = struct.unpack(f"<{count}I", hashlib.shake_256(seed.encode()).digest(4 * count))
    chosen: list[int] = []
    for size in sizes:
        first = len(chosen)
        chosen += [first + (word * size >> 32) for word in words[first : first + size]]
    return chosen


def _share_ends(units: Sequence[Unit]) -> tuple[int, int, tuple[Fraction, Fraction]] | None:
    """Return the hits of both and the ends for the difference where each unit counts 0 or 1 of 1; else nothing."""
    if not all(unit.candidate in _ONE_OF_ONE and unit.parent in _ONE_OF_ONE for unit in units):
        return None
    ours, theirs = (
        [terms[0] for terms in side] for side in zip(*((u.candidate, u.parent) for u in units), strict=True)
    )
    gained = sum(one > other for one, other in zip(ours, theirs, strict=True))
    lost = sum(one < other for one, other in zip(ours, theirs, strict=True))
    return sum(ours), sum(theirs), bonett_price(gained, lost, len(units))


_ONE_OF_ONE = frozenset({(0, 1), (1, 1)})


def _estimate(found: tuple[int, int], drawn: list[Fraction], wider: tuple[Fraction, Fraction] | None) -> Estimate:
    value = Fraction(*found)
    drawn.sort(key=lambda one: (one.numerator << _SHIFT) // one.denominator)
    low, high = (drawn[_BEYOND - 1], drawn[-_BEYOND]) if drawn else (value, value)
    if wider is not None:
        low, high = min(low, wider[0]), max(high, wider[1])
    low, high = min(low, value), max(high, value)
    return Estimate(
        *found,
        Fraction((low * _MILLION).__floor__(), _MILLION),
        Fraction((high * _MILLION).__ceil__(), _MILLION),
    )
