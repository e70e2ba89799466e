"""The API of those who own runners: register, list, rotate, revoke. Signed in as everywhere; machines have `views`."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import NotFound
from governance.views.base import REFUSED, community_named, plain, signed_in
from training_jobs.models import Runner
from training_jobs.runners import services
from training_jobs.runners.serializers import NewTokenOutput, RunnerInput, RunnerOutput


class RunnerList(generics.ListAPIView[Runner]):
    """Runners, newest first: everybody may know who runs what."""

    serializer_class = RunnerOutput

    def get_queryset(self) -> QuerySet[Runner]:
        """Return all, or those of one community."""
        found = Runner.objects.select_related("community").order_by("-pk")
        slug = plain(self.request.query_params.get("community", ""))
        return found.filter(community__slug=slug) if slug else found

    @extend_schema(parameters=[OpenApiParameter("community", str)], operation_id="runners")
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=RunnerInput, responses={201: NewTokenOutput, **REFUSED}, operation_id="runner_register")
    def post(self, request: Request) -> Response:
        """Register a machine; its token is in this answer and nowhere else."""
        actor = signed_in(request)
        values = RunnerInput.read(request.data)
        community = community_named(plain(values["community"]))
        made = services.register(community, actor, values["name"], values["scopes"], values["days"], clock.now())
        return Response(NewTokenOutput(made).data, status=status.HTTP_201_CREATED)


class RunnerDetail(APIView):
    """One runner."""

    @extend_schema(responses={200: RunnerOutput, **REFUSED}, operation_id="runner")
    def get(self, _request: Request, pk: int) -> Response:
        """Answer with it."""
        runner = Runner.objects.select_related("community").filter(pk=pk).first()
        if runner is None:
            raise NotFound("unknown_runner", "there is no such runner", found=pk)
        return Response(RunnerOutput(runner).data)

    @extend_schema(responses={200: RunnerOutput, **REFUSED}, operation_id="runner_revoke")
    def delete(self, request: Request, pk: int) -> Response:
        """Shut it out at once; what it did stays known."""
        return Response(RunnerOutput(services.revoke(pk, signed_in(request), clock.now())).data)


class RunnerRotate(APIView):
    """A new token for one's own runner."""

    @extend_schema(request=None, responses={201: NewTokenOutput, **REFUSED}, operation_id="runner_rotate")
    def post(self, request: Request, pk: int) -> Response:
        """Show it once; the old one lets in for an hour more."""
        made = services.rotate(pk, signed_in(request), clock.now())
        return Response(NewTokenOutput(made).data, status=status.HTTP_201_CREATED)
