"""A large poll as arrays, counted exactly by the same methods. Imports numpy, so the web process never imports this.

`Columns` holds one column per ballot:
- powers: whole numbers of 32 bits, the lowest first, shape (limbs, ballots);
- choices, as whole numbers of at most 32 bits:
  - governor, basic, single-choice: the choice as ballots have it, shape (ballots,);
  - approval: 1 where a choice is approved, else 0, shape (choices, ballots);
  - ranked-choice, copeland, stv: the ranking from 1, best first, 0 for none, shape (choices, ballots);
  - weighted, quadratic: whole weights, shape (choices, ballots);
  - fractional: the amounts against, for and abstain, as powers are, shape (3, limbs, ballots).

Sums are exact: `bincount` adds floats, and every sum stays below 2^53 because a block has at most 2^20 ballots and what
is added to each has at most 33 bits.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.tally.base import Count, InvalidBallot, InvalidChoice
from governance.tally.copeland import Copeland, copeland_count
from governance.tally.fractional import Fractional, fractional_count
from governance.tally.profile import Group, InvalidPower, ProfileMethod
from governance.tally.quadratic import Quadratic, quadratic_count, root_places
from governance.tally.roots import root_sums
from governance.tally.weighted import Sums, Weighted, common_denominator, weighted_count

LIMB_BITS = 32
BLOCK = 2**20
FLOAT_BITS = 53
TABLE_MAX = 2**22  # group numbers up to here are looked up in a table instead of sorted
CODE_MAX = 2**62
WEIGHT_BITS_MAX = 20
PROFILE_MAX = 10_000  # different rankings up to here are compared one by one
PAIRWISE_BLOCK = 2**12  # fits the cache; its sums of 32-bit limbs are exact floats
Integers = NDArray[np.integer]
Limbs = NDArray[np.uint32]


@dataclass(frozen=True)
class Columns:
    """The choices and powers of many ballots; the shapes are said above."""

    choices: Integers
    powers: Limbs

    def __post_init__(self) -> None:
        """Refuse arrays of other kinds: an array of floats would be counted as something."""
        if self.choices.dtype.kind not in "iub" or self.choices.dtype.itemsize > 4 or self.powers.dtype != np.uint32:  # noqa: PLR2004 - bytes
            raise TypeError(f"choices {self.choices.dtype}, powers {self.powers.dtype}: int32 and uint32 at most")
        if self.powers.ndim != 2 or self.powers.shape[1] != self.choices.shape[-1]:  # noqa: PLR2004 - axes
            raise ValueError(f"choices {self.choices.shape}, powers {self.powers.shape}: one column per ballot")

    def only(self, kept: NDArray[np.bool_]) -> "Columns":
        """Return the columns of some ballots."""
        return Columns(self.choices[..., kept], np.ascontiguousarray(self.powers[:, kept]))


def limbs(powers: Sequence[int], count: int = 0) -> Limbs:
    """Return whole numbers of any size as the array of powers, with so many limbs if that is given."""
    count = count or max(1, -(-max(powers, default=0).bit_length() // LIMB_BITS))
    data = b"".join([power.to_bytes(4 * count, "little") for power in powers])
    return np.ascontiguousarray(np.frombuffer(data, dtype="<u4").reshape(len(powers), count).T)


def to_columns(
    method: ProfileMethod, ballots: Iterable[tuple[object, int]], choices: int
) -> tuple[Columns, tuple[InvalidBallot, ...]]:
    """Return the columns of the valid ballots, and the others with their reasons. Weights must fit into 31 bits."""
    rows: list[Any] = []
    powers = []
    invalid = []
    for position, (choice, power) in enumerate(ballots):
        try:
            if type(power) is not int or power <= 0:
                raise InvalidPower(power)
            rows.append(_row(method, choice, power, choices))
            powers.append(power)
        except (InvalidChoice, InvalidPower) as error:
            invalid.append(InvalidBallot(position, str(error)))
    array: NDArray[Any]
    columns = limbs(powers)
    if isinstance(method, Fractional):
        array = np.array([limbs(amounts, len(columns)) for amounts in zip(*rows, strict=True)] or np.zeros((3, 1, 0)))
        return Columns(array.astype(np.uint32, copy=False), columns), tuple(invalid)
    array = np.array(rows, dtype=np.int32)
    if method.structured:
        array = np.ascontiguousarray(array.reshape(len(rows), choices).T)
    return Columns(array, columns), tuple(invalid)


def count_columns(method: ProfileMethod, columns: Columns, choices: int, seats: int = 1) -> Count:
    """Count columns; the same as `method.count` of the same ballots."""
    if isinstance(method, Weighted | Quadratic):
        return _count_weights(method, columns, choices)
    if isinstance(method, Fractional):
        return _count_amounts(columns)
    kept = columns.powers.any(axis=0)
    reasons = dict.fromkeys(np.flatnonzero(~kept).tolist(), str(InvalidPower(0)))
    matrix = np.atleast_2d(columns.choices)
    codes, examples = group_codes(matrix)
    if isinstance(method, Copeland) and len(examples) > PROFILE_MAX and kept.all() and _rank_everything(matrix):
        return copeland_count(pairwise(matrix, columns.powers), _total(columns.powers), len(codes))
    powers = group_sums(codes, len(examples), columns.powers)
    ballots = np.bincount(codes[kept], minlength=len(examples)).tolist()
    profile: dict[object, Group] = {}
    for code, row in enumerate(matrix[:, examples].T.tolist()):
        try:
            key = method.canonical(_choice(method, row), choices)
        except InvalidChoice as error:
            reasons |= dict.fromkeys(np.flatnonzero((codes == code) & kept).tolist(), str(error))
            continue
        if ballots[code]:
            group = profile.setdefault(key, Group(0, 0))
            group.power += powers[code]
            group.ballots += ballots[code]
    return method.count_profile(profile, choices, seats).with_invalid(_sorted(reasons))


def group_codes(matrix: Integers) -> tuple[NDArray[np.int64], list[int]]:
    """Return for each ballot the number of its group of equal columns, and for each group one of its ballots."""
    codes = np.zeros(matrix.shape[1], dtype=np.int64)
    if not len(codes):
        return codes, []
    size = 1
    for row in matrix:
        least = int(row.min())
        span = int(row.max()) - least + 1
        if size * span > CODE_MAX:
            values, codes = np.unique(codes, return_inverse=True)
            size = len(values)
        if span > 1:
            codes = codes * span + (row.astype(np.int64) - least if least else row)
            size *= span
    if size > TABLE_MAX:
        _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        return codes, first.tolist()
    example = np.full(size, -1, dtype=np.int64)
    example[codes] = np.arange(len(codes))
    present = np.flatnonzero(example >= 0)
    number = np.zeros(size, dtype=np.int64)
    number[present] = np.arange(len(present))
    return number[codes], example[present].tolist()


def group_sums(codes: NDArray[np.int64], groups: int, powers: Limbs) -> list[int]:
    """Return the sum of powers of each group."""
    sums = [0] * groups
    for block in _blocks(len(codes)):
        for place, limb in enumerate(powers):
            added = np.bincount(codes[block], weights=limb[block], minlength=groups).astype(np.int64).tolist()
            shift = place * LIMB_BITS
            sums = [total + (more << shift) for total, more in zip(sums, added, strict=True)]
    return sums


def _count_weights(method: Weighted | Quadratic, columns: Columns, choices: int) -> Count:
    """Count weighted or quadratic ballots."""
    matrix = columns.choices
    powered = np.asarray(columns.powers.any(axis=0))
    good = np.asarray(powered & (matrix >= 0).all(axis=0) & matrix.any(axis=0))
    invalid: tuple[InvalidBallot, ...] = ()
    if not good.all():
        invalid = _sorted(
            {
                position: _reason(method, matrix[:, position].tolist(), choices) if power else str(InvalidPower(0))
                for position, power in ((int(at), powered[at]) for at in np.flatnonzero(~good))
            }
        )
        columns = columns.only(good)
        matrix = columns.choices
    if not matrix.shape[1] or int(matrix.max()).bit_length() > WEIGHT_BITS_MAX:
        return method.count(_as_ballots(columns), choices).with_invalid(invalid)
    cast = _total(columns.powers)
    wholes = matrix.sum(axis=0, dtype=np.int64)
    if isinstance(method, Quadratic):
        places = root_places(_largest(columns.powers))
        roots = root_sums(matrix, columns.powers, wholes, places)
        return quadratic_count(roots, cast, len(wholes), places).with_invalid(invalid)
    sums = _weighted_sums(matrix, wholes, columns.powers)
    if common_denominator(sums) is None:
        # Only sums of the smallest whole weights say whether shares are rounded.
        common = np.gcd.reduce(matrix, axis=0)
        sums = _weighted_sums(matrix // common, wholes // common, columns.powers)
    return weighted_count(sums, choices, cast, len(wholes)).with_invalid(invalid)


def _count_amounts(columns: Columns) -> Count:
    """Count fractional ballots: those that place something, and no more than their power."""
    carry = np.zeros(columns.powers.shape[1], dtype=np.uint64)
    within = np.ones(len(carry), dtype=bool)
    for amounts, power in zip(np.moveaxis(columns.choices, 1, 0), columns.powers, strict=True):
        carry = carry + amounts.sum(axis=0, dtype=np.uint64)
        limb = (carry & np.uint64(2**LIMB_BITS - 1)).astype(np.uint32)
        within = (limb < power) | ((limb == power) & within)
        carry >>= np.uint64(LIMB_BITS)
    good = within & (carry == 0) & columns.choices.any(axis=(0, 1))
    invalid: tuple[InvalidBallot, ...] = ()
    if not good.all():
        reason = "amounts are more than 0 and at most the ballot's power together"
        invalid = tuple(InvalidBallot(position, reason) for position in np.flatnonzero(~good).tolist())
        columns = columns.only(good)
    sums = [_total(amounts) for amounts in columns.choices]
    return fractional_count(sums, _total(columns.powers), int(good.sum())).with_invalid(invalid)


def _weighted_sums(matrix: Integers, wholes: NDArray[np.int64], powers: Limbs) -> Sums:
    """Return Σ weight × power for each sum of weights, by position."""
    codes, examples = group_codes(wholes.astype(np.int32)[None])
    keys = wholes[examples].tolist()
    sums = [dict.fromkeys(range(len(matrix)), 0) for _ in keys]
    width = min(LIMB_BITS, FLOAT_BITS - BLOCK.bit_length() - int(matrix.max()).bit_length())
    for block in _blocks(len(codes)):
        for shift, part in slices(powers[:, block], width):
            for position, row in enumerate(matrix):
                added = np.bincount(codes[block], weights=part * row[block], minlength=len(keys)).astype(np.int64)
                for total, more in zip(sums, added.tolist(), strict=True):
                    total[position] += more << shift
    return dict(zip(keys, sums, strict=True))


def slices(powers: Limbs, width: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield (shift, bits) so that power = Σ bits × 2^shift, with `width` (at most 32) bits each."""
    wide = powers.astype(np.uint64)
    mask = np.uint64(2**width - 1)
    for shift in range(0, LIMB_BITS * len(wide), width):
        limb, offset = divmod(shift, LIMB_BITS)
        bits = wide[limb] >> np.uint64(offset)
        if limb + 1 < len(wide) and offset:
            bits |= wide[limb + 1] << np.uint64(LIMB_BITS - offset)
        yield shift, (bits & mask).astype(np.float64)


