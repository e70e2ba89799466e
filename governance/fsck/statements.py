"""Consultations: each was announced in the log, and its answers count to the result that the log has."""

from collections.abc import Iterator

from governance.evidence.canonical import digest
from governance.fsck.finding import Finding, finding, guarded, seconds
from governance.models import Community, Consultation, Event
from governance.statements.analysis import analyse
from governance.statements.counting import rows_of
from governance.statements.services import visible

TABLE, RESULT = "governance_consultation", "governance_consultationresult"


def check_consultations(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the consultations of a community."""
    told = Event.objects.filter(community=community, kind__in=("consultation_opened", "consultation_counted"))
    opened: dict[int, Event] = {}
    counted: dict[int, Event] = {}
    for event in told.order_by("position"):
        (opened if event.kind == "consultation_opened" else counted)[event.data["consultation"]] = event
    for consultation in community.consultations.order_by("number"):
        events = opened.pop(consultation.number, None), counted.pop(consultation.number, None)
        yield from guarded(TABLE, consultation.pk, _check_one(consultation, *events))
    for number in sorted(opened.keys() | counted.keys()):
        yield finding(TABLE, number, "number", "a consultation that the log knows", None)


def _check_one(consultation: Consultation, opened: Event | None, counted: Event | None) -> Iterator[Finding]:
    """Check one consultation.

    1. it was announced with this question by this author at that moment
    2. it is closed if and only if the log has a last count
    3. the answers that are kept count to the result, unless a statement was hidden or shown since.
    """
    said = None if opened is None else (opened.actor, seconds(opened.at), opened.data["asked"])
    kept = (consultation.author, seconds(consultation.opens_at), digest(consultation.question))
    if said != kept:  # 1
        yield finding(TABLE, consultation.pk, "question", said, kept)
    if (counted is None) != (consultation.closed_at is None):  # 2
        yield finding(TABLE, consultation.pk, "closed_at", counted.at if counted else None, consultation.closed_at)
    result = getattr(consultation, "result", None)
    if counted is None or consultation.recount_at is not None:
        return
    numbers = list(visible(consultation).values_list("number", flat=True))
    again = digest(analyse(rows_of(consultation), numbers))
    found = None if result is None else (result.digest, digest(result.body))
    if (counted.data["result"], again) != (again, again) or found != (again, again):  # 3
        yield finding(RESULT, consultation.pk, "digest", counted.data["result"], [found, again])
