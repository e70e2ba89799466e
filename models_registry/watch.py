"""Watch: versions that are handed out, judged again by the rules of today on what was measured of them last.

Nothing is measured here and nothing is stored: it follows from the newest record of a measurement (at the release, or
again since: `training_jobs.inquiries`) and the rules in force, at any moment. A rule whose suite or metric was not
measured cannot be judged, which is said and never passes. What follows (a pause, going back, an update) is for a vote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from governance.clock import unix
from governance.models import Community, Record
from models_registry import gates
from models_registry.hidden_suites.selectors import opened_in
from models_registry.models import EthicsRule, Version
from models_registry.withdrawals import stop_of

# The kind of record that measuring a release again leaves, and how its subject begins.
MEASUREMENT = "measurement"
# A version that nobody has decided about for so long is to be looked at again.
OLD_DAYS = 365


@dataclass(frozen=True)
class Judged:
    """What a rule of today says of a version: it holds, it does not, or it was never measured.

    `is_new`: it was not in force, or demanded something else, when the version was released.
    """

    rule: EthicsRule
    holds: bool
    measured: bool
    binds: bool
    is_new: bool
    found: str
    needed: str


@dataclass(frozen=True)
class Watched:
    """A version with what is to be looked at again."""

    version: Version
    judged: tuple[Judged, ...]
    age_days: int
    measured_again: bool = False

    @property
    def broken(self) -> tuple[Judged, ...]:
        """Return the rules of today that it was measured to break."""
        return tuple(each for each in self.judged if each.measured and not each.holds)

    @property
    def unmeasured(self) -> tuple[Judged, ...]:
        """Return the rules of today that nothing was measured for."""
        return tuple(each for each in self.judged if not each.measured)

    @property
    def is_old(self) -> bool:
        """Whether it was released so long ago that it is to be looked at again."""
        return self.age_days >= OLD_DAYS

    @property
    def calls(self) -> bool:
        """Whether anything about it asks for another vote."""
        return bool(self.broken or self.unmeasured or self.is_old)


def watched(version: Version, now: datetime) -> Watched:
    """Judge one release by the rules in force now."""
    # What people attest they attest before a release: no later measurement can do it again.
    rules = list(
        EthicsRule.objects.in_force(version.model.community, version.model.name)
        .filter(duty__isnull=True)
        .select_related("record", "proposal")
        .order_by("slug")
    )
    age = (now - version.created_at) // timedelta(days=1)
    evaluation = version.evaluation_record.body if version.evaluation_record else {}
    again = newest_measurement(version)
    measured = {**evaluation, **_measured_of(again, evaluation)} if again else evaluation
    report = gates.Report.from_record(measured, version.model.name, opened_in(version.evaluation_record))
    then = {reason["rule"]: reason for reason in evaluation.get("verdict", {}).get("reasons", [])}
    judged = tuple(_judged(rule, report, then, unix(now)) for rule in rules)
    return Watched(version, judged, age, measured_again=bool(again))


def newest_measurement(version: Version) -> dict[str, Any]:
    """Return the body of the newest record of measuring a release again; empty where nobody has."""
    found = Record.objects.filter(kind=MEASUREMENT, subject=f"{MEASUREMENT}:{version.revision}")
    newest = found.order_by("-created_at").first()
    return newest.body if newest else {}


def _measured_of(again: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured again, beside what was only measured at the release on suites of rules."""
    measured = {name: again[name] for name in ("candidate", "parent", "difference", "samples", "samples_sha256")}
    return {**measured, "further": {**before.get("further", {}), **again["further"]}}


def of_community(community: Community, now: datetime) -> tuple[Watched, ...]:
    """Return the versions that are handed out and ask for another vote, the newest of each model first."""
    versions = Version.objects.filter(
        model__community=community, release_record__isnull=False, set_back_at__isnull=True
    )
    found = (
        versions.select_related("model__community", "evaluation_record").defer("files").order_by("model_id", "-number")
    )
    in_use = (version for version in found if stop_of(version, now) is None)
    return tuple(each for each in (watched(version, now) for version in in_use) if each.calls)


def _judged(rule: EthicsRule, report: gates.Report, then: dict[str, dict[str, object]], at: int) -> Judged:
    body = rule.to_dict()
    # As a rule that binds: a warning, too, is to be told apart from silence.
    (reason,) = gates.decide(
        [gates.Rule.from_record({**body, "severity": "block", "sunset": None})], report, at
    ).reasons
    suite = report.on(body["suite"])
    before = then.get(rule.slug)
    return Judged(
        rule,
        reason.holds,
        suite is not None and rule.metric in suite.candidate,
        gates.Rule.from_record(body).binds(at),
        before is None or before["needed"] != reason.needed,
        reason.found,
        reason.needed,
    )
