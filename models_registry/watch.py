"""Watch: versions that are handed out, judged again by the rules of today on what was measured when they were released.

Nothing is measured here and nothing is stored: it follows from the release's record and the rules in force, at any
moment. A rule whose suite or metric was not measured then cannot be judged, which is said and never passes. What
follows (a pause, going back, an update) is for a vote that somebody proposes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.clock import unix
from governance.models import Community
from models_registry import gates
from models_registry.models import EthicsRule, Version
from models_registry.withdrawals import stop_of

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
    rules = list(
        EthicsRule.objects.in_force(version.model.community, version.model.name)
        .select_related("record", "proposal")
        .order_by("slug")
    )
    age = (now - version.created_at) // timedelta(days=1)
    evaluation = version.evaluation_record.body if version.evaluation_record else {}
    report = gates.Report.from_record(evaluation, model=version.model.name)
    then = {reason["rule"]: reason for reason in evaluation.get("verdict", {}).get("reasons", [])}
    return Watched(version, tuple(_judged(rule, report, then, unix(now)) for rule in rules), age)


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
