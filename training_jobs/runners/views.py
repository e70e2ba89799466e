"""The API of machines: take a run, show signs of life, hand results over. Parse, call one service, present."""

from collections.abc import Mapping
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from governance import clock
from governance.errors import Invalid, Malformed, Unavailable
from governance.views.base import REFUSED, BytesParser, digest_of, number
from models_registry.parts import read_range
from training_jobs.leases import Lease
from training_jobs.runners import checkpoints, downloads, proof, services, tokens, uploads, work
from training_jobs.runners import serializers as forms
from training_jobs.runners.authentication import RunnerView
from training_jobs.runners.parsing import ResultParser
from training_jobs.sites import measuring
from training_jobs.spot_checks import handing

FENCE = OpenApiParameter("fence", int, required=True)
SLOT = OpenApiParameter("slot", int, description="The place in the run; 0 (the default) is the lead's.")
NDJSON = "application/x-ndjson"


class Hello(RunnerView):
    """A machine says what it is."""

    scope = tokens.CLAIM

    @extend_schema(request=forms.HelloInput, responses={200: forms.HelloOutput, **REFUSED}, operation_id="runner_hello")
    def post(self, request: Request) -> Response:
        """Keep its capabilities; tell it who it is."""
        values = forms.HelloInput.read(request.data)
        if values["protocol"] != forms.PROTOCOL:
            raise Invalid("protocol_unsupported", "update the bot", found=values["protocol"], allowed=forms.PROTOCOL)
        runner = services.hello(self.runner, values)
        answer = {
            "runner": runner.pk,
            "name": runner.name,
            "community": runner.community.record_id,
            "scopes": self.token.scopes,
            "expires_at": self.token.expires_at,
            "issued_at": self.token.created_at,
            "protocol": forms.PROTOCOL,
            "measure": measuring.is_due(runner, clock.now()),
        }
        return Response(forms.HelloOutput(answer).data)


class OwnToken(RunnerView):
    """A machine's own token."""

    scope = tokens.CLAIM

    @extend_schema(
        request=None, responses={201: forms.NewTokenOutput, **REFUSED}, operation_id="runner_token_rotate_itself"
    )
    def post(self, _request: Request) -> Response:
        """Replace it; the old one lets in for an hour more."""
        made = services.rotate_itself(self.token, clock.now())
        return Response(forms.NewTokenOutput(made).data, status=status.HTTP_201_CREATED)


class Work(RunnerView):
    """What is to be done."""

    scope = tokens.CLAIM

    @extend_schema(responses={200: forms.WorkListOutput, **REFUSED}, operation_id="runner_work")
    def get(self, _request: Request) -> Response:
        """Answer with the runs that this runner may take now."""
        return Response(forms.WorkListOutput({"runs": work.open_runs(self.runner, clock.now())}).data)


class Claim(RunnerView):
    """The lease of a run."""

    scope = tokens.CLAIM

    @extend_schema(request=None, responses={200: forms.AssignmentOutput, **REFUSED}, operation_id="runner_claim")
    def post(self, _request: Request, pk: int) -> Response:
        """Give it to one runner."""
        return Response(forms.AssignmentOutput(work.claim(self.runner, pk, clock.now())).data)


class Proof(RunnerView):
    """Why this run may be run."""

    scope = tokens.CLAIM

    @extend_schema(responses={(200, NDJSON): OpenApiTypes.BINARY, **REFUSED}, operation_id="runner_proof")
    def get(self, _request: Request, pk: int) -> StreamingHttpResponse:
        """Stream every record that a verifier needs."""
        return StreamingHttpResponse(proof.lines(work.run_for(self.runner, pk)), content_type=NDJSON)


class Files(RunnerView):
    """What the run needs."""

    @extend_schema(
        parameters=[FENCE, SLOT], responses={200: forms.FileListOutput, **REFUSED}, operation_id="runner_files"
    )
    def get(self, request: Request, pk: int) -> Response:
        """List path, size and digest."""
        lease = _lease(request, pk)
        found = _available(self, lease)
        return Response(forms.FileListOutput({"files": downloads.listing(found)}).data)


class File(RunnerView):
    """One file of it."""

    @extend_schema(
        parameters=[FENCE, SLOT],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
            416: OpenApiResponse(description="the range begins behind the end"),
            **REFUSED,
        },
        operation_id="runner_file",
    )
    def get(self, request: Request, pk: int, path: str) -> Any:  # noqa: ANN401 - a file, or a refusal of its range
        """Send the file or its part (Range, RFC 9110 section 14)."""
        lease = _lease(request, pk)
        return downloads.answer(request, _available(self, lease), path)


