"""Consultations are opened; people write statements and answer them. Each service: lock, read, check, write, log.

The log has the question and every statement's number, never an answer or who wrote a statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from governance.evidence.canonical import digest
from governance.models import CensusEntry, Community, Consultation, Participant, Proposal, Reader, Statement
from governance.search.words import split
from governance.services.common import charter_of, lock_community, source_named
from governance.services.communities import require_power, take_snapshot
from governance.services.events import note
from governance.statements import rules

_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Asked:
    """What somebody wants to ask people about, for how many days, with which statements to begin with."""

    question: str
    text: str
    days: int
    seeds: Sequence[str]
    proposal: Proposal | None = None


def open_consultation(community: Community, actor: str, asked: Asked, now: datetime) -> Consultation:
    """Ask people. About a proposal: its author alone, once; by itself: whoever has voting power."""
    question = _line(asked.question, "question", rules.QUESTION_MAX)
    require_length(asked.text, "text", rules.TEXT_MAX)
    if not rules.DAYS_MIN <= asked.days <= rules.DAYS_MAX:
        allowed = f"{rules.DAYS_MIN}–{rules.DAYS_MAX}"
        raise Invalid("days_out_of_range", "so many days are possible", field="days", found=asked.days, allowed=allowed)
    seeds = [statement_text(each, "seeds") for each in asked.seeds if each.strip()]
    if not 1 <= len(seeds) <= rules.SEEDS_MAX:
        detail = "begin with one statement at least"
        raise Invalid("seeds_out_of_range", detail, field="seeds", found=len(seeds), allowed=f"1–{rules.SEEDS_MAX}")
    if len({normal(each) for each in seeds}) != len(seeds):
        raise Invalid("duplicate_statement", "a statement stands here twice", field="seeds")
    if asked.proposal is None:
        require_power(community, actor, "author")
    else:
        _require_own(asked.proposal, community, actor)
    with transaction.atomic():
        lock_community(community.pk)
        if asked.proposal is not None and Consultation.objects.filter(proposal=asked.proposal).exists():
            raise Conflict("already_consulted", "people are asked about this proposal already", field="proposal")
        if community.consultations.filter(closed_at__isnull=True).count() >= rules.OPEN_MAX:
            raise Conflict("too_many_consultations", "wait until one has closed", allowed=rules.OPEN_MAX)
        highest = community.consultations.aggregate(highest=Max("number"))["highest"] or 0
        made = Consultation.objects.create(
            community=community,
            number=highest + 1,
            proposal=asked.proposal,
            author=actor,
            question=question,
            text=asked.text,
            opens_at=now,
            closes_at=rules.closes_at(now, asked.days),
        )
        for number, text in enumerate(seeds, start=1):
            made.statements.create(number=number, text=text, normal=normal(text), seed=True, at=now)
        said = {"consultation": made.number, "asked": digest(question), "seeds": [digest(each) for each in seeds]}
        note("consultation_opened", now, community=community, proposal=asked.proposal, actor=actor, **said)
    return made


def write(consultation: Consultation, reader: Reader, text: str, now: datetime, *, different: bool) -> Statement:
    """Add a statement for others to answer. `different`: the writer has seen those like it, and means another thing."""
    text = statement_text(text, "text")
    with transaction.atomic():
        held = _open(consultation, now)
        same = held.statements.filter(normal=normal(text)).first()
        if same is not None:
            raise Conflict(
                "duplicate_statement", "this has been said already", field="text", found=str(same), allowed=same.number
            )
        others = {each.number: frozenset(split(each.text)) for each in visible(held)}
        alike = rules.similar(split(text), others)
        if alike and not different:
            detail = "statements like this stand there already; say whether yours is another one"
            raise Conflict("similar_statement", detail, field="different", found=alike)
        own = held.statements.filter(writer=reader).count()
        if own >= rules.STATEMENTS_PER_PARTICIPANT_MAX:
            raise _too_many(held, now, found=own, allowed=rules.STATEMENTS_PER_PARTICIPANT_MAX)
        highest = held.statements.aggregate(highest=Max("number"))["highest"] or 0
        if highest >= rules.STATEMENTS_MAX:
            raise _too_many(held, now, found=highest, allowed=rules.STATEMENTS_MAX)
        made = held.statements.create(number=highest + 1, text=text, normal=normal(text), writer=reader, at=now)
        said = {"consultation": held.number, "statement": made.number, "said": digest(text)}
        note("statement_written", now, community=held.community, **said)
    return made


def answer(consultation: Consultation, reader: Reader, number: int, says: str, now: datetime) -> Participant:
    """Agree with a statement, disagree, or pass; another answer takes the place of the one before."""
    if says not in rules.ANSWERS:
        raise Invalid("unknown_answer", "there is no such answer", field="answer", found=says, allowed=[*rules.ANSWERS])
    known = consultation.participants.filter(reader=reader).exists()
    holds = False if known else holds_votes(consultation.community, reader.address or "")
    with transaction.atomic():
        held = _open(consultation, now)
        if not visible(held).filter(number=number).exists():
            raise NotFound("unknown_statement", "there is no such statement to answer", field="statement", found=number)
        if not known and held.participants.count() >= rules.PARTICIPANTS_MAX:
            raise _too_many(held, now, found=rules.PARTICIPANTS_MAX, allowed=rules.PARTICIPANTS_MAX)
        mine, _made = held.participants.get_or_create(reader=reader, defaults={"holds_votes": holds})
        mine.answers[str(number)] = rules.ANSWERS[says]
        mine.counted = False
        mine.save(update_fields=["answers", "counted"])
    return mine


def take_back(consultation: Consultation, reader: Reader, now: datetime) -> None:
    """Take all of one's answers back while the consultation is open; the next count does not know them."""
    with transaction.atomic():
        held = _open(consultation, now)
        held.participants.filter(reader=reader).delete()


