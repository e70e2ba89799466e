"""Sealed votes: how one stands, casting a sealed ballot, and the keys that open them all."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, services
from governance.errors import NotFound
from governance.models import Proposal
from governance.sealed import casting, keys
from governance.selectors.sealed import SealedShown, sealed
from governance.serializers.sealed import (
    SealedBallotInput,
    SealedOfferOutput,
    SealedReceiptOutput,
    SealingKeyInput,
    SealingOutput,
    SealingSecretInput,
    TypedDataOutput,
    receipt_of,
    sealing_of,
)
from governance.views.base import REFUSED


class ProposalSealing(APIView):
    """The keyholders of a proposal."""

    @extend_schema(responses={200: SealingOutput, **REFUSED}, operation_id="proposal_sealing")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with keys, threshold and turnout; a ballot is sealed for exactly the keys here, in this order."""
        proposal = services.proposal_by_public_id(public_id)
        return Response(SealingOutput(sealing_of(_shown(proposal))).data)


class SealedBallotMessage(APIView):
    """The message to sign for a sealed ballot."""

    @extend_schema(
        parameters=[
            OpenApiParameter("voter", str, required=True),
            OpenApiParameter("sealed", str, required=True, description="0x and the SHA-256 of the sealed ballot"),
        ],
        responses={200: SealedOfferOutput, **REFUSED},
        operation_id="sealed_ballot_message",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with the EIP-712 message; neither the choice nor the sealed ballot has to be sent for it."""
        proposal = services.proposal_by_public_id(public_id)
        asked = request.query_params
        offer = casting.offer_sealed_ballot(proposal, asked.get("voter", ""), asked.get("sealed", ""), clock.now())
        answer = {
            "typed_data": offer.typed_data,
            "nonce": offer.nonce,
            "power": str(offer.power),
            "delegated": str(offer.delegated),
            "house_power": str(offer.house_power),
        }
        return Response(SealedOfferOutput(answer).data)


class SealedBallotList(APIView):
    """Cast sealed ballots. The signature is the authority: no session is needed, and none is looked at."""

    authentication_classes = ()

    @extend_schema(
        request=SealedBallotInput,
        responses={201: SealedReceiptOutput, 200: SealedReceiptOutput, **REFUSED},
        operation_id="sealed_ballot_cast",
    )
    def post(self, request: Request) -> Response:
        """Accept a sealed ballot; the same ballot again is answered with the same receipt."""
        ballot, created = casting.cast_sealed_ballot(SealedBallotInput.to_request(request.data), clock.now())
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(SealedReceiptOutput(receipt_of(ballot)).data, status=code)


class SealingKeyMessage(APIView):
    """The messages that a keyholder signs."""

    @extend_schema(
        parameters=[
            OpenApiParameter("keyholder", str, required=True),
            OpenApiParameter("key", str, description="the public key; without one: the message that gives the secret"),
        ],
        responses={200: TypedDataOutput, **REFUSED},
        operation_id="sealing_key_message",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with the message that publishes a key, or with the one whose signature never leaves the keyholder."""
        proposal, asked = services.proposal_by_public_id(public_id), request.query_params
        keyholder = asked.get("keyholder", "")
        if "key" in asked:
            typed_data = keys.key_message(proposal, keyholder, asked["key"])
        else:
            typed_data = keys.secret_message(proposal, keyholder)
        return Response(TypedDataOutput({"typed_data": typed_data}).data)


class SealingKeys(APIView):
    """Publish a key."""

    authentication_classes = ()

    @extend_schema(
        request=SealingKeyInput, responses={200: SealingOutput, **REFUSED}, operation_id="sealing_key_publish"
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Keep a keyholder's public key; with the last one voting can open."""
        proposal, given = services.proposal_by_public_id(public_id), SealingKeyInput.read(request.data)
        keys.publish_key(proposal, given["keyholder"], given["key"], given["signature"], clock.now())
        return Response(SealingOutput(sealing_of(_shown(proposal))).data)


class SealingSecrets(APIView):
    """Publish a secret."""

    authentication_classes = ()

    @extend_schema(
        request=SealingSecretInput, responses={200: SealingOutput, **REFUSED}, operation_id="sealing_secret_publish"
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Keep a secret once voting has closed; with enough of them the ballots are opened and counted."""
        proposal, given = services.proposal_by_public_id(public_id), SealingSecretInput.read(request.data)
        keys.publish_secret(proposal, given["secret"], clock.now())
        return Response(SealingOutput(sealing_of(_shown(proposal))).data)


def _shown(proposal: Proposal) -> SealedShown:
    fresh = Proposal.objects.select_related("community", "record").get(pk=proposal.pk)
    found = sealed(fresh, clock.now())
    if found is None:
        raise NotFound("ballots_are_open", "ballots on this proposal are not sealed")
    return found
