"""Two versions by what was measured of them: metric by metric, which is better, and whether that may be chance. Pure.

Only values on the same suite are compared. Where one version was the parent of the other, one run measured both on the
same questions, and the interval of their difference says whether chance may have made it; elsewhere it is
chance while the intervals of both overlap. Without intervals nobody knows, and that is what is said.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from models_registry import metrics

FIRST, SECOND, EQUAL, CHANCE, UNSURE, ALONE, NO_DIRECTION = (
    "first",
    "second",
    "equal",
    "chance",
    "unsure",
    "alone",
    "no_direction",
)
OUTCOMES = (FIRST, SECOND, EQUAL, CHANCE, UNSURE, ALONE, NO_DIRECTION)


@dataclass(frozen=True)
class Value:
    """What was measured, exact, with the ends of its interval where there is one, and on how many samples."""

    value: Fraction
    low: Fraction | None
    high: Fraction | None
    samples: int


@dataclass(frozen=True)
class Compared:
    """One metric on one suite. `outcome`: which version is better ("first", "second"), or why neither is said to be.

    "equal": the same value. "chance": they differ within the interval. "unsure": they differ, and no interval tells by
    how much chance could. "alone": only one was measured. "no_direction": nothing says what is better. `higher`:
    whether more is better; None where nothing says so.
    """

    suite: str
    metric: str
    unit: str
    first: Value | None
    second: Value | None
    outcome: str
    higher: bool | None


def together(evaluation: Mapping[str, Any], *, parent_is_first: bool) -> list[Compared]:
    """Compare a version with the one that it was trained from, by the evaluation of the run between them."""
    rows = []
    for suite, part in _parts(evaluation):
        sides = _values(part, "parent"), _values(part, "candidate")
        first, second = sides if parent_is_first else sides[::-1]
        differences = part.get("difference", {})
        rows += [
            _row(suite, metric, part, first.get(metric), second.get(metric), _interval(differences.get(metric)))
            for metric in sorted({*first, *second})
        ]
    return rows


def apart(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Compared]:
    """Compare two versions by their own evaluations; an empty one was never measured."""
    ours, theirs = dict(_parts(first)), dict(_parts(second))
    rows = []
    for suite in dict.fromkeys([*ours, *theirs]):
        mine, other = ours.get(suite, {}), theirs.get(suite, {})
        left, right = _values(mine, "candidate"), _values(other, "candidate")
        rows += [
            _row(suite, metric, mine or other, left.get(metric), right.get(metric), None)
            for metric in sorted({*left, *right})
        ]
    return rows


def measured_in(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Value]]:
    """Yield what was measured of the candidate: suite, metric, unit and value."""
    for suite, part in _parts(evaluation):
        for metric, value in sorted(_values(part, "candidate").items()):
            yield suite, metric, str(part["candidate"][metric].get("unit", "")), value


def _row(
    suite: str,
    metric: str,
    part: Mapping[str, Any],
    first: Value | None,
    second: Value | None,
    interval: tuple[Fraction, Fraction] | None,
) -> Compared:
    known = metrics.find(metric)
    higher = known.higher_is_better if known else None
    found = part.get("candidate", {}).get(metric) or part.get("parent", {}).get(metric) or {}
    outcome = _outcome(first, second, interval, higher=higher)
    return Compared(suite, metric, str(found.get("unit", "")), first, second, outcome, higher)


def _outcome(
    first: Value | None, second: Value | None, interval: tuple[Fraction, Fraction] | None, *, higher: bool | None
) -> str:
    """Say which is better. The first reason that holds counts."""
    if first is None or second is None:
        return ALONE
    if first.value == second.value:
        return EQUAL
    if higher is None:
        return NO_DIRECTION
    if interval is not None:
        by_chance: bool | None = interval[0] <= 0 <= interval[1]
    else:
        by_chance = _overlap(first, second)
    if by_chance is None:
        return UNSURE
    if by_chance:
        return CHANCE
    return SECOND if (second.value > first.value) == higher else FIRST


def _overlap(first: Value, second: Value) -> bool | None:
    """Say whether the intervals overlap; None where one of them is missing."""
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return None
    return first.low <= second.high and second.low <= first.high


def _parts(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if body:
        yield str(body.get("suite", "")), body
        yield from body.get("further", {}).items()


def _values(part: Mapping[str, Any], who: str) -> dict[str, Value]:
    found = {}
    for metric, given in part.get(who, {}).items():
        value = _ratio(given)
        if value is not None:
            low, high = _ratio(given.get("low")), _ratio(given.get("high"))
            samples = given.get("samples")
            found[metric] = Value(value, low, high, samples if type(samples) is int else 0)
    return found


def _interval(given: object) -> tuple[Fraction, Fraction] | None:
    if not isinstance(given, Mapping):
        return None
    low, high = _ratio(given.get("low")), _ratio(given.get("high"))
    return None if low is None or high is None else (low, high)


def _ratio(value: object) -> Fraction | None:
    """Return numerator/denominator, or None for anything else."""
    if not isinstance(value, Mapping):
        return None
    numerator, denominator = value.get("numerator"), value.get("denominator")
    if type(numerator) is not int or type(denominator) is not int or denominator <= 0:
        return None
    return Fraction(numerator, denominator)
