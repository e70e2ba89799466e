"""The JSON API of newcomers, of the policy in force, and of what a proposed one would have changed."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import NotFound
from governance.models import Proposal
from governance.serializers import ProblemOutput
from governance.services import proposal_by_public_id
from governance.views.base import REFUSED, community_named, signed_in
from training_jobs.commons import newcomer_serializers as forms
from training_jobs.commons import newcomers, policies, replaying
from training_jobs.previews.selectors import draft_numbered

SLUG = OpenApiParameter("slug", str, "path")
LIMITED = {**REFUSED, 429: ProblemOutput}


class NewcomerList(generics.GenericAPIView[Any]):
    """Who is a newcomer, by whose word; and vouching for somebody."""

    serializer_class = forms.NewcomerOutput

    @extend_schema(
        parameters=[SLUG], responses={200: forms.NewcomerOutput(many=True), **REFUSED}, operation_id="newcomers"
    )
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with a page of the members of whom somebody vouches now. Everybody may read it."""
        community, now = community_named(slug), clock.now()
        page = self.paginate_queryset(newcomers.members_vouched_for(community, now)) or []
        shown = newcomers.vouched(community, list(page), now)
        return self.get_paginated_response(forms.NewcomerOutput(shown, many=True).data)

    @extend_schema(
        parameters=[SLUG],
        request=forms.NewcomerAttestationInput,
        responses={201: forms.NewcomerAttestationOutput, **LIMITED},
        operation_id="newcomer_attest",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Say that somebody is a newcomer; said again, it takes the place of what you said before."""
        peer, said = signed_in(request), forms.NewcomerAttestationInput.read(request.data)
        made = newcomers.attest(community_named(slug), peer, said["member"], said["kind"], said["reason"], clock.now())
        return Response(forms.NewcomerAttestationOutput(made).data, status=status.HTTP_201_CREATED)


class NewcomerAttestationDetail(APIView):
    """One attestation."""

    @extend_schema(
        parameters=[SLUG],
        responses={200: forms.NewcomerAttestationOutput, **REFUSED},
        operation_id="newcomer_withdraw",
    )
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """Take it back, as whoever gave it or as the member of whom it speaks; repeating it changes nothing."""
        actor = signed_in(request)
        found = newcomers.withdraw(community_named(slug), pk, actor, clock.now())
        return Response(forms.NewcomerAttestationOutput(found).data)


class ComputePolicyInForce(APIView):
    """How computing is shared."""

    @extend_schema(
        parameters=[SLUG], responses={200: forms.ComputePolicyOutput, **REFUSED}, operation_id="compute_policy"
    )
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with every parameter in force, and the vote that adopted it."""
        return Response(forms.ComputePolicyOutput(policies.in_force(community_named(slug))).data)


class ProposalReplay(APIView):
    """What a proposed policy would have changed."""

    @extend_schema(responses={200: forms.PolicyReplayOutput, **REFUSED}, operation_id="proposal_replay")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with the figures of both policies, side by side, or with how far they are."""
        return Response(_replay(proposal_by_public_id(public_id)))


class DraftReplay(APIView):
    """The same for a draft."""

    @extend_schema(responses={200: forms.PolicyReplayOutput, **REFUSED}, operation_id="draft_replay")
    def get(self, request: Request, pk: int) -> Response:
        """Answer with them, to whoever may see the draft."""
        return Response(_replay(draft_numbered(pk, str(getattr(request.user, "address", "")))))


def _replay(proposal: Proposal) -> Any:  # noqa: ANN401 - JSON
    found = replaying.replay_of(proposal)
    if found is None:
        detail = "nothing is replayed for this proposal, or not yet"
        raise NotFound("no_replay", detail, field="kind", found=proposal.kind)
    return forms.PolicyReplayOutput(found).data
