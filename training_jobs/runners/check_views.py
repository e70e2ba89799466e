"""The API of machines for spot checks of sites: take one, show signs of life, say what was found. Thin."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance import clock
from governance.errors import Unavailable
from governance.views.base import REFUSED
from training_jobs.runners import checks, downloads, tokens
from training_jobs.runners import serializers as forms
from training_jobs.runners.authentication import RunnerView
from training_jobs.runners.parsing import ResultParser
from training_jobs.runners.views import FENCE, fence_in
from training_jobs.spot_checks.services import Lease


class Checks(RunnerView):
    """What is to be computed again."""

    scope = tokens.CLAIM

    @extend_schema(responses={200: forms.CheckListOutput, **REFUSED}, operation_id="runner_checks")
    def get(self, _request: Request) -> Response:
        """Answer with the spot checks that this runner may make now."""
        return Response(forms.CheckListOutput({"checks": checks.open_to(self.runner, clock.now())}).data)


class Claim(RunnerView):
    """The lease of a check."""

    scope = tokens.CLAIM

    @extend_schema(
        request=None, responses={200: forms.CheckAssignmentOutput, **REFUSED}, operation_id="runner_check_claim"
    )
    def post(self, _request: Request, pk: int) -> Response:
        """Give it to one runner."""
        return Response(forms.CheckAssignmentOutput(checks.claim(self.runner, pk, clock.now())).data)


class Files(RunnerView):
    """What the check needs."""

    @extend_schema(
        parameters=[FENCE], responses={200: forms.FileListOutput, **REFUSED}, operation_id="runner_check_files"
    )
    def get(self, request: Request, pk: int) -> Response:
        """List path, size and digest."""
        found = _available(self, request, pk)
        return Response(forms.FileListOutput({"files": downloads.listing(found)}).data)


class File(RunnerView):
    """One file of it."""

    @extend_schema(
        parameters=[FENCE],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
            416: OpenApiResponse(description="the range begins behind the end"),
            **REFUSED,
        },
        operation_id="runner_check_file",
    )
    def get(self, request: Request, pk: int, path: str) -> Any:  # noqa: ANN401 - a file, or a refusal of its range
        """Send the file or its part."""
        return downloads.answer(request, _available(self, request, pk), path)


class Heartbeat(RunnerView):
    """A sign of life."""

    @extend_schema(
        request=forms.FenceInput, responses={200: forms.AnswerOutput, **REFUSED}, operation_id="runner_check_heartbeat"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Prolong the lease; say what to do."""
        lease = Lease(pk, forms.FenceInput.read(request.data)["fence"])
        return Response({"answer": checks.heartbeat(self.runner, lease, clock.now())})


class Events(RunnerView):
    """What the check says."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.TrialEventsInput,
        responses={200: forms.AnswerOutput, **REFUSED},
        operation_id="runner_check_events",
    )
    def post(self, request: Request, pk: int) -> Response:
        """Keep how far it is."""
        values = forms.TrialEventsInput.read(request.data)
        checks.stream(self.runner, Lease(pk, values["fence"]), values["events"])
        return _heard()


class Recomputed(RunnerView):
    """What was found."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.RecomputedInput,
        responses={200: forms.AnswerOutput, **REFUSED},
        operation_id="runner_check_recomputed",
    )
    def post(self, request: Request, pk: int) -> Response:
        """Hold it against what the site handed over."""
        values = forms.RecomputedInput.read(request.data)
        lease = Lease(pk, values["fence"])
        checks.recomputed(self.runner, lease, values["report"], values["isolation"], clock.now())
        return _heard()


class Fail(RunnerView):
    """An attempt that did not work."""

    @extend_schema(
        request=forms.FailInput, responses={200: forms.AnswerOutput, **REFUSED}, operation_id="runner_check_fail"
    )
    def post(self, request: Request, pk: int) -> Response:
        """End it."""
        values = forms.FailInput.read(request.data)
        checks.fail(self.runner, Lease(pk, values["fence"]), values["code"], values["detail"], clock.now())
        return _heard()


class Stopped(RunnerView):
    """An attempt that was stopped."""

    @extend_schema(
        request=forms.FenceInput, responses={200: forms.AnswerOutput, **REFUSED}, operation_id="runner_check_stopped"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Confirm it."""
        checks.stopped(self.runner, Lease(pk, forms.FenceInput.read(request.data)["fence"]), clock.now())
        return _heard()


def _available(view: RunnerView, request: Request, check_id: int) -> Mapping[str, Any]:
    try:
        found = checks.files(view.runner, Lease(check_id, fence_in(request)))
    except OSError as error:
        raise Unavailable("storage_failed", "the files of the check cannot be read just now") from error
    downloads.require_there(found)
    return found


def _heard() -> Response:
    return Response({"answer": "heard"})
