"""What can be followed, with the models that governance does not know; and the same over the API."""

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import NotFound
from governance.models import Community, Reader
from governance.readers import following, sessions
from governance.serializers.readers import FollowInput, FollowOutput
from governance.views.readers import REFUSED_OR_MANY, CheckedSession
from models_registry.models import Model


def subject_named(kind: str, name: str) -> following.Subject:
    """Return what is meant, as `following.subject` does, and a model by its "namespace/name"; raise NotFound."""
    return following.subject(kind, name, _community_of(name) if kind == "model" else None)


class MyFollows(APIView):
    """What the reader who is signed in follows. Nobody else is told."""

    authentication_classes = (CheckedSession,)

    @extend_schema(responses={200: FollowOutput(many=True), **REFUSED_OR_MANY}, operation_id="my_follows")
    def get(self, request: Request) -> Response:
        """List it."""
        return Response(FollowOutput(following.followed(_me(request)), many=True).data)

    @extend_schema(
        request=FollowInput, responses={201: FollowOutput(many=True), **REFUSED_OR_MANY}, operation_id="follow"
    )
    def post(self, request: Request) -> Response:
        """Follow something from now on; return all that is followed."""
        values = FollowInput.read(request.data)
        reader = _me(request)
        following.follow(reader, subject_named(values["kind"], values["name"]), clock.now())
        answer = FollowOutput(following.followed(reader), many=True).data
        return Response(answer, status=status.HTTP_201_CREATED)


class MyFollow(APIView):
    """One of them."""

    authentication_classes = (CheckedSession,)

    @extend_schema(request=None, responses={204: None, **REFUSED_OR_MANY}, operation_id="unfollow")
    def delete(self, request: Request, pk: int) -> Response:
        """Follow it no longer."""
        following.unfollow_row(_me(request), pk, clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _me(request: Request) -> Reader:
    return sessions.needed(request._request, get_language() or "", clock.now())  # noqa: SLF001 - Django's request


def _community_of(name: str) -> Community:
    namespace, _, own = name.partition("/")
    found = Model.objects.select_related("community").filter(namespace=namespace, name=own).first()
    if found is None:
        raise NotFound("unknown_model", "there is no such model", field="name", found=name)
    return found.community
