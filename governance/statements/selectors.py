"""What pages and the API show of consultations: lists, the next statement to answer, results, hidden ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from governance.clock import unix
from governance.errors import Conflict
from governance.models import Community, Consultation, Participant, Proposal, Reader, Statement
from governance.statements import analysis, export, moderation, rules
from governance.statements.counting import rows_of
from governance.statements.services import visible

# From here on a page says that groups part.
FAR_APART_BPS = 2_000


@dataclass(frozen=True)
class Tally:
    """How often a statement was answered how, by one group or house or by all. `group` is a letter, or empty."""

    group: str
    agree: int
    disagree: int
    passed: int

    @property
    def total(self) -> int:
        """Return how many answered."""
        return self.agree + self.disagree + self.passed

    def _bps(self, part: int) -> int:
        return 10_000 * part // self.total if self.total else 0

    @property
    def agree_bps(self) -> int:
        """Return the share that agrees."""
        return self._bps(self.agree)

    @property
    def disagree_bps(self) -> int:
        """Return the share that disagrees."""
        return self._bps(self.disagree)

    @property
    def pass_bps(self) -> int:
        """Return the share that passed."""
        return self._bps(self.passed)


@dataclass(frozen=True)
class Counted:
    """One statement with how it was answered: by all, by each group, and by who holds votes and who does not."""

    statement: Statement
    all: Tally
    groups: tuple[Tally, ...]
    holders: Tally | None
    others: Tally | None
    consensus_bps: int
    gap_bps: int | None

    @property
    def is_answered(self) -> bool:
        """Say whether enough people of each group answered to speak of the group."""
        return all(tally.total >= rules.PEOPLE_MIN for tally in self.groups or (self.all,))

    @property
    def is_shared(self) -> bool:
        """Say whether more than half of each group agrees, of those who answered, and enough did."""
        return self.is_answered and all(2 * tally.agree > tally.total for tally in self.groups or (self.all,))


@dataclass(frozen=True)
class Apart:
    """A statement that sets a group apart, and what the group says of it."""

    statement: Statement
    says: str
    share_bps: int
    rest_bps: int


@dataclass(frozen=True)
class Group:
    """A group of opinion."""

    name: str
    people: int
    apart: tuple[Apart, ...]


@dataclass(frozen=True)
class Result:
    """What came of a consultation so far. `participants` is None where too few people took part to show anything."""

    at: datetime
    digest: str
    participants: int | None
    holders: int | None
    others: int | None
    groups: tuple[Group, ...]
    consensus: tuple[Counted, ...]
    differing: tuple[Counted, ...]

    @property
    def meeting(self) -> tuple[Counted, ...]:
        """Return the statements that most people of every group agree with."""
        return tuple(each for each in self.consensus if each.is_shared)

    @property
    def parting(self) -> tuple[Counted, ...]:
        """Return the statements on which two groups lie far apart, as far as enough of each answered."""
        return tuple(each for each in self.differing if each.is_answered and (each.gap_bps or 0) >= FAR_APART_BPS)


@dataclass(frozen=True)
class Mine:
    """How far somebody is: what they are asked next, what they answered (number to answer), what they wrote."""

    following: Statement | None
    answers: Mapping[int, str]
    written: tuple[Statement, ...]
    total: int


@dataclass(frozen=True)
class Shown:
    """A consultation with everything that a page shows of it."""

    consultation: Consultation
    state: rules.State
    statements: int
    participants: int | None
    result: Result | None


def of_community(community: Community) -> QuerySet[Consultation]:
    """Return all consultations of a community, the newest first."""
    return community.consultations.select_related("community", "proposal", "result")


def shown(consultation: Consultation, now: datetime) -> Shown:
    """Return a consultation with its newest result."""
    result = result_of(consultation)
    return Shown(
        consultation,
        rules.state(consultation.closes_at, consultation.closed_at, now),
        visible(consultation).count(),
        result.participants if result else None,
        result,
    )


def about(proposal: Proposal, now: datetime) -> Shown | None:
    """Return the consultation about a proposal, if there is one."""
    found = getattr(proposal, "consultation", None)
    return None if found is None else shown(found, now)


def result_of(consultation: Consultation) -> Result | None:
    """Return the newest result with the statements that are not hidden now."""
    kept = getattr(consultation, "result", None)
    if kept is None:
        return None
    body, statements = kept.body, {each.number: each for each in visible(consultation)}
    by_number = {each["number"]: _counted(each, statements) for each in body["statements"]}
    houses = body["houses"] or {"holders": None, "others": None}
    return Result(
        at=kept.at,
        digest=kept.digest,
        participants=body["participants"],
        holders=houses["holders"],
        others=houses["others"],
        groups=tuple(_group(each, statements) for each in body["groups"]),
        consensus=tuple(found for each in analysis.by_consensus(body) if (found := by_number[each["number"]])),
        differing=tuple(found for each in analysis.by_difference(body) if (found := by_number[each["number"]])),
    )


def mine(consultation: Consultation, reader: Reader | None) -> Mine:
    """Return how far a reader is; for a visitor the first statement that they would be asked."""
    statements = {each.number: each for each in visible(consultation)}
    row: Participant | None = consultation.participants.filter(reader=reader).first() if reader else None
    named = {value: name for name, value in rules.ANSWERS.items()}
    answers = {int(number): named[value] for number, value in (row.answers if row else {}).items()}
    answers = {number: says for number, says in answers.items() if number in statements}
    who = f"{consultation.pk}:{reader.pk if reader else 0}"
    left = [number for number in rules.asking_order(statements, who) if number not in answers]
    written = tuple(consultation.statements.filter(writer=reader)) if reader else ()
    return Mine(statements[left[0]] if left else None, answers, written, len(statements))


def hidden(consultation: Consultation) -> list[Statement]:
    """Return every statement that was ever hidden, with who did it and why, also those that are shown again."""
    return list(consultation.statements.filter(hidden_at__isnull=False).select_related("consultation__community"))


def exported(consultation: Consultation) -> dict[str, Any]:
    """Return the public export; raise Conflict while the consultation is open."""
    if consultation.closed_at is None:
        detail = "answers can be downloaded once the consultation has closed and was counted"
        raise Conflict("consultation_open", detail, found=consultation.number)
    said = {
        "community": consultation.community.slug,
        "number": consultation.number,
        "question": consultation.question,
        "opens_at": unix(consultation.opens_at),
        "closes_at": unix(consultation.closes_at),
    }
    statements = [{"number": each.number, "text": each.text, "seed": each.seed} for each in visible(consultation)]
    return export.as_json(said, statements, rows_of(consultation))


def appeals_for(consultation: Consultation, actor: str, now: datetime) -> set[int]:
    """Return the numbers of the statements whose appeal somebody may answer now."""
    waiting = [each for each in hidden(consultation) if each.appealed_at and not each.appeal_answered_at]
    return {each.number for each in waiting if moderation.may_answer_appeal(each, actor, now)}


def _counted(row: Mapping[str, Any], statements: Mapping[int, Statement]) -> Counted | None:
    statement = statements.get(row["number"])
    if statement is None:
        return None
    houses = row["houses"]
    return Counted(
        statement=statement,
        all=_tally(row),
        groups=tuple(_tally(each, analysis.group_name(index)) for index, each in enumerate(row["groups"])),
        holders=_tally(houses["holders"]) if houses else None,
        others=_tally(houses["others"]) if houses else None,
        consensus_bps=row["consensus_ppm"] // 100,
        gap_bps=None if row["gap_ppm"] is None else row["gap_ppm"] // 100,
    )


def _tally(row: Mapping[str, Any], group: str = "") -> Tally:
    return Tally(group, row["agree"], row["disagree"], row["pass"])


def _group(row: Mapping[str, Any], statements: Mapping[int, Statement]) -> Group:
    apart = tuple(
        Apart(statements[each["number"]], each["says"], each["share_ppm"] // 100, each["rest_ppm"] // 100)
        for each in row["apart"]
        if each["number"] in statements
    )
    return Group(row["name"], row["people"], apart)
