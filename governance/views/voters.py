"""Who voted on a proposal, how and why, and who has not: page by page, as the site lists it."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, selectors, services
from governance.errors import Malformed
from governance.selectors import voters as lists
from governance.serializers.electorate_outputs import VotersOutput
from governance.views.base import REFUSED, number, plain

_SEARCH_MAX = 100


class ProposalVoters(APIView):
    """The voters of a proposal, with their reasons."""

    @extend_schema(
        parameters=[
            OpenApiParameter("who", str, enum=[lists.VOTED, lists.MISSING]),
            OpenApiParameter("search", str, description="a part of a name, or the beginning of an address"),
            OpenApiParameter("choice", int, description="the place of a choice from 1; 0 for every one"),
            OpenApiParameter("reasons", bool, description="only ballots with a reason"),
            OpenApiParameter("sort", str, enum=[lists.BY_VOTES, lists.BY_DATE]),
            OpenApiParameter("page", int),
        ],
        responses={200: VotersOutput, **REFUSED},
        operation_id="proposal_voters",
        examples=[
            OpenApiExample(
                "A ballot with its reason",
                response_only=True,
                value={
                    "page": 1, "pages": 1, "total": 1, "looked_through": 1, "is_cut": False,
                    "voted": [{
                        "voter": "0x" + "Ab" * 20, "name": "Lea", "weight": "30", "lent": "10", "share_bps": 10000,
                        "choice": [{"name": "for", "rank": 0, "weight": "0", "of": "0"}], "ballot": 1,
                        "reason": "It answers in Breton.", "cast_at": "2026-03-01T12:00:00Z", "receipt": "cd" * 32,
                    }],
                    "missing": [],
                },
            )
        ],
    )  # fmt: skip
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with one page, the most votes first. Filters look through the first thousands of that order."""
        proposal = services.proposal_by_public_id(public_id)
        shown = selectors.proposal_detail(
            proposal.community.slug, proposal.number or 0, clock.now(), with_ballots=False
        )
        asked = request.query_params
        wanted = lists.Wanted(
            who=_one_of(request, "who", (lists.VOTED, lists.MISSING)),
            search=plain(asked.get("search", ""))[:_SEARCH_MAX].strip(),
            choice=number(request, "choice", 0),
            reasons=_one_of(request, "reasons", ("false", "true")) == "true",
            sort=_one_of(request, "sort", (lists.BY_VOTES, lists.BY_DATE)),
            page=number(request, "page", 1),
        )
        return Response(VotersOutput(lists.voters(shown.proposal, shown.results, wanted)).data)


def _one_of(request: Request, name: str, allowed: tuple[str, str]) -> str:
    """Return one of two words, the first where nothing is said; raise Malformed for another."""
    found = request.query_params.get(name, allowed[0])
    if found not in allowed:
        raise Malformed("malformed_field", "there is no such value", field=name, found=found, allowed=list(allowed))
    return found
