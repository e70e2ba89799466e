"""The JSON API of the registry: parse, call one service, present."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import NotFound
from governance.serializers import ProblemOutput
from governance.serializers.inputs import ReasonInput
from governance.services import proposal_by_public_id
from governance.views.base import REFUSED, signed_in
from models_registry import descent, notices, release_status, selectors, watch, withdrawals
from models_registry.attestations import release_named
from models_registry.models import Model, Version
from models_registry.serializers import (
    AccountabilityOutput,
    BuiltOutput,
    LineageOutput,
    ModelOutput,
    NoticeOutput,
    StatusOutput,
    VersionOutput,
    WatchedOutput,
)


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


class ReleaseStatus(APIView):
    """How a release stands today, for `verify --status` and whoever follows it."""

    @extend_schema(
        parameters=[OpenApiParameter("revision", str, "path")],
        responses={200: StatusOutput, 404: ProblemOutput},
        operation_id="release_status",
    )
    def get(self, _request: Request, revision: str) -> Response:
        """Answer with the standing, and with the entries of the signed log that show it."""
        return Response(StatusOutput(release_status.status_of(release_named(revision), clock.now())).data)


class ReleaseDescendants(APIView):
    """What was built on a release."""

    @extend_schema(
        parameters=[OpenApiParameter("revision", str, "path")],
        responses={200: BuiltOutput(many=True), 404: ProblemOutput},
        operation_id="release_descendants",
    )
    def get(self, _request: Request, revision: str) -> Response:
        """Answer with every version that was built on it, nearest first, here and in the mirror."""
        return Response(BuiltOutput(descent.built_on(release_named(revision), clock.now()), many=True).data)


class ReleaseAccountability(APIView):
    """Who answers for a release, and whether it kept its promises."""

    @extend_schema(
        parameters=[OpenApiParameter("revision", str, "path")],
        responses={200: AccountabilityOutput, 404: ProblemOutput, 503: ProblemOutput},
        operation_id="release_accountability",
    )
    def get(self, _request: Request, revision: str) -> Response:
        """Answer from the records of the release."""
        return Response(AccountabilityOutput(selectors.accountability_of(revision)).data)


class ReleaseWatch(APIView):
    """What the rules of today say of a release."""

    @extend_schema(
        parameters=[OpenApiParameter("revision", str, "path")],
        responses={200: WatchedOutput, 404: ProblemOutput},
        operation_id="release_watch",
    )
    def get(self, _request: Request, revision: str) -> Response:
        """Answer with one entry for each rule in force."""
        return Response(WatchedOutput(watch.watched(release_named(revision), clock.now())).data)


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
