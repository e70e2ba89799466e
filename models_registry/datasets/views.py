"""The JSON API of datasets: parse, call one service, present."""

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import Malformed, NotFound, Unavailable
from governance.serializers import ProblemOutput
from governance.views.base import community_named, signed_in
from models_registry.datasets import registering
from models_registry.datasets.serializers import DatasetInput, DatasetOutput
from models_registry.models import Dataset


class DatasetList(generics.ListAPIView[Dataset]):
    """Datasets that intake has read."""

    serializer_class = DatasetOutput
    parser_classes = (MultiPartParser,)

    def get_queryset(self) -> QuerySet[Dataset]:
        """Newest first."""
        return Dataset.objects.select_related("community").order_by("-pk")

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "community": {"type": "string"},
                    "slug": {"type": "string"},
                    "title": {"type": "string"},
                    "license": {"type": "string"},
                    "role": {"type": "string", "enum": ["training", "evaluation"]},
                    "digest": {"type": "string"},
                },
            }
        },
        responses={
            201: DatasetOutput,
            200: DatasetOutput,
            400: ProblemOutput,
            401: ProblemOutput,
            413: ProblemOutput,
            415: ProblemOutput,
            422: ProblemOutput,
        },
        operation_id="dataset_register",
    )
    def post(self, request: Request) -> Response:
        """Read, hash and scan a dataset of JSON lines. Only a vote includes it."""
        actor = signed_in(request)
        upload = request.FILES.get("file")
        if upload is None:
            raise Malformed("missing_field", "send the rows as a file", field="file")
        values = DatasetInput.read({name: value for name, value in request.data.items() if name != "file"})
        new = registering.NewDataset(
            slug=values["slug"],
            title=values["title"],
            license=values["license"],
            role=values["role"],
            file_name=str(upload.name),
            digest=values.get("digest", ""),
        )
        dataset, created = registering.register_dataset(
            community_named(values["community"]), actor, new, upload.file, clock.now()
        )
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(DatasetOutput(dataset).data, status=code)


class DatasetDetail(APIView):
    """One dataset."""

    @extend_schema(responses={200: DatasetOutput, 404: ProblemOutput}, operation_id="dataset")
    def get(self, _request: Request, digest: str) -> Response:
        """Answer with the dataset."""
        return Response(DatasetOutput(_dataset(digest)).data)


class DatasetRows(APIView):
    """The canonical rows of a dataset."""

    @extend_schema(
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, 404: ProblemOutput}, operation_id="dataset_rows"
    )
    def get(self, _request: Request, digest: str) -> FileResponse:
        """Stream the file whose SHA-256 is the dataset's digest."""
        dataset = _dataset(digest)
        try:
            rows = registering.dataset_path(dataset.digest).open("rb")
        except OSError as error:
            raise Unavailable("dataset_unreadable", "the stored rows cannot be read just now") from error
        return FileResponse(
            rows,
            as_attachment=True,
            filename=f"{dataset.slug}.jsonl",
            content_type="application/x-ndjson",
        )


def _dataset(digest: str) -> Dataset:
    dataset = Dataset.objects.select_related("community").filter(digest=digest).first()
    if dataset is None:
        raise NotFound("unknown_dataset", "there is no such dataset", found=digest)
    return dataset
