"""Communities, their charters, and the tables of kinds and voting methods."""

from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, selectors
from governance.kinds import all_kinds
from governance.models import Community
from governance.serializers import ProblemOutput
from governance.serializers.community_outputs import ImportedVoteOutput
from governance.serializers.outputs import CharterOutput, CommunityOutput, KindOutput, MethodOutput
from governance.services import council_in_office
from governance.tally import METHODS
from governance.views.base import community_named


class CommunityList(generics.ListAPIView[Community]):
    """All communities."""

    queryset = Community.objects.order_by("slug")
    serializer_class = CommunityOutput


class CommunityDetail(APIView):
    """One community."""

    @extend_schema(responses={200: CommunityOutput, 404: ProblemOutput}, operation_id="community")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with the community."""
        return Response(CommunityOutput(community_named(slug)).data)


class KindList(APIView):
    """All kinds of proposals."""

    @extend_schema(responses=KindOutput(many=True), operation_id="kinds")
    def get(self, _request: Request) -> Response:
        """Answer with every kind."""
        return Response(KindOutput(all_kinds().values(), many=True).data)


class MethodList(APIView):
    """All voting methods."""

    @extend_schema(responses=MethodOutput(many=True), operation_id="methods")
    def get(self, _request: Request) -> Response:
        """Answer with every method and its tie rule."""
        return Response(MethodOutput(METHODS.values(), many=True).data)


class CharterView(APIView):
    """The rules by which a community decides."""

    @extend_schema(responses={200: CharterOutput, 404: ProblemOutput}, operation_id="charter")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with the charter in force, and the council."""
        community = community_named(slug)
        council = council_in_office(community, clock.now())
        answer = {
            "record": community.charter_id,
            "charter": community.charter.body,
            "council": council.record.body if council else None,
        }
        return Response(CharterOutput(answer).data)


class HistoryList(APIView):
    """Votes that a community brought from elsewhere."""

    @extend_schema(responses={200: ImportedVoteOutput(many=True), 404: ProblemOutput}, operation_id="history")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with all of them, the newest first."""
        return Response(ImportedVoteOutput(selectors.imported_votes(community_named(slug)), many=True).data)
