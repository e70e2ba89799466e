"""The intervals of measured values: a plain second way to them, what they promise, and that they repeat themselves."""

import hashlib
import random
from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean

import pytest

from training_jobs.evaluation.intervals import RESAMPLES, Unit, bonett_price, estimate, wilson
from training_jobs.evaluation.metrics.base import share

Z = 1.959964


def units(ours: list[int], theirs: list[int]) -> list[Unit]:
    return [Unit("", (one, 1), (other, 1)) for one, other in zip(ours, theirs, strict=True)]


def plainly(values: list[Unit], seed: str) -> list[tuple[Fraction, Fraction]]:
    """Return the bootstrap ends of candidate, parent and difference, word by word as the docstring says it."""
    count, drawn = len(values), []
    for number in range(RESAMPLES):
        stream = hashlib.shake_256(f"{seed} {number}".encode()).digest(4 * count)
        chosen = [values[int.from_bytes(stream[4 * i : 4 * i + 4], "little") * count >> 32] for i in range(count)]
        one = Fraction(sum(u.candidate[0] for u in chosen), sum(u.candidate[1] for u in chosen))
        other = Fraction(sum(u.parent[0] for u in chosen), sum(u.parent[1] for u in chosen))
        drawn.append((one, other, one - other))
    columns = [sorted(column) for column in zip(*drawn, strict=True)]
    return [(column[24], column[-25]) for column in columns]


def outwards(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    return Fraction((low * 1_000_000).__floor__(), 1_000_000), Fraction((high * 1_000_000).__ceil__(), 1_000_000)


def test_the_interval_is_the_one_that_the_text_describes():
    draw = random.Random(5)
    # Weights that are no shares, so that nothing is widened.
    values = [Unit("", (draw.randrange(50), draw.randrange(1, 9)), (draw.randrange(50), 3)) for _ in range(40)]
    found = estimate(values, share, "ab" * 32 + " surprise")
    for one, (low, high) in zip(found, plainly(values, "ab" * 32 + " surprise"), strict=True):
        assert (one.low, one.high) == outwards(min(low, one.value), max(high, one.value))
    candidate, parent, difference = found
    assert difference.value == candidate.value - parent.value


def test_a_share_is_never_surer_than_wilson_and_all_right_is_no_certainty():
    candidate, parent, difference = estimate(units([1] * 20, [0] * 20), share, "seed")
    assert (candidate.value, candidate.high) == (1, 1)
    assert candidate.low == outwards(*wilson(20, 20))[0] < Fraction(9, 10)
    assert parent.high > Fraction(1, 10)
    assert difference.low < Fraction(9, 10)
    assert estimate(units([1] * 20, [1] * 20), share, "seed")[2].low < 0


@pytest.mark.parametrize(("hits", "count"), [(0, 7), (1, 7), (5, 9), (50, 100), (999, 1000), (10_000, 10_000)])
def test_wilson_agrees_with_the_textbook(hits: int, count: int):
    share_ = hits / count
    middle = (share_ + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z / (1 + Z * Z / count) * (share_ * (1 - share_) / count + Z * Z / (4 * count * count)) ** 0.5
    low, high = wilson(hits, count)
    assert float(low) == pytest.approx(max(0, middle - half), abs=1e-4)
    assert float(high) == pytest.approx(min(1, middle + half), abs=1e-4)


@pytest.mark.parametrize(("gained", "lost", "count"), [(0, 0, 30), (5, 2, 30), (0, 30, 30), (400, 380, 1000)])
def test_the_paired_interval_agrees_with_the_textbook(gained: int, lost: int, count: int):
    one, other = (gained + 1) / (count + 2), (lost + 1) / (count + 2)
    half = Z * ((one + other - (one - other) ** 2) / (count + 2)) ** 0.5
    low, high = bonett_price(gained, lost, count)
    assert float(low) == pytest.approx(max(-1, one - other - half), abs=1e-4)
    assert float(high) == pytest.approx(min(1, one - other + half), abs=1e-4)


@pytest.mark.parametrize("chance", [0.05, 0.5, 0.9])
def test_the_interval_holds_the_true_share_about_as_often_as_it_says(chance: float):
    draw, held = random.Random(f"coverage {chance}"), []
    for trial in range(60):
        ours = [int(draw.random() < chance) for _ in range(50)]
        candidate, _, _ = estimate(units(ours, ours), share, f"suite {trial}")
        held.append(candidate.low <= Fraction(chance) <= candidate.high)
    assert fmean(held) >= 0.9


def test_the_paired_difference_is_surer_than_two_values_apart():
    ours = [int(number % 3 > 0) for number in range(120)]
    theirs = [value if number % 20 else 1 - value for number, value in enumerate(ours)]
    candidate, parent, difference = estimate(units(ours, theirs), share, "seed")
    apart = (candidate.high - candidate.low) + (parent.high - parent.low)
    assert difference.high - difference.low < apart / 2


def test_strata_keep_their_sizes_in_every_draw():
    def both_there(sums: Sequence[int]) -> tuple[int, int]:
        assert (sums[1], sums[3]) == (3, 2)
        return 2 * sums[0] - 3 * sums[2], 6

    first = [Unit("en", (number % 2, 1, 0, 0), (0, 1, 0, 0)) for number in range(3)]
    second = [Unit("fr", (0, 0, number % 2, 1), (0, 0, 1, 1)) for number in range(2)]
    candidate, _, _ = estimate([*second, *first], both_there, "seed")
    assert candidate.low <= candidate.value <= candidate.high


def test_the_same_seed_gives_the_same_ends_and_another_one_others():
    values = [Unit("", (number * 37 % 101, 7), (number, 7)) for number in range(30)]
    assert estimate(values, share, "a") == estimate(values, share, "a")
    assert estimate(values, share, "a")[0] != estimate(values, share, "b")[0]
