"""Submitted proposals: lists, one with its count, what may be done to it, and everything that proves it."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import audit_bundle, clock, selectors, services
from governance.errors import Conflict, Malformed
from governance.lifecycle import State
from governance.models import Event, Proposal
from governance.serializers import ProblemOutput
from governance.serializers.community_outputs import CensusOutput, CensusProofOutput
from governance.serializers.inputs import ReasonInput
from governance.serializers.outputs import EligibilityOutput, EventOutput, ProposalDetailOutput, ProposalOutput
from governance.views.base import REFUSED, number, plain, signed_in


class ProposalList(generics.ListAPIView[Proposal]):
    """Submitted proposals, newest first."""

    serializer_class = ProposalOutput

    @extend_schema(
        parameters=[
            OpenApiParameter("community", str),
            OpenApiParameter("state", str, enum=[str(state) for state in State]),
            OpenApiParameter("kind", str),
        ],
        responses={200: ProposalOutput(many=True), 400: ProblemOutput},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with one page."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Proposal]:
        """Apply the filters of the address."""
        proposals = Proposal.objects.submitted().select_related("community", "record").order_by("-pk")
        filters = self.request.query_params
        if "community" in filters:
            proposals = proposals.filter(community__slug=plain(filters["community"]))
        if "kind" in filters:
            proposals = proposals.filter(kind=plain(filters["kind"]))
        if "state" in filters:
            if filters["state"] not in set(State):
                raise Malformed(
                    "malformed_field",
                    "there is no such state",
                    field="state",
                    found=filters["state"],
                    allowed=sorted(State),
                )
            proposals = proposals.in_state(State(filters["state"]), clock.now())
        return proposals


class ProposalDetail(APIView):
    """One proposal."""

    @extend_schema(responses={200: ProposalDetailOutput, **REFUSED}, operation_id="proposal")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with the proposal and its count so far."""
        return Response(ProposalDetailOutput(services.proposal_by_public_id(public_id)).data)

    @extend_schema(request=None, responses={409: ProblemOutput, **REFUSED}, operation_id="proposal_edit")
    def patch(self, request: Request, public_id: str) -> Response:
        """Refuse: ballots sign the digest of a submitted proposal, so it is frozen."""
        signed_in(request)
        services.proposal_by_public_id(public_id)
        raise Conflict("proposal_frozen", "a submitted proposal cannot be changed; cancel it and submit another")


class ProposalCancel(APIView):
    """Take a proposal back."""

    @extend_schema(request=ReasonInput, responses={200: ProposalOutput, **REFUSED}, operation_id="proposal_cancel")
    def post(self, request: Request, public_id: str) -> Response:
        """Cancel one's own proposal, in any state before its execution."""
        actor = signed_in(request)
        reason = ReasonInput.read(request.data)["reason"]
        proposal = services.proposal_by_public_id(public_id)
        return Response(ProposalOutput(services.cancel(proposal.pk, actor, reason, clock.now())).data)


class ProposalVeto(APIView):
    """Speak against a decision as a guardian."""

    @extend_schema(request=ReasonInput, responses={200: ProposalOutput, **REFUSED}, operation_id="proposal_veto")
    def post(self, request: Request, public_id: str) -> Response:
        """Add one's voice; more than half of the seats veto the proposal."""
        actor = signed_in(request)
        reason = ReasonInput.read(request.data)["reason"]
        proposal = services.proposal_by_public_id(public_id)
        return Response(ProposalOutput(services.veto(proposal.pk, actor, reason, clock.now())).data)


class ProposalPause(APIView):
    """Hold a decision back for a while as a guardian."""

    @extend_schema(request=ReasonInput, responses={200: ProposalOutput, **REFUSED}, operation_id="proposal_pause")
    def post(self, request: Request, public_id: str) -> Response:
        """Pause the execution, once, for as long as the charter allows."""
        actor = signed_in(request)
        reason = ReasonInput.read(request.data)["reason"]
        proposal = services.proposal_by_public_id(public_id)
        return Response(ProposalOutput(services.pause(proposal.pk, actor, reason, clock.now())).data)


