"""The JSON API of spot checks, for everybody: the checks of a site, and what else speaks against it. Thin."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from governance.views.base import REFUSED
from training_jobs.models import Doubt, SpotCheck
from training_jobs.sites.selectors import site_named
from training_jobs.spot_checks import selectors
from training_jobs.spot_checks.serializers import DoubtOutput, SpotCheckOutput

SLUG = OpenApiParameter("slug", str, "path")


class SiteSpotChecks(generics.ListAPIView[SpotCheck]):
    """The checks of a site, newest first."""

    serializer_class = SpotCheckOutput

    def get_queryset(self) -> QuerySet[SpotCheck]:
        """Return those of the site."""
        if getattr(self, "swagger_fake_view", False):
            return SpotCheck.objects.none()
        return selectors.checks_of(site_named(self.kwargs["slug"]))

    @extend_schema(
        parameters=[SLUG], responses={200: SpotCheckOutput(many=True), **REFUSED}, operation_id="site_spot_checks"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)


class SiteDoubts(generics.ListAPIView[Doubt]):
    """What else speaks against a site, newest first."""

    serializer_class = DoubtOutput

    def get_queryset(self) -> QuerySet[Doubt]:
        """Return those about the site."""
        if getattr(self, "swagger_fake_view", False):
            return Doubt.objects.none()
        return selectors.doubts_about(site_named(self.kwargs["slug"]))

    @extend_schema(parameters=[SLUG], responses={200: DoubtOutput(many=True), **REFUSED}, operation_id="site_doubts")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)
