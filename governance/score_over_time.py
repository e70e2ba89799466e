"""How a vote stood after each ballot, thinned to what a picture can show. Pure; nothing is decided here.

Where a method's scores are sums over its ballots, the sums are followed; where they are not (rounds, comparisons,
square roots) it is the power that was cast. A ballot that was replaced counts until it was, and lent power moves at the
moment of the ballot that moves it: each step is what a count at that moment would say. Each part of a ballot is
rounded down to a whole unit of power, so that a sum may be less than that of the count by one unit for each ballot.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import add, sub
from typing import Any

from governance.counting import Cast, Roll, Terms, reduced, weigh
from governance.evidence.canonical import canonical_bytes

# Their scores are sums of what each ballot gives each choice.
SUMMED = frozenset({"governor", "basic", "fractional", "single-choice", "approval", "weighted"})
POINTS_MAX = 120

Sums = tuple[int, ...]


@dataclass(frozen=True)
class Point:
    """From the second `at` (UNIX) on, the vote stood so: a sum for each choice, or one for the power that was cast."""

    at: int
    sums: Sums

    def to_body(self) -> list[Any]:
        """Return the form that is kept: powers as text, as everywhere."""
        return [self.at, [str(power) for power in self.sums]]

    @classmethod
    def from_body(cls, body: Sequence[Any]) -> "Point":
        """Read what `to_body` wrote."""
        return cls(int(body[0]), tuple(int(power) for power in body[1]))


def is_summed(method: str) -> bool:
    """Say whether the sums of a method are its scores; otherwise the turnout is followed."""
    return method in SUMMED


def over_time(terms: Terms, roll: Roll, accepted: Sequence[tuple[int, Cast]], since: int) -> list[Point]:
    """Return how the vote stood from `since` (nothing was cast) to after the last of `accepted`, in their order.

    `accepted` are all ballots as (UNIX seconds, ballot), the replaced ones too. Where there are more moments than
    points, a point stands at the last moment of each of equally long spans of time.
    """
    meter = _Meter(terms, roll)
    points = [Point(since, meter.sums())]
    span = _spans([at for at, _ in accepted], since)
    for place, (at, ballot) in enumerate(accepted):
        meter.cast(ballot)
        if place + 1 == len(accepted) or span(accepted[place + 1][0]) != span(at):
            _put(points, Point(at, meter.sums()))
    return points


def _put(points: list[Point], point: Point) -> None:
    """Add a point; one that is no later than the last (in its second, or a clock was set back) takes its place."""
    if point.at <= points[-1].at:
        points[-1] = Point(points[-1].at, point.sums)
    else:
        points.append(point)


def _spans(times: Sequence[int], since: int) -> Callable[[int], int]:
    """Return in which span a moment lies: each in its own, unless they are more than a picture shows."""
    if len(set(times)) < POINTS_MAX:
        return lambda at: at
    length = times[-1] - since + 1
    return lambda at: (at - since) * (POINTS_MAX - 1) // length


def extended(points: Sequence[Point], point: Point) -> list[Point]:
    """Return the points with a later one at the end; half as many where they would become too many."""
    if points and point.sums == points[-1].sums:
        return list(points)
    longer = [*(each for each in points if each.at < point.at), point]
    return longer if len(longer) <= POINTS_MAX else thinned(longer, POINTS_MAX // 2)


def thinned(points: Sequence[Point], most: int = POINTS_MAX) -> list[Point]:
    """Return at most so many points: the first, and the last in each of equally long spans of time."""
    if len(points) <= most:
        return list(points)
    first, last = points[0], points[-1]
    spans = {(each.at - first.at) * (most - 1) // (last.at - first.at + 1): each for each in points[1:]}
    return [first, *(spans[span] for span in sorted(spans))]


class _Meter:
    """Follows the sums ballot by ballot. A ballot changes its voter's part, or that of their group of delegations.

    The parts of groups are weighed only when somebody asks how the vote stands.
    """

    def __init__(self, terms: Terms, roll: Roll) -> None:
        self._terms, self._roll = terms, roll
        self._casts: dict[int, dict[str, Cast]] = {}  # by group
        self._stale: dict[int, Roll] = {}  # groups whose part is to be weighed again
        self._parts: dict[int | str, Sums] = {}  # by group, or by voter where no delegation touches one
        self._shares: dict[bytes, tuple[Any, ...]] = {}  # by choice, of one unit of power
        self._sums: Sums = (0,) * (len(terms.choices) if is_summed(terms.method.name) else 1)

    def cast(self, ballot: Cast) -> None:
        """Take in the next accepted ballot; a newer one of a voter replaces the older."""
        group = self._roll.groups.get(ballot.voter)
        if group is None:
            self._put(ballot.voter, self._part(ballot.choice, ballot.power))
        else:
            self._casts.setdefault(id(group), {})[ballot.voter] = ballot
            self._stale[id(group)] = group

    def sums(self) -> Sums:
        """Return how the vote stands."""
        for key, group in self._stale.items():
            casts = self._casts[key].values()
            weights = weigh(group, casts)
            parts = [self._part(cast.choice, weights[cast.voter]) for cast in casts]
            self._put(key, tuple(sum(column) for column in zip(*parts, strict=True)))
        self._stale.clear()
        return self._sums

    def _put(self, key: int | str, part: Sums) -> None:
        before = self._parts.get(key)
        self._sums = tuple(map(add, self._sums, part if before is None else map(sub, part, before)))
        self._parts[key] = part

    def _part(self, choice: Any, weight: int) -> Sums:  # noqa: ANN401 - choices are any JSON
        """Return what one ballot of this weight adds to the sums."""
        if not weight:
            return (0,) * len(self._sums)
        method = self._terms.method
        if method.name == "fractional":  # it names amounts, so it is no share of whatever power
            count = method.count([(reduced(method, choice, weight), weight)], len(self._terms.choices))
            return tuple(int(score) for score in count.scores)
        key = canonical_bytes(choice)
        if key not in self._shares:
            count = method.count([(choice, 1)], len(self._terms.choices))
            self._shares[key] = tuple(count.scores) if is_summed(method.name) else (count.cast,)
        return tuple(int(weight * share) for share in self._shares[key])
