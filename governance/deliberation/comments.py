"""Writing, changing and erasing comments. The log holds that it was done; the texts stand in the database alone."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from governance.deliberation import policy
from governance.deliberation.erasing import wipe
from governance.deliberation.lifecycle import Action, Hiding, Past, State, require, state
from governance.deliberation.people import Writer
from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from governance.models import Comment, CommentHiding, CommentVersion, Community, Proposal
from governance.services.common import is_co_author, lock_community
from governance.services.events import note


def discussed(community: Community, number: int, author: str = "") -> Proposal:
    """Return a proposal that can be talked about: submitted, or a draft that its authors shared. Raises NotFound.

    With `author` also a draft that this one writes, alone or with others.
    """
    found = community.proposals.filter(number=number).select_related("record").first()
    if found is None or not (is_shared(found) or is_co_author(found, author)):
        raise NotFound("discussion_not_found", "there is no proposal or shared draft with this number", found=number)
    found.community = community
    return found


def is_shared(proposal: Proposal) -> bool:
    """Say whether others than its authors can read it."""
    if proposal.submitted_at is not None:
        return True
    return proposal.canceled_at is None and (proposal.shared_at is not None or proposal.seeks_sponsors)


def comment_numbered(proposal: Proposal, number: int) -> Comment:
    """Return a comment or raise NotFound."""
    found = proposal.comments.filter(number=number).first()
    if found is None:
        raise NotFound("comment_not_found", "there is no such comment in this discussion", found=number)
    found.proposal = proposal
    return found


def hiding_of(comment: Comment) -> CommentHiding | None:
    """Return the hiding that is not over."""
    return comment.hidings.filter(lifted_at__isnull=True).first()


def past_of(comments: Collection[Comment]) -> dict[int, list[Past]]:
    """Return the hidings that are over, by the key of the comment."""
    found: dict[int, list[Past]] = {comment.pk: [] for comment in comments}
    over = CommentHiding.objects.filter(comment__in=comments, lifted_at__isnull=False)
    for key, by, appealed_at, lifted_at in over.values_list("comment", "by", "appealed_at", "lifted_at"):
        found[key].append(Past(by, appealed_at, lifted_at))
    return found


def state_of(comment: Comment, hiding: CommentHiding | None) -> State:
    """Return how a comment stands, with the hiding that is not over."""
    return state(comment.erased_at, Hiding(hiding.appealed_at, hiding.upheld) if hiding else None)


def write(
    proposal: Proposal, writer: Writer, text: str, now: datetime, *, answers: int | None = None, name: str = ""
) -> Comment:
    """Say something, or answer a comment. Raises Invalid, NotFound, Conflict or TooMany.

    1. the text, and what a reader calls themselves
    2. what is answered can be seen
    3. within the limits
    4. the next number of the discussion, and a line in the log.
    """
    text, name = clean_text(text), _clean_name(writer, name)  # 1
    with transaction.atomic():
        lock_community(proposal.community_id)
        answered = comment_numbered(proposal, answers) if answers is not None else None
        if answered is not None:
            require(Action.ANSWER, state_of(answered, hiding_of(answered)))  # 2
        _require_room(proposal, writer, now)  # 3
        number = (proposal.comments.aggregate(highest=Max("number"))["highest"] or 0) + 1  # 4
        comment = Comment.objects.create(
            proposal=proposal,
            number=number,
            thread=answered.thread if answered else number,
            answers=answers,
            address=writer.address,
            by_reader=not writer.address,
            reader=writer.reader if not writer.address else None,
            name=name,
            text=text,
            written_at=now,
        )
        note("comment_written", now, proposal=proposal, actor=writer.address, number=proposal.number, comment=number)
    return comment


def edit(proposal: Proposal, number: int, writer: Writer, text: str, now: datetime) -> Comment:
    """Change one's own comment. What it said before stays readable."""
    text = clean_text(text)
    with transaction.atomic():
        comment = _own(proposal, number, writer)
        require(Action.EDIT, state_of(comment, hiding_of(comment)))
        if comment.text == text:
            return comment
        earlier = comment.versions.count()
        if earlier >= policy.EDITS_MAX:
            raise Conflict("too_many_edits", "this was changed often enough; write another comment")
        CommentVersion.objects.create(comment=comment, number=earlier + 1, text=comment.text, until=now)
        comment.text, comment.edited_at = text, now
        comment.save(update_fields=["text", "edited_at"])
        note("comment_edited", now, proposal=proposal, actor=writer.address, number=proposal.number, comment=number)
    return comment


def erase(proposal: Proposal, number: int, writer: Writer, now: datetime) -> Comment:
    """Erase one's own comment with all that it said before. Its place stays, and says that its author erased it."""
    with transaction.atomic():
        comment = _own(proposal, number, writer)
        require(Action.ERASE, state_of(comment, hiding_of(comment)))
        wipe(proposal.comments.filter(number=number), now)
        comment.refresh_from_db()
        comment.proposal = proposal
    return comment


def clean_text(text: str) -> str:
    """Return a text without blank ends; raise Invalid for an empty one, and one that is too long."""
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= policy.TEXT_MAX:
        raise Invalid(
            "comment_length",
            f"{len(text)} characters found, 1 to {policy.TEXT_MAX} allowed",
            field="text",
            found=len(text),
            allowed=policy.TEXT_MAX,
        )
    return text


def _clean_name(writer: Writer, name: str) -> str:
    name = " ".join(name.split())
    if writer.address:
        return ""
    if not name.isprintable() or not 1 <= len(name) <= policy.NAME_MAX:
        detail = f"say what you are called, in 1 to {policy.NAME_MAX} characters"
        raise Invalid("comment_name", detail, field="name", found=name[: policy.NAME_MAX], allowed=policy.NAME_MAX)
    return name


def _own(proposal: Proposal, number: int, writer: Writer) -> Comment:
    lock_community(proposal.community_id)
    comment = comment_numbered(proposal, number)
    if not writer.wrote(comment):
        raise Forbidden("not_your_comment", "only whoever wrote a comment may do this", found=number)
    return comment


def _require_room(proposal: Proposal, writer: Writer, now: datetime) -> None:
    own = Comment.objects.filter(writer.own)
    for seconds, most in policy.LIMITS:
        recent = own.filter(written_at__gt=now - timedelta(seconds=seconds)).order_by("written_at")
        times = list(recent.values_list("written_at", flat=True)[:most])
        if len(times) >= most:
            free = int((times[0] - now).total_seconds()) + seconds
            detail = "you have written a lot in a short time; come back a little later"
            raise TooMany("too_many_comments", detail, retry_after_seconds=free, allowed=most)
    if proposal.comments.count() >= policy.COMMENTS_MAX:
        raise Conflict("discussion_full", "this discussion has as many comments as it can hold")
