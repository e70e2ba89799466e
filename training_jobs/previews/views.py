"""The JSON API of previews: parse, call one service, present."""

from abc import abstractmethod

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.models import Proposal
from governance.services import proposal_by_public_id
from governance.views.base import REFUSED, signed_in
from training_jobs.models import Preview
from training_jobs.previews import selectors, services
from training_jobs.previews.serializers import PreviewOutput


class _Previews(generics.ListAPIView[Preview]):
    """The previews of one thing, newest first, and ordering another one."""

    serializer_class = PreviewOutput

    @abstractmethod
    def found(self) -> Proposal:
        """Return the draft or proposal of the address."""

    def get_queryset(self) -> QuerySet[Preview]:
        """Return its previews."""
        if getattr(self, "swagger_fake_view", False):
            return Preview.objects.none()
        return self.found().previews.select_related("proposal")

    def order(self, request: Request) -> Response:
        """Order one."""
        made = services.order(self.found().pk, signed_in(request), clock.now())
        return Response(PreviewOutput(made).data, status=status.HTTP_201_CREATED)


class ProposalPreviews(_Previews):
    """The previews of a submitted proposal."""

    def found(self) -> Proposal:
        """Return the proposal."""
        return proposal_by_public_id(self.kwargs["public_id"])

    @extend_schema(responses={200: PreviewOutput(many=True), **REFUSED}, operation_id="proposal_previews")
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=None, responses={201: PreviewOutput, **REFUSED}, operation_id="proposal_preview_order")
    def post(self, request: Request, public_id: str) -> Response:
        """Order a preview of one's own proposal, before it is decided."""
        signed_in(request)
        return self.order(request)


class DraftPreviews(_Previews):
    """The previews of a draft."""

    def found(self) -> Proposal:
        """Return the draft, if whoever asks may see it."""
        return selectors.draft_numbered(self.kwargs["pk"], str(getattr(self.request.user, "address", "")))

    @extend_schema(responses={200: PreviewOutput(many=True), **REFUSED}, operation_id="draft_previews")
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Answer with a page of them, to whoever may see the draft."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=None, responses={201: PreviewOutput, **REFUSED}, operation_id="draft_preview_order")
    def post(self, request: Request, pk: int) -> Response:
        """Order a preview of one's own draft as it is now."""
        signed_in(request)
        return self.order(request)


class PreviewDetail(APIView):
    """One preview."""

    @extend_schema(responses={200: PreviewOutput, **REFUSED}, operation_id="preview")
    def get(self, request: Request, pk: int) -> Response:
        """Answer with it, to whoever may see its proposal."""
        viewer = str(getattr(request.user, "address", ""))
        return Response(PreviewOutput(selectors.preview_numbered(pk, viewer, clock.now()).preview).data)
