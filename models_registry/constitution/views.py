"""The JSON API of ethics rules, and of the constitution as it stood at any moment."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.clock import unix
from governance.services import proposal_by_public_id
from governance.views.base import REFUSED, community_named, plain
from models_registry.constitution import selectors
from models_registry.constitution.serializers import AdviceOutput, ConstitutionOutput, EthicsRuleOutput
from models_registry.models import EthicsRule


class RuleList(generics.ListAPIView[EthicsRule]):
    """Ethics rules, newest first."""

    serializer_class = EthicsRuleOutput
    queryset = EthicsRule.objects.select_related("community", "proposal", "revoked_by", "record").order_by("-pk")


class ProposalAdvice(APIView):
    """What is told of rules before a vote."""

    @extend_schema(responses={200: AdviceOutput, **REFUSED}, operation_id="proposal_rules")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with the rules that an update may break, or with those that a rule contradicts."""
        proposal = proposal_by_public_id(public_id)
        said = {"outlook": selectors.outlook(proposal), "clashes": selectors.clashes_with(proposal)}
        return Response(AdviceOutput(said).data)


class ConstitutionDetail(APIView):
    """The ethics rules of a community as they stood at a moment."""

    @extend_schema(
        parameters=[
            OpenApiParameter("at", str, description="A day, a time, or UNIX seconds; now where it is left out."),
            OpenApiParameter("since", str, description="An earlier moment: answers with what differs, too."),
        ],
        responses={200: ConstitutionOutput, **REFUSED},
        operation_id="constitution",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with the text at `at` and what changed since `since`."""
        community = community_named(slug)
        asked = {name: plain(request.query_params.get(name, "")) for name in ("at", "since")}
        moments = {name: selectors.moment_of(text, name) for name, text in asked.items() if text}
        found = selectors.constitution(community, moments.get("at", unix(clock.now())), moments.get("since"))
        return Response(ConstitutionOutput(found).data)
