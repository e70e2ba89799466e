"""Groups of points that lie together: k-means, with as many groups as are told apart best. Pure, whole numbers only.

As Polis does it: two to five groups, chosen by how much nearer points lie to their own group than to the next
(silhouette; here by the distance to the middle of a group). A number of groups of which one would be smaller than
`smallest` is not considered, so that no small group is ever shown. Ties go to the lower index and the fewer groups.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isqrt

from governance.statements.principal import Point

GROUPS_MAX = 5
_CELLS = 25
_ROUNDS_MAX = 40
_SCALE = 1_000_000


def groups(points: Sequence[Point], smallest: int) -> list[int]:
    """Return the group of each point, the largest group being 0; all are 0 where no groups can be told apart."""
    points = _on_a_grid(points)
    weights = Counter(points)
    best: tuple[int, dict[Point, int]] | None = None
    for number in range(2, GROUPS_MAX + 1):
        if len(weights) < number or len(points) < number * smallest:
            break
        middles = min((_settled(weights, start) for start in _starts(weights, number)), key=lambda each: each[0])[1]
        member_of = {point: _nearest(point, middles) for point in weights}
        sizes = Counter(dict.fromkeys(range(number), 0))
        for point, index in member_of.items():
            sizes[index] += weights[point]
        if min(sizes.values()) < smallest:
            continue
        apart = sum(weights[point] * _silhouette(point, middles) for point in sorted(weights))
        if best is None or apart > best[0]:
            order = sorted(range(number), key=lambda index: (-sizes[index], middles[index]))
            renamed = {old: new for new, old in enumerate(order)}
            best = apart, {point: renamed[index] for point, index in member_of.items()}
    return [0 if best is None else best[1][point] for point in points]


def _on_a_grid(points: Sequence[Point]) -> list[Point]:
    """Return the points moved to the middles of cells: of many people there are few places (Polis: base clusters)."""
    span = max((max(values) - min(values) for values in zip(*points, strict=True)), default=0)
    cell = max(1, span // _CELLS)
    return [(first // cell * cell + cell // 2, second // cell * cell + cell // 2) for first, second in points]


def _starts(weights: Mapping[Point, int], number: int) -> list[list[Point]]:
    """Return three ways to begin: the points farthest from each other, and even shares along either direction."""
    ordered = sorted(weights)
    middle = _middle(weights, ordered)
    far = [max(ordered, key=lambda point: (_squared(point, middle), point))]
    while len(far) < number:
        far.append(max(ordered, key=lambda point: (min(_squared(point, other) for other in far), point)))
    return [far, _shares(weights, ordered, number), _shares(weights, sorted(ordered, key=_turned), number)]


def _shares(weights: Mapping[Point, int], ordered: Sequence[Point], number: int) -> list[Point]:
    total, passed = sum(weights.values()), 0
    found: list[Point] = []
    for point in ordered:
        passed += weights[point]
        while len(found) < number and 2 * number * passed > (2 * len(found) + 1) * total:
            found.append(point)
    return found


def _settled(weights: Mapping[Point, int], middles: Sequence[Point]) -> tuple[int, list[Point]]:
    """Move the middles until nothing changes (Lloyd); return the sum of squared distances, and them."""
    found = list(middles)
    for _round in range(_ROUNDS_MAX):
        members: list[list[Point]] = [[] for _ in found]
        for point in weights:
            members[_nearest(point, found)].append(point)
        moved = [_middle(weights, own) if own else found[index] for index, own in enumerate(members)]
        if moved == found:
            break
        found = moved
    return sum(weight * _squared(point, found[_nearest(point, found)]) for point, weight in weights.items()), found


def _middle(weights: Mapping[Point, int], points: Sequence[Point]) -> Point:
    total = sum(weights[point] for point in points)
    first = sum(weights[point] * point[0] for point in points)
    second = sum(weights[point] * point[1] for point in points)
    return (2 * first + total) // (2 * total), (2 * second + total) // (2 * total)


def _nearest(point: Point, middles: Sequence[Point]) -> int:
    first, second = point
    distances = [(first - x) ** 2 + (second - y) ** 2 for x, y in middles]
    return distances.index(min(distances))


def _silhouette(point: Point, middles: Sequence[Point]) -> int:
    own, following = sorted(isqrt(_squared(point, middle)) for middle in middles)[:2]
    return _SCALE * (following - own) // following if following else 0


def _squared(one: Point, other: Point) -> int:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _turned(point: Point) -> Point:
    return point[1], point[0]
