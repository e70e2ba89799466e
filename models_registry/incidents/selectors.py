"""Questions that pages and the API ask about incidents. Reads only; what everybody may read is decided here."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from governance.errors import NotFound
from governance.models import Community
from governance.selectors import member_names
from models_registry import withdrawals
from models_registry.incidents import lifecycle, services
from models_registry.models import Incident, Model, Version

ON_A_PAGE = 20


@dataclass(frozen=True)
class Row:
    """An incident as lists show it: where it stands, until when the next step is due, and whether that has passed."""

    incident: Incident
    state: lifecycle.State
    severity: str
    due_at: datetime | None
    overdue: bool


@dataclass(frozen=True)
class Page:
    """One page of a list. `open` and `overdue` count all of them."""

    rows: tuple[Row, ...]
    number: int
    pages: int
    total: int
    open: int
    overdue: int


@dataclass(frozen=True)
class Detail:
    """All that the page of one incident shows to this viewer. `readable` is whether they may read the report."""

    row: Row
    readable: bool
    is_steward: bool
    may_pause: bool
    triaged_by_name: str
    answered_by_name: str
    stewards: tuple[dict[str, str], ...]


def all_of(community: Community) -> QuerySet[Incident]:
    """Return the incidents of a community, newest first."""
    return community.incidents.select_related("version__model", "duplicate_of", "community").order_by("-number")


def of_version(version: Version) -> QuerySet[Incident]:
    """Return the incidents of a version, newest first."""
    return version.incidents.select_related("version__model", "duplicate_of", "community").order_by("-number")


def of_model(model: Model) -> QuerySet[Incident]:
    """Return the incidents of all versions of a model, newest first."""
    return all_of(model.community).filter(version__model=model)


def page(found: QuerySet[Incident], wanted: int, now: datetime) -> Page:
    """Return one page of some incidents; a number beyond the last is the last."""
    total = found.count()
    pages = max(1, -(-total // ON_A_PAGE))
    number = min(max(wanted, 1), pages)
    start = (number - 1) * ON_A_PAGE
    unanswered = [row(each, now) for each in found.filter(outcome="")]
    return Page(
        tuple(row(each, now) for each in found[start : start + ON_A_PAGE]),
        number,
        pages,
        total,
        len(unanswered),
        sum(each.overdue for each in unanswered),
    )


def row(incident: Incident, now: datetime) -> Row:
    """Return where an incident stands."""
    facts = incident.facts
    return Row(incident, lifecycle.state(facts), facts.severity, lifecycle.due_at(facts), lifecycle.overdue(facts, now))


def numbered(slug: str, number: int) -> Incident:
    """Return an incident of a community by its number, or raise NotFound."""
    found = Incident.objects.select_related("community", "version__model", "duplicate_of", "case", "case_proposal")
    incident = found.filter(community__slug=slug, number=number).first()
    if incident is None:
        raise NotFound("unknown_incident", "there is no incident with this number", field="number", found=number)
    return incident


def detail(slug: str, number: int, viewer: str, now: datetime) -> Detail:
    """Return an incident with what this viewer may read and do."""
    incident = numbered(slug, number)
    community = incident.community
    is_steward = services.is_steward(community, viewer, now)
    may_pause = (
        incident.state in lifecycle.ALLOWED[lifecycle.Action.PAUSE]
        and lifecycle.SEVERITIES[incident.severity].may_pause
        and withdrawals.may_pause(incident.version, viewer, now)
    )
    stewards = services.stewards_of(community, now)
    # Before the triage the reporter may read their own report, too.
    readable = incident.readable or is_steward or (bool(viewer) and viewer == incident.reporter)
    names = member_names(community, [incident.triaged_by, incident.answered_by])
    named = (names.get(incident.triaged_by, ""), names.get(incident.answered_by, ""))
    return Detail(row(incident, now), readable, is_steward, may_pause, *named, stewards)
