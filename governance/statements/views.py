"""The JSON API of consultations: opening one, writing and answering statements, moderation, result and export."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.models import Consultation, Proposal, Reader, Statement
from governance.readers import sessions
from governance.serializers import ProblemOutput
from governance.services.common import get_proposal
from governance.statements import moderation, selectors, services
from governance.statements import serializers as forms
from governance.views.base import REFUSED, community_named, signed_in
from governance.views.readers import CheckedSession

SLUG, NUMBER = OpenApiParameter("slug", str, "path"), OpenApiParameter("number", int, "path")
STATEMENT = OpenApiParameter("statement", int, "path")
LIMITED = {**REFUSED, 429: ProblemOutput}


class ConsultationList(generics.GenericAPIView[Any]):
    """What a community asks people, and asking them."""

    serializer_class = forms.ConsultationOutput

    @extend_schema(
        parameters=[SLUG],
        responses={200: forms.ConsultationOutput(many=True), **REFUSED},
        operation_id="consultations",
    )
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with a page of consultations, the newest first."""
        page = self.paginate_queryset(selectors.of_community(community_named(slug)))
        return self.get_paginated_response(_output(page or [], many=True))

    @extend_schema(
        parameters=[SLUG],
        request=forms.ConsultationInput,
        responses={201: forms.ConsultationOutput, **REFUSED},
        operation_id="consultation_open",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Ask people, as a member with voting power or as the author of the proposal that it is about."""
        actor, said = signed_in(request), forms.ConsultationInput.read(request.data)
        community = community_named(slug)
        proposal = _proposal(community.pk, said["proposal"]) if "proposal" in said else None
        asked = services.Asked(said["question"], said["text"], said["days"], said["seeds"], proposal)
        made = services.open_consultation(community, actor, asked, clock.now())
        return Response(_output(made), status=status.HTTP_201_CREATED)


class ConsultationDetail(APIView):
    """One consultation."""

    @extend_schema(
        parameters=[SLUG, NUMBER],
        responses={200: forms.ConsultationOutput, **REFUSED},
        operation_id="consultation",
    )
    def get(self, _request: Request, slug: str, number: int) -> Response:
        """Answer with it and its newest result."""
        return Response(_output(_named(slug, number)))


class StatementList(generics.GenericAPIView[Any]):
    """The statements of a consultation."""

    serializer_class = forms.StatementOutput
    authentication_classes = (CheckedSession,)

    @extend_schema(
        parameters=[SLUG, NUMBER],
        responses={200: forms.StatementOutput(many=True), **REFUSED},
        operation_id="statements",
    )
    def get(self, _request: Request, slug: str, number: int) -> Response:
        """Answer with a page of them in the order in which they came, hidden ones without their text."""
        page = self.paginate_queryset(_named(slug, number).statements.all())
        return self.get_paginated_response(forms.StatementOutput(page or [], many=True).data)

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=forms.WriteStatementInput,
        responses={201: forms.StatementOutput, **LIMITED},
        operation_id="statement_write",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Write one, as a member or as a reader."""
        reader, said = _reader(request), forms.WriteStatementInput.read(request.data)
        found = _named(slug, number)
        made = services.write(found, reader, said["text"], clock.now(), different=said["different"])
        return Response(forms.StatementOutput(made).data, status=status.HTTP_201_CREATED)


class MyAnswers(APIView):
    """What you answered. Only you see it."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        parameters=[SLUG, NUMBER], responses={200: forms.MineOutput, **REFUSED}, operation_id="consultation_answers"
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Answer with your answers, and with the statement that you are asked next."""
        return Response(_mine(_named(slug, number), _reader(request)))

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=forms.AnswerStatementInput,
        responses={200: forms.MineOutput, **LIMITED},
        operation_id="statement_answer",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Answer one statement; another answer takes the place of the one before."""
        reader, said = _reader(request), forms.AnswerStatementInput.read(request.data)
        found = _named(slug, number)
        services.answer(found, reader, said["statement"], said["answer"], clock.now())
        return Response(_mine(found, reader))

    @extend_schema(
        parameters=[SLUG, NUMBER],
        responses={200: forms.MineOutput, **REFUSED},
        operation_id="consultation_answers_take_back",
    )
    def delete(self, request: Request, slug: str, number: int) -> Response:
        """Take all of your answers back, while the consultation is open."""
        reader, found = _reader(request), _named(slug, number)
        services.take_back(found, reader, clock.now())
        return Response(_mine(found, reader))


class StatementHide(APIView):
    """Whether everybody reads a statement."""

    @extend_schema(
        parameters=[SLUG, NUMBER, STATEMENT],
        request=forms.HideInput,
        responses={200: forms.StatementOutput, **REFUSED},
        operation_id="statement_hide",
    )
    def post(self, request: Request, slug: str, number: int, statement: int) -> Response:
        """Hide it by a rule of the policy, as a moderator, with a public reason."""
        actor, said = signed_in(request), forms.HideInput.read(request.data)
        found = _named(slug, number)
        return _statement(lambda: moderation.hide(found, statement, actor, said["rule"], said["reason"], clock.now()))


class StatementAppeal(APIView):
    """Another look at a hidden statement."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        parameters=[SLUG, NUMBER, STATEMENT],
        request=forms.AppealInput,
        responses={200: forms.StatementOutput, **REFUSED},
        operation_id="statement_appeal",
    )
    def post(self, request: Request, slug: str, number: int, statement: int) -> Response:
        """Ask for it, once, as whoever wrote the statement."""
        reader, said = _reader(request), forms.AppealInput.read(request.data)
        found = _named(slug, number)
        return _statement(lambda: moderation.appeal(found, statement, reader, said["appeal"], clock.now()))


