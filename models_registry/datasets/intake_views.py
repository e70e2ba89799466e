"""The JSON API of datasets on their way in: files in parts, and sources that a worker reads. Parse, call, present."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import Malformed
from governance.views.base import REFUSED, BytesParser, community_named, signed_in
from models_registry.datasets import asking, intakes, uploads
from models_registry.datasets.serializers import (
    IntakeInput,
    IntakeOutput,
    UploadInput,
    UploadOutput,
)
from models_registry.models import DatasetIntake
from models_registry.parts import read_digest, read_range


class UploadList(APIView):
    """Files that come in parts."""

    @extend_schema(request=UploadInput, responses={200: UploadOutput, **REFUSED}, operation_id="dataset_upload_create")
    def post(self, request: Request) -> Response:
        """Announce a file; announcing it again finds it."""
        actor = signed_in(request)
        values = UploadInput.read(request.data)
        community = community_named(values["community"])
        found = uploads.create(community, actor, values["name"], values["size"], values["sha256"], clock.now())
        return Response(UploadOutput(found).data)


class UploadDetail(APIView):
    """One file that comes in parts."""

    parser_classes = (BytesParser,)

    @extend_schema(responses={200: UploadOutput, **REFUSED}, operation_id="dataset_upload")
    def get(self, request: Request, pk: int) -> Response:
        """Say how much of it is there."""
        return Response(UploadOutput(uploads.find(pk, signed_in(request), clock.now())).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("Content-Range", str, OpenApiParameter.HEADER, required=True),
            OpenApiParameter(
                "Content-Digest",
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="sha-256=:BASE64: of this part (RFC 9530)",
            ),
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={200: UploadOutput, **REFUSED},
        operation_id="dataset_upload_part",
    )
    def put(self, request: Request, pk: int) -> Response:
        """Append a part that begins where the last one ended."""
        upload = uploads.find(pk, signed_in(request), clock.now())
        part = read_range(request.headers.get("Content-Range", ""))
        digest = read_digest(request.headers.get("Content-Digest", ""))
        length = request.headers.get("Content-Length", "")
        stream = request.data.get("stream")
        if stream is None or length != str(part.last - part.first + 1):
            raise Malformed("length_wrong", "Content-Length is not that of the Content-Range", found=length)
        uploads.take_part(upload, part, digest, stream)
        return Response(UploadOutput(upload).data)

    @extend_schema(responses={204: None, **REFUSED}, operation_id="dataset_upload_remove")
    def delete(self, request: Request, pk: int) -> Response:
        """Remove it, unless it is being taken in."""
        uploads.forget(uploads.find(pk, signed_in(request), clock.now()))
        return Response(status=status.HTTP_204_NO_CONTENT)


class IntakeList(generics.ListAPIView[DatasetIntake]):
    """Datasets on their way in."""

    serializer_class = IntakeOutput

    def get_queryset(self) -> "QuerySet[DatasetIntake]":
        """Newest first."""
        return DatasetIntake.objects.select_related("community", "dataset").order_by("-pk")

    def get_serializer_context(self) -> dict[str, Any]:
        """Say what time it is."""
        return {**super().get_serializer_context(), "now": clock.now()}

    @extend_schema(request=IntakeInput, responses={202: IntakeOutput, **REFUSED}, operation_id="dataset_intake_create")
    def post(self, request: Request) -> Response:
        """Ask a worker to read a file that was sent in parts, lies elsewhere, or files of a repository."""
        actor = signed_in(request)
        values = IntakeInput.read(request.data)
        row = asking.with_source(actor, values, clock.now())
        return Response(IntakeOutput(row, context={"now": clock.now()}).data, status=status.HTTP_202_ACCEPTED)


class IntakeDetail(APIView):
    """One dataset on its way in."""

    @extend_schema(responses={200: IntakeOutput, **REFUSED}, operation_id="dataset_intake")
    def get(self, _request: Request, pk: int) -> Response:
        """Say what became of it."""
        return Response(IntakeOutput(intakes.find(pk), context={"now": clock.now()}).data)
