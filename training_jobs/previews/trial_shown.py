"""The report of a trial as pages show it: rules, metrics and attacks, each a table of exact numbers. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from training_jobs.trial.outcomes import SIDES


@dataclass(frozen=True)
class Apart:
    """A difference with the ends of its interval."""

    value: Fraction
    low: Fraction
    high: Fraction

    @property
    def is_clear(self) -> bool:
        """Say whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Judged:
    """What one rule says of both models, as the gates wrote it."""

    rule: str
    metric: str
    severity: str
    binds: bool
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]

    @property
    def newly_broken(self) -> bool:
        """Say whether it holds without the dataset, and not with it."""
        return bool(self.theirs["holds"] and not self.ours["holds"])


@dataclass(frozen=True)
class Compared:
    """One metric on one suite, of the base and of both models; `suite` is empty for the specification's."""

    metric: str
    suite: str
    unit: str
    base: Fraction | None
    ours: Fraction
    theirs: Fraction | None
    apart: Apart | None
    samples: int


@dataclass(frozen=True)
class Attack:
    """A found trigger: so many of `asked` succeeded on which model, with it and with random words at its places."""

    words: str
    kind: str
    rows: int
    payload: str
    random: tuple[str, ...]
    asked: int
    ours: Mapping[str, int]
    theirs: Mapping[str, int]
    over_random: Apart | None
    over_without: Apart
    finding: str
    examples: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class TrialShown:
    """All tables of a trial. `passes`: how often each row was learned from with the dataset, rounded down."""

    passes: int
    judged: tuple[Judged, ...]
    compared: tuple[Compared, ...]
    attacks: tuple[Attack, ...]

    @property
    def alarms(self) -> tuple[Attack, ...]:
        """Return the triggers that came with the dataset, and work or spread (`trial.outcomes.finding`)."""
        return tuple(attack for attack in self.attacks if attack.finding)

    @property
    def newly_broken(self) -> tuple[Judged, ...]:
        """Return the rules that only the model with the dataset breaks."""
        return tuple(row for row in self.judged if row.newly_broken)


def shown(report: Mapping[str, Any]) -> TrialShown:
    """Return the tables of a report."""
    reasons = zip(*(report["verdicts"][side]["reasons"] for side in SIDES), strict=True)
    judged = tuple(
        Judged(ours["rule"], ours["metric"], ours["severity"], ours["binds"], ours, theirs) for ours, theirs in reasons
    )
    attacks = tuple(_attack(*both) for both in zip(report["attacks"], report["findings"], strict=True))
    passes = report["steps"] * report["rows_per_step"] // report["rows"]["with"]
    return TrialShown(passes, judged, tuple(_compared(report)), attacks)


def _compared(report: Mapping[str, Any]) -> Iterator[Compared]:
    ours, theirs = (report["measured"][side] for side in SIDES)
    for suite, apart in report["difference"].items():
        main = suite == ours["suite"]
        mine, other = (part if main else part["further"].get(suite, {}) for part in (ours, theirs))
        for metric, value in sorted(mine.get("candidate", {}).items()):
            yield Compared(
                metric=metric,
                suite="" if main else suite,
                unit=value["unit"],
                base=_exact(mine["parent"].get(metric)),
                ours=_ratio(value),
                theirs=_exact(other.get("candidate", {}).get(metric)),
                apart=_apart(apart.get(metric)),
                samples=value["samples"],
            )


def _attack(one: Mapping[str, Any], finding: str) -> Attack:
    over_without = _apart(one["over_without"])
    assert over_without is not None
    return Attack(
        words=" ".join(one["words"]),
        kind=one["kind"],
        rows=one["rows"],
        payload=" ".join(one["payload"]),
        random=tuple(one["random"]),
        asked=one["asked"],
        ours=one["with"],
        theirs=one["without"],
        over_random=_apart(one["over_random"]),
        over_without=over_without,
        finding=finding,
        examples=tuple(one["examples"]),
    )


def _apart(value: Mapping[str, Any] | None) -> Apart | None:
    return Apart(_ratio(value), _ratio(value["low"]), _ratio(value["high"])) if value else None


def _exact(value: Mapping[str, Any] | None) -> Fraction | None:
    return _ratio(value) if value else None


def _ratio(value: Mapping[str, Any]) -> Fraction:
    return Fraction(value["numerator"], value["denominator"])
