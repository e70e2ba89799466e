"""The two directions in which answers differ most, and where each person lies on them. Pure, whole numbers only.

This is the principal component analysis that Polis publishes (Small, Bjorkegren, Erkkilä, Shaw and Megill 2021,
"Polis: Scaling Deliberation by Mapping High Dimensional Opinion Spaces"): an answer that is missing counts as the mean
of its statement, and who answered little is moved outwards in proportion. It is carried out in whole numbers with
written rounding, so that two computers agree to the last digit. Nothing is decided by it.
"""

from collections.abc import Mapping, Sequence
from math import isqrt
from operator import mul

Point = tuple[int, int]
Answers = Mapping[int, int]

# A mean is a whole number of millionths; the length of a direction is 2**30; a point is in ten-thousandths.
_MEAN = 1_000_000
_LENGTH_BITS = 30
_POINT = 10_000
_ROUNDS_MAX = 100
_MATRIX_BITS = 40
_ONE = ord("1")


def positions(rows: Sequence[Answers], statements: Sequence[int]) -> list[Point]:
    """Return where each row lies on the two main directions."""
    means = _means(rows, statements)
    matrix = _covariance(rows, statements, means)
    first = _direction(matrix, [])
    second = _direction(matrix, [first])
    place = {number: index for index, number in enumerate(statements)}
    return [_position(row, place, means, (first, second)) for row in rows]


def _means(rows: Sequence[Answers], statements: Sequence[int]) -> list[int]:
    found = []
    for number in statements:
        said = [row[number] for row in rows if number in row]
        found.append((2 * _MEAN * sum(said) + len(said)) // (2 * len(said)) if said else 0)
    return found


def _covariance(rows: Sequence[Answers], statements: Sequence[int], means: Sequence[int]) -> list[list[int]]:
    """Return the sums over all rows of the products of two statements' distances from their means.

    Who agreed, disagreed or passed is one long integer for each statement, a bit for each row: common bits are counted
    at once.
    """
    agree, disagree, passed = (_marked(rows, statements, value) for value in (1, -1, 0))
    seen = [sum(each) for each in zip(agree, disagree, passed, strict=True)]  # no bit is in two of them
    size = len(statements)
    matrix = [[0] * size for _ in statements]
    for j in range(size):
        for k in range(j, size):
            both = (seen[j] & seen[k]).bit_count()
            if not both:
                continue
            sum_j = (agree[j] & seen[k]).bit_count() - (disagree[j] & seen[k]).bit_count()
            sum_k = (agree[k] & seen[j]).bit_count() - (disagree[k] & seen[j]).bit_count()
            product = (agree[j] & agree[k]).bit_count() + (disagree[j] & disagree[k]).bit_count()
            product -= (agree[j] & disagree[k]).bit_count() + (disagree[j] & agree[k]).bit_count()
            value = _MEAN * (_MEAN * product - means[j] * sum_k - means[k] * sum_j) + means[j] * means[k] * both
            matrix[j][k] = matrix[k][j] = value
    spare = max(0, max((abs(value) for row in matrix for value in row), default=0).bit_length() - _MATRIX_BITS)
    return [[value >> spare for value in row] for row in matrix]


def _marked(rows: Sequence[Answers], statements: Sequence[int], value: int) -> list[int]:
    """Return for each statement which rows say this of it, as bits."""
    digits = {number: bytearray(b"0" * (len(rows) or 1)) for number in statements}
    for index, row in enumerate(rows):
        for number, said in row.items():
            if said == value and number in digits:
                digits[number][index] = _ONE
    return [int(digits[number], 2) for number in statements]


def _direction(matrix: Sequence[Sequence[int]], others: Sequence[Sequence[int]]) -> list[int]:
    """Return the direction of most variance at right angles to others, by power iteration; zeros where there is none.

    It begins at the longest row of the matrix, the first of equals, and ends when a round moves nothing by more than a
    millionth.
    """
    rows = [_without(row, others) for row in matrix]
    longest = max(rows, key=lambda row: sum(map(mul, row, row)), default=[])
    found = _unit(longest)
    for _round in range(_ROUNDS_MAX):
        following = _unit(_without([sum(map(mul, row, found)) for row in matrix], others))
        moved = max((abs(new - old) for new, old in zip(following, found, strict=True)), default=0)
        found = following
        if moved >> (_LENGTH_BITS - 20) == 0:
            break
    strongest = max(found, key=abs, default=0)
    return found if strongest >= 0 else [-value for value in found]


def _without(vector: Sequence[int], others: Sequence[Sequence[int]]) -> list[int]:
    left = list(vector)
    for other in others:
        along = sum(map(mul, left, other))
        left = [value - ((along * part) >> (2 * _LENGTH_BITS)) for value, part in zip(left, other, strict=True)]
    return left


def _unit(vector: Sequence[int]) -> list[int]:
    length = isqrt(sum(map(mul, vector, vector)))
    return [(value << _LENGTH_BITS) // length for value in vector] if length else [0] * len(vector)


def _position(
    row: Answers, place: Mapping[int, int], means: Sequence[int], directions: tuple[Sequence[int], Sequence[int]]
) -> Point:
    """Return the point of a row, moved outwards by the root of (all statements / answered ones)."""
    said = [(place[number], _MEAN * value - means[place[number]]) for number, value in row.items() if number in place]
    if not said:
        return 0, 0
    outwards = isqrt((len(place) << (2 * _LENGTH_BITS)) // len(said))
    scale = _MEAN << (2 * _LENGTH_BITS)
    sums = [sum(value * direction[index] for index, value in said) for direction in directions]
    return sums[0] * outwards * _POINT // scale, sums[1] * outwards * _POINT // scale
