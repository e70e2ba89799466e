"""The JSON API of the books, and the books as files. Anyone reads; only votes and runs write, and not here."""

from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.models import Community
from governance.views.base import REFUSED, community_named, number
from governance.views.proposals import WhateverIsAsked
from training_jobs.ledger import export, selectors
from training_jobs.ledger.serializers import ContributionsOutput, LedgerAccountOutput, LedgerEntryOutput
from training_jobs.models import LedgerAccount, LedgerEntry

SLUG = OpenApiParameter("slug", str, "path")
ACCOUNT = OpenApiParameter("account", int, description="Only entries that touch the account of this number.")


class LedgerAccountList(generics.ListAPIView[LedgerAccount]):
    """The accounts of a community, with what is in them."""

    serializer_class = LedgerAccountOutput

    def get_queryset(self) -> QuerySet[LedgerAccount]:
        """Return those of the community."""
        if getattr(self, "swagger_fake_view", False):
            return LedgerAccount.objects.none()
        return selectors.accounts(community_named(self.kwargs["slug"]))

    @extend_schema(
        parameters=[SLUG], responses={200: LedgerAccountOutput(many=True), **REFUSED}, operation_id="ledger_accounts"
    )
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)


class LedgerEntryList(generics.ListAPIView[LedgerEntry]):
    """What was booked, newest first."""

    serializer_class = LedgerEntryOutput

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        """Return those of the community, or of one account."""
        if getattr(self, "swagger_fake_view", False):
            return LedgerEntry.objects.none()
        account = number(self.request, "account") if "account" in self.request.query_params else None
        return selectors.entries(community_named(self.kwargs["slug"]), account)

    @extend_schema(
        parameters=[SLUG, ACCOUNT],
        responses={200: LedgerEntryOutput(many=True), **REFUSED},
        operation_id="ledger_entries",
    )
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)


class LedgerContributions(APIView):
    """Who gave how much computing."""

    @extend_schema(
        parameters=[SLUG], responses={200: ContributionsOutput, **REFUSED}, operation_id="ledger_contributions"
    )
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with device-seconds by address, in the form that a charter takes."""
        return Response(ContributionsOutput(selectors.contributed(community_named(slug))).data)


class LedgerCsv(APIView):
    """The books as CSV."""

    content_negotiation_class = WhateverIsAsked

    @extend_schema(
        parameters=[SLUG],
        responses={(200, "text/csv"): OpenApiTypes.BINARY, **REFUSED},
        operation_id="ledger_csv",
    )
    def get(self, _request: Request, slug: str) -> StreamingHttpResponse:
        """Stream a line for each posting, oldest first."""
        community = community_named(slug)
        return _file(community, export.as_csv(community), "text/csv; charset=utf-8", "csv")


class LedgerJournal(APIView):
    """The books as a Beancount file."""

    content_negotiation_class = WhateverIsAsked

    @extend_schema(
        parameters=[SLUG],
        responses={(200, "text/plain"): OpenApiTypes.BINARY, **REFUSED},
        operation_id="ledger_journal",
    )
    def get(self, _request: Request, slug: str) -> StreamingHttpResponse:
        """Stream accounts, transactions and the balances that they end in."""
        community = community_named(slug)
        return _file(community, export.as_journal(community), "text/plain; charset=utf-8", "beancount")


def _file(community: Community, lines: Iterator[str], content_type: str, ending: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse((line.encode() for line in lines), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{community.slug}-ledger.{ending}"'
    return response
