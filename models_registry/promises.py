"""Promise versus delivered: what the proposal of an update said that its result would measure, and what it did. Pure.

A promise binds nobody: only ethics rules do. It is voted on with the specification and judged afterwards by the gates'
own `decide`, on the value that was measured on the suite of the run. What was not measured was not kept.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from models_registry import gates

PROMISES_MAX = 20
KEYS = frozenset({"metric", "comparator", "bound"})
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,9})?")


class PromiseError(ValueError):
    """A promise that nothing could be compared with. `found` is what it says, `allowed` what it may say."""

    def __init__(self, detail: str, found: object, allowed: object = None) -> None:
        """Keep what a clear answer needs."""
        super().__init__(detail)
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True)
class Promise:
    """One line: a metric, how it compares, and the bound: the limit, or against the parent the margin."""

    metric: str
    comparator: str
    bound: Fraction
    text: str

    def to_dict(self) -> dict[str, str]:
        """Return the form that stands in a proposal's payload; the bound is a plain decimal."""
        return {"metric": self.metric, "comparator": self.comparator, "bound": self.text}


@dataclass(frozen=True)
class Delivered:
    """A promise with what became of it. `measured` is exact, or None where nothing was measured."""

    promise: Promise
    measured: Fraction | None
    parent: Fraction | None
    unit: str
    kept: bool


def read(promises: object, metrics: Sequence[str] | None = None) -> tuple[Promise, ...]:
    """Return promises in the order of the payload; raise PromiseError. `metrics` are those that can be measured."""
    if not isinstance(promises, list) or len(promises) > PROMISES_MAX:
        raise PromiseError(f"promises are a list of at most {PROMISES_MAX}", promises, PROMISES_MAX)
    found = tuple(_read_one(promise, metrics) for promise in promises)
    pairs = [(promise.metric, promise.comparator) for promise in found]
    if len(set(pairs)) != len(pairs):
        raise PromiseError("a metric is promised twice in the same way", [promise.to_dict() for promise in found])
    return found


def read_lines(text: str) -> list[dict[str, str]]:
    """Return what lines of a form say, not judged: a metric, a comparator and a bound each, in any order."""
    promises = []
    for line in filter(str.strip, text.splitlines()):
        words = line.split()
        named = {
            "comparator": next((word for word in words if word in gates.COMPARATORS), ""),
            "bound": next((word for word in words if word.lstrip("-")[:1].isdigit()), ""),
        }
        rest = [word for word in words if word not in named.values()]
        promises.append({"metric": " ".join(rest), **named})
    return promises


def delivered(payload: Mapping[str, Any], evaluation: Mapping[str, Any], model: str) -> tuple[Delivered, ...]:
    """Return each promise of a voted payload with what the body of an evaluation says of it.

    Nothing for a payload without promises, or with unreadable ones: those were never put to a vote by this code.
    """
    try:
        promises = read(payload.get("promises", []))
    except PromiseError:
        return ()
    report = gates.Report.from_record(evaluation, model)
    return tuple(_delivered(promise, report, evaluation) for promise in promises)


def _delivered(promise: Promise, report: gates.Report, evaluation: Mapping[str, Any]) -> Delivered:
    rule = gates.Rule("promise", promise.metric, promise.comparator, promise.bound, gates.SCOPE_ALL)
    (reason,) = gates.decide([rule], report, at=0).reasons
    measured = evaluation.get("candidate", {}).get(promise.metric)
    unit = measured.get("unit", "") if isinstance(measured, Mapping) else ""
    before = evaluation.get("parent", {}).get(promise.metric)
    return Delivered(promise, _ratio(measured), _ratio(before), str(unit), reason.holds)


def _read_one(promise: object, metrics: Sequence[str] | None) -> Promise:
    if (
        not isinstance(promise, Mapping)
        or set(promise) != KEYS
        or not all(isinstance(value, str) for value in promise.values())
    ):
        raise PromiseError("a promise has exactly metric, comparator and bound, all text", promise, sorted(KEYS))
    metric, comparator, bound = promise["metric"], promise["comparator"], promise["bound"]
    if metrics is not None and metric not in metrics:
        raise PromiseError("nothing measures this", metric, sorted(metrics))
    if comparator not in gates.COMPARATORS:
        raise PromiseError("a promise compares in one of these ways", comparator, sorted(gates.COMPARATORS))
    if not _DECIMAL.fullmatch(bound):
        raise PromiseError("a bound is a plain decimal such as 0.10", bound)
    exact = Fraction(bound)
    if gates.COMPARATORS[comparator].needs_parent and exact < 0:
        raise PromiseError("a margin cannot be below zero", bound)
    return Promise(metric, comparator, exact, bound)


def _ratio(value: object) -> Fraction | None:
    if not isinstance(value, Mapping):
        return None
    numerator, denominator = value.get("numerator"), value.get("denominator")
    if type(numerator) is not int or type(denominator) is not int or denominator <= 0:
        return None
    return Fraction(numerator, denominator)
