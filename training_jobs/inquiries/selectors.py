"""Questions that pages and the API ask about inquiries. Reads only; what everybody may read is decided here.

What was measured is public, as every record is. What an incident's question was answered with is read by whoever may
read the incident.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from models_registry.incidents import services as incidents
from models_registry.models import Dataset, Incident, Version
from training_jobs.failures import Failure, failure
from training_jobs.inquiries import comparison, schedule
from training_jobs.inquiries.services import left_today
from training_jobs.models import Inquiry
from training_jobs.previews import lifecycle

SHOWN_MAX = 6


@dataclass(frozen=True)
class Shown:
    """An inquiry as pages show it."""

    inquiry: Inquiry
    state: lifecycle.State
    failure: Failure | None

    @property
    def unfinished(self) -> bool:
        """Say whether more is to come."""
        return self.state in lifecycle.UNFINISHED

    @property
    def body(self) -> Mapping[str, Any]:
        """Return the body of the record of what was measured, or nothing."""
        return self.inquiry.record.body if self.inquiry.record else {}

    @property
    def broken(self) -> tuple[str, ...]:
        """Return the short names of the binding rules that it was measured to break."""
        reasons = self.body.get("verdict", {}).get("reasons", ())
        return tuple(each["rule"] for each in reasons if each["binds"] and not each["holds"])

    @property
    def holds(self) -> bool:
        """Say whether every binding rule held and nothing had got worse."""
        return bool(self.body) and self.body["verdict"]["accepted"] and not self.body["worse"]


@dataclass(frozen=True)
class Line:
    """A metric then and now. `title` is that of the suite; `is_fresh`: the suite came after the release."""

    row: comparison.Row
    title: str
    is_fresh: bool


@dataclass(frozen=True)
class Again:
    """What the page of a release says of measuring it again; `due_at` is None where that never happens by itself.

    `newest` is the last one that measured; `at_work` is in line or at work; `failed` ended without a result after that.
    """

    newest: Shown | None
    lines: tuple[Line, ...]
    at_work: Shown | None
    failed: Shown | None
    earlier: tuple[Shown, ...]
    due_at: datetime | None
    because: str
    may_ask: bool
    left: int


def of_version(version: Version, viewer: str, now: datetime) -> Again:
    """Return how a release was measured again, and when it will be."""
    found = [_shown(each, now) for each in measurements_of(version)[:SHOWN_MAX]]
    done = [each for each in found if each.state is lifecycle.State.DONE]
    newest = done[0] if done else None
    current = version in schedule.current_versions(now, model=version.model_id)
    turn = schedule.turn_of(version, now) if current and settings.RUN_HERE else schedule.Turn(None, "", None)
    at_work = next((each for each in found if each.unfinished), None)
    left = left_today(version, now)
    possible = settings.RUN_HERE and version.release_record_id is not None and version.withdrawn_at is None
    return Again(
        newest=newest,
        lines=lines_of(version, newest) if newest else (),
        at_work=at_work,
        failed=found[0] if found and found[0].state is lifecycle.State.FAILED else None,
        earlier=tuple(done[1:]),
        due_at=None if turn.due_at is None else max(turn.due_at, now),
        because=turn.because,
        may_ask=bool(viewer) and possible and at_work is None and left > 0,
        left=left,
    )


def measurements_of(version: Version) -> QuerySet[Inquiry]:
    """Return the inquiries that measured a version or will, newest first."""
    return Inquiry.objects.measuring().filter(version=version).select_related("record", "version").order_by("-pk")


def lines_of(version: Version, shown: Shown) -> tuple[Line, ...]:
    """Return every metric of a measurement beside its value at the release."""
    release = version.evaluation_record.body if version.evaluation_record else {}
    rows = comparison.compared(release, shown.body)
    known = Dataset.objects.filter(community=version.model.community_id, digest__in={row.suite for row in rows})
    titles = dict(known.values_list("digest", "title"))
    return tuple(Line(row, titles.get(row.suite, row.suite[:12]), row.suite in shown.body["fresh"]) for row in rows)


@dataclass(frozen=True)
class Reproduction:
    """What the site heard when it asked what an incident asks. `verdict`: yes, no, or open where nobody can count it.

    `shown` is None where nobody has asked; answers are there for whoever may read the incident.
    """

    shown: Shown | None
    may_ask: bool
    readable: bool

    @property
    def answers(self) -> Mapping[str, Any]:
        """Return what was answered, or nothing."""
        return (self.shown.inquiry.answers or {}) if self.shown and self.readable else {}

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how many answers of the version are as reported, as expected, and something else."""
        found: Mapping[str, int] = (self.answers.get("counts") or {}).get("version", {})
        return found

    @property
    def total(self) -> int:
        """Return how many answers there are."""
        return sum(self.counts.values())

    @property
    def verdict(self) -> str:
        """Say whether the site got the reported answer: yes, no, or open where no answer was reported to look for."""
        if not self.counts or self.shown is None or self.shown.inquiry.incident is None:
            return ""
        if self.counts["reported"]:
            return "yes"
        return "no" if self.shown.inquiry.incident.seen else "open"


def of_incident(incident: Incident, viewer: str, now: datetime, *, readable: bool) -> Reproduction:
    """Return what the site heard about an incident, newest, as far as this viewer may read it."""
    found = incident.inquiries.select_related("incident", "version").order_by("-pk").first()
    shown = _shown(found, now) if found else None
    steward = incidents.is_steward(incident.community, viewer, now)
    idle = shown is None or not shown.unfinished
    possible = settings.RUN_HERE and incident.version.release_record_id is not None
    return Reproduction(shown, steward and idle and possible and incident.version.withdrawn_at is None, readable)


def _shown(inquiry: Inquiry, now: datetime) -> Shown:
    return Shown(inquiry, inquiry.state(now), failure(inquiry.failure) if inquiry.failure else None)
