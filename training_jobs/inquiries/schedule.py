"""When a version is measured again by itself: after so many days, and when the rules or the suites have changed.

Only the current version of each model: whoever wants an older one measured asks. Between two measurements of a version
that nobody asked for lies a day at least, whatever changes, and a failed one counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from governance.errors import Conflict
from governance.models import Record
from models_registry.models import Incident, Version
from models_registry.withdrawals import stop_of
from training_jobs.inquiries import services
from training_jobs.inquiries.plan import Plan, plan_of
from training_jobs.models import Inquiry
from training_jobs.models.inquiries import CHANGE, SCHEDULE

SPACING = timedelta(days=1)


@dataclass(frozen=True)
class Turn:
    """When a version is measured again by itself. `due_at` is None where it never is; `because` says why then."""

    due_at: datetime | None
    because: str
    plan: Plan | None


def interval(slug: str) -> timedelta | None:
    """Return after how long the versions of a community are measured again; None: never by themselves."""
    days = settings.WATCH_DAYS_OF.get(slug, settings.WATCH_DAYS)
    return timedelta(days=days) if days else None


def turn_of(version: Version, now: datetime) -> Turn:
    """Return when this version is measured again, whatever stops it now."""
    every = interval(version.model.community.slug)
    wanted = plan_of(version, now) if every is not None else None
    if every is None or wanted is None:
        return Turn(None, "", None)
    newest = version.inquiries.measuring().first()
    last = version.inquiries.measured().first()
    rules, suites = _judged_by(version, last)
    changed = set(wanted.rules) != rules or not {wanted.suite, *wanted.further} <= suites
    least = newest.created_at + SPACING if newest else version.created_at
    if changed:
        return Turn(least, CHANGE, wanted)
    measured_at = last.finished_at if last and last.finished_at else version.created_at
    return Turn(max(least, measured_at + every), SCHEDULE, wanted)


def order_due(now: datetime) -> list[int]:
    """Order what is due now, at most one inquiry for a version or an incident; return what was ordered."""
    if not settings.RUN_HERE:
        return []
    ordered = []
    for version in current_versions(now):
        turn = turn_of(version, now)
        if turn.plan is None or turn.due_at is None or turn.due_at > now:
            continue
        made = services.ordered_by_watch(version, turn.because, turn.plan, now)
        if made is not None:
            ordered.append(made.pk)
    return ordered + [made.pk for made in _incidents(now)]


def current_versions(now: datetime, **of: object) -> list[Version]:
    """Return the newest version in use of each model, or of those that fit (such as model=…)."""
    found = Version.objects.filter(
        release_record__isnull=False, set_back_at__isnull=True, withdrawn_at__isnull=True, **of
    )
    newest: dict[int, Version] = {}
    # What was measured is read later, of the few that are looked at.
    joined = found.select_related("model__community", "evaluation_record")
    for version in joined.defer("files", "evaluation_record__canonical").order_by("number"):
        if stop_of(version, now) is None:
            newest[version.model_id] = version
    return list(newest.values())


def _incidents(now: datetime) -> Iterator[Inquiry]:
    """Ask what was reported, once a steward has read it and nobody has asked yet."""
    waiting = Incident.objects.filter(
        triaged_at__isnull=False,
        outcome="",
        withheld_at__isnull=True,
        inquiries__isnull=True,
        version__withdrawn_at__isnull=True,
        version__release_record__isnull=False,
    )
    for incident in waiting.select_related("community", "version__model__community").order_by("pk"):
        try:
            yield services.ask_incident(incident, "", now)
        except Conflict:
            continue  # somebody else was faster


def _judged_by(version: Version, last: Inquiry | None) -> tuple[set[str], set[str]]:
    """Return by which rules and on which suites a version was judged last: at its release, or by an inquiry."""
    if last is not None:
        return set(last.plan["rules"]), {last.plan["suite"], *last.plan["further"]}
    record = version.evaluation_record
    if record is None:
        return set(), set()
    rules = Record.objects.filter(pk__in=record.value.parents, kind="rule").values_list("pk", flat=True)
    return set(rules), {record.body["suite"], *record.body["further"]}
