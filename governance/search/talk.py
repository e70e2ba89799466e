"""What people say, as it can be found: comments, what a community is asked, and the statements that it answers.

Only what everybody may read: no comment on a draft, nothing that was hidden or erased, and of consultations what is
asked and said, never an answer. What was hidden leaves with the event that hid it, and comes back with the one that
shows it again.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from governance.models import Comment, CommentHiding, Community, Event, Statement
from governance.search.subjects import Found, named, numbers
from governance.selectors.communities import member_names

# A comment has no title: what it begins with stands in its place.
BEGINNING_CHARACTERS = 80
# What is quoted says somebody else; marks say nothing.
_QUOTED = re.compile(r"^ {0,3}>.*$", re.MULTILINE)
_MARKS = re.compile(r"[*`#>|]+|-{2,}")


@dataclass(frozen=True)
class Comments:
    """Comments on submitted proposals. The key is the proposal's number and the comment's: 7/12."""

    kind: str = "comment"
    weight: int = 0
    events: frozenset[str] = frozenset(
        {
            "comment_written",
            "comment_edited",
            "comment_erased",
            "comment_hidden",
            "comment_shown_again",
            "comment_appeal_granted",
            # What was said about a draft, while others could read it already.
            "proposal_submitted",
        }
    )

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the comments that the events name, and all those on what was just submitted."""
        said = {f"{event.data.get('number')}/{event.data['comment']}" for event in events if "comment" in event.data}
        submitted = [event.proposal_id for event in events if event.kind == "proposal_submitted"]
        on_drafts = Comment.objects.filter(proposal__in=submitted) if submitted else Comment.objects.none()
        return said | set(_keys(on_drafts.filter(proposal__community=community)))

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return what they say, and who says it."""
        wanted = _either(Q(proposal__number=of, number=one) for of, one in _pairs(keys))
        rows = list(self._public(community).filter(wanted).select_related("proposal"))
        names = member_names(community, {row.address for row in rows if row.address})
        for row in rows:
            who = f"{row.name} {names.get(row.address, '')} {row.address}"
            key = f"{row.proposal.number}/{row.number}"
            title, whole = _beginning(row.text)
            yield Found(key, title, row.written_at, text="" if whole else row.text, more=who)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all that everybody may read."""
        yield from _keys(self._public(community))

    @staticmethod
    def _public(community: Community) -> "QuerySet[Comment]":
        hidden = CommentHiding.objects.filter(lifted_at__isnull=True).values("comment")
        told = Comment.objects.filter(proposal__community=community, proposal__submitted_at__isnull=False)
        return told.filter(erased_at__isnull=True).exclude(pk__in=hidden)


@dataclass(frozen=True)
class Consultations:
    """What a community is asked."""

    kind: str = "consultation"
    weight: int = 2
    events: frozenset[str] = frozenset({"consultation_opened"})

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return their numbers."""
        return named(events, "consultation")

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return question and text."""
        for row in community.consultations.filter(number__in=numbers(keys)):
            yield Found(str(row.number), row.question, row.opens_at, text=row.text)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all numbers."""
        yield from map(str, community.consultations.values_list("number", flat=True))


@dataclass(frozen=True)
class Statements:
    """Sentences to agree or disagree with. The key is the consultation's number and the statement's: 3/14."""

    kind: str = "statement"
    weight: int = 0
    events: frozenset[str] = frozenset(
        {"consultation_opened", "statement_written", "statement_hidden", "statement_appeal_answered"}
    )

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the statements that the events name, and those that a consultation begins with."""
        found = set()
        for event in events:
            begun = range(1, len(event.data.get("seeds", ())) + 1)
            numbers_said = (event.data.get("statement"), *begun)
            found |= {f"{event.data['consultation']}/{each}" for each in numbers_said if each}
        return found

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return the sentences, with what was asked: that finds them, too, but no extract shows it."""
        wanted = _either(Q(consultation__number=of, number=one) for of, one in _pairs(keys))
        for row in self._public(community).filter(wanted).select_related("consultation"):
            key = f"{row.consultation.number}/{row.number}"
            yield Found(key, row.text, row.at, more=row.consultation.question)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all that everybody may read."""
        for consultation, statement in self._public(community).values_list("consultation__number", "number"):
            yield f"{consultation}/{statement}"

    @staticmethod
    def _public(community: Community) -> "QuerySet[Statement]":
        shown = Q(hidden_at__isnull=True) | Q(restored_at__isnull=False)
        return Statement.objects.filter(shown, consultation__community=community)


def _pairs(keys: Collection[str]) -> list[tuple[int, int]]:
    """Return the keys that are two numbers."""
    parts = [key.partition("/") for key in keys]
    return [(int(of), int(one)) for of, slash, one in parts if slash and numbers([of]) and numbers([one])]


def _either(conditions: Iterable[Q]) -> Q:
    """Return what holds where any of these holds; nothing where there are none."""
    return reduce(or_, conditions, Q(pk__in=()))


def _keys(comments: "QuerySet[Comment]") -> Iterator[str]:
    for proposal, comment in comments.values_list("proposal__number", "number"):
        yield f"{proposal}/{comment}"


def _beginning(text: str) -> tuple[str, bool]:
    """Return what a comment begins with, without marks, and whether that is all of it."""
    whole = " ".join(_MARKS.sub(" ", text).split())
    own = " ".join(_MARKS.sub(" ", _QUOTED.sub("", text)).split()) or whole
    if len(own) <= BEGINNING_CHARACTERS:
        return own, own == whole
    return own[: BEGINNING_CHARACTERS - 1].rsplit(" ", 1)[0] + " …", False
