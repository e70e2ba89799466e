"""What pages and the API ask about discussions: one page of comments, one comment with its story, what moderators did.

Reads only. The text of a hidden comment goes to its author, to moderators, and to whoever may answer its appeal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from governance.deliberation import co_authors, similarity
from governance.deliberation.comments import comment_numbered, past_of, state_of
from governance.deliberation.differences import Piece, difference
from governance.deliberation.lifecycle import ALLOWED, Action, State, gave_way
from governance.deliberation.people import Writer, may_judge, moderators
from governance.models import Comment, CommentHiding, CommentReport, CommentVersion, Community, Proposal
from governance.search.words import fold, split
from governance.selectors.communities import member_names

PER_PAGE = 50
ACTS_PER_PAGE = 30
WAITING_MAX = 100
# As many proposals are compared with a draft: the newest.
COMPARED_MAX = 2_000


@dataclass(frozen=True)
class Shown:
    """A comment as one reader sees it. `text` is empty where they may not read it."""

    comment: Comment
    state: State
    text: str
    author_name: str
    role: str
    hiding: CommentHiding | None
    hidden_by: str
    is_own: bool
    may: frozenset[Action]

    @property
    def is_answer(self) -> bool:
        """Say whether it answers another."""
        return self.comment.answers is not None


@dataclass(frozen=True)
class Discussion:
    """One page of the comments on a proposal."""

    proposal: Proposal
    comments: tuple[Shown, ...]
    total: int
    number: int
    pages: int
    author_name: str
    co_authors: tuple[tuple[str, str], ...]
    is_moderator: bool


@dataclass(frozen=True)
class Earlier:
    """What a comment said until a moment, and how that differs from what it said next."""

    version: CommentVersion
    changes: tuple[Piece, ...]


@dataclass(frozen=True)
class Story:
    """One comment with what it said before, what moderators did, and what was reported of it (moderators alone)."""

    shown: Shown
    earlier: tuple[Earlier, ...]
    hidings: tuple[tuple[CommentHiding, str, str], ...]
    reports: tuple[CommentReport, ...]
    page: int
    is_moderator: bool


@dataclass(frozen=True)
class Acts:
    """One page of what moderators of a community did, the newest first; and what waits for them."""

    rows: tuple[tuple[CommentHiding, str, str], ...]
    total: int
    number: int
    pages: int
    moderators: tuple[tuple[str, str], ...]
    reported: tuple[Comment, ...]
    appealed: tuple[Comment, ...]
    reports_open: int
    is_moderator: bool


def discussion(proposal: Proposal, writer: Writer | None, page: int, now: datetime) -> Discussion:
    """Return one page of a discussion as somebody sees it."""
    total = proposal.comments.count()
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(page, 1), pages)
    rows = list(proposal.comments.in_order()[(number - 1) * PER_PAGE : number * PER_PAGE])
    together = [each.address for each in co_authors.of(proposal)]
    names = member_names(proposal.community, {proposal.author, *together})
    people = moderators(proposal.community, now)
    return Discussion(
        proposal=proposal,
        comments=tuple(_shown(proposal, rows, writer, people, together)),
        total=total,
        number=number,
        pages=pages,
        author_name=names.get(proposal.author, ""),
        co_authors=tuple((address, names.get(address, "")) for address in together),
        is_moderator=_moderates(writer, people),
    )


def story(proposal: Proposal, number: int, writer: Writer | None, now: datetime) -> Story:
    """Return one comment with all that became of it; raise NotFound."""
    comment = comment_numbered(proposal, number)
    people = moderators(proposal.community, now)
    together = [each.address for each in co_authors.of(proposal)]
    [shown] = _shown(proposal, [comment], writer, people, together)
    moderates = _moderates(writer, people)
    hidings = list(comment.hidings.all())
    return Story(
        shown=shown,
        earlier=tuple(_earlier(comment)) if shown.text else (),
        hidings=_named(proposal.community, hidings),
        reports=tuple(comment.reports.filter(settled_at__isnull=True)) if moderates else (),
        page=page_of(comment),
        is_moderator=moderates,
    )


def newest(proposal: Proposal, most: int) -> list[Shown]:
    """Return the newest comments that everybody may read, the newest first."""
    rows = list(proposal.comments.filter(erased_at__isnull=True).order_by("-number")[:most])
    return [each for each in _shown(proposal, rows, None, {}, ()) if each.text]


def page_of(comment: Comment) -> int:
    """Return the page of the discussion on which a comment stands."""
    before = Q(thread__lt=comment.thread) | Q(thread=comment.thread, number__lt=comment.number)
    return comment.proposal.comments.filter(before).count() // PER_PAGE + 1


def acts(community: Community, writer: Writer | None, page: int, now: datetime) -> Acts:
    """Return what moderators did in a community; what waits for them goes to moderators alone."""
    found = hidings_of(community)
    total = found.count()
    pages = max(1, -(-total // ACTS_PER_PAGE))
    number = min(max(page, 1), pages)
    rows = list(found[(number - 1) * ACTS_PER_PAGE : number * ACTS_PER_PAGE])
    people = moderators(community, now)
    moderates = _moderates(writer, people)
    waiting = CommentReport.objects.filter(comment__proposal__community=community, settled_at__isnull=True)
    return Acts(
        rows=_named(community, rows),
        total=total,
        number=number,
        pages=pages,
        moderators=tuple(people.items()),
        reported=tuple(_comments(community, Q(pk__in=waiting.values("comment")))) if moderates else (),
        appealed=tuple(_comments(community, _APPEALED)) if moderates else (),
        reports_open=waiting.values("comment").distinct().count(),
        is_moderator=moderates,
    )


def hidings_of(community: Community) -> "QuerySet[CommentHiding]":
    """Return every hiding in a community, the newest first."""
    found = CommentHiding.objects.filter(comment__proposal__community=community)
    return found.select_related("comment__proposal").order_by("-at", "-pk")


def similar_to(draft: Proposal) -> list[tuple[Proposal, int]]:
    """Return proposals, and drafts that others share, that say nearly the same, with the share in basis points."""
    told = Q(submitted_at__isnull=False) | Q(canceled_at__isnull=True) & (
        Q(shared_at__isnull=False) | Q(seeks_sponsors=True)
    )
    others = Proposal.objects.filter(told, community=draft.community_id).exclude(pk=draft.pk).order_by("-number")
    others = others.exclude(author=draft.author, submitted_at__isnull=True)
    rows = others.values_list("number", "title", "text")[:COMPARED_MAX]
    words = [similarity.words_of(number, _folded(title), _folded(text)) for number, title, text in rows]
    found = similarity.similar(similarity.words_of(0, _folded(draft.title), _folded(draft.text)), words)
    by_number = {row.number: row for row in others.filter(number__in=[each.number for each in found])}
    return [(by_number[each.number], each.shared_bps) for each in found if each.number in by_number]


_APPEALED = Q(hidings__appealed_at__isnull=False, hidings__answered_at__isnull=True, hidings__lifted_at__isnull=True)


def _folded(text: str) -> str:
    return " ".join(split(fold(text)))


def _comments(community: Community, condition: Q) -> Iterable[Comment]:
    found = Comment.objects.filter(condition, proposal__community=community, erased_at__isnull=True)
    return found.select_related("proposal").distinct().order_by("pk")[:WAITING_MAX]


def _moderates(writer: Writer | None, people: dict[str, str]) -> bool:
    return writer is not None and writer.address in people


def _shown(
    proposal: Proposal, rows: Sequence[Comment], writer: Writer | None, people: dict[str, str], together: Sequence[str]
) -> Iterable[Shown]:
    hidden = CommentHiding.objects.filter(comment__in=rows, lifted_at__isnull=True)
    hidings = {hiding.comment_id: hiding for hiding in hidden}
    named = {row.address for row in rows} | {hiding.by for hiding in hidings.values()}
    names = member_names(proposal.community, named - {""})
    moderates = _moderates(writer, people)
    past = past_of(rows) if moderates else {}
    actor = writer.address if writer is not None else ""
    for row in rows:
        hiding = hidings.get(row.pk)
        found = state_of(row, hiding)
        own = writer is not None and writer.wrote(row)
        row.proposal = proposal
        judges = hiding is not None and found is State.APPEALED and may_judge(row, hiding.by, actor, people)
        readable = found is State.VISIBLE or own or moderates or judges
        may = _may(found, hiding, writer, own=own, moderates=moderates)
        if gave_way(actor, past.get(row.pk, []), row.edited_at):
            may -= {Action.HIDE}
        yield Shown(
            comment=row,
            state=found,
            text=row.text if readable else "",
            author_name=row.name if row.by_reader else names.get(row.address, ""),
            role=_role(proposal, row, people, together),
            hiding=hiding,
            hidden_by=names.get(hiding.by, "") if hiding else "",
            is_own=own,
            may=may | {Action.JUDGE} if judges else may,
        )


def _role(proposal: Proposal, row: Comment, people: dict[str, str], together: Sequence[str]) -> str:
    """Return the first that holds; nothing for somebody of whom no more is known than the wallet."""
    if row.by_reader:
        return "reader"
    if row.address == proposal.author:
        return "author"
    if row.address in together:
        return "co_author"
    return "moderator" if row.address in people else ""


def _may(
    found: State, hiding: CommentHiding | None, writer: Writer | None, *, own: bool, moderates: bool
) -> frozenset[Action]:
    if writer is None:
        return frozenset()
    hid = hiding is not None and hiding.by == writer.address
    mine = {Action.EDIT, Action.ERASE, Action.APPEAL} if own else {Action.REPORT}
    wanted = mine | {Action.ANSWER}
    if moderates:
        wanted |= {Action.HIDE} | ({Action.TAKE_BACK} if hid else set())
    return frozenset(action for action in wanted if found in ALLOWED[action])


def _earlier(comment: Comment) -> Iterable[Earlier]:
    versions = list(comment.versions.all())
    texts = [*(version.text for version in versions), comment.text]
    for version, text in zip(versions, texts[1:], strict=True):
        yield Earlier(version, difference(version.text, text))


def _named(community: Community, rows: Sequence[CommentHiding]) -> tuple[tuple[CommentHiding, str, str], ...]:
    """Return hidings with the names of who hid and of who answered."""
    names = member_names(community, {row.by for row in rows} | {row.answered_by for row in rows} - {""})
    return tuple((row, names.get(row.by, ""), names.get(row.answered_by, "")) for row in rows)
