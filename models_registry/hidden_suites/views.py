"""The JSON API of hidden suites: committing to one, and what is public of them. `training_jobs.openings` opens them."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.serializers import ProblemOutput
from governance.views.base import REFUSED, community_named, signed_in
from models_registry.hidden_suites import selectors, services
from models_registry.hidden_suites.serializers import HiddenSuiteOutput, SuiteInput
from models_registry.models import HiddenSuite


class HiddenSuiteList(generics.ListAPIView[HiddenSuite]):
    """Suites that somebody has committed to, opened or not."""

    serializer_class = HiddenSuiteOutput

    def get_queryset(self) -> QuerySet[HiddenSuite]:
        """Newest first."""
        return selectors.everything().prefetch_related("openings__record")

    @extend_schema(
        request=SuiteInput,
        responses={201: HiddenSuiteOutput, 200: HiddenSuiteOutput, **REFUSED},
        operation_id="hidden_suite_commit",
    )
    def post(self, request: Request) -> Response:
        """Commit to a suite whose rows stay with you; the same again changes nothing. A vote on a rule can name it."""
        keeper, values = signed_in(request), SuiteInput.read(request.data)
        community = community_named(values.pop("community"))
        suite, created = services.commit(community, keeper, services.NewSuite(**values), clock.now())
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(HiddenSuiteOutput(suite).data, status=code)


class HiddenSuiteDetail(APIView):
    """One hidden suite."""

    @extend_schema(responses={200: HiddenSuiteOutput, 404: ProblemOutput}, operation_id="hidden_suite")
    def get(self, _request: Request, commitment: str) -> Response:
        """Answer with what is public of it."""
        return Response(HiddenSuiteOutput(selectors.find(commitment)).data)
