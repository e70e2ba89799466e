"""The gates: judge a measured report by the ethics rules that the community voted. Pure.

A rule that asks people instead of a metric (`duty`) is judged by what they attested, which stands in the report.
Measuring is done elsewhere (`training_jobs/evaluation`, with torch); judging is done here, in exact rational
arithmetic, so that anyone can judge again without a model. Everything unclear counts against the model: a suite or
metric that was not measured, no samples, a denominator of zero, or a missing interval where the rule judges an end of
it fail the rule. A policy in which no rule binds (none, warnings only, or all past their sunset) is refused instead of
passed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from models_registry.duties import tasks
from models_registry.duties.tasks import Duty
from models_registry.hidden_suites.commitment import commitment_in, names_a_suite

SCOPE_ALL = "all"
SEVERITIES = ("block", "warn")
# What of the measurement is held against the bound: the value, or the end of its 95 % interval that is worse
# (cautious) or better (lenient) for the model.
JUDGED = ("value", "cautious", "lenient")
# What makes a gate, and is null in a duty.
GATE_KEYS = ("metric", "suite", "comparator", "bound", "judged")
RULE_KEYS = frozenset({"slug", "title", "why", "scope", "severity", "sunset", "duty", *GATE_KEYS})


class GateError(Exception):
    """A refusal to judge. `code` is stable."""

    code = "gate_error"


class EmptyPolicy(GateError):
    """No rule binds the model, so nothing was asked of it; that is a refusal, not a pass."""

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
    """One way to compare, and how the demand is written down: of the value, and of an end of the interval.

    `is_ceiling`: what is judged has to be at most the limit, otherwise at least. `needs_parent`: the limit is the
    parent's value and the bound a margin; an end of the interval is then that of the paired difference.
    """

    is_ceiling: bool
    needs_parent: bool
    words: str
    end_words: str


COMPARATORS: Mapping[str, Comparator] = MappingProxyType(
    {
        "at_most": Comparator(
            is_ceiling=True, needs_parent=False, words="at most {bound}", end_words="at most {bound} at the {end} end"
        ),
        "at_least": Comparator(
            is_ceiling=False,
            needs_parent=False,
            words="at least {bound}",
            end_words="at least {bound} at the {end} end",
        ),
        "not_below_parent": Comparator(
            is_ceiling=False,
            needs_parent=True,
            words="at least {parent} (parent) less {bound}",
            end_words="below the parent by at most {bound} at the {end} end",
        ),
        "not_above_parent": Comparator(
            is_ceiling=True,
            needs_parent=True,
            words="at most {parent} (parent) plus {bound}",
            end_words="above the parent by at most {bound} at the {end} end",
        ),
    }
)


@dataclass(frozen=True)
class Rule:
    """One ethics rule in force. `bound` is the limit, or against the parent the margin. `sunset`: UNIX seconds.

    `suite` is the digest of the rule's own suite, or `hidden:` and a commitment; None: the suite that the run's
    specification names. A `duty` asks people: its `metric` is the name of their task, and it compares with nothing.
    """

    slug: str
    metric: str
    comparator: str
    bound: Fraction
    scope: str
    severity: str = "block"
    suite: str | None = None
    judged: str = "value"
    sunset: int | None = None
    duty: Duty | None = None

    @classmethod
    def from_record(cls, body: Mapping[str, Any]) -> "Rule":
        """Read the body of a `rule` record; raise MalformedRule or UnknownComparator."""
        wrong = _malformed(body)
        if wrong:
            raise MalformedRule(wrong)
        if body["duty"] is not None:
            duty, severity, sunset = Duty.from_body(body["duty"]), body["severity"], body["sunset"]
            return cls(body["slug"], duty.task, "", Fraction(0), body["scope"], severity, sunset=sunset, duty=duty)
        comparator = body["comparator"]
        if not isinstance(comparator, str) or comparator not in COMPARATORS:
            raise UnknownComparator(comparator)
        bound = _ratio(body["bound"])
        if isinstance(bound, str):
            raise MalformedRule(f"the bound has {bound}")
        if COMPARATORS[comparator].needs_parent and bound < 0:
            raise MalformedRule(f"a margin cannot be below zero, found {bound}")
        return cls(
            body["slug"],
            body["metric"],
            comparator,
            bound,
            body["scope"],
            body["severity"],
            body["suite"],
            body["judged"],
            body["sunset"],
        )

    def applies_to(self, model: str) -> bool:
        """Say whether this rule speaks of the model with this slug."""
        return self.scope in (SCOPE_ALL, model)

    def is_over(self, at: int) -> bool:
        """Say whether its sunset has come."""
        return self.sunset is not None and self.sunset <= at

    def binds(self, at: int) -> bool:
        """Say whether breaking it rejects a model whose run was approved at `at` (UNIX seconds)."""
        return self.severity == "block" and not self.is_over(at)

    @property
    def end(self) -> str:
        """The end of the interval that is judged, `low` or `high`; empty where the value itself is."""
        if self.judged == "value":
            return ""
        is_worse = self.judged == "cautious"
        return "high" if COMPARATORS[self.comparator].is_ceiling is is_worse else "low"


@dataclass(frozen=True)
class Measured:
    """What was measured on one suite: metric → `{numerator, denominator, samples, low, high, …}`.

    `difference` is that of candidate less parent, sample by sample.
    """

    candidate: Mapping[str, Any] = field(default_factory=dict)
    parent: Mapping[str, Any] = field(default_factory=dict)
    difference: Mapping[str, Any] = field(default_factory=dict)
    samples: int = 0

    @classmethod
    def from_record(cls, body: Mapping[str, Any]) -> "Measured":
        """Read what a report says of one suite; whatever is wrong with it fails the rules that read it."""
        candidate, parent, difference = (body.get(name) for name in ("candidate", "parent", "difference"))
        samples = body.get("samples")
        return cls(
            candidate if isinstance(candidate, Mapping) else {},
            parent if isinstance(parent, Mapping) else {},
            difference if isinstance(difference, Mapping) else {},
            samples if type(samples) is int else 0,
        )


@dataclass(frozen=True)
class Report:
    """What was measured of candidate and parent version, on the suite of the run and those that rules name.

    And what people attested who were asked to look at it. `opened` says by the names of hidden suites which digest
    their rows turned out to have; whoever fills it has checked that they were opened for the model that is judged, and
    after it was fixed.
    """

    model: str
    measured: Measured
    suite: str = ""
    further: Mapping[str, Any] = field(default_factory=dict)
    # what reviewers attested; None: nobody was asked
    attestations: tuple[object, ...] | None = None
    opened: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_record(cls, body: Mapping[str, Any], model: str, opened: Mapping[str, str] | None = None) -> "Report":
        """Read the body of an `evaluation` record, or the evaluator's `report.json`, for this model."""
        suite, further = body.get("suite"), body.get("further")
        return cls(
            model,
            Measured.from_record(body),
            suite if isinstance(suite, str) else "",
            further if isinstance(further, Mapping) else {},
            _attestations(body.get("review")),
            opened or {},
        )

    def on(self, suite: str | None) -> Measured | None:
        """Return what was measured on this suite (None: the run's own), or None where nothing was."""
        if suite is not None and commitment_in(suite) is not None:
            if suite not in self.opened:
                return None
            suite = self.opened[suite]
        if suite is None or suite == self.suite:
            return self.measured
        found = self.further.get(suite)
        return Measured.from_record(found) if isinstance(found, Mapping) else None


