"""Moderation in the open: report, hide by a rule and with a reason, appeal, and an answer by somebody else.

Nothing disappears silently: in the place of a hidden comment stands by whom, when, by which rule and why; the page of
moderation lists every act for good, and the log of the community holds that it was done.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from governance.deliberation import policy
from governance.deliberation.comments import comment_numbered, hiding_of, past_of, state_of
from governance.deliberation.lifecycle import Action, gave_way, require
from governance.deliberation.people import Writer, judged, may_judge, moderators, require_moderator
from governance.errors import Conflict, Forbidden, Invalid, TooMany
from governance.models import Comment, CommentHiding, CommentReport, Proposal
from governance.services.common import lock_community
from governance.services.events import note

DAY = timedelta(days=1)


def report(proposal: Proposal, number: int, writer: Writer, rule: str, text: str, now: datetime) -> None:
    """Tell the moderators that a comment breaks a rule. Others do not see who did; done again, it changes nothing."""
    _require_rule(rule)
    text = _clean(text, "text", 0, policy.REPORT_MAX)
    with transaction.atomic():
        comment = _locked(proposal, number)
        require(Action.REPORT, state_of(comment, hiding_of(comment)))
        if writer.wrote(comment):
            raise Forbidden("own_comment", "erase or change your own comment instead", found=number)
        own = CommentReport.objects.filter(writer.own)
        if own.filter(at__gt=now - DAY).count() >= policy.REPORTS_PER_DAY_MAX:
            detail = "you have reported a lot today; come back tomorrow"
            most = policy.REPORTS_PER_DAY_MAX
            raise TooMany("too_many_reports", detail, retry_after_seconds=24 * 3600, allowed=most)
        if own.filter(comment=comment).exists():
            return
        reader = writer.reader if not writer.address else None
        CommentReport.objects.create(
            comment=comment, address=writer.address, reader=reader, rule=rule, text=text, at=now
        )
        note("comment_reported", now, proposal=proposal, number=proposal.number, comment=number, rule=rule)


def settle(proposal: Proposal, number: int, actor: str, now: datetime) -> None:
    """Leave a comment as it is after looking at what was reported of it. Safe to repeat."""
    require_moderator(proposal.community, actor, now)
    with transaction.atomic():
        comment = _locked(proposal, number)
        if comment.reports.filter(settled_at__isnull=True).update(settled_at=now, settled_by=actor):
            note("comment_reports_settled", now, proposal=proposal, actor=actor, number=proposal.number, comment=number)


def hide(proposal: Proposal, number: int, actor: str, rule: str, reason: str, now: datetime) -> CommentHiding:
    """Hide a comment by a rule, with a reason that everybody reads.

    Not again as the moderator who hid it, once its author appealed and it was shown again: the appeal is the last word
    between the two, until the author changes the text.
    """
    require_moderator(proposal.community, actor, now)
    _require_rule(rule)
    reason = _clean(reason, "reason", 1, policy.REASON_MAX)
    with transaction.atomic():
        comment = _locked(proposal, number)
        require(Action.HIDE, state_of(comment, hiding_of(comment)))
        if gave_way(actor, past_of([comment])[comment.pk], comment.edited_at):
            detail = "its author appealed against your hiding, and it was shown again; it has not changed since"
            raise Forbidden("hidden_before", detail, found=number)
        try:
            with transaction.atomic():
                made = CommentHiding.objects.create(comment=comment, rule=rule, reason=reason, by=actor, at=now)
        except IntegrityError as error:  # another moderator was faster
            raise Conflict("comment_moved_on", "this comment was hidden just now", found="hidden") from error
        comment.reports.filter(settled_at__isnull=True).update(settled_at=now, settled_by=actor)
        note("comment_hidden", now, proposal=proposal, actor=actor, number=proposal.number, comment=number, rule=rule)
    return made


def take_back(proposal: Proposal, number: int, actor: str, now: datetime) -> CommentHiding:
    """Show a comment again that one has hidden oneself."""
    with transaction.atomic():
        comment, hiding = _hidden(proposal, number, Action.TAKE_BACK)
        if hiding.by != actor:
            raise Forbidden("not_your_hiding", "only whoever hid a comment takes that back", allowed=hiding.by)
        hiding.lifted_at = now
        hiding.save(update_fields=["lifted_at"])
        note("comment_shown_again", now, proposal=proposal, actor=actor, number=proposal.number, comment=comment.number)
    return hiding


def appeal(proposal: Proposal, number: int, writer: Writer, text: str, now: datetime) -> CommentHiding:
    """Ask somebody else to look again at the hiding of one's own comment; once for each hiding. Everybody reads it."""
    text = _clean(text, "text", 1, policy.APPEAL_MAX)
    with transaction.atomic():
        comment, hiding = _hidden(proposal, number, Action.APPEAL)
        if not writer.wrote(comment):
            raise Forbidden("not_your_comment", "only whoever wrote a comment may do this", found=number)
        hiding.appeal, hiding.appealed_at = text, now
        hiding.save(update_fields=["appeal", "appealed_at"])
        note("comment_appealed", now, proposal=proposal, actor=writer.address, number=proposal.number, comment=number)
    return hiding


def judge(proposal: Proposal, number: int, actor: str, answer: str, now: datetime, *, upheld: bool) -> CommentHiding:
    """Answer an appeal: it stays hidden, or it is shown again. Neither its author nor whoever hid it may.

    Moderators do; where no other is left, whoever holds votes, as with statements: an appeal must not wait without end.
    """
    answer = _clean(answer, "answer", 1, policy.REASON_MAX)
    with transaction.atomic():
        comment, hiding = _hidden(proposal, number, Action.JUDGE)
        if actor in judged(comment, hiding.by):
            raise Forbidden("judge_of_own", "somebody else answers: you hid this comment, or wrote it", found=actor)
        if not may_judge(comment, hiding.by, actor, moderators(proposal.community, now)):
            detail = "another moderator answers an appeal, or where there is none, somebody who holds votes"
            raise Forbidden("not_a_judge", detail, found=actor)
        hiding.answer, hiding.answered_by, hiding.answered_at, hiding.upheld = answer, actor, now, upheld
        hiding.lifted_at = None if upheld else now
        hiding.save(update_fields=["answer", "answered_by", "answered_at", "upheld", "lifted_at"])
        kind = "comment_appeal_declined" if upheld else "comment_appeal_granted"
        note(kind, now, proposal=proposal, actor=actor, number=proposal.number, comment=number)
    return hiding


def _locked(proposal: Proposal, number: int) -> Comment:
    lock_community(proposal.community_id)
    return comment_numbered(proposal, number)


def _hidden(proposal: Proposal, number: int, action: Action) -> tuple[Comment, CommentHiding]:
    comment = _locked(proposal, number)
    hiding = hiding_of(comment)
    require(action, state_of(comment, hiding))
    if hiding is None:  # no action on a hiding is allowed without one
        raise Conflict("comment_moved_on", "this comment is not hidden", found="visible")
    return comment, hiding


def _require_rule(rule: str) -> None:
    if rule not in policy.RULES:
        detail = "the policy has no such rule"
        raise Invalid("unknown_moderation_rule", detail, field="rule", found=rule[:40], allowed=list(policy.RULES))


def _clean(text: str, field: str, least: int, most: int) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not least <= len(text) <= most:
        detail = f"{len(text)} characters found, {least} to {most} allowed"
        raise Invalid("length_out_of_range", detail, field=field, found=len(text), allowed=most)
    return text
