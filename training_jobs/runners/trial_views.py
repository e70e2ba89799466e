"""The API of machines for trials of datasets: take one, show signs of life, say what was found. Thin."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance import clock
from governance.errors import Unavailable
from governance.views.base import REFUSED
from training_jobs.previews.services import Lease
from training_jobs.runners import downloads, tokens, trials
from training_jobs.runners import serializers as forms
from training_jobs.runners.authentication import RunnerView
from training_jobs.runners.parsing import ResultParser
from training_jobs.runners.views import FENCE, fence_in


class Trials(RunnerView):
    """What is to be tried."""

    scope = tokens.CLAIM

    @extend_schema(responses={200: forms.TrialListOutput, **REFUSED}, operation_id="runner_trials")
    def get(self, _request: Request) -> Response:
        """Answer with the trials that this runner may take now."""
        return Response(forms.TrialListOutput({"trials": trials.open_to(self.runner, clock.now())}).data)


class Claim(RunnerView):
    """The lease of a trial."""

    scope = tokens.CLAIM

    @extend_schema(
        request=None, responses={200: forms.TrialAssignmentOutput, **REFUSED}, operation_id="runner_trial_claim"
    )
    def post(self, _request: Request, pk: int) -> Response:
        """Give it to one runner."""
        return Response(forms.TrialAssignmentOutput(trials.claim(self.runner, pk, clock.now())).data)


class Files(RunnerView):
    """What the trial needs."""

    @extend_schema(
        parameters=[FENCE], responses={200: forms.FileListOutput, **REFUSED}, operation_id="runner_trial_files"
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
        operation_id="runner_trial_file",
    )
    def get(self, request: Request, pk: int, path: str) -> Any:  # noqa: ANN401 - a file, or a refusal of its range
        """Send the file or its part."""
        return downloads.answer(request, _available(self, request, pk), path)


class Heartbeat(RunnerView):
    """A sign of life."""

    @extend_schema(
        request=forms.FenceInput, responses={200: forms.AnswerOutput, **REFUSED}, operation_id="runner_trial_heartbeat"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Prolong the lease; say what to do."""
        lease = Lease(pk, forms.FenceInput.read(request.data)["fence"])
        return Response({"answer": trials.heartbeat(self.runner, lease, clock.now())})


class Events(RunnerView):
    """What the trial says."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.TrialEventsInput,
        responses={200: forms.AnswerOutput, **REFUSED},
        operation_id="runner_trial_events",
    )
    def post(self, request: Request, pk: int) -> Response:
        """Keep how far it is."""
        values = forms.TrialEventsInput.read(request.data)
        trials.stream(self.runner, Lease(pk, values["fence"]), values["events"])
        return _heard()


class Tried(RunnerView):
    """What was found."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.TriedInput, responses={200: forms.AnswerOutput, **REFUSED}, operation_id="runner_trial_tried"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Check it, let the rules judge, and attach it to the proposal."""
        values = forms.TriedInput.read(request.data)
        lease = Lease(pk, values["fence"])
        trials.tried(self.runner, lease, values["report"], values["isolation"], clock.now())
        return _heard()


class Fail(RunnerView):
    """An attempt that did not work."""

    @extend_schema(
        request=forms.FailInput, responses={200: forms.AnswerOutput, **REFUSED}, operation_id="runner_trial_fail"
    )
    def post(self, request: Request, pk: int) -> Response:
        """End it."""
        values = forms.FailInput.read(request.data)
        trials.fail(self.runner, Lease(pk, values["fence"]), values["code"], values["detail"], clock.now())
        return _heard()


class Stopped(RunnerView):
    """An attempt that was stopped."""

    @extend_schema(
        request=forms.FenceInput, responses={200: forms.AnswerOutput, **REFUSED}, operation_id="runner_trial_stopped"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Confirm it."""
        trials.stopped(self.runner, Lease(pk, forms.FenceInput.read(request.data)["fence"]), clock.now())
        return _heard()


def _available(view: RunnerView, request: Request, trial_id: int) -> Mapping[str, Any]:
    try:
        found = trials.files(view.runner, Lease(trial_id, fence_in(request)))
    except OSError as error:
        raise Unavailable("storage_failed", "the files of the trial cannot be read just now") from error
    downloads.require_there(found)
    return found


def _heard() -> Response:
    return Response({"answer": "heard"})
