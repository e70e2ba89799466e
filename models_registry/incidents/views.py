"""The JSON API of incidents: reporting one, listing them, and what stewards and guardians do with them."""

from abc import ABC, abstractmethod
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.networks import network_of
from governance.serializers import ProblemOutput
from governance.serializers.inputs import ReasonInput
from governance.serializers.outputs import DraftOutput
from governance.views.base import REFUSED, community_named, signed_in
from models_registry import contacts
from models_registry.attestations import release_named
from models_registry.incidents import lifecycle, regression, selectors, services, waiting
from models_registry.incidents.serializers import (
    AnswerInput,
    CaseInput,
    IncidentOutput,
    ReportInput,
    SeverityOutput,
    TriageInput,
    WaitingReportOutput,
    WaitsOutput,
)
from models_registry.models import Incident, WaitingReport

REVISION = OpenApiParameter("revision", str, "path")
SLUG, NUMBER = OpenApiParameter("slug", str, "path"), OpenApiParameter("number", int, "path")


class SeverityList(APIView):
    """The severities with their deadlines."""

    @extend_schema(responses={200: SeverityOutput(many=True)}, operation_id="incident_severities")
    def get(self, _request: Request) -> Response:
        """Answer with the table, worst first."""
        rows = [
            {
                "severity": name,
                "triage_seconds": limits.triage_seconds,
                "answer_seconds": limits.answer_seconds,
                "may_pause": limits.may_pause,
            }
            for name, limits in lifecycle.SEVERITIES.items()
        ]
        return Response(SeverityOutput(rows, many=True).data)


class _Listing(ABC, generics.ListAPIView[Incident]):
    """A page of incidents as everybody may read them."""

    serializer_class = IncidentOutput

    @abstractmethod
    def found(self) -> QuerySet[Incident]:
        """Return what is listed."""

    def get_queryset(self) -> QuerySet[Incident]:
        """Newest first."""
        return Incident.objects.none() if getattr(self, "swagger_fake_view", False) else self.found()

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - DRF's signature
        """Say of each where it stands."""
        now = clock.now()
        if args and kwargs.get("many"):
            args = ([selectors.row(incident, now) for incident in args[0]], *args[1:])
        return super().get_serializer(*args, **kwargs)


class ReleaseIncidents(_Listing):
    """What was reported about a release. Anyone reports; no session is needed."""

    def found(self) -> QuerySet[Incident]:
        """Return those of the release."""
        return selectors.of_version(release_named(self.kwargs["revision"]))

    @extend_schema(
        parameters=[REVISION],
        responses={200: IncidentOutput(many=True), **REFUSED},
        operation_id="release_incidents",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with one page of those of a release."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[REVISION],
        request=ReportInput,
        responses={201: IncidentOutput, 200: IncidentOutput, 202: WaitsOutput, **REFUSED, 429: ProblemOutput},
        operation_id="incident_report",
    )
    def post(self, request: Request, revision: str) -> Response:
        """Take a report in; the same one again changes nothing. 202: many came today, and it waits in line."""
        reporter = str(request.user.address) if request.user.is_authenticated else ""
        now = clock.now()
        told = ReportInput.to_report(request.data)
        kept, new = services.report(revision, reporter, told, now, network_of(request, now))
        if isinstance(kept, WaitingReport):
            return Response(WaitsOutput(kept).data, status=status.HTTP_202_ACCEPTED)
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(_output(kept), status=code)


