"""Discussions of proposals: read and write comments, report, hide, appeal; what moderators did."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.deliberation import comments, moderation, reading
from governance.deliberation.people import required_writer, writer_of
from governance.models import Proposal
from governance.serializers.deliberation import (
    CommentAppealInput,
    CommentEditInput,
    CommentHideInput,
    CommentInput,
    CommentJudgeInput,
    CommentReportInput,
    DiscussionOutput,
    ModerationOutput,
    StoryOutput,
)
from governance.views.base import community_named, number, plain, signed_in
from governance.views.readers import REFUSED_OR_MANY, CheckedSession

PAGE = OpenApiParameter("page", int)
ANSWERS = {200: StoryOutput, **REFUSED_OR_MANY}


class _Talk(APIView):
    """Whoever signed in counts here, with a wallet or without one."""

    authentication_classes = (CheckedSession,)

    def _proposal(self, slug: str, proposal: int) -> Proposal:
        return comments.discussed(community_named(slug), proposal)

    def _story(self, request: Request, proposal: Proposal, comment: int) -> Response:
        writer = writer_of(request._request)  # noqa: SLF001 - Django's request
        return Response(StoryOutput(reading.story(proposal, comment, writer, clock.now())).data)


class Comments(_Talk):
    """The comments on a proposal, or on a draft that its authors share; both by their number in the community."""

    @extend_schema(
        parameters=[PAGE], responses={200: DiscussionOutput, **REFUSED_OR_MANY}, operation_id="proposal_comments"
    )
    def get(self, request: Request, slug: str, proposal: int) -> Response:
        """Answer with one page, thread by thread."""
        writer = writer_of(request._request)  # noqa: SLF001
        shown = reading.discussion(self._proposal(slug, proposal), writer, number(request, "page", 1), clock.now())
        return Response(DiscussionOutput(shown).data)

    @extend_schema(
        request=CommentInput, responses={201: StoryOutput, **REFUSED_OR_MANY}, operation_id="proposal_comment_write"
    )
    def post(self, request: Request, slug: str, proposal: int) -> Response:
        """Say something, or answer another comment."""
        writer = required_writer(request._request)  # noqa: SLF001
        values = CommentInput.read(request.data)
        about = self._proposal(slug, proposal)
        text, name = plain(values["text"]), plain(values["name"])
        made = comments.write(about, writer, text, clock.now(), answers=values["answers"], name=name)
        answer = self._story(request, about, made.number)
        answer.status_code = status.HTTP_201_CREATED
        return answer


class CommentDetail(_Talk):
    """One comment with what it said before."""

    @extend_schema(responses=ANSWERS, operation_id="proposal_comment")
    def get(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Answer with it."""
        return self._story(request, self._proposal(slug, proposal), comment)

    @extend_schema(request=CommentEditInput, responses=ANSWERS, operation_id="proposal_comment_edit")
    def put(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Change one's own comment; what it said before stays readable."""
        writer = required_writer(request._request)  # noqa: SLF001
        text = plain(CommentEditInput.read(request.data)["text"])
        about = self._proposal(slug, proposal)
        comments.edit(about, comment, writer, text, clock.now())
        return self._story(request, about, comment)

    @extend_schema(responses=ANSWERS, operation_id="proposal_comment_erase")
    def delete(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Erase one's own comment with all that it said before; its place stays."""
        writer = required_writer(request._request)  # noqa: SLF001
        about = self._proposal(slug, proposal)
        comments.erase(about, comment, writer, clock.now())
        return self._story(request, about, comment)


class CommentReports(_Talk):
    """Tell the moderators."""

    @extend_schema(request=CommentReportInput, responses=ANSWERS, operation_id="proposal_comment_report")
    def post(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Say which rule of the policy a comment breaks. Others do not see who did."""
        writer = required_writer(request._request)  # noqa: SLF001
        values = CommentReportInput.read(request.data)
        about = self._proposal(slug, proposal)
        moderation.report(about, comment, writer, plain(values["rule"]), plain(values["text"]), clock.now())
        return self._story(request, about, comment)

    @extend_schema(responses=ANSWERS, operation_id="proposal_comment_settle")
    def delete(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Settle what was reported and leave the comment as it is: moderators."""
        actor = signed_in(request)
        about = self._proposal(slug, proposal)
        moderation.settle(about, comment, actor, clock.now())
        return self._story(request, about, comment)


class CommentHide(_Talk):
    """Hide a comment, by a rule and with a reason."""

    @extend_schema(request=CommentHideInput, responses=ANSWERS, operation_id="proposal_comment_hide")
    def post(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Hide it: moderators."""
        actor = signed_in(request)
        values = CommentHideInput.read(request.data)
        about = self._proposal(slug, proposal)
        moderation.hide(about, comment, actor, plain(values["rule"]), plain(values["reason"]), clock.now())
        return self._story(request, about, comment)

    @extend_schema(responses=ANSWERS, operation_id="proposal_comment_take_back")
    def delete(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Show it again: whoever hid it."""
        actor = signed_in(request)
        about = self._proposal(slug, proposal)
        moderation.take_back(about, comment, actor, clock.now())
        return self._story(request, about, comment)


class CommentAppeal(_Talk):
    """Ask somebody else to look again."""

    @extend_schema(request=CommentAppealInput, responses=ANSWERS, operation_id="proposal_comment_appeal")
    def post(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Appeal once, as its author; everybody reads it."""
        writer = required_writer(request._request)  # noqa: SLF001
        text = plain(CommentAppealInput.read(request.data)["text"])
        about = self._proposal(slug, proposal)
        moderation.appeal(about, comment, writer, text, clock.now())
        return self._story(request, about, comment)

    @extend_schema(request=CommentJudgeInput, responses=ANSWERS, operation_id="proposal_comment_judge")
    def put(self, request: Request, slug: str, proposal: int, comment: int) -> Response:
        """Answer the appeal: a moderator who neither hid nor wrote the comment, or where there is none, any voter."""
        actor = signed_in(request)
        values = CommentJudgeInput.read(request.data)
        about = self._proposal(slug, proposal)
        answer = plain(values["answer"])
        moderation.judge(about, comment, actor, answer, clock.now(), upheld=values["upheld"])
        return self._story(request, about, comment)


class Moderation(_Talk):
    """The policy, and every act of moderation."""

    @extend_schema(parameters=[PAGE], responses={200: ModerationOutput, **REFUSED_OR_MANY}, operation_id="moderation")
    def get(self, request: Request, slug: str) -> Response:
        """Answer with one page of the acts, the newest first."""
        page = number(request, "page", 1)
        return Response(ModerationOutput(reading.acts(community_named(slug), None, page, clock.now())).data)