@dataclass(frozen=True)
class Reason:
    """What one rule says of the model. `found` and `needed` are exact, readable text.

    Only a rule that `binds` rejects: a warning never does, nor does a rule whose sunset had come.
    """

    rule: str
    metric: str
    severity: str
    binds: bool
    holds: bool
    found: str
    needed: str

    @property
    def rejects(self) -> bool:
        """Say whether the model is rejected for this."""
        return self.binds and not self.holds

    def to_dict(self) -> dict[str, Any]:
        """Return the form that stands in an `evaluation` record."""
        return {
            "rule": self.rule,
            "metric": self.metric,
            "severity": self.severity,
            "binds": self.binds,
            "holds": self.holds,
            "found": self.found,
            "needed": self.needed,
        }


@dataclass(frozen=True)
class Verdict:
    """The judgement: accepted only if every rule that binds holds."""

    accepted: bool
    reasons: tuple[Reason, ...]

    @property
    def broken(self) -> tuple[str, ...]:
        """Return the rules for which the model is rejected, each once, in order."""
        return tuple(sorted({reason.rule for reason in self.reasons if reason.rejects}))

    def to_dict(self) -> dict[str, Any]:
        """Return the form that stands in an `evaluation` record."""
        return {"accepted": self.accepted, "reasons": [reason.to_dict() for reason in self.reasons]}


