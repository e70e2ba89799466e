"""Ballots that wait for the owners of a wallet: the message for each owner, their signatures, and how they stand."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, services
from governance.models import PendingBallot
from governance.serializers.wallets import OwnerInput, OwnerOfferOutput, PendingBallotOutput, offer_of
from governance.views.ballots import read_choice
from governance.views.base import REFUSED, digest_of, plain, signed_in
from governance.wallets import pending


class OwnersMessage(APIView):
    """What the owners of a wallet sign."""

    @extend_schema(
        parameters=[
            OpenApiParameter("wallet", str, required=True),
            OpenApiParameter("choice", str, description='a whole number, or JSON such as [2,1,3] or {"1":60,"2":40}'),
            OpenApiParameter("reason", str),
            OpenApiParameter(
                "sealed", str, description="in their place where ballots are sealed: 0x and the SHA-256 of the ballot"
            ),
        ],
        responses={200: OwnerOfferOutput, **REFUSED},
        operation_id="wallet_ballot_message",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with the message for each owner, after checking that the ballot would be accepted."""
        asked = request.query_params
        proposal = services.proposal_by_public_id(public_id)
        wallet = asked.get("wallet", "")
        if "sealed" in asked:
            offer = pending.offer_sealed_to_owners(proposal, wallet, asked["sealed"], clock.now())
        else:
            choice, reason = read_choice(asked.get("choice", "")), plain(asked.get("reason", ""))
            offer = pending.offer_to_owners(proposal, wallet, choice, reason, clock.now())
        return Response(OwnerOfferOutput(offer_of(offer)).data)


class ProposalWalletBallots(generics.ListAPIView[PendingBallot]):
    """The ballots of a proposal that wait, or waited, for the owners of their wallets."""

    serializer_class = PendingBallotOutput

    def get_queryset(self) -> QuerySet[PendingBallot]:
        """Return them, the newest first."""
        if getattr(self, "swagger_fake_view", False):
            return PendingBallot.objects.none()
        proposal = services.proposal_by_public_id(self.kwargs["public_id"])
        found = proposal.pending_ballots.select_related("proposal__community").prefetch_related("signatures")
        return found.order_by("-pk")


class WalletBallots(APIView):
    """Owners sign here. The signature is the authority: no session is needed, and none is looked at."""

    authentication_classes = ()

    @extend_schema(
        request=OwnerInput,
        responses={201: PendingBallotOutput, 200: PendingBallotOutput, **REFUSED},
        operation_id="wallet_ballot_sign",
    )
    def post(self, request: Request) -> Response:
        """Take an owner's signature; with the last that the wallet needs, the ballot is cast."""
        waiting, created = pending.sign(OwnerInput.to_request(request.data), clock.now())
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(PendingBallotOutput(waiting).data, status=code)


class WalletBallot(APIView):
    """One ballot that waits, or waited."""

    @extend_schema(responses={200: PendingBallotOutput, **REFUSED}, operation_id="wallet_ballot")
    def get(self, _request: Request, digest: str) -> Response:
        """Answer with it."""
        return Response(PendingBallotOutput(_named(digest)).data)

    @extend_schema(responses={204: None, **REFUSED}, operation_id="wallet_ballot_withdraw")
    def delete(self, request: Request, digest: str) -> Response:
        """Take back what one signed here, as the owner who is signed in; with the last signature the ballot goes."""
        pending.withdraw(_named(digest).digest, signed_in(request), clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class WalletBallotLook(APIView):
    """Asks the wallet again. It changes nothing but what the chain says, so anybody may."""

    authentication_classes = ()

    @extend_schema(request=None, responses={200: PendingBallotOutput, **REFUSED}, operation_id="wallet_ballot_look")
    def post(self, _request: Request, digest: str) -> Response:
        """Take in what owners have approved on the chain; cast the ballot if that is enough."""
        return Response(PendingBallotOutput(pending.look(_named(digest), clock.now())).data)


def _named(digest: str) -> PendingBallot:
    return pending.pending_by_digest(digest_of(digest.removeprefix("0x")))