def pairwise(matrix: Integers, powers: Limbs) -> list[list[int]]:
    """Return the power that prefers row over column, for rankings of every choice."""
    choices = len(matrix)
    sums = np.zeros((choices, choices, len(powers)), dtype=np.int64)
    for start in range(0, matrix.shape[1], PAIRWISE_BLOCK):
        ranking = matrix[:, start : start + PAIRWISE_BLOCK].astype(np.intp)
        power = powers[:, start : start + PAIRWISE_BLOCK].T.astype(np.float64)
        rank = np.empty_like(ranking, dtype=np.int16)
        np.put_along_axis(rank, ranking - 1, np.arange(choices, dtype=np.int16)[:, None], axis=0)
        for choice in range(choices):
            sums[choice] += ((rank[choice] < rank).astype(np.float64) @ power).astype(np.int64)
    return [
        [sum(part << place * LIMB_BITS for place, part in enumerate(parts)) for parts in row] for row in sums.tolist()
    ]


def _rank_everything(matrix: Integers) -> bool:
    """Say whether every column holds each place from 1 to the number of choices."""
    return bool((np.sort(matrix, axis=0) == np.arange(1, len(matrix) + 1)[:, None]).all())


def _total(powers: Limbs) -> int:
    """Return the sum of all powers."""
    return sum(int(limb.sum(dtype=np.uint64)) << place * LIMB_BITS for place, limb in enumerate(powers))


