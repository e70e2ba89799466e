"""Lending voting power: signed off the chain, or through the token's own contract; and delegates with their records."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, selectors, services
from governance.chain import delegations as chain_delegations
from governance.chain import relay
from governance.chain.factory import chain_for
from governance.clock import unix
from governance.eip712 import parse_address
from governance.models import Community
from governance.serializers.community_outputs import (
    ChainDelegationOfferOutput,
    ChainDelegationOutput,
    DelegateDetailOutput,
    DelegateOutput,
    DelegationOfferOutput,
    DelegationOutput,
)
from governance.serializers.inputs import ChainDelegationInput, DelegationInput, StatementInput
from governance.views.base import REFUSED, community_named, number, plain, signed_in


class DelegateList(APIView):
    """The delegates of a community."""

    @extend_schema(responses={200: DelegateOutput(many=True), **REFUSED}, operation_id="delegates")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with those who have a name, are trusted, or have much power; the most power first."""
        found = selectors.delegates(community_named(slug), clock.now()).rows()
        return Response(DelegateOutput(found, many=True).data)


class DelegateDetail(APIView):
    """One delegate."""

    @extend_schema(responses={200: DelegateDetailOutput, **REFUSED}, operation_id="delegate")
    def get(self, _request: Request, slug: str, address: str) -> Response:
        """Answer with statement, trust, and record of votes."""
        found = selectors.delegate_detail(community_named(slug), address, clock.now())
        answer = {
            "delegate": found.row,
            "received": [one.delegation for one in found.received],
            "given": [one.delegation for one in found.given],
            "votes": [
                {
                    "proposal": vote.proposal.public_id,
                    "number": vote.proposal.number,
                    "title": vote.proposal.title,
                    "choice": vote.choice,
                    "reason": vote.reason,
                    "at": vote.at,
                    "ballot": vote.digest,
                }
                for vote in found.votes
            ],
        }
        return Response(DelegateDetailOutput(answer).data)


class Statement(APIView):
    """What one says about oneself as a delegate."""

    @extend_schema(request=StatementInput, responses={200: DelegateOutput, **REFUSED}, operation_id="statement")
    def put(self, request: Request, slug: str) -> Response:
        """Replace one's statement."""
        actor = signed_in(request)
        community = community_named(slug)
        services.state_oneself(community, actor, StatementInput.read(request.data)["statement"], clock.now())
        return Response(DelegateOutput(selectors.delegate_detail(community, actor, clock.now()).row).data)


class DelegationMessage(APIView):
    """A delegation to sign."""

    @extend_schema(
        parameters=[
            OpenApiParameter("delegator", str, required=True),
            OpenApiParameter("delegate", str, required=True),
            OpenApiParameter("topic", str),
            OpenApiParameter("share_bps", int, required=True),
            OpenApiParameter("expires_at", int),
        ],
        responses={200: DelegationOfferOutput, **REFUSED},
        operation_id="delegation_message",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with the message, after checking that it would be accepted."""
        params = request.query_params
        delegator, delegate = params.get("delegator", ""), params.get("delegate", "")
        topic, share = plain(params.get("topic", "")), number(request, "share_bps")
        expires_at = number(request, "expires_at", 0)
        offer = services.offer_delegation(
            community_named(slug), delegator, delegate, topic, share, expires_at, clock.now()
        )
        what = f"{share / 100:g} % of the votes of {parse_address(delegator)}"
        summary = f"{what} for {parse_address(delegate)}, on {topic or 'everything'}"
        return Response(
            DelegationOfferOutput({"typed_data": offer.typed_data, "nonce": offer.nonce, "summary": summary}).data
        )


class DelegationList(APIView):
    """Delegate, or take it back. The signature is the authority: no session is needed, and none is looked at."""

    authentication_classes = ()

    @extend_schema(
        request=DelegationInput,
        responses={201: DelegationOutput, 200: DelegationOutput, **REFUSED},
        operation_id="delegation_make",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Accept a signed delegation; the same one again is answered as before."""
        made, new = services.delegate(community_named(slug), DelegationInput.to_request(request.data), clock.now())
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(DelegationOutput(made).data, status=code)


class ChainDelegation(APIView):
    """Delegate through the token's contract: what to send, or to sign so that somebody else may send it."""

    @extend_schema(
        parameters=[
            OpenApiParameter("delegator", str, required=True),
            OpenApiParameter("delegatee", str, required=True),
        ],
        responses={200: ChainDelegationOfferOutput, **REFUSED},
        operation_id="chain_delegation_offer",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with the transaction and with the message."""
        community = community_named(slug)
        delegator = parse_address(request.query_params.get("delegator", ""))
        delegatee = parse_address(request.query_params.get("delegatee", ""))
        chain = chain_for(community.chain_id)
        answer = {
            "delegate_now": chain.delegate_of(community.token, delegator),
            "transaction": chain_delegations.transaction(community.token, community.chain_id, delegatee),
            "by_signature": _by_signature(community, delegator, delegatee),
            "relay": relay.is_offered(),
        }
        return Response(ChainDelegationOfferOutput(answer).data)

    @extend_schema(
        request=ChainDelegationInput,
        responses={200: ChainDelegationOutput, **REFUSED},
        operation_id="chain_delegation_send",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Check a signed delegation; send it where this installation does so, else answer with the call to send."""
        signed_in(request)
        community = community_named(slug)
        values = ChainDelegationInput.read(request.data)
        signed = chain_delegations.SignedDelegation(
            token=community.token,
            delegator=parse_address(values["delegator"]),
            delegatee=parse_address(values["delegatee"]),
            nonce=values["nonce"],
            expiry=values["expiry"],
            signature=values["signature"],
        )
        moment = unix(clock.now())
        call = chain_delegations.transaction_by_signature(chain_for(community.chain_id), signed, moment)
        sent = services.relay_delegation(community, signed, clock.now()) if relay.is_offered() else None
        return Response(ChainDelegationOutput({"transaction": call, "hash": sent}).data)


def _by_signature(community: Community, delegator: str, delegatee: str) -> dict[str, Any]:
    offer = chain_delegations.offer(
        chain_for(community.chain_id), community.token, delegator, delegatee, unix(clock.now())
    )
    message = offer["message"]
    return {"typed_data": offer, "nonce": int(message["nonce"]), "expiry": int(message["expiry"])}