class Heartbeat(RunnerView):
    """A sign of life."""

    @extend_schema(
        request=forms.LeaseInput, responses={200: forms.AnswerOutput, **REFUSED}, operation_id="runner_heartbeat"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Prolong the lease; say what to do."""
        lease = _lease_in(forms.LeaseInput.read(request.data), pk)
        return Response({"answer": work.heartbeat(self.runner, lease, clock.now())})


class Events(RunnerView):
    """What the trainer says."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.EventsInput, responses={200: forms.ResultOutput, **REFUSED}, operation_id="runner_events"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Keep it."""
        values = forms.EventsInput.read(request.data)
        work.stream(self.runner, _lease_in(values, pk), values["events"], clock.now())
        return _result(pk, None)


class Upload(RunnerView):
    """One file, in parts, by its digest."""

    parser_classes = (BytesParser,)

    @extend_schema(
        parameters=[FENCE],
        responses={200: OpenApiResponse(description="Upload-Offset says how many bytes are there"), **REFUSED},
        operation_id="runner_upload_offset",
    )
    def head(self, request: Request, pk: int, sha256: str) -> Response:
        """Say how much is there."""
        fence = fence_in(request)
        work.held(self.runner, Lease(pk, fence))
        there = uploads.received(uploads.attempt_folder(pk, fence), digest_of(sha256))
        return Response(headers={"Upload-Offset": str(there)})

    @extend_schema(
        parameters=[FENCE, OpenApiParameter("Content-Range", str, OpenApiParameter.HEADER, required=True)],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: forms.ReceivedOutput, 202: forms.ReceivedOutput, 415: REFUSED[400], **REFUSED},
        operation_id="runner_upload",
    )
    def put(self, request: Request, pk: int, sha256: str) -> Response:
        """Append a part: 202 while more is expected, 201 once the file is whole."""
        digest = digest_of(sha256)
        fence = fence_in(request)
        work.held(self.runner, Lease(pk, fence))
        part = read_range(request.headers.get("Content-Range", ""))
        length = request.headers.get("Content-Length", "")
        if length != str(part.last - part.first + 1):
            raise Malformed("length_wrong", "Content-Length is not that of the Content-Range", found=length)
        stream = request.data.get("stream")
        if stream is None:
            raise Malformed("length_wrong", "there is no body")
        folder = uploads.attempt_folder(pk, fence)
        with handing.watched(self.runner, pk, fence, clock.now()):
            received, whole = uploads.take_in(folder, digest, part, stream)
        code = status.HTTP_201_CREATED if whole else status.HTTP_202_ACCEPTED
        return Response({"received": received}, status=code)


class Checkpoint(RunnerView):
    """A checkpoint for whoever takes over."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.CheckpointInput, responses={200: forms.ResultOutput, **REFUSED}, operation_id="runner_checkpoint"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Keep it."""
        values = forms.CheckpointInput.read(request.data)
        run = work.held(self.runner, Lease(pk, values["fence"]))
        with handing.watched(self.runner, pk, values["fence"], clock.now()):
            checkpoints.keep(run, values["fence"], values["manifest"])
        handing.checkpoint_kept(self.runner, run, values["fence"], values["manifest"]["step"], clock.now())
        return _result(pk, None)


class Trained(RunnerView):
    """A finished model."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.TrainedInput, responses={200: forms.ResultOutput, **REFUSED}, operation_id="runner_trained"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Take it over."""
        values = forms.TrainedInput.read(request.data)
        now = clock.now()
        with handing.watched(self.runner, pk, values["fence"], now):
            run = work.trained(self.runner, pk, values["fence"], values["description"], values["isolation"], now)
        handing.model_kept(self.runner, run, values["fence"], now)
        return _result(pk, run.run_record_id)


class Evaluated(RunnerView):
    """What was measured."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.EvaluatedInput, responses={200: forms.ResultOutput, **REFUSED}, operation_id="runner_evaluated"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Let the rules judge it."""
        values = forms.EvaluatedInput.read(request.data)
        run = work.evaluated(self.runner, pk, values["fence"], values["report"], clock.now())
        return _result(pk, run.evaluation_record_id, run.verdict)


class TookPart(RunnerView):
    """A member's share that is done."""

    parser_classes = (ResultParser,)

    @extend_schema(
        request=forms.TookPartInput, responses={200: forms.ResultOutput, **REFUSED}, operation_id="runner_took_part"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Keep what it made, to be held against what the lead hands over."""
        values = forms.TookPartInput.read(request.data)
        work.took_part(self.runner, _lease_in(values, pk), values["description"], clock.now())
        return _result(pk, None)


class Fail(RunnerView):
    """An attempt that did not work."""

    @extend_schema(request=forms.FailInput, responses={200: forms.ResultOutput, **REFUSED}, operation_id="runner_fail")
    def post(self, request: Request, pk: int) -> Response:
        """End it."""
        values = forms.FailInput.read(request.data)
        told = values["code"], values["detail"]
        work.fail(self.runner, _lease_in(values, pk), *told, clock.now(), permanent=values["permanent"])
        return _result(pk, None)


class Stopped(RunnerView):
    """An attempt that was stopped."""

    @extend_schema(
        request=forms.LeaseInput, responses={200: forms.ResultOutput, **REFUSED}, operation_id="runner_stopped"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Confirm it."""
        work.stopped(self.runner, _lease_in(forms.LeaseInput.read(request.data), pk), clock.now())
        return _result(pk, None)


def fence_in(request: Request) -> int:
    """Return the fencing number in an address; raise Malformed for what is none."""
    fence = number(request, "fence")
    if not 0 < fence <= forms.FENCE_MAX:
        raise Malformed("malformed_field", "this is the fencing number of the claim", field="fence", found=fence)
    return fence


def _lease(request: Request, run_id: int) -> Lease:
    slot = number(request, "slot", 0)
    if not 0 <= slot <= forms.SLOT_MAX:
        raise Malformed("malformed_field", "this is the slot of the claim", field="slot", found=slot)
    return Lease(run_id, fence_in(request), slot)


def _lease_in(values: Mapping[str, Any], run_id: int) -> Lease:
    return Lease(run_id, values["fence"], values["slot"])


def _available(view: RunnerView, lease: Lease) -> dict[str, Any]:
    try:
        found = work.files(view.runner, lease)
    except OSError as error:
        raise Unavailable("storage_failed", "the files of the run cannot be read just now") from error
    downloads.require_there(found)
    return found


def _result(run_id: int, record: str | None, verdict: str = "") -> Response:
    return Response({"run": run_id, "record": record, "verdict": verdict})