def _largest(powers: Limbs) -> int:
    """Return the largest power."""
    among = powers
    for limb in range(len(powers) - 1, -1, -1):
        among = among[:, among[limb] == among[limb].max()]
    return sum(int(limb[0]) << place * LIMB_BITS for place, limb in enumerate(among))


def _as_ballots(columns: Columns) -> Iterator[tuple[object, int]]:
    """Yield weighted ballots one by one, for weights that are too large for arrays."""
    for row, parts in zip(columns.choices.T.tolist(), columns.powers.T.tolist(), strict=True):
        yield _weights(row), sum(part << place * LIMB_BITS for place, part in enumerate(parts))


def _row(method: ProfileMethod, choice: object, power: int, choices: int) -> object:
    """Return a valid choice as its column."""
    if isinstance(method, Fractional):
        placed = method.placed(choice, power, choices)
        return placed if isinstance(placed, tuple) else tuple(power if code == placed else 0 for code in range(3))
    key = method.canonical(choice, choices)
    if not isinstance(key, tuple):
        return choice
    row = [0] * choices
    if isinstance(method, Weighted | Quadratic):
        for position, weight in key:
            row[position] = weight
    elif method.name == "approval":
        for position in key:
            row[position] = 1
    else:
        row[: len(key)] = [position + 1 for position in key]
    return row


def _choice(method: ProfileMethod, row: list[int]) -> object:
    """Return the choice that a column stands for; the reverse of `_row`."""
    if not method.structured:
        return row[0]
    if method.name == "approval":
        return [position for position, approved in enumerate(row, 1) if approved] if set(row) <= {0, 1} else row
    while row and row[-1] == 0:
        row.pop()
    return row


def _weights(row: list[int]) -> dict[str, int]:
    return {str(position): weight for position, weight in enumerate(row, 1) if weight}


def _reason(method: ProfileMethod, row: list[int], choices: int) -> str:
    """Return why weights are refused."""
    try:
        method.validate(_weights(row), choices)
    except InvalidChoice as error:
        return str(error)
    raise AssertionError(row)


def _sorted(reasons: dict[int, str]) -> tuple[InvalidBallot, ...]:
    return tuple(InvalidBallot(position, reasons[position]) for position in sorted(reasons))


def _blocks(ballots: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, ballots, BLOCK))