def holds_votes(community: Community, address: str) -> bool:
    """Say whether an address has voting power: by the newest census, or where none was taken by the source of power."""
    if not address:
        return False
    newest = Proposal.objects.filter(community=community, census_at__isnull=False).order_by("-census_at", "-pk").first()
    if newest is not None:
        return CensusEntry.objects.filter(proposal=newest, voter_key=address.lower(), power__gt=0).exists()
    charter = charter_of(community)
    source = source_named(charter.power["source"], community)
    return bool(source.power_of(address, take_snapshot(community, charter)))


def visible(consultation: Consultation):  # noqa: ANN201 - a query set
    """Return the statements that everybody reads: all but the hidden ones."""
    return consultation.statements.exclude(hidden_at__isnull=False, restored_at__isnull=True)


def named(community: Community, number: int) -> Consultation:
    """Return a consultation of a community, or raise NotFound."""
    found = community.consultations.select_related("community", "proposal").filter(number=number).first()
    if found is None:
        raise NotFound("unknown_consultation", "there is no such consultation", field="number", found=number)
    return found


def statement_text(text: str, field: str) -> str:
    """Return one sentence in one line, or raise Invalid."""
    text = " ".join(text.split())
    if not rules.STATEMENT_MIN <= len(text) <= rules.STATEMENT_MAX:
        allowed = f"{rules.STATEMENT_MIN}–{rules.STATEMENT_MAX}"
        raise Invalid("statement_length", "so many characters, please", field=field, found=len(text), allowed=allowed)
    if not normal(text):
        raise Invalid("statement_length", "a statement has words", field=field, found=text)
    return text


def normal(text: str) -> str:
    """Return how a statement is compared with others: its words, folded."""
    return " ".join(split(text))


def _require_own(proposal: Proposal, community: Community, actor: str) -> None:
    if proposal.community_id != community.pk or proposal.submitted_at is None:
        raise NotFound("unknown_proposal", "there is no such proposal", field="proposal", found=proposal.number)
    if proposal.author != actor:
        raise Forbidden("not_the_author", "only the author may do this", found=actor, allowed=proposal.author)
    if proposal.decided_at is not None or proposal.canceled_at is not None:
        raise Conflict("vote_is_over", "people are asked before a vote is decided", field="proposal")


def _open(consultation: Consultation, now: datetime) -> Consultation:
    """Return the row, held until the transaction ends; raise Conflict unless it is open."""
    held = Consultation.objects.select_for_update(of=("self",)).select_related("community").get(pk=consultation.pk)
    found = rules.state(held.closes_at, held.closed_at, now)
    if found is not rules.State.OPEN:
        raise Conflict("consultation_over", "this consultation is over", found=found, allowed=rules.State.OPEN)
    return held


def _too_many(held: Consultation, now: datetime, *, found: int, allowed: int) -> TooMany:
    left = max(held.closes_at - now, timedelta(seconds=1))
    detail = "as much as one consultation takes"
    return TooMany(
        "consultation_full",
        detail,
        retry_after_seconds=min(int(left.total_seconds()), _DAY_SECONDS),
        found=found,
        allowed=allowed,
    )


def _line(text: str, field: str, longest: int) -> str:
    text = " ".join(text.split())
    require_length(text, field, longest, least=1)
    return text


def require_length(text: str, field: str, most: int, *, least: int = 0) -> None:
    """Raise Invalid for a text that is shorter or longer than may be."""
    if not least <= len(text) <= most:
        detail = f"{len(text)} characters found, {least} to {most} allowed"
        raise Invalid("length_out_of_range", detail, field=field, found=len(text), allowed=most)
