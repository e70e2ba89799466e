"""The JSON API of runs: parse, call one service, present."""

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import NotFound
from governance.serializers import ProblemOutput
from governance.serializers.inputs import ReasonInput
from governance.services import proposal_by_public_id
from governance.views.base import signed_in
from training_jobs import kept_samples, recipe_changes, series_export, services
from training_jobs.models import Run, RunEvent
from training_jobs.serializers import DifferenceOutput, RunEventOutput, RunOutput, RunSeriesOutput

_RUNS = Run.objects.select_related(
    "community", "proposal__record", "model", "spec_record", "run_record", "evaluation_record", "version"
).prefetch_related("attempts", "seats")


class RunList(generics.ListAPIView[Run]):
    """Runs, newest first."""

    serializer_class = RunOutput
    queryset = _RUNS.order_by("-pk")


class RunDetail(APIView):
    """One run."""

    @extend_schema(responses={200: RunOutput, 404: ProblemOutput}, operation_id="run")
    def get(self, _request: Request, pk: int) -> Response:
        """Answer with the run."""
        run = _RUNS.filter(pk=pk).first()
        if run is None:
            raise NotFound("unknown_run", "there is no such run", found=pk)
        return Response(RunOutput(run).data)


class RunEvents(generics.ListAPIView[RunEvent]):
    """What a run has streamed, oldest first."""

    serializer_class = RunEventOutput

    def get_queryset(self) -> QuerySet[RunEvent]:
        """Return the events of the run."""
        if getattr(self, "swagger_fake_view", False):
            return RunEvent.objects.none()
        if not Run.objects.filter(pk=self.kwargs["pk"]).exists():
            raise NotFound("unknown_run", "there is no such run", found=self.kwargs["pk"])
        return RunEvent.objects.filter(run_id=self.kwargs["pk"]).order_by("pk")


class RunSeries(APIView):
    """Loss, speed and learning rate by step."""

    @extend_schema(responses={200: RunSeriesOutput, 404: ProblemOutput}, operation_id="run_series")
    def get(self, _request: Request, pk: int) -> Response:
        """Answer with all points of the lead; a later attempt takes the place of an earlier one where it took over."""
        return Response(series_export.as_json(series_export.series_numbered(pk)))


class RunCancel(APIView):
    """Stop a run."""

    @extend_schema(
        request=None,
        responses={200: RunOutput, 401: ProblemOutput, 403: ProblemOutput, 404: ProblemOutput, 409: ProblemOutput},
        operation_id="run_cancel",
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask the worker of the run to stop."""
        return Response(RunOutput(services.cancel(pk, signed_in(request), clock.now())).data)


class Samples(APIView):
    """The samples that a report was computed from."""

    @extend_schema(
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, 404: ProblemOutput}, operation_id="samples"
    )
    def get(self, _request: Request, sha256: str) -> FileResponse:
        """Answer with one line per question, pair or text, and what both models made of it."""
        name = f"{sha256}.jsonl"
        return FileResponse(kept_samples.find(sha256).open("rb"), content_type="application/x-ndjson", filename=name)


class RunPause(APIView):
    """Hold a run up as a guardian."""

    @extend_schema(
        request=ReasonInput,
        responses={
            200: RunOutput,
            400: ProblemOutput,
            401: ProblemOutput,
            403: ProblemOutput,
            404: ProblemOutput,
            409: ProblemOutput,
            422: ProblemOutput,
        },
        operation_id="run_pause",
    )
    def post(self, request: Request, pk: int) -> Response:
        """Pause the run, once, for as long as the charter allows; it goes on by itself."""
        actor = signed_in(request)
        reason = ReasonInput.read(request.data)["reason"]
        return Response(RunOutput(services.pause(pk, actor, reason, clock.now())).data)


class ProposalDifference(APIView):
    """What a model update does otherwise than the recipe of its base version."""

    @extend_schema(
        responses={200: DifferenceOutput, 400: ProblemOutput, 404: ProblemOutput}, operation_id="proposal_difference"
    )
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with the changes in the order of the specification's keys."""
        found = recipe_changes.against_base(proposal_by_public_id(public_id))
        if found is None:
            raise NotFound(
                "no_recipe_before", "no run made the version that this proposal starts from", field="proposal"
            )
        return Response(DifferenceOutput.of(public_id, found))
