"""The gates: judge a measured report by the ethics rules that the community voted. Pure.

Measuring is done elsewhere (`training_jobs/evaluation`, with torch); judging is done here, in exact rational
arithmetic, so that anyone can judge again without a model. Everything unclear counts against the model: a
metric that was not measured, no samples or a denominator of zero fail the rule, and a policy without rules is
refused instead of passed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

SCOPE_ALL = "all"
SEVERITIES = ("block",)
_RULE_KEYS = {"slug", "title", "metric", "comparator", "bound", "scope", "severity"}


class GateError(Exception):
    """A refusal to judge. `code` is stable."""

    code = "gate_error"


class EmptyPolicy(GateError):
    """No rule applies to the model, so nothing was asked of it; that is a refusal, not a pass."""

    code = "empty_policy"


class UnknownComparator(GateError):
    """The rule compares in a way that this version does not know."""

    code = "unknown_comparator"

    def __init__(self, found: object) -> None:
        """Name what was found and what is allowed."""
        super().__init__(f"comparator {found!r} is not one of {', '.join(COMPARATORS)}")


class MalformedRule(GateError):
    """The rule lacks a field or has one of the wrong form."""

    code = "malformed_rule"


@dataclass(frozen=True)
class Comparator:
    """One way to compare: what the candidate must satisfy, and how the demand is written down."""

    needs_parent: bool
    holds: Callable[[Fraction, Fraction, Fraction], bool]
    words: str


# candidate, bound, parent -> does it hold. The parent is zero, and not read, where `needs_parent` is false.
COMPARATORS: Mapping[str, Comparator] = MappingProxyType(
    {
        "at_most": Comparator(
            needs_parent=False, holds=lambda candidate, bound, _: candidate <= bound, words="at most {bound}"
        ),
        "at_least": Comparator(
            needs_parent=False, holds=lambda candidate, bound, _: candidate >= bound, words="at least {bound}"
        ),
        "not_below_parent": Comparator(
            needs_parent=True,
            holds=lambda candidate, bound, parent: candidate >= parent - bound,
            words="at least {parent} (parent) less {bound}",
        ),
    }
)


@dataclass(frozen=True)
class Rule:
    """One ethics rule in force. `bound` is the limit; for `not_below_parent` the margin that may be lost."""

    slug: str
    metric: str
    comparator: str
    bound: Fraction
    scope: str
    severity: str = "block"

    @classmethod
    def from_record(cls, body: Mapping[str, Any]) -> "Rule":
        """Read the body of a `rule` record; raise MalformedRule or UnknownComparator."""
        if set(body) != _RULE_KEYS:
            raise MalformedRule(f"a rule has exactly the keys {sorted(_RULE_KEYS)}, found {sorted(map(str, body))}")
        for key in ("slug", "title", "metric", "scope"):
            if not isinstance(body[key], str) or not body[key]:
                raise MalformedRule(f"{key} must be text and not empty")
        if body["severity"] not in SEVERITIES:
            raise MalformedRule(f"severity {body['severity']!r} is not one of {', '.join(SEVERITIES)}")
        comparator = body["comparator"]
        if not isinstance(comparator, str) or comparator not in COMPARATORS:
            raise UnknownComparator(comparator)
        bound = _ratio(body["bound"])
        if isinstance(bound, str):
            raise MalformedRule(f"the bound has {bound}")
        if COMPARATORS[comparator].needs_parent and bound < 0:
            raise MalformedRule(f"a margin cannot be below zero, found {bound}")
        return cls(body["slug"], body["metric"], comparator, bound, body["scope"], body["severity"])

    def applies_to(self, model: str) -> bool:
        """Say whether this rule binds the model with this slug."""
        return self.scope in (SCOPE_ALL, model)


@dataclass(frozen=True)
class Report:
    """What was measured of candidate and parent version: metric → `{numerator, denominator, samples, …}`."""

    model: str
    candidate: Mapping[str, Any]
    parent: Mapping[str, Any]
    samples: int

    @classmethod
    def from_record(cls, body: Mapping[str, Any], model: str) -> "Report":
        """Read the body of an `evaluation` record, or the evaluator's `report.json`, for this model.

        Values are not checked here: whatever is wrong with one fails the rules that read it.
        """
        candidate, parent, samples = body.get("candidate"), body.get("parent"), body.get("samples")
        return cls(
            model,
            candidate if isinstance(candidate, Mapping) else {},
            parent if isinstance(parent, Mapping) else {},
            samples if type(samples) is int else 0,
        )


@dataclass(frozen=True)
class Reason:
    """What one rule says of the model. `found` and `needed` are exact, readable text."""

    rule: str
    metric: str
    holds: bool
    found: str
    needed: str

    def to_dict(self) -> dict[str, Any]:
        """Return the form that stands in an `evaluation` record."""
        return {
            "rule": self.rule,
            "metric": self.metric,
            "holds": self.holds,
            "found": self.found,
            "needed": self.needed,
        }


@dataclass(frozen=True)
class Verdict:
    """The judgement: accepted only if every rule holds."""

    accepted: bool
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the form that stands in an `evaluation` record."""
        return {"accepted": self.accepted, "reasons": [reason.to_dict() for reason in self.reasons]}


