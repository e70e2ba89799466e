"""The JSON API of settlements. Anyone reads, and anyone may have the call data; only the treasury can send it."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.views.base import REFUSED, community_named
from training_jobs.models import Settlement
from training_jobs.settlement import selectors
from training_jobs.settlement.serializers import SettlementAccountOutput, SettlementOutput, SettlementPaymentOutput

SLUG = OpenApiParameter("slug", str, "path")


class SettlementAccount(APIView):
    """By which terms debts are settled, and who is owed what."""

    @extend_schema(
        parameters=[SLUG], responses={200: SettlementAccountOutput, **REFUSED}, operation_id="settlement_account"
    )
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with both."""
        community = community_named(slug)
        answer = {
            "chain_id": community.chain_id,
            "terms": selectors.terms(community),
            "owed": selectors.owed(community),
            "readings": selectors.readings(community),
        }
        return Response(SettlementAccountOutput(answer).data)


class SettlementList(generics.ListAPIView[Settlement]):
    """What votes decided to pay sites on chain, newest first."""

    serializer_class = SettlementOutput

    def get_queryset(self) -> QuerySet[Settlement]:
        """Return those of the community."""
        if getattr(self, "swagger_fake_view", False):
            return Settlement.objects.none()
        return selectors.settlements(community_named(self.kwargs["slug"]))

    @extend_schema(
        parameters=[SLUG], responses={200: SettlementOutput(many=True), **REFUSED}, operation_id="settlements"
    )
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)


class SettlementPayment(APIView):
    """The transaction that pays a settlement. Nobody has to be signed in: the chain checks who sends it."""

    authentication_classes = ()

    @extend_schema(
        parameters=[SLUG, OpenApiParameter("number", int, "path")],
        request=None,
        responses={200: SettlementPaymentOutput, **REFUSED},
        operation_id="settlement_payment",
    )
    def post(self, _request: Request, slug: str, number: int) -> Response:
        """Answer with the transaction that the treasury is to send."""
        found, transaction = selectors.payment_for(community_named(slug), number)
        return Response(SettlementPaymentOutput({"sender": found.treasury, "transaction": transaction}).data)