class CommunityIncidents(_Listing):
    """What was reported in a community."""

    def found(self) -> QuerySet[Incident]:
        """Return those of the community."""
        return selectors.all_of(community_named(self.kwargs["slug"]))

    @extend_schema(
        parameters=[SLUG], responses={200: IncidentOutput(many=True), **REFUSED}, operation_id="community_incidents"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with one page of them."""
        return super().get(request, *args, **kwargs)


class IncidentDetail(APIView):
    """One incident."""

    @extend_schema(
        parameters=[SLUG, NUMBER], responses={200: IncidentOutput, **REFUSED}, operation_id="community_incident"
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Answer with it; stewards and its reporter can read it before the triage."""
        viewer = str(request.user.address) if request.user.is_authenticated else ""
        shown = selectors.detail(slug, number, viewer, clock.now())
        return Response(IncidentOutput(shown.row, context={"may_read": shown.readable}).data)


class IncidentTriage(APIView):
    """How severe it is."""

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=TriageInput,
        responses={200: IncidentOutput, **REFUSED},
        operation_id="incident_triage",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Say it, as a steward."""
        actor, said = signed_in(request), TriageInput.read(request.data)
        return Response(_output(services.triage(slug, number, actor, **said, now=clock.now())))


class IncidentAnswer(APIView):
    """What came of it."""

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=AnswerInput,
        responses={200: IncidentOutput, **REFUSED},
        operation_id="incident_answer",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Answer it, as a steward."""
        actor = signed_in(request)
        return Response(_output(services.answer(slug, number, actor, AnswerInput.to_answer(request.data), clock.now())))


class IncidentWithhold(APIView):
    """Whether everybody may read the report."""

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=ReasonInput,
        responses={200: IncidentOutput, **REFUSED},
        operation_id="incident_withhold",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Keep it from the public, as a steward, with a public reason."""
        actor, reason = signed_in(request), ReasonInput.read(request.data)["reason"]
        return Response(_output(services.withhold(slug, number, actor, reason, clock.now())))


class IncidentContact(APIView):
    """How to reach whoever reported it."""

    @extend_schema(
        parameters=[SLUG, NUMBER], request=None, responses={204: None, **REFUSED}, operation_id="incident_forget"
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Erase it, as a steward or as the member who reported it."""
        contacts.erase_of_incident(slug, number, signed_in(request), clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class WaitingList(APIView):
    """Reports of strangers that wait until there is room for them."""

    @extend_schema(
        parameters=[SLUG], responses={200: WaitingReportOutput(many=True), **REFUSED}, operation_id="incidents_waiting"
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with the line, for a steward."""
        rows = waiting.in_line(community_named(slug), signed_in(request), clock.now())
        return Response(WaitingReportOutput(rows, many=True).data)


class WaitingTakeIn(APIView):
    """Room for one more."""

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=None,
        responses={201: IncidentOutput, **REFUSED},
        operation_id="incident_take_in",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Make an incident of a waiting report now, as a steward."""
        incident = waiting.take_in(slug, number, signed_in(request), clock.now())
        return Response(_output(incident), status=status.HTTP_201_CREATED)


class WaitingTurnAway(APIView):
    """Turning a waiting report away."""

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=ReasonInput,
        responses={204: None, **REFUSED},
        operation_id="incident_turn_away",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Delete it, as a steward, with a public reason."""
        actor, reason = signed_in(request), ReasonInput.read(request.data)["reason"]
        waiting.turn_away(slug, number, actor, reason, clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class IncidentPause(APIView):
    """The pause that it leads to."""

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=ReasonInput,
        responses={200: IncidentOutput, **REFUSED},
        operation_id="incident_pause",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Pause the release because of it, as a guardian."""
        actor, reason = signed_in(request), ReasonInput.read(request.data)["reason"]
        return Response(_output(services.pause(slug, number, actor, reason, clock.now())))


class IncidentCase(APIView):
    """The question of a suite that it becomes."""

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=CaseInput,
        responses={201: DraftOutput, **REFUSED},
        operation_id="incident_case",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Register the suite with the question; answer with the draft of a rule on it, to be edited and submitted."""
        actor, asked = signed_in(request), CaseInput.read(request.data)
        made = regression.make_case(slug, number, actor, **asked, now=clock.now())
        return Response(DraftOutput(made).data, status=status.HTTP_201_CREATED)


def _output(incident: Incident) -> dict[str, Any]:
    return IncidentOutput(selectors.row(incident, clock.now())).data