def decide(rules: Iterable[Rule], report: Report, at: int) -> Verdict:
    """Judge `report` by the rules that apply to its model: one reason per rule, in a fixed order.

    `at` is when the run was approved, in UNIX seconds: rules whose sunset had come by then do not bind, and say so.
    Raises EmptyPolicy when no rule binds and UnknownComparator for a comparator that is not in the table.
    """
    applying = sorted((rule for rule in rules if rule.applies_to(report.model)), key=_order)
    reasons = tuple(judge(rule, report, at) for rule in applying)
    if not any(reason.binds for reason in reasons):
        raise EmptyPolicy(f"no rule in force binds {report.model!r}; adopt one that blocks before a model is judged")
    return Verdict(not any(reason.rejects for reason in reasons), reasons)


def _malformed(body: Mapping[str, Any]) -> str:
    """Say what is wrong with the keys of a rule, whatever its comparator and bound; empty for nothing."""
    if not isinstance(body, Mapping) or set(body) != RULE_KEYS:
        found = sorted(map(str, body)) if isinstance(body, Mapping) else body
        return f"a rule has exactly the keys {sorted(RULE_KEYS)}, found {found}"
    named = all(isinstance(body[key], str) and body[key] for key in ("slug", "title", "scope"))
    if not named or not isinstance(body["why"], str):
        return "slug, title and scope must be text and not empty, why must be text"
    if body["severity"] not in SEVERITIES:
        return f"severity {body['severity']!r} is not one of {', '.join(SEVERITIES)}"
    sunset = body["sunset"]
    if sunset is not None and (type(sunset) is not int or sunset < 0):
        return "sunset must be UNIX seconds, or null"
    return _malformed_gate(body) if body["duty"] is None else _malformed_duty(body)


def _malformed_gate(body: Mapping[str, Any]) -> str:
    """Say what is wrong with the keys of a rule that measures."""
    metric, suite = body["metric"], body["suite"]
    if not isinstance(metric, str) or not metric:
        return "metric must be text and not empty"
    if body["judged"] not in JUDGED:
        return f"judged {body['judged']!r} is not one of {', '.join(JUDGED)}"
    if suite is not None and not names_a_suite(suite):
        return "suite must be the digest of a dataset, hidden: and a commitment, or null"
    return ""


def _malformed_duty(body: Mapping[str, Any]) -> str:
    """Say what is wrong with the keys of a rule that asks people."""
    measuring = [key for key in GATE_KEYS if body[key] is not None]
    if measuring:
        return f"a duty measures nothing: {', '.join(measuring)} must be null"
    return tasks.problem(body["duty"])


def _attestations(review: object) -> tuple[object, ...] | None:
    """Return what reviewers attested, as a report has it; what cannot be read is nothing."""
    if not isinstance(review, Mapping):
        return None
    said = review.get("attestations")
    return tuple(said) if isinstance(said, list | tuple) else ()


def _order(rule: Rule) -> tuple[str | Fraction | int, ...]:
    """Return what rules are ordered by; all of a rule, so that no two that differ could change places."""
    return (
        rule.slug,
        rule.metric,
        rule.comparator,
        rule.bound,
        rule.scope,
        rule.suite or "",
        rule.judged,
        rule.severity,
        -1 if rule.sunset is None else rule.sunset,
        *((rule.duty.people, rule.duty.samples, rule.duty.days, rule.duty.objections) if rule.duty else (0, 0, 0, 0)),
    )


def judge(rule: Rule, report: Report, at: int) -> Reason:
    """Judge by one rule alone, whether or not it applies; raise UnknownComparator."""
    if rule.duty is None and rule.comparator not in COMPARATORS:
        raise UnknownComparator(rule.comparator)
    measured = report.on(rule.suite)
    if rule.duty is not None:
        holds, found, needed = _judge_duty(rule.slug, rule.duty, report)
    elif measured is None:
        holds, found, needed = False, _unmeasured(rule, report), _demand(rule, "the value")
    elif rule.end:
        holds, found, needed = _judge_end(rule, measured)
    else:
        holds, found, needed = _judge_value(rule, measured)
    if rule.is_over(at):
        needed = f"{needed}, not binding since {rule.sunset}"
    return Reason(rule.slug, rule.metric, rule.severity, rule.binds(at), holds, found, needed)


def _judge_duty(slug: str, duty: Duty, report: Report) -> tuple[bool, str, str]:
    """Count the reviewers, and hold them against what the duty asks for."""
    needed = f"{duty.people} without an objection, at most {duty.objections} with one"
    if report.measured.samples < duty.samples:
        return False, f"{report.measured.samples} samples, {duty.samples} are to be read", needed
    if report.attestations is None:
        return False, "nobody was asked", needed
    said = tasks.said_under(slug, report.attestations)
    return said.holds(duty), f"{said.agreeing} without an objection, {said.objecting} with one", needed


