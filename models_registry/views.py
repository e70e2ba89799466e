"""The JSON API of the registry: parse, call one service, present."""

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import Malformed, NotFound, Unavailable
from governance.serializers import ProblemOutput
from governance.serializers.inputs import ReasonInput
from governance.services import proposal_by_public_id
from governance.views.base import REFUSED, community_named, signed_in
from models_registry import notices, selectors, services, withdrawals
from models_registry.models import Dataset, EthicsRule, Model, Version
from models_registry.serializers import (
    DatasetInput,
    DatasetOutput,
    EthicsRuleOutput,
    LineageOutput,
    ModelOutput,
    NoticeOutput,
    VersionOutput,
)


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
        new = services.NewDataset(
            slug=values["slug"],
            title=values["title"],
            license=values["license"],
            role=values["role"],
            file_name=str(upload.name),
            digest=values.get("digest", ""),
        )
        dataset, created = services.register_dataset(
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
            rows = services.dataset_path(dataset.digest).open("rb")
        except OSError as error:
            raise Unavailable("dataset_unreadable", "the stored rows cannot be read just now") from error
        return FileResponse(
            rows,
            as_attachment=True,
            filename=f"{dataset.slug}.jsonl",
            content_type="application/x-ndjson",
        )


class RuleList(generics.ListAPIView[EthicsRule]):
    """Ethics rules, newest first."""

    serializer_class = EthicsRuleOutput
    queryset = EthicsRule.objects.select_related("community", "proposal", "record").order_by("-pk")


class ModelList(generics.ListAPIView[Model]):
    """Models with their versions."""

    serializer_class = ModelOutput
    queryset = (
        Model.objects.select_related("community")
        .prefetch_related(
            "versions__evaluation_record",
            "versions__publications",
            "versions__deliveries__publication",
            "versions__model",
        )
        .order_by("pk")
    )


class ProposalDiscussion(APIView):
    """What was or is to be said of a proposal in its discussion on another hub."""

    @extend_schema(responses={200: NoticeOutput(many=True), **REFUSED}, operation_id="proposal_discussion")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with one entry for each stage, in order; none where it is not discussed elsewhere."""
        told = notices.told_of(proposal_by_public_id(public_id), clock.now())
        return Response(NoticeOutput(told, many=True).data)


class ReleaseDetail(APIView):
    """One version, by its revision."""

    @extend_schema(
        parameters=[OpenApiParameter("revision", str, "path")],
        responses={200: VersionOutput, 404: ProblemOutput},
        operation_id="release",
    )
    def get(self, _request: Request, revision: str) -> Response:
        """Answer with the version."""
        version = (
            Version.objects.select_related("model", "evaluation_record")
            .prefetch_related("deliveries__publication")
            .filter(revision=revision)
            .first()
        )
        if version is None:
            raise NotFound("unknown_release", "there is no such release", found=revision)
        return Response(VersionOutput(version).data)


class ReleasePause(APIView):
    """Stop handing a version out for a while, as a guardian."""

    @extend_schema(
        parameters=[OpenApiParameter("revision", str, "path")],
        request=ReasonInput,
        responses={200: VersionOutput, **REFUSED},
        operation_id="release_pause",
    )
    def post(self, request: Request, revision: str) -> Response:
        """Pause it, once, for as long as the charter lets a guardian hold things up."""
        actor = signed_in(request)
        reason = ReasonInput.read(request.data)["reason"]
        return Response(VersionOutput(withdrawals.pause_release(revision, actor, reason, clock.now())).data)


class ReleaseLineage(APIView):
    """What a release rests on, back to the ballots."""

    @extend_schema(
        parameters=[OpenApiParameter("revision", str, "path")],
        responses={200: LineageOutput, 404: ProblemOutput, 503: ProblemOutput},
        operation_id="release_lineage",
    )
    def get(self, _request: Request, revision: str) -> Response:
        """Answer with nodes and edges; ballots stand folded at their proposal."""
        return Response(LineageOutput(selectors.release_graph(revision)).data)


def _dataset(digest: str) -> Dataset:
    dataset = Dataset.objects.select_related("community").filter(digest=digest).first()
    if dataset is None:
        raise NotFound("unknown_dataset", "there is no such dataset", found=digest)
    return dataset
