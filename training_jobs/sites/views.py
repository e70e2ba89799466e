"""The JSON API of sites: registering and describing one, its machines, its calendar, who lets it in."""

from abc import ABC, abstractmethod
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import TooLarge
from governance.serializers import ProblemOutput
from governance.views.base import REFUSED, community_named, plain, signed_in
from training_jobs.models import Admission, Site, SiteMeasurement
from training_jobs.runners import tokens
from training_jobs.runners.authentication import RunnerView
from training_jobs.scheduling.prices import BOUNDS
from training_jobs.sites import admitting, calendars, ics, measuring, selectors, services
from training_jobs.sites import serializers as forms

SLUG = OpenApiParameter("slug", str, "path")
LIMITED = {**REFUSED, 429: ProblemOutput}


class PriceInputList(APIView):
    """What a price is made of."""

    @extend_schema(responses={200: forms.PriceBoundOutput(many=True)}, operation_id="site_price_inputs")
    def get(self, _request: Request) -> Response:
        """Answer with each input, its unit and its bounds."""
        rows = [{"input": name, "unit": unit, "least": low, "most": high} for name, (unit, low, high) in BOUNDS.items()]
        return Response(forms.PriceBoundOutput(rows, many=True).data)


class SiteList(generics.ListAPIView[Site]):
    """Sites: everybody may know who computes where, and for whom."""

    serializer_class = forms.SiteOutput

    def get_queryset(self) -> QuerySet[Site]:
        """Return all, or those that serve a community."""
        slug = plain(self.request.query_params.get("community", ""))
        return selectors.all_sites(community_named(slug) if slug else None)

    @extend_schema(
        parameters=[OpenApiParameter("community", str)],
        responses={200: forms.SiteOutput(many=True), **REFUSED},
        operation_id="sites",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with a page of them."""
        page = self.paginate_queryset(self.get_queryset())
        now = clock.now()
        shown = forms.SiteOutput([selectors.row(site, now) for site in page or []], many=True)
        return self.get_paginated_response(shown.data)

    @extend_schema(request=forms.SiteInput, responses={201: forms.SiteOutput, **LIMITED}, operation_id="site_register")
    def post(self, request: Request) -> Response:
        """Register a site. It computes for nobody until a community lets it in."""
        actor = signed_in(request)
        site = services.register(actor, forms.SiteInput.read(request.data), clock.now())
        return Response(_shown(site.slug), status=status.HTTP_201_CREATED)


class SiteDetail(APIView):
    """One site."""

    @extend_schema(parameters=[SLUG], responses={200: forms.SiteOutput, **REFUSED}, operation_id="site")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with it."""
        return Response(_shown(slug))

    @extend_schema(
        parameters=[SLUG],
        request=forms.SiteChangeInput,
        responses={200: forms.SiteOutput, **REFUSED},
        operation_id="site_describe",
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change what is said of one's own site; the logs keep old and new."""
        actor = signed_in(request)
        services.describe(slug, actor, forms.SiteChangeInput.read(request.data), clock.now())
        return Response(_shown(slug))


class _OwnSite(APIView, ABC):
    """One step that an operator takes with a site."""

    @abstractmethod
    def take(self, slug: str, actor: str) -> None:
        """Take it."""

    @extend_schema(parameters=[SLUG], request=None, responses={200: forms.SiteOutput, **REFUSED})
    def post(self, request: Request, slug: str) -> Response:
        """Take it, as the operator; repeating it changes nothing."""
        self.take(slug, signed_in(request))
        return Response(_shown(slug))


class SiteHeartbeat(_OwnSite):
    """A sign of life."""

    def take(self, slug: str, actor: str) -> None:
        """Give it."""
        services.show_life(slug, actor, clock.now())


class SiteDrain(_OwnSite):
    """No new work."""

    def take(self, slug: str, actor: str) -> None:
        """Drain it."""
        services.drain(slug, actor, clock.now())


class SiteUndrain(_OwnSite):
    """Work again."""

    def take(self, slug: str, actor: str) -> None:
        """End the draining."""
        services.undrain(slug, actor, clock.now())


class SiteLeave(_OwnSite):
    """An end for good."""

    def take(self, slug: str, actor: str) -> None:
        """Leave."""
        services.leave(slug, actor, clock.now())


class SiteRunners(APIView):
    """Machines of a site."""

    @extend_schema(
        parameters=[SLUG],
        request=forms.RunnerNumberInput,
        responses={200: forms.SiteOutput, **REFUSED},
        operation_id="site_attach",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Attach one's own machine to one's own site; it measures itself the next time that it says hello."""
        actor = signed_in(request)
        services.attach(slug, actor, forms.RunnerNumberInput.read(request.data)["runner"], clock.now())
        return Response(_shown(slug))


class SiteRunner(APIView):
    """One machine of a site."""

    @extend_schema(
        parameters=[SLUG, OpenApiParameter("pk", int, "path")],
        responses={200: forms.SiteOutput, **REFUSED},
        operation_id="site_detach",
    )
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """Take it from the site."""
        services.detach(slug, signed_in(request), pk, clock.now())
        return Response(_shown(slug))


class SiteMeasurements(generics.ListAPIView[SiteMeasurement]):
    """What the machines of a site measured, newest first."""

    serializer_class = forms.SiteMeasurementOutput

    def get_queryset(self) -> QuerySet[SiteMeasurement]:
        """Return those of the site."""
        return selectors.site_named(self.kwargs["slug"]).measurements.order_by("-measured_at", "-pk")

    @extend_schema(
        parameters=[SLUG],
        responses={200: forms.SiteMeasurementOutput(many=True), **REFUSED},
        operation_id="site_measurements",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)


class OwnMeasurement(RunnerView):
    """What a machine measured of itself."""

    scope = tokens.CLAIM

    @extend_schema(
        request=forms.MeasurementInput,
        responses={201: forms.SiteMeasurementOutput, **LIMITED},
        operation_id="runner_measurement",
    )
    def post(self, request: Request) -> Response:
        """Take it in, for the site that the machine is attached to."""
        kept = measuring.take_in(self.runner, forms.MeasurementInput.read(request.data), clock.now())
        return Response(forms.SiteMeasurementOutput(kept).data, status=status.HTTP_201_CREATED)


class CalendarParser(BaseParser):
    """Reads text/calendar, up to what a calendar may have."""

    media_type = "text/calendar"

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: dict[str, Any] | None = None
    ) -> bytes:
        """Return the bytes; raise TooLarge."""
        body = stream.read(ics.BYTES_MAX + 1)
        if len(body) > ics.BYTES_MAX:
            raise TooLarge("too_large", f"a calendar has at most {ics.BYTES_MAX} bytes", allowed=ics.BYTES_MAX)
        return body


class SiteCalendar(APIView):
    """When a site is busy, and what is reserved on it (RFC 5545)."""

    parser_classes = (CalendarParser,)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:  # noqa: FBT001, FBT002 - DRF's signature
        """Answer whoever asks for a calendar and nothing else; what is refused is told as everywhere."""
        return JSONRenderer(), "application/json"

    @extend_schema(
        parameters=[SLUG],
        responses={(200, "text/calendar"): OpenApiTypes.STR, **REFUSED},
        operation_id="site_calendar",
    )
    def get(self, _request: Request, slug: str) -> HttpResponse:
        """Answer with the feed; it can be subscribed to."""
        site = selectors.site_named(slug)
        host = urlsplit(settings.ORIGIN).hostname or "localhost"
        made = calendars.feed(site, host, clock.now(), selectors.reserved(site))
        answer = HttpResponse(made, content_type="text/calendar; charset=utf-8")
        answer["Content-Disposition"] = f'inline; filename="{site.slug}.ics"'
        return answer

    @extend_schema(
        parameters=[SLUG],
        request={"text/calendar": OpenApiTypes.STR},
        responses={200: forms.BusyOutput(many=True), **REFUSED},
        operation_id="site_calendar_replace",
    )
    def put(self, request: Request, slug: str) -> Response:
        """Replace what is ahead by this calendar; answer with the times that it blocks."""
        actor = signed_in(request)
        data = request.data if isinstance(request.data, bytes) else b""
        now = clock.now()
        site = calendars.replace(slug, actor, data, now)
        ahead = site.busy.filter(until__gt=now).order_by("since", "uid")
        return Response(forms.BusyOutput(ahead, many=True).data)


class SiteAdmissions(generics.ListAPIView[Admission]):
    """Which communities let a site in, and which did."""

    serializer_class = forms.AdmissionOutput

    def get_queryset(self) -> QuerySet[Admission]:
        """Return those of the site, newest first."""
        site = selectors.site_named(self.kwargs["slug"])
        return site.admissions.select_related("community", "site", "proposal", "removal").order_by(
            "-admitted_at", "-pk"
        )

    @extend_schema(
        parameters=[SLUG],
        responses={200: forms.AdmissionOutput(many=True), **REFUSED},
        operation_id="site_admissions",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with a page of them."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[SLUG],
        request=forms.CommunityReasonInput,
        responses={201: forms.AdmissionOutput, **REFUSED},
        operation_id="site_admit",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Let the site in, as a steward of the community."""
        actor, said = signed_in(request), forms.CommunityReasonInput.read(request.data)
        community = community_named(plain(said["community"]))
        made = admitting.admit(slug, community, actor, said["reason"], clock.now())
        return Response(forms.AdmissionOutput(made).data, status=status.HTTP_201_CREATED)


class SiteRemove(APIView):
    """The end of an admission."""

    @extend_schema(
        parameters=[SLUG],
        request=forms.CommunityReasonInput,
        responses={200: forms.AdmissionOutput, **REFUSED},
        operation_id="site_remove",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Take the site out, as a steward of the community."""
        actor, said = signed_in(request), forms.CommunityReasonInput.read(request.data)
        community = community_named(plain(said["community"]))
        return Response(
            forms.AdmissionOutput(admitting.remove(slug, community, actor, said["reason"], clock.now())).data
        )


class SiteSuspend(APIView):
    """A suspension, everywhere."""

    @extend_schema(
        parameters=[SLUG],
        request=forms.SuspensionInput,
        responses={200: forms.SiteOutput, **REFUSED},
        operation_id="site_suspend",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Suspend it with evidence, as a steward of a community that it serves."""
        actor, said = signed_in(request), forms.SuspensionInput.read(request.data)
        admitting.suspend(slug, actor, said["reason"], said["evidence"], clock.now())
        return Response(_shown(slug))


class SiteRestore(APIView):
    """The end of a suspension."""

    @extend_schema(
        parameters=[SLUG],
        request=forms.ReasonedInput,
        responses={200: forms.SiteOutput, **REFUSED},
        operation_id="site_restore",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Lift it, as a steward of a community that the site serves."""
        actor, said = signed_in(request), forms.ReasonedInput.read(request.data)
        admitting.restore(slug, actor, said["reason"], clock.now())
        return Response(_shown(slug))


def _shown(slug: str) -> dict[str, Any]:
    return dict(forms.SiteOutput(selectors.row(selectors.site_named(slug), clock.now())).data)
