"""Then and now: what was measured of a version when it was released, and what is measured of it again. Pure.

Only what was measured on the same suite is compared. A value is *worse* when it lies outside the 95 % interval of the
release's measurement, on the side that is worse for the metric; inside the interval the difference may be chance.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from models_registry import metrics


@dataclass(frozen=True)
class Row:
    """One metric on one suite. `then` is None where nothing was measured at the release; intervals may be missing."""

    suite: str
    metric: str
    now: Fraction
    now_ends: tuple[Fraction, Fraction] | None
    samples: int
    unit: str
    then: Fraction | None
    then_ends: tuple[Fraction, Fraction] | None

    @property
    def is_worse(self) -> bool:
        """Say whether it got worse beyond the interval of then."""
        known = metrics.find(self.metric)
        if known is None or self.then_ends is None:
            return False
        low, high = self.then_ends
        return self.now < low if known.higher_is_better else self.now > high

    def to_dict(self) -> dict[str, Any]:
        """Return the form that stands in a record of what got worse."""
        return {"suite": self.suite, "metric": self.metric}


def compared(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Row]:
    """Return a row for each metric that `now` has a value of, suite by suite; both as in an evaluation's record.

    What has no readable value then counts as not measured then: it is never worse, and never better.
    """
    before = dict(_parts(then))
    rows = (
        _row(suite, metric, value, _value(before.get(suite), metric))
        for suite, part in _parts(now)
        for metric, value in sorted(part["candidate"].items())
    )
    return [row for row in rows if row is not None]


def worse(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Row]:
    """Return what got worse."""
    return [row for row in compared(then, now) if row.is_worse]


def _parts(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if body:
        yield body["suite"], body
        yield from body.get("further", {}).items()


def _value(part: Mapping[str, Any] | None, metric: str) -> Mapping[str, Any]:
    found = (part or {}).get("candidate", {}).get(metric)
    return found if isinstance(found, Mapping) else {}


def _row(suite: str, metric: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> Row | None:
    value = _ratio(now)
    if value is None:
        return None
    samples, unit = now.get("samples"), now.get("unit")
    return Row(
        suite=suite,
        metric=metric,
        now=value,
        now_ends=_ends(now),
        samples=samples if type(samples) is int else 0,
        unit=unit if isinstance(unit, str) else "",
        then=_ratio(then),
        then_ends=_ends(then),
    )


def _ends(value: Mapping[str, Any]) -> tuple[Fraction, Fraction] | None:
    low, high = _ratio(value.get("low")), _ratio(value.get("high"))
    return None if low is None or high is None else (low, high)


def _ratio(value: object) -> Fraction | None:
    """Return numerator/denominator, or None for anything else."""
    if not isinstance(value, Mapping):
        return None
    numerator, denominator = value.get("numerator"), value.get("denominator")
    if type(numerator) is not int or type(denominator) is not int or denominator <= 0:
        return None
    return Fraction(numerator, denominator)
