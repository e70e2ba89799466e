"""One address as a voter: who votes with its power on a proposal, and what it can vote on in a community."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, selectors, services
from governance.serializers.electorate_outputs import ElectorOutput, RepresentationOutput
from governance.views.base import REFUSED, community_named

_VOTER = OpenApiParameter("voter", str, required=True)


class ProposalRepresentation(APIView):
    """Who votes with somebody's power on a proposal."""

    @extend_schema(
        parameters=[_VOTER], responses={200: RepresentationOutput, **REFUSED}, operation_id="proposal_representation"
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with the delegates of an address, what each did with its power, and what it carries for others."""
        proposal = services.proposal_by_public_id(public_id)
        found = selectors.representation(proposal, request.query_params.get("voter", ""))
        return Response(RepresentationOutput(found).data)


class CommunityElector(APIView):
    """What an address can vote on, before any wallet is asked."""

    @extend_schema(parameters=[_VOTER], responses={200: ElectorOutput, **REFUSED}, operation_id="community_elector")
    def get(self, request: Request, slug: str) -> Response:
        """Answer with the power at the newest census, and the open proposals."""
        found = selectors.elector(community_named(slug), request.query_params.get("voter", ""), clock.now())
        return Response(ElectorOutput(found).data)
