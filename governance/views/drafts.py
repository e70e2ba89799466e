"""Writing drafts, finding sponsors for them, and putting them to the vote."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, services
from governance.eip712 import parse_address
from governance.errors import Forbidden, NotFound
from governance.models import Proposal
from governance.serializers.inputs import DraftInput, SponsorInput
from governance.serializers.outputs import DraftOutput, OfferOutput, ProposalOutput, SponsorsOutput
from governance.views.base import REFUSED, community_named, signed_in


def _draft(values: dict[str, Any]) -> services.Draft:
    timing = {name: values[name] for name in ("opens_at", "voting_period_seconds") if name in values}
    return services.Draft(
        values["kind"], values["title"], values["text"], values["payload"], timing, values["method"], values["seats"]
    )


class DraftList(APIView):
    """Write drafts."""

    @extend_schema(request=DraftInput, responses={201: DraftOutput, **REFUSED}, operation_id="draft_create")
    def post(self, request: Request) -> Response:
        """Store a draft."""
        author = signed_in(request)
        values = DraftInput.read(request.data)
        proposal = services.create_draft(community_named(values["community"]), author, _draft(values), clock.now())
        return Response(DraftOutput(proposal).data, status=status.HTTP_201_CREATED)


class DraftDetail(APIView):
    """One draft of one's own."""

    @extend_schema(responses={200: DraftOutput, **REFUSED}, operation_id="draft")
    def get(self, request: Request, pk: int) -> Response:
        """Answer with the draft, to its author only."""
        actor = signed_in(request)
        proposal = Proposal.objects.select_related("community").filter(pk=pk, submitted_at__isnull=True).first()
        if proposal is None:
            raise NotFound("unknown_draft", "there is no such draft", found=pk)
        if proposal.author != actor:
            raise Forbidden("not_the_author", "only its author may read a draft")
        return Response(DraftOutput(proposal).data)

    @extend_schema(request=DraftInput, responses={200: DraftOutput, **REFUSED}, operation_id="draft_edit")
    def put(self, request: Request, pk: int) -> Response:
        """Replace the draft."""
        actor = signed_in(request)
        return Response(
            DraftOutput(services.edit_draft(pk, actor, _draft(DraftInput.read(request.data)), clock.now())).data
        )


class DraftSubmit(APIView):
    """Put a draft to the vote."""

    @extend_schema(request=None, responses={201: ProposalOutput, **REFUSED}, operation_id="draft_submit")
    def post(self, request: Request, pk: int) -> Response:
        """Freeze and submit."""
        proposal = services.submit(pk, signed_in(request), clock.now())
        return Response(ProposalOutput(proposal).data, status=status.HTTP_201_CREATED)


class DraftSeekSponsors(APIView):
    """Ask the members to co-sign a draft."""

    @extend_schema(request=None, responses={200: DraftOutput, **REFUSED}, operation_id="draft_seek_sponsors")
    def post(self, request: Request, pk: int) -> Response:
        """Show the draft to the members."""
        return Response(DraftOutput(services.seek_sponsors(pk, signed_in(request), clock.now())).data)


class DraftSponsorshipMessage(APIView):
    """The message by which a member backs a draft."""

    @extend_schema(
        parameters=[OpenApiParameter("sponsor", str, required=True)],
        responses={200: OfferOutput, **REFUSED},
        operation_id="draft_sponsorship_message",
    )
    def get(self, request: Request, pk: int) -> Response:
        """Answer with the message to sign."""
        draft = _sponsored(pk)
        sponsor = parse_address(request.query_params.get("sponsor", ""))
        summary = f"{sponsor} backs the draft “{draft.title}” of {draft.author}"
        return Response(
            OfferOutput({"typed_data": services.sponsorship_offer(draft, sponsor), "summary": summary}).data
        )


class DraftSponsors(APIView):
    """The sponsors of a draft. The signature is the authority: no session is needed, and none is looked at."""

    authentication_classes = ()

    @extend_schema(responses={200: SponsorsOutput, **REFUSED}, operation_id="draft_sponsors")
    def get(self, _request: Request, pk: int) -> Response:
        """Answer with those who back the draft as it is now."""
        return Response(_sponsors(_sponsored(pk)))

    @extend_schema(request=SponsorInput, responses={200: SponsorsOutput, **REFUSED}, operation_id="draft_sponsor")
    def post(self, request: Request, pk: int) -> Response:
        """Back a draft."""
        values = SponsorInput.read(request.data)
        return Response(_sponsors(services.sponsor(pk, values["sponsor"], values["signature"], clock.now())))


def _sponsored(pk: int) -> Proposal:
    found = Proposal.objects.select_related("community__charter").filter(
        pk=pk, submitted_at__isnull=True, canceled_at__isnull=True, seeks_sponsors=True
    )
    draft = found.first()
    if draft is None:
        raise NotFound("unknown_draft", "there is no draft with this number that seeks sponsors", found=pk)
    return draft


def _sponsors(draft: Proposal) -> dict[str, Any]:
    rules = services.charter_of(draft.community).rules_of(draft.kind)
    answer = {
        "sponsors": [backer.sponsor for backer in services.sponsors_of(draft)],
        "threshold": str(rules.proposal_threshold),
    }
    return dict(SponsorsOutput(answer).data)
