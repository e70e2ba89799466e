"""The API of the figures: what a community's compute was used for, for anybody, in three formats."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.errors import NotFound
from governance.serializers import ProblemOutput
from governance.views.base import community_named
from governance.views.proposals import WhateverIsAsked
from training_jobs.transparency import published
from training_jobs.transparency.feed import FORMATS

FRESH_SECONDS = 60


class FigureOutput(serializers.Serializer):
    """One figure."""

    period = serializers.CharField(help_text="`all`, or a month (UTC) as 2026-11.")
    table = serializers.CharField(help_text="log, requests, refusals, use, energy, sites, prices or fairness.")
    group = serializers.CharField(help_text="Of whom or what in the table; `all` for all of them.")
    measure = serializers.CharField()
    unit = serializers.CharField()
    value = serializers.CharField(allow_null=True, help_text="Exact: a whole number, or a fraction as 7/3.")
    decimal = serializers.CharField(allow_null=True, help_text="The same with at most six decimals.")
    suppressed = serializers.BooleanField(help_text="The group is too small to be shown, or would give one away.")
    at = serializers.IntegerField(allow_null=True, help_text="UNIX seconds; of prices, since when.")


class FiguresOutput(serializers.Serializer):
    """The figures of the compute commons."""

    schema_version = serializers.IntegerField()
    figures = FigureOutput(many=True)


_ANSWERS = {
    (200, "application/json"): FiguresOutput,
    (200, "text/csv"): OpenApiTypes.BINARY,
    (200, FORMATS["parquet"]): OpenApiTypes.BINARY,
    (404, "application/problem+json"): ProblemOutput,
    (422, "application/problem+json"): ProblemOutput,
}
_FORM = OpenApiParameter("form", str, OpenApiParameter.PATH, enum=list(FORMATS))
_JSON = {200: FiguresOutput, 404: ProblemOutput, 422: ProblemOutput}


class CommunityFigures(APIView):
    """The figures of a community."""

    content_negotiation_class = WhateverIsAsked

    @extend_schema(responses=_JSON, operation_id="compute_figures")
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Answer with them as JSON."""
        return _community(request, slug, "json")


class CommunityFiguresFile(APIView):
    """The figures of a community as a file."""

    content_negotiation_class = WhateverIsAsked

    @extend_schema(parameters=[_FORM], responses=_ANSWERS, operation_id="compute_figures_file")
    def get(self, request: Request, slug: str, form: str) -> HttpResponseBase:
        """Answer with them as JSON, CSV or Parquet."""
        return _community(request, slug, form)


class SiteFigures(APIView):
    """The figures of all communities of this site together."""

    content_negotiation_class = WhateverIsAsked

    @extend_schema(responses=_JSON, operation_id="compute_figures_of_site")
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with them as JSON."""
        return _site(request, "json")


class SiteFiguresFile(APIView):
    """The figures of this site as a file."""

    content_negotiation_class = WhateverIsAsked

    @extend_schema(parameters=[_FORM], responses=_ANSWERS, operation_id="compute_figures_of_site_file")
    def get(self, request: Request, form: str) -> HttpResponseBase:
        """Answer with them as JSON, CSV or Parquet."""
        return _site(request, form)


def _community(request: Request, slug: str, form: str) -> HttpResponseBase:
    community = community_named(slug)
    return _answer(request, published.feed_of_community(community, _known(form)), f"{slug}-compute", form)


def _site(request: Request, form: str) -> HttpResponseBase:
    return _answer(request, published.feed_of_site(_known(form)), "compute", form)


def _known(form: str) -> str:
    if form not in FORMATS:
        raise NotFound("unknown_format", "there are no figures in this format", found=form, allowed=list(FORMATS))
    return form


def _answer(request: HttpRequest, found: tuple[bytes, str], name: str, form: str) -> HttpResponseBase:
    """Answer with a file, or that the reader has it already."""
    data, digest = found
    response = HttpResponse(data, content_type=FORMATS[form])
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    response["ETag"] = etag = quote_etag(digest)
    patch_cache_control(response, public=True, max_age=FRESH_SECONDS)
    return get_conditional_response(request, etag=etag, response=response)