def _unmeasured(rule: Rule, report: Report) -> str:
    """Say why nothing was measured on the suite of a rule."""
    if commitment_in(rule.suite) is not None and rule.suite not in report.opened:
        return "the hidden suite was not opened for this model"
    return "the suite was not measured"


def _judge_value(rule: Rule, measured: Measured) -> tuple[bool, str, str]:
    """Hold the value against the bound, or against the parent's value and the margin."""
    comparator = COMPARATORS[rule.comparator]
    candidate = _value(measured.candidate, rule.metric, measured.samples)
    parent = _value(measured.parent, rule.metric, measured.samples) if comparator.needs_parent else Fraction(0)
    shown = candidate if isinstance(candidate, str) else _shown(candidate, measured.candidate[rule.metric])
    if isinstance(parent, str):
        found = shown if isinstance(candidate, str) else f"{shown}, but the parent has {parent}"
        return False, found, _demand(rule, "the value")
    needed = _demand(rule, str(parent))
    if isinstance(candidate, str):
        return False, shown, needed
    if comparator.is_ceiling:
        return candidate <= parent + rule.bound, shown, needed
    return candidate >= (parent - rule.bound if comparator.needs_parent else rule.bound), shown, needed


def _judge_end(rule: Rule, measured: Measured) -> tuple[bool, str, str]:
    """Hold an end of the interval against the bound; against the parent, that of the paired difference."""
    comparator = COMPARATORS[rule.comparator]
    values = measured.difference if comparator.needs_parent else measured.candidate
    value, needed = _value(values, rule.metric, measured.samples), _demand(rule, "")
    if isinstance(value, str):
        return False, value, needed
    ends = _interval(values[rule.metric])
    if isinstance(ends, str):
        return False, f"{value}, but {ends}", needed
    judged = ends[0] if rule.end == "low" else ends[1]
    limit = -rule.bound if comparator.needs_parent and not comparator.is_ceiling else rule.bound
    holds = judged <= limit if comparator.is_ceiling else judged >= limit
    against = " against the parent" if comparator.needs_parent else ""
    return holds, f"{_shown(value, values[rule.metric])}{against}", needed


def room(rule: Rule, report: Report, judged: str = "") -> Fraction | None:
    """Return how far inside the bound of a rule without a parent the report lies, below zero if outside.

    None where what is judged was not measured, or people are asked. `judged` asks as if the rule judged that.
    """
    if rule.duty is not None:
        return None
    if judged:
        rule = replace(rule, judged=judged)
    measured = report.on(rule.suite)
    value = _value(measured.candidate, rule.metric, measured.samples) if measured else ""
    if not isinstance(value, str) and measured and rule.end:
        ends = _interval(measured.candidate[rule.metric])
        value = ends if isinstance(ends, str) else ends[0 if rule.end == "low" else 1]
    if isinstance(value, str):
        return None
    return rule.bound - value if COMPARATORS[rule.comparator].is_ceiling else value - rule.bound


def _demand(rule: Rule, parent: str) -> str:
    """Return what a rule demands, exactly."""
    comparator = COMPARATORS[rule.comparator]
    words = comparator.end_words if rule.end else comparator.words
    return words.format(bound=rule.bound, parent=parent, end=rule.end)


def _shown(value: Fraction, measured: Mapping[str, Any]) -> str:
    """Return a value with its interval, where it has one."""
    ends = _interval(measured)
    return str(value) if isinstance(ends, str) else f"{value} ({ends[0]} to {ends[1]})"


def _value(values: Mapping[str, Any], metric: str, report_samples: int) -> Fraction | str:
    """Return the exact value of `metric`, or in words why there is none that could be judged."""
    value = values.get(metric)
    if not isinstance(value, Mapping):
        return "no measurement"
    samples = value.get("samples")
    if type(samples) is not int or samples <= 0 or report_samples <= 0:
        return "no samples"
    return _ratio(value)


def _interval(value: Mapping[str, Any]) -> tuple[Fraction, Fraction] | str:
    """Return both ends of the interval of a measured value, or in words why there are none."""
    low, high = _ratio(value.get("low")), _ratio(value.get("high"))
    if isinstance(low, str) or isinstance(high, str):
        return "no interval"
    return (low, high) if low <= high else "an interval that ends before it begins"


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
