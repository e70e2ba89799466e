"""The log of a community: its size and checkpoint, its entries, and proofs about them (RFC 6962)."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import log, selectors
from governance.serializers.community_outputs import LogEntriesOutput, LogOutput, ProofOutput
from governance.views.base import REFUSED, community_named, number

ENTRIES_MAX = 1_000


class LogView(APIView):
    """The log."""

    @extend_schema(responses={200: LogOutput, **REFUSED}, operation_id="log")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with the size and the newest checkpoint."""
        community = community_named(slug)
        newest = log.newest_checkpoint(community)
        return Response(LogOutput({"size": community.log_size, "checkpoint": newest.note if newest else None}).data)


class LogEntries(APIView):
    """Entries of the log."""

    @extend_schema(
        parameters=[OpenApiParameter("start", int), OpenApiParameter("count", int)],
        responses={200: LogEntriesOutput, **REFUSED},
        operation_id="log_entries",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with leaves from a position on, at most a thousand."""
        start, count = number(request, "start", 0), min(number(request, "count", 100), ENTRIES_MAX)
        leaves = selectors.log_entries(community_named(slug), start, count)
        return Response(LogEntriesOutput({"start": start, "leaves": leaves}).data)


class LogInclusion(APIView):
    """Proofs that an entry is in the log."""

    @extend_schema(
        parameters=[
            OpenApiParameter("position", int, required=True),
            OpenApiParameter("size", int, required=True),
        ],
        responses={200: ProofOutput, **REFUSED},
        operation_id="log_inclusion",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with the audit path of a position in the tree of a size."""
        proof = selectors.inclusion(community_named(slug), number(request, "position"), number(request, "size"))
        return Response(ProofOutput({"proof": proof}).data)


class LogConsistency(APIView):
    """Proofs that the log has only grown."""

    @extend_schema(
        parameters=[OpenApiParameter("old", int, required=True), OpenApiParameter("new", int, required=True)],
        responses={200: ProofOutput, **REFUSED},
        operation_id="log_consistency",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with the proof between two sizes."""
        proof = selectors.consistency(community_named(slug), number(request, "old"), number(request, "new"))
        return Response(ProofOutput({"proof": proof}).data)