class ProposalExecute(APIView):
    """Carry out a decision whose timelock has passed."""

    @extend_schema(
        request=None,
        responses={200: ProposalDetailOutput, 202: ProposalDetailOutput, **REFUSED},
        operation_id="proposal_execute",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Execute; repeating it changes nothing and answers 200."""
        actor = signed_in(request)
        proposal, executed = services.execute(services.proposal_by_public_id(public_id).pk, clock.now(), actor)
        code = status.HTTP_202_ACCEPTED if executed else status.HTTP_200_OK
        return Response(ProposalDetailOutput(proposal).data, status=code)


class ProposalEvents(generics.ListAPIView[Event]):
    """The audit log of a proposal."""

    serializer_class = EventOutput

    def get_queryset(self) -> QuerySet[Event]:
        """Return the events of the proposal."""
        if getattr(self, "swagger_fake_view", False):
            return Event.objects.none()
        return Event.objects.filter(proposal=services.proposal_by_public_id(self.kwargs["public_id"]))


class ProposalEligibility(APIView):
    """Whether an address may vote, before any wallet is asked."""

    @extend_schema(
        parameters=[OpenApiParameter("voter", str, required=True)],
        responses={200: EligibilityOutput, **REFUSED},
        operation_id="proposal_eligibility",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with the address's power in the census, and what is delegated to it."""
        proposal = services.proposal_by_public_id(public_id)
        found = selectors.eligibility(proposal, request.query_params.get("voter", ""))
        return Response(EligibilityOutput(found).data)


class ProposalCensus(APIView):
    """The census of a proposal."""

    @extend_schema(
        parameters=[OpenApiParameter("page", int)],
        responses={200: CensusOutput, **REFUSED},
        operation_id="proposal_census",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with one page, in the order of the tree."""
        proposal = services.proposal_by_public_id(public_id)
        page = number(request, "page", 1)
        entries, pages = selectors.census_page(proposal, page)
        record = proposal.census_record.value.to_dict() if proposal.census_record else None
        answer = {"record": record, "page": min(max(page, 1), pages), "pages": pages, "entries": entries}
        return Response(CensusOutput(answer).data)


class ProposalCensusEntry(APIView):
    """One entry of a census, with its proof."""

    @extend_schema(responses={200: CensusProofOutput, **REFUSED}, operation_id="proposal_census_entry")
    def get(self, _request: Request, public_id: str, address: str) -> Response:
        """Answer with the entry and the path to the root."""
        return Response(
            CensusProofOutput(selectors.census_proof(services.proposal_by_public_id(public_id), address)).data
        )


class WhateverIsAsked(BaseContentNegotiation):
    """Lines of JSON are all there is, whatever a client says that it takes."""

    def select_parser(self, request: Request, parsers: list[Any]) -> Any:  # noqa: ANN401 - DRF's signature
        """Return the first."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: list[Any], format_suffix: str | None = None) -> Any:  # noqa: ANN401
        """Return the first: it writes refusals."""
        return renderers[0], renderers[0].media_type


class ProposalBundle(APIView):
    """The audit bundle of a proposal."""

    content_negotiation_class = WhateverIsAsked

    @extend_schema(
        responses={(200, "application/jsonl"): OpenApiTypes.BINARY, **REFUSED}, operation_id="proposal_bundle"
    )
    def get(self, _request: Request, public_id: str) -> StreamingHttpResponse:
        """Stream everything that a recount needs, as JSON lines, at any time and of any size."""
        proposal = services.proposal_by_public_id(public_id)
        response = StreamingHttpResponse(audit_bundle.lines(proposal), content_type="application/jsonl")
        name = f"{proposal.community.slug}-{proposal.number}.jsonl"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
