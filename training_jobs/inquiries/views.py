"""The JSON API of inquiries: measuring a release again, and putting an incident's question. Parse, call, present."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from governance import clock
from governance.views.base import REFUSED, signed_in
from models_registry.attestations import release_named
from models_registry.incidents import selectors as incidents
from training_jobs.inquiries import selectors, services
from training_jobs.inquiries.serializers import MeasurementOutput, ReproductionOutput
from training_jobs.models import Inquiry

REVISION = OpenApiParameter("revision", str, "path")
SLUG, NUMBER = OpenApiParameter("slug", str, "path"), OpenApiParameter("number", int, "path")


class ReleaseMeasurements(generics.ListAPIView[Inquiry]):
    """How a release was measured again, newest first."""

    serializer_class = MeasurementOutput

    def get_queryset(self) -> QuerySet[Inquiry]:
        """Return those of the release."""
        if getattr(self, "swagger_fake_view", False):
            return Inquiry.objects.none()
        return selectors.measurements_of(release_named(self.kwargs["revision"]))

    @extend_schema(
        parameters=[REVISION],
        responses={200: MeasurementOutput(many=True), **REFUSED},
        operation_id="release_measurements",
    )
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[REVISION],
        request=None,
        responses={201: MeasurementOutput, **REFUSED},
        operation_id="release_measurement_ask",
    )
    def post(self, request: Request, revision: str) -> Response:
        """Have it measured again, as a steward or as somebody who may propose an update."""
        actor = signed_in(request)
        made = services.ask(release_named(revision), actor, clock.now())
        return Response(MeasurementOutput(made).data, status=status.HTTP_201_CREATED)


class IncidentReproductions(generics.ListAPIView[Inquiry]):
    """What the site heard when it put an incident's question, newest first."""

    serializer_class = ReproductionOutput

    def get_queryset(self) -> QuerySet[Inquiry]:
        """Return those of the incident."""
        if getattr(self, "swagger_fake_view", False):
            return Inquiry.objects.none()
        incident = incidents.numbered(self.kwargs["slug"], self.kwargs["number"])
        return Inquiry.objects.filter(incident=incident).select_related("version", "incident")

    def get_serializer_context(self) -> dict[str, object]:
        """Say whether this viewer may read the incident."""
        context = super().get_serializer_context()
        if not getattr(self, "swagger_fake_view", False):
            viewer = str(getattr(self.request.user, "address", ""))
            shown = incidents.detail(self.kwargs["slug"], self.kwargs["number"], viewer, clock.now())
            context["may_read"] = shown.readable
        return context

    @extend_schema(
        parameters=[SLUG, NUMBER],
        responses={200: ReproductionOutput(many=True), **REFUSED},
        operation_id="incident_reproductions",
    )
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[SLUG, NUMBER],
        request=None,
        responses={201: ReproductionOutput, **REFUSED},
        operation_id="incident_reproduction_ask",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Have the site put the question, as a steward."""
        actor = signed_in(request)
        made = services.ask_incident(incidents.numbered(slug, number), actor, clock.now())
        return Response(ReproductionOutput(made, context={"may_read": True}).data, status=status.HTTP_201_CREATED)