def decide(rules: Iterable[Rule], report: Report) -> Verdict:
    """Judge `report` by the rules that apply to its model: one reason per rule, in a fixed order.

    Raises EmptyPolicy when no rule applies and UnknownComparator for a comparator that is not in the table.
    """
    applying = sorted((rule for rule in rules if rule.applies_to(report.model)), key=_order)
    if not applying:
        raise EmptyPolicy(f"no rule in force applies to {report.model!r}; adopt one before a model is judged")
    reasons = tuple(_judge(rule, report) for rule in applying)
    return Verdict(all(reason.holds for reason in reasons), reasons)


def _order(rule: Rule) -> tuple[str, str, str, Fraction, str]:
    return rule.slug, rule.metric, rule.comparator, rule.bound, rule.scope


def _judge(rule: Rule, report: Report) -> Reason:
    if rule.comparator not in COMPARATORS:
        raise UnknownComparator(rule.comparator)
    comparator = COMPARATORS[rule.comparator]
    candidate = _measured(report.candidate, rule.metric, report.samples)
    parent = _measured(report.parent, rule.metric, report.samples) if comparator.needs_parent else Fraction(0)
    if isinstance(parent, str):
        needed = comparator.words.format(bound=rule.bound, parent="the value")
        found = candidate if isinstance(candidate, str) else f"{candidate}, but the parent has {parent}"
        return Reason(rule.slug, rule.metric, holds=False, found=found, needed=needed)
    needed = comparator.words.format(bound=rule.bound, parent=parent)
    if isinstance(candidate, str):
        return Reason(rule.slug, rule.metric, holds=False, found=candidate, needed=needed)
    return Reason(rule.slug, rule.metric, comparator.holds(candidate, rule.bound, parent), str(candidate), needed)


def _measured(values: Mapping[str, Any], metric: str, report_samples: int) -> Fraction | str:
    """Return the exact value of `metric`, or in words why there is none that could be judged."""
    value = values.get(metric)
    if not isinstance(value, Mapping):
        return "no measurement"
    samples = value.get("samples")
    if type(samples) is not int or samples <= 0 or report_samples <= 0:
        return "no samples"
    return _ratio(value)


def _ratio(value: object) -> Fraction | str:
    """Return numerator/denominator exactly, or in words what is wrong with it."""
    if not isinstance(value, Mapping):
        return "no numerator and denominator"
    numerator, denominator = value.get("numerator"), value.get("denominator")
    if type(numerator) is not int or type(denominator) is not int:
        return "a numerator or denominator that is not an integer"
    if denominator <= 0:
        return "a denominator that is not above zero"
    return Fraction(numerator, denominator)
