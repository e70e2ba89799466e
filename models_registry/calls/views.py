"""The JSON API of calls for another vote: listing them, and taking one up."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.serializers.outputs import DraftOutput
from governance.views.base import REFUSED, community_named, signed_in
from models_registry.calls import selectors, services
from models_registry.calls.serializers import CallOutput
from models_registry.models import Call


class CommunityCalls(generics.ListAPIView[Call]):
    """The calls of a community, the open ones first."""

    serializer_class = CallOutput

    def get_queryset(self) -> QuerySet[Call]:
        """Return them."""
        if getattr(self, "swagger_fake_view", False):
            return Call.objects.none()
        return selectors.all_of(community_named(self.kwargs["slug"]))

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - DRF's signature
        """Say of each what it calls for, in the reader's language."""
        if args and kwargs.get("many"):
            viewer, now = str(getattr(self.request.user, "address", "")), clock.now()
            args = ([selectors.shown(call, viewer, now) for call in args[0]], *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        parameters=[OpenApiParameter("slug", str, "path")],
        responses={200: CallOutput(many=True), **REFUSED},
        operation_id="community_calls",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)


class CallTakeUp(APIView):
    """Making a call one's own draft."""

    @extend_schema(request=None, responses={201: DraftOutput, **REFUSED}, operation_id="call_take_up")
    def post(self, request: Request, pk: int) -> Response:
        """Answer with the draft, to be edited and submitted; nothing is voted on before that."""
        made = services.take_up(pk, signed_in(request), clock.now())
        return Response(DraftOutput(made).data, status=status.HTTP_201_CREATED)
