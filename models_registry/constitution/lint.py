"""What can be said about rules before anything is trained: which an update may break, and which contradict. Pure.

It warns and never decides: the gates judge the measured result, whatever is said here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from models_registry import gates
from models_registry.duties.tasks import Duty
from models_registry.gates import COMPARATORS, SCOPE_ALL, Rule

SOON_SECONDS = 90 * 24 * 3600
# The order of what can be judged of one measurement: the low end, the value, the high end.
_PLACES = {"low": 0, "": 1, "high": 2}


@dataclass(frozen=True)
class Outlook:
    """What is known about one rule and the version that an update starts from.

    `room` is how far the judged value lies inside the bound, below zero if outside; None where nothing was measured or
    the parent is compared with. `notes` are codes, the gravest first: broken_now, suite_missing, suite_empty,
    suite_used (opened for an earlier model: hidden no more), never_measured, tight (inside the bound, but the interval
    reaches across it), few_questions, against_parent, people_asked, sunset_over, sunset_soon, warns_only.
    """

    rule: Rule
    notes: tuple[str, ...]
    reason: gates.Reason | None = None
    room: Fraction | None = None


@dataclass(frozen=True)
class Clash:
    """Rules that do not go together, by code: excludes, duplicate, impossible, never_breaks."""

    code: str
    rules: tuple[Rule, ...]


def outlook(
    rules: Iterable[Rule],
    report: gates.Report,
    suites: Collection[str],
    empty: Collection[str],
    at: int,
    used: Collection[str] = (),
    questions: int | None = None,
) -> list[Outlook]:
    """Say of each rule that applies how the newest version stands to it, the gravest first.

    `report` is what was measured of that version (nothing for a base), `suites` the digests of the suites that the
    community has and the names of hidden ones, `empty` those without rows, `used` the hidden ones that were opened for
    an earlier model, `at` the moment of asking in UNIX seconds, `questions` how many rows the update's own suite has.
    """
    found = [
        _of_duty(rule, rule.duty, questions, at) if rule.duty else _outlook(rule, report, suites, empty, at, used)
        for rule in rules
        if rule.applies_to(report.model)
    ]
    return sorted(
        found, key=lambda each: (_GRAVITY.index(each.notes[0]) if each.notes else len(_GRAVITY), each.rule.slug)
    )


_GRAVITY = (
    "broken_now",
    "suite_missing",
    "suite_empty",
    "suite_used",
    "never_measured",
    "few_questions",
    "tight",
    "against_parent",
    "people_asked",
    "sunset_over",
    "sunset_soon",
    "warns_only",
)


def _of_duty(rule: Rule, duty: Duty, questions: int | None, at: int) -> Outlook:
    """Say that people will be asked, and whether there may be too little to read."""
    is_short = questions is not None and questions < duty.samples
    notes = ["people_asked", *(["few_questions"] if is_short else []), *_of_time_and_severity(rule, at)]
    return Outlook(rule, tuple(sorted(notes, key=_GRAVITY.index)))


def _outlook(
    rule: Rule,
    report: gates.Report,
    suites: Collection[str],
    empty: Collection[str],
    at: int,
    used: Collection[str],
) -> Outlook:
    notes, reason, room = [], None, None
    if rule.suite is not None and rule.suite not in suites:
        notes.append("suite_missing")
    elif rule.suite is not None and rule.suite in empty:
        notes.append("suite_empty")
    elif rule.suite is not None and rule.suite in used:
        notes.append("suite_used")
    elif COMPARATORS[rule.comparator].needs_parent:
        notes.append("against_parent")
    else:
        reason, room = gates.judge(rule, report, at), gates.room(rule, report)
        if room is None:
            notes.append("never_measured")
        elif not reason.holds:
            notes.append("broken_now")
        elif _is_tight(rule, report):
            notes.append("tight")
    notes += _of_time_and_severity(rule, at)
    return Outlook(rule, tuple(sorted(notes, key=_GRAVITY.index)), reason, room)


def _of_time_and_severity(rule: Rule, at: int) -> list[str]:
    notes = []
    if rule.is_over(at):
        notes.append("sunset_over")
    elif rule.sunset is not None and rule.sunset <= at + SOON_SECONDS:
        notes.append("sunset_soon")
    if rule.severity != "block":
        notes.append("warns_only")
    return notes


def _is_tight(rule: Rule, report: gates.Report) -> bool:
    """Say whether the worse end of the interval lies outside the bound although what is judged lies inside."""
    cautious = gates.room(rule, report, judged="cautious")
    return cautious is not None and cautious < 0


def clashes(rules: Iterable[Rule], shares: Collection[str]) -> list[Clash]:
    """Return what does not go together among rules, in the order of the rules.

    `shares` are the metrics whose values lie between 0 and 1.
    """
    ordered = sorted(rules, key=lambda rule: rule.slug)
    alone = [Clash(code, (rule,)) for rule in ordered if (code := _alone(rule, shares))]
    pairs = [Clash(code, pair) for pair in combinations(ordered, 2) if (code := _together(*pair))]
    return [*alone, *pairs]


def _alone(rule: Rule, shares: Collection[str]) -> str:
    """Return what is wrong with one rule whatever the others are."""
    if rule.duty is not None:
        return ""
    if COMPARATORS[rule.comparator].needs_parent or rule.metric not in shares:
        return ""
    is_ceiling = COMPARATORS[rule.comparator].is_ceiling
    if (is_ceiling and rule.bound < 0) or (not is_ceiling and rule.bound > 1):
        return "impossible"
    return "never_breaks" if (is_ceiling and rule.bound >= 1) or (not is_ceiling and rule.bound <= 0) else ""


def _together(one: Rule, other: Rule) -> str:
    """Return how two rules clash: they measure the same thing of a model that both speak of."""
    scopes = {one.scope, other.scope}
    if (one.metric, one.suite) != (other.metric, other.suite) or (len(scopes) > 1 and SCOPE_ALL not in scopes):
        return ""
    if one.duty is not None or other.duty is not None:
        return "duplicate" if one.duty == other.duty else ""
    if COMPARATORS[one.comparator].needs_parent or COMPARATORS[other.comparator].needs_parent:
        same = (one.comparator, one.bound, one.judged) == (other.comparator, other.bound, other.judged)
        return "duplicate" if same else ""
    if one.comparator == other.comparator:
        return "duplicate" if (one.bound, one.judged) == (other.bound, other.judged) else ""
    floor, ceiling = (one, other) if COMPARATORS[other.comparator].is_ceiling else (other, one)
    # The low end never lies above the high end; so a floor for it that is higher than a ceiling cannot be kept. A floor
    # for the high end and a ceiling for the low end can: a wide interval keeps both.
    is_crossed = _PLACES[floor.end] <= _PLACES[ceiling.end]
    return "excludes" if is_crossed and floor.bound > ceiling.bound else ""
