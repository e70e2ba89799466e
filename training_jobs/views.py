"""The JSON API of runs: parse, call one service, present."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.clock import now as clock
from governance.errors import NotFound
from governance.serializers import ProblemOutput
from governance.views.base import signed_in
from training_jobs import services
from training_jobs.models import Run, RunEvent
from training_jobs.serializers import RunEventOutput, RunOutput

_RUNS = Run.objects.select_related(
    "community", "proposal__record", "model", "spec_record", "evaluation_record", "version"
).prefetch_related("attempts")


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


class RunCancel(APIView):
    """Stop a run."""

    @extend_schema(
        request=None,
        responses={200: RunOutput, 401: ProblemOutput, 403: ProblemOutput, 404: ProblemOutput, 409: ProblemOutput},
        operation_id="run_cancel",
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask the worker of the run to stop."""
        return Response(RunOutput(services.cancel(pk, signed_in(request), clock())).data)
