"""Statements are hidden by a rule of the published policy, with a reason; writers appeal, and somebody else answers.

Whoever moderates discussions moderates here; where nobody does, the author of the consultation. The log has every act
with its reason, and not the text. Nothing is deleted: a hidden statement keeps its place in the list, with who hid it
and why.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower

from governance.deliberation import people
from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.models import CensusEntry, Consultation, Proposal, Reader, Statement
from governance.services.events import note
from governance.statements import rules
from governance.statements.services import holds_votes, require_length

# Where no other moderator is left, so many holders of votes are told of an appeal.
TOLD_MAX = 1_000


def moderators(consultation: Consultation, now: datetime) -> list[str]:
    """Return who may hide statements here."""
    return list(people.moderators(consultation.community, now)) or [consultation.author]


def hide(consultation: Consultation, number: int, actor: str, rule: str, word: str, now: datetime) -> Statement:
    """Hide a statement, by a rule of the policy and with a reason that everybody reads; its answers no longer count."""
    if rule not in rules.HIDING_RULES:
        allowed = list(rules.HIDING_RULES)
        raise Invalid(
            "unknown_moderation_rule", "the policy has no such rule", field="rule", found=rule[:40], allowed=allowed
        )
    word = _word(word, "reason")
    if actor not in moderators(consultation, now):
        raise Forbidden("not_a_moderator", "only moderators hide statements", found=actor)
    with transaction.atomic():
        held = _held(consultation, number)
        if held.hidden_at is not None:
            detail = "it was hidden before; an answered appeal is the last word"
            raise Conflict("already_hidden", detail, found=held.hidden_rule)
        held.hidden_at, held.hidden_by, held.hidden_rule, held.hidden_reason = now, actor, rule, word
        held.save()
        _recount(consultation, now)
        said = {"consultation": consultation.number, "statement": number, "rule": rule, "reason": word}
        note("statement_hidden", now, community=consultation.community, actor=actor, **said)
    return held


def appeal(consultation: Consultation, number: int, reader: Reader, word: str, now: datetime) -> Statement:
    """Ask for another look, once, as the writer of a hidden statement."""
    word = _word(word, "appeal")
    with transaction.atomic():
        held = _held(consultation, number)
        if held.writer_id != reader.pk:
            raise Forbidden("not_the_writer", "only whoever wrote a statement appeals")
        _require_hidden(held)
        if held.appealed_at is not None:
            raise Conflict("already_appealed", "you have appealed already", found=held.appeal)
        held.appeal, held.appealed_at = word, now
        held.save()
        said = {"consultation": consultation.number, "statement": number}
        note("statement_appealed", now, community=consultation.community, **said)
    return held


def answer_appeal(
    consultation: Consultation, number: int, actor: str, word: str, now: datetime, *, restore: bool
) -> Statement:
    """Answer an appeal, as somebody else than who hid the statement; `restore` shows it again."""
    word = _word(word, "answer")
    with transaction.atomic():
        held = _held(consultation, number)
        _require_hidden(held)
        if held.appealed_at is None:
            raise Conflict("no_appeal", "nobody has appealed", found=number)
        if held.appeal_answered_at is not None:
            raise Conflict("appeal_answered", "the appeal was answered already", found=held.appeal_answer)
        if not may_answer_appeal(held, actor, now):
            raise Forbidden("not_another_moderator", "somebody else answers an appeal", found=actor)
        held.appeal_answer, held.appeal_answered_by, held.appeal_answered_at = word, actor, now
        held.restored_at = now if restore else None
        held.save()
        _recount(consultation, now)
        said = {"consultation": consultation.number, "statement": number, "restored": restore, "answer": word}
        note("statement_appeal_answered", now, community=consultation.community, actor=actor, **said)
    return held


def may_answer_appeal(statement: Statement, actor: str, now: datetime) -> bool:
    """Say whether somebody answers this appeal: another moderator; where there is none, any other holder of votes."""
    if not actor or actor in _parties(statement):
        return False
    others = _other_moderators(statement, now)
    return actor in others if others else holds_votes(statement.consultation.community, actor)


def asked_to_answer(statement: Statement, now: datetime) -> list[str]:
    """Return who is told of an appeal, which are those who may answer it, as far as they are readers here."""
    others = _other_moderators(statement, now)
    if others:
        return others
    community = statement.consultation.community
    newest = Proposal.objects.filter(community=community, census_at__isnull=False).order_by("-census_at", "-pk").first()
    held = CensusEntry.objects.filter(proposal=newest, power__gt=0, voter_key=Lower(OuterRef("address")))
    readers = Reader.objects.filter(Exists(held)).exclude(address__in=_parties(statement)).order_by("pk")
    return [address for address in readers.values_list("address", flat=True)[:TOLD_MAX] if address]


def is_hidden(statement: Statement) -> bool:
    """Say whether a statement is kept from view."""
    return statement.hidden_at is not None and statement.restored_at is None


def _parties(statement: Statement) -> set[str]:
    """Return who has no say in an appeal: whoever hid the statement, and whoever wrote it."""
    writer = statement.writer.address if statement.writer else None
    return {statement.hidden_by, *([writer] if writer else [])}


def _other_moderators(statement: Statement, now: datetime) -> list[str]:
    return [each for each in moderators(statement.consultation, now) if each not in _parties(statement)]


def _held(consultation: Consultation, number: int) -> Statement:
    rows = consultation.statements.select_for_update(of=("self",)).select_related("consultation__community", "writer")
    found = rows.filter(number=number).first()
    if found is None:
        raise NotFound("unknown_statement", "there is no such statement", field="statement", found=number)
    return found


def _require_hidden(statement: Statement) -> None:
    if not is_hidden(statement):
        raise Conflict("not_hidden", "this statement is not hidden", found=statement.number)


def _recount(consultation: Consultation, now: datetime) -> None:
    """Have a closed one counted again; an open one is anyhow, and not because of one act: that could tell an answer."""
    Consultation.objects.filter(pk=consultation.pk, closed_at__isnull=False).update(recount_at=now)


def _word(text: str, field: str) -> str:
    text = text.strip()
    require_length(text, field, rules.NOTE_MAX, least=1)
    return text
