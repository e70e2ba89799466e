"""The JSON API of datasets: parse, call one service, present."""

import json

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
from governance.views.base import signed_in
from models_registry.datasets import asking, registering, selectors
from models_registry.datasets.serializers import DatasetInput, DatasetOutput, DatasetRecordOutput, IntakeOutput
from models_registry.models import Dataset, DatasetIntake
from models_registry.rights.services import require_standing_dataset


class DatasetList(generics.ListAPIView[Dataset]):
    """Datasets that intake has read."""

    serializer_class = DatasetOutput
    parser_classes = (MultiPartParser,)

    def get_queryset(self) -> QuerySet[Dataset]:
        """Newest first."""
        return Dataset.objects.select_related("community", "removal__successor").order_by("-pk")

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
                    "columns": {"type": "string", "description": "KEY:COLUMN pairs, comma-separated"},
                    "dialect": {"type": "string", "enum": ["comma", "semicolon", "tab"]},
                    "language": {"type": "string", "description": "of rows that do not say theirs"},
                    "topic": {"type": "string", "description": "of rows that do not say theirs"},
                    "data_kinds": {"type": "string", "description": "kinds of data, comma-separated words"},
                    "country": {"type": "string", "description": "where the rows are kept: ISO 3166-1 alpha-2"},
                    "sources": {"type": "string", "description": "JSON list of sources"},
                    "contributors": {"type": "string", "description": "JSON: who contributed which rows"},
                    "croissant": {"type": "string", "format": "binary", "description": "a Croissant 1.0 file"},
                },
            }
        },
        responses={
            201: DatasetOutput,
            200: DatasetOutput,
            202: IntakeOutput,
            400: ProblemOutput,
            401: ProblemOutput,
            413: ProblemOutput,
            415: ProblemOutput,
            422: ProblemOutput,
        },
        operation_id="dataset_register",
    )
    def post(self, request: Request) -> Response:
        """Read, hash and scan a file of rows (202: a large one is read by a worker). Only a vote includes it."""
        actor = signed_in(request)
        upload = request.FILES.get("file")
        if upload is None:
            raise Malformed("missing_field", "send the rows as a file", field="file")
        values = DatasetInput.read({name: value for name, value in request.data.items() if name != "file"})
        made = asking.with_file(actor, values, upload, clock.now())
        if isinstance(made, DatasetIntake):
            told = IntakeOutput(made, context={"now": clock.now()}).data
            return Response(told, status=status.HTTP_202_ACCEPTED)
        dataset, created = made
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(DatasetOutput(dataset).data, status=code)


class DatasetDetail(APIView):
    """One dataset."""

    @extend_schema(responses={200: DatasetOutput, 404: ProblemOutput}, operation_id="dataset")
    def get(self, _request: Request, digest: str) -> Response:
        """Answer with the dataset."""
        return Response(DatasetOutput(_dataset(digest)).data)


class DatasetRecord(APIView):
    """One row of a dataset."""

    @extend_schema(
        responses={200: DatasetRecordOutput, 404: ProblemOutput, 503: ProblemOutput}, operation_id="dataset_record"
    )
    def get(self, _request: Request, digest: str, number: int) -> Response:
        """Answer with the row and the proof that it is in the dataset; anybody can check it without us."""
        dataset = _dataset(digest)
        require_standing_dataset(dataset, "digest")
        proof = selectors.record(dataset, number)
        told = {
            "dataset": dataset.digest,
            "number": number,
            "leaf_index": proof.index,
            "records": proof.size,
            "row": json.loads(proof.row),
            "canonical": proof.row.decode(),
            "leaf_hash": proof.leaf_hash,
            "path": list(proof.path),
            "records_root": proof.root,
        }
        return Response(DatasetRecordOutput(told).data)


class DatasetRows(APIView):
    """The canonical rows of a dataset."""

    @extend_schema(
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, 404: ProblemOutput}, operation_id="dataset_rows"
    )
    def get(self, _request: Request, digest: str) -> FileResponse:
        """Stream the file whose SHA-256 is the dataset's digest; one that was removed is handed out no more."""
        dataset = _dataset(digest)
        require_standing_dataset(dataset, "digest")
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
    dataset = Dataset.objects.select_related("community", "removal__successor").filter(digest=digest).first()
    if dataset is None:
        raise NotFound("unknown_dataset", "there is no such dataset", found=digest)
    return dataset