class StatementAppealAnswer(APIView):
    """What came of an appeal."""

    @extend_schema(
        parameters=[SLUG, NUMBER, STATEMENT],
        request=forms.AppealAnswerInput,
        responses={200: forms.StatementOutput, **REFUSED},
        operation_id="statement_appeal_answer",
    )
    def post(self, request: Request, slug: str, number: int, statement: int) -> Response:
        """Answer it, as another moderator than the one who hid the statement."""
        actor, said = signed_in(request), forms.AppealAnswerInput.read(request.data)
        found = _named(slug, number)
        return _statement(
            lambda: moderation.answer_appeal(
                found, statement, actor, said["answer"], clock.now(), restore=said["restore"]
            )
        )


class ConsultationExport(APIView):
    """The answers, for whoever computes the result again."""

    @extend_schema(
        parameters=[SLUG, NUMBER], responses={200: forms.ExportOutput, **REFUSED}, operation_id="consultation_export"
    )
    def get(self, _request: Request, slug: str, number: int) -> Response:
        """Answer with all rows, without names or moments, once the consultation has closed and was counted."""
        return Response(selectors.exported(_named(slug, number)))


def _named(slug: str, number: int) -> Consultation:
    return services.named(community_named(slug), number)


def _proposal(community_id: int, number: int) -> Proposal:
    found = Proposal.objects.filter(community=community_id, number=number).values_list("pk", flat=True).first()
    return get_proposal(found or 0)


def _reader(request: Request) -> Reader:
    """Return who takes part: whoever follows, by a link, a passkey or a wallet; raise NotAuthenticated for nobody."""
    return sessions.needed(request._request, get_language() or "", clock.now())  # noqa: SLF001 - Django's request


def _mine(consultation: Consultation, reader: Reader) -> Any:  # noqa: ANN401 - JSON
    return forms.MineOutput(selectors.mine(consultation, reader)).data


def _statement(act: Callable[[], Statement]) -> Response:
    return Response(forms.StatementOutput(act()).data)


def _output(found: Any, *, many: bool = False) -> Any:  # noqa: ANN401 - JSON
    return forms.ConsultationOutput(found, many=many, context={"now": clock.now()}).data
