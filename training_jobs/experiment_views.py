"""The JSON API of experiments: what a member may try, on how much quota, and trying it."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.serializers import ProblemOutput
from governance.serializers.base import StrictSerializer, StrictText
from governance.views.base import REFUSED, community_named, signed_in
from training_jobs import experiments
from training_jobs.previews.serializers import PreviewOutput

SLUG = OpenApiParameter("slug", str, "path")


class ExperimentInput(StrictSerializer):
    """The revision of a version to start from, digests of datasets to learn from, and a learning rate as text."""

    base = StrictText(max_length=40)
    datasets = serializers.ListField(child=StrictText(max_length=64), min_length=1, max_length=experiments.DATASETS_MAX)
    learning_rate = StrictText(max_length=20, default=experiments.RATE_USUAL)


class ChoiceOutput(serializers.Serializer[Any]):
    """Something to choose."""

    value = serializers.CharField()
    name = serializers.CharField()


class ExperimentOfferOutput(serializers.Serializer[Any]):
    """What there is to choose from, and what is left. Seconds are device-seconds; `seconds_week` is null: unbounded."""

    bases = ChoiceOutput(many=True)
    datasets = ChoiceOutput(many=True)
    left_today = serializers.IntegerField()
    steps_max = serializers.IntegerField()
    seconds_each = serializers.IntegerField(help_text="That one may take at most.")
    seconds_used = serializers.IntegerField(help_text="Of the last seven days, with what may yet be used.")
    seconds_week = serializers.IntegerField(allow_null=True)


class Experiments(APIView):
    """Small trainings without a vote, on a member's own quota."""

    @extend_schema(parameters=[SLUG], responses={200: ExperimentOfferOutput, **REFUSED}, operation_id="experiments")
    def get(self, request: Request, slug: str) -> Response:
        """Answer with what may be tried, and how much of it."""
        offer = experiments.offer_of(community_named(slug), signed_in(request), clock.now())
        named = {"bases": _named(offer.bases), "datasets": _named(offer.datasets)}
        rest = ("left_today", "steps_max", "seconds_each", "seconds_used", "seconds_week")
        return Response(ExperimentOfferOutput(named | {name: getattr(offer, name) for name in rest}).data)

    @extend_schema(
        parameters=[SLUG],
        request=ExperimentInput,
        responses={201: PreviewOutput, **REFUSED, 429: ProblemOutput},
        operation_id="experiment_begin",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Try something: a draft of one's own, and its preview, in one step."""
        member, said = signed_in(request), ExperimentInput.read(request.data)
        wanted = experiments.Wanted(said["base"], said["datasets"], said["learning_rate"])
        made = experiments.begin(community_named(slug), member, wanted, clock.now())
        return Response(PreviewOutput(made).data, status=status.HTTP_201_CREATED)


def _named(options: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"value": value, "name": name} for value, name in options]
