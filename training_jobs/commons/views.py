"""The JSON API of shared computing, for anybody: requests with why they wait, and the next slot for a need."""

import re
from typing import Any, Final

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import Invalid
from governance.views.base import REFUSED, community_named, plain
from training_jobs.commons import selectors
from training_jobs.commons import serializers as forms
from training_jobs.models import ComputeRequest
from training_jobs.scheduling.events import DEVICES_MAX, SECONDS_MAX
from training_jobs.scheduling.prices import MONEY_MAX
from training_jobs.scheduling.values import Need
from training_jobs.sites.declared import MEMORY_MAX

_KIND: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KINDS_MAX: Final = 32
_FOUND_CHARACTERS: Final = 40
# name: least, most, what it is where it is not said; None: it has to be
_NUMBERS: Final[dict[str, tuple[int, int, int | None]]] = {
    "devices": (1, DEVICES_MAX, None),
    "seconds": (1, SECONDS_MAX, None),
    "memory_bytes": (0, MEMORY_MAX, 0),
    "ceiling": (0, MONEY_MAX, MONEY_MAX),
}
_FLAGS: Final = {"true": True, "false": False, "": False}


class ComputeRequestList(generics.ListAPIView[ComputeRequest]):
    """The requests of a community."""

    serializer_class = forms.ComputeRequestOutput

    def get_queryset(self) -> QuerySet[ComputeRequest]:
        """Return all, or those that are open."""
        community = community_named(self.kwargs["slug"])
        if _flag(self.request, "open"):
            return selectors.open_requests(community)
        return selectors.requests_of(community)

    @extend_schema(
        parameters=[OpenApiParameter("open", bool, description="Those that wait or are at work alone.")],
        responses={200: forms.ComputeRequestOutput(many=True), **REFUSED},
        operation_id="compute_requests",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with a page of them; of each that waits, why."""
        page = self.paginate_queryset(self.get_queryset())
        shown = forms.ComputeRequestOutput(selectors.rows(page or [], clock.now()), many=True)
        return self.get_paginated_response(shown.data)


class ComputeRequestDetail(APIView):
    """One request."""

    @extend_schema(responses={200: forms.ComputeRequestOutput, **REFUSED}, operation_id="compute_request")
    def get(self, _request: Request, slug: str, pk: int) -> Response:
        """Answer with it."""
        found = selectors.request_of(community_named(slug), pk)
        return Response(forms.ComputeRequestOutput(selectors.rows([found], clock.now())[0]).data)


class NextSlot(APIView):
    """The next slot for a need."""

    @extend_schema(
        parameters=[
            OpenApiParameter("devices", int, required=True),
            OpenApiParameter("seconds", int, required=True, description="The longest it takes, at reference speed."),
            OpenApiParameter("memory_bytes", int, description="Of each device."),
            OpenApiParameter("data", str, description="Kinds of data that enter the site, separated by commas."),
            OpenApiParameter("ceiling", OpenApiTypes.INT64, description="Micro-units of money at most."),
            OpenApiParameter("newcomer", bool),
        ],
        responses={200: forms.NextSlotAnswer, **REFUSED},
        operation_id="next_slot",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with it, beside all that runs, is booked and waits."""
        community = community_named(slug)
        numbers = {name: _number(request, name) for name in _NUMBERS}
        kinds = _kinds(request)
        need = Need(numbers["devices"], numbers["memory_bytes"], numbers["seconds"], kinds)
        found = selectors.next_slot(
            community, need, clock.now(), newcomer=_flag(request, "newcomer"), ceiling=numbers["ceiling"]
        )
        return Response(forms.NextSlotAnswer({"slot": found}).data)


def _number(request: Request, name: str) -> int:
    """Return a number of the address; raise Invalid for one that is missing, malformed or out of range."""
    least, most, otherwise = _NUMBERS[name]
    text = plain(request.query_params.get(name, ""))
    if not text and otherwise is not None:
        return otherwise
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)) or not least <= int(text) <= most:
        found = text[:_FOUND_CHARACTERS]
        raise Invalid("out_of_range", "a whole number", field=name, found=found, allowed=f"{least} to {most}")
    return int(text)


def _kinds(request: Request) -> frozenset[str]:
    text = plain(request.query_params.get("data", ""))
    kinds = [each for each in text.split(",") if each]
    wrong = [each for each in kinds if not _KIND.fullmatch(each)]
    if wrong or len(kinds) > _KINDS_MAX:
        found = wrong[0][:_FOUND_CHARACTERS] if wrong else len(kinds)
        detail = f"at most {_KINDS_MAX} kinds of data, separated by commas"
        raise Invalid("malformed_field", detail, field="data", found=found, allowed=_KIND.pattern)
    return frozenset(kinds)


def _flag(request: Request, name: str) -> bool:
    text = plain(request.query_params.get(name, ""))
    if text not in _FLAGS:
        raise Invalid("malformed_field", "true or false", field=name, found=text[:20], allowed=["true", "false"])
    return _FLAGS[text]
