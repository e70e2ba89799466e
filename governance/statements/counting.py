"""Consultations are counted: now and then while they are open, and for the last time when they have closed.

With the last count every answer loses whose it is, and the digest of the result goes into the community's log: whoever
has the public export can compute the result again and compare.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from governance.evidence.canonical import digest
from governance.models import Consultation, ConsultationResult, Participant
from governance.services.events import note
from governance.statements import rules
from governance.statements.analysis import Row, analyse, sorted_rows
from governance.statements.services import visible


def settle(now: datetime) -> int:
    """Count what is due; return how many were counted."""
    due = Q(closed_at__isnull=True) | Q(recount_at__isnull=False)
    waiting = Consultation.objects.filter(due).select_related("community").order_by("pk")
    return sum(_count_if_due(each, now) for each in waiting)


def rows_of(consultation: Consultation) -> list[Row]:
    """Return the answers of everybody, whoever they are."""
    found = consultation.participants.values_list("holds_votes", "answers")
    return [Row(holds, {int(number): value for number, value in answers.items()}) for holds, answers in found]


def _count_if_due(consultation: Consultation, now: datetime) -> bool:
    over = rules.state(consultation.closes_at, consultation.closed_at, now) is not rules.State.OPEN
    if not over:
        people, changed = consultation.participants.count(), consultation.participants.filter(counted=False).count()
        if not rules.is_worth_a_count(people, changed):
            return False
    if over:
        _count_last(consultation, now)
    else:
        _count(consultation, now)
    return True


def _count(consultation: Consultation, now: datetime) -> None:
    """Count an open one. Answers that come meanwhile are marked as not counted, whether or not they were."""
    with transaction.atomic():
        consultation.participants.filter(counted=False).update(counted=True)
        rows, numbers = rows_of(consultation), list(visible(consultation).values_list("number", flat=True))
    _keep(consultation, analyse(rows, numbers), now)


def _count_last(consultation: Consultation, now: datetime) -> None:
    """Count one that is over, and once more after a statement was hidden or shown.

    1. nobody answers any more: the row is held, and the state refuses. 2. count. 3. forget whose answers they are.
    4. write the digest into the log.
    """
    with transaction.atomic():
        held = Consultation.objects.select_for_update(of=("self",)).select_related("community").get(pk=consultation.pk)
        if held.closed_at is not None and held.recount_at is None:  # 1
            return
        result = analyse(rows_of(held), list(visible(held).values_list("number", flat=True)))  # 2
        kept = _keep(held, result, now)
        if held.closed_at is None:
            _forget_people(held)  # 3
        held.closed_at, held.recount_at = held.closed_at or now, None
        held.save(update_fields=["closed_at", "recount_at"])
        said = {"consultation": held.number, "result": kept.digest, "participants": result["participants"]}
        note("consultation_counted", now, community=held.community, proposal=held.proposal, **said)  # 4


def _forget_people(consultation: Consultation) -> None:
    """Write all answers anew, in the order of what they say, without whose they are: not even an order is left."""
    numbers = list(consultation.statements.values_list("number", flat=True))
    kept = sorted_rows(rows_of(consultation), numbers)
    consultation.participants.all().delete()
    made = [
        Participant(
            consultation=consultation,
            holds_votes=row.holds_votes,
            answers={str(number): value for number, value in row.answers.items()},
            counted=True,
        )
        for row in kept
    ]
    Participant.objects.bulk_create(made, batch_size=500)


def _keep(consultation: Consultation, result: dict[str, object], now: datetime) -> ConsultationResult:
    values = {"at": now, "body": result, "digest": digest(result)}
    return ConsultationResult.objects.update_or_create(consultation=consultation, defaults=values)[0]
