"""The JSON API of a model's life: its map, and two of its versions side by side. Parse, call one selector, present."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import NotFound
from governance.serializers import ProblemOutput
from governance.views.base import number
from models_registry import selectors
from training_jobs import model_history, version_comparison
from training_jobs.model_scores import OCCASIONS, Score, scores_of
from training_jobs.version_comparison import Comparison, Side
from training_jobs.version_measures import OUTCOMES, Compared, Value

NUMBER_CHARACTERS_MAX = 20


class NodeOutput(serializers.Serializer[Any]):
    """One thing on the map of a model."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=["version", "run", "decision", "dataset", "rule"])
    status = serializers.CharField(help_text="How it stands: of a version, a run, a decision or a rule.")
    reference = serializers.CharField(help_text="By what it is found: a revision, a number, a digest or a slug.")
    title = serializers.CharField()
    at = serializers.CharField(allow_null=True, help_text="When, in ISO 8601.")
    note = serializers.CharField()


class ModelMapOutput(serializers.Serializer[Any]):
    """A model's life as a graph. Each edge has `from` and `to`, ids of nodes, and its `kind`."""

    model = serializers.CharField()
    nodes = NodeOutput(many=True)
    edges = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


class MeasuredOutput(serializers.Serializer[Any]):
    """A value and its interval, as exact fractions."""

    value = serializers.CharField()
    low = serializers.CharField(allow_null=True)
    high = serializers.CharField(allow_null=True)
    samples = serializers.IntegerField()


class ComparedOutput(serializers.Serializer[Any]):
    """One metric on one suite."""

    suite = serializers.CharField()
    metric = serializers.CharField()
    unit = serializers.CharField()
    higher_is_better = serializers.BooleanField(allow_null=True)
    first = MeasuredOutput(allow_null=True)
    second = MeasuredOutput(allow_null=True)
    outcome = serializers.ChoiceField(
        choices=list(OUTCOMES), help_text="Which is better, or why neither is said to be."
    )


class SideOutput(serializers.Serializer[Any]):
    """One of the two versions."""

    version = serializers.IntegerField()
    revision = serializers.CharField()
    standing = serializers.CharField()
    run = serializers.IntegerField(allow_null=True)
    device_seconds = serializers.IntegerField(allow_null=True)


class RuleSaidOutput(serializers.Serializer[Any]):
    """What one rule said of each; empty where it did not judge it."""

    rule = serializers.CharField()
    first = serializers.CharField()
    second = serializers.CharField()


class ComparisonOutput(serializers.Serializer[Any]):
    """Two versions of a model side by side."""

    model = serializers.CharField()
    first = SideOutput()
    second = SideOutput()
    measured_together = serializers.BooleanField(help_text="One was trained from the other, and one run measured both.")
    measures = ComparedOutput(many=True)
    recipe = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="What the second was trained otherwise in, in words."
    )
    datasets_only_first = serializers.ListField(child=serializers.CharField())
    datasets_only_second = serializers.ListField(child=serializers.CharField())
    rules = RuleSaidOutput(many=True)
    files_changed = serializers.ListField(child=serializers.CharField())


class ScoreOutput(serializers.Serializer[Any]):
    """One metric of one version on one suite at one time; `record` is the digest of the record that says so."""

    version = serializers.IntegerField(source="version.number")
    revision = serializers.CharField(source="version.revision")
    at = serializers.DateTimeField()
    occasion = serializers.ChoiceField(choices=list(OCCASIONS), help_text="At its release, or measured again later.")
    record = serializers.CharField()
    suite = serializers.CharField()
    metric = serializers.CharField()
    unit = serializers.CharField()
    higher_is_better = serializers.BooleanField(allow_null=True)
    measured = serializers.SerializerMethodField()

    @extend_schema_field(MeasuredOutput)
    def get_measured(self, score: Score) -> dict[str, Any] | None:
        """Return the value with its interval, as exact fractions."""
        return _value(score.value)


class ModelScoresOutput(serializers.Serializer[Any]):
    """What was measured of a model's releases, the oldest first."""

    model = serializers.CharField()
    scores = ScoreOutput(many=True)


class ModelScores(APIView):
    """How good a model was over time."""

    @extend_schema(
        parameters=[OpenApiParameter("version", int, description="of one version only")],
        responses={200: ModelScoresOutput, 400: ProblemOutput, 404: ProblemOutput},
        operation_id="model_scores",
        examples=[
            OpenApiExample(
                "Measured at its release",
                response_only=True,
                value={
                    "model": "water/reader",
                    "scores": [{
                        "version": 1, "revision": "ab" * 20, "at": "2026-03-01T12:00:00Z", "occasion": "release",
                        "record": "cd" * 32, "suite": "ef" * 32, "metric": "exact_match", "unit": "share",
                        "higher_is_better": True,
                        "measured": {"value": "3/4", "low": "5/8", "high": "7/8", "samples": 16},
                    }],
                },
            )
        ],
    )  # fmt: skip
    def get(self, request: Request, namespace: str, name: str) -> Response:
        """Answer with what was measured at each release, and each time one was measured again."""
        card = selectors.model_named(namespace, name)
        versions = [row.version for row in card.versions]
        if "version" in request.query_params:
            wanted = number(request, "version")
            versions = [version for version in versions if version.number == wanted]
            if not versions:
                raise NotFound("unknown_version", "this model has no such version", field="version", found=wanted)
        return Response(ModelScoresOutput({"model": str(card.model), "scores": scores_of(versions)}).data)


class ModelMap(APIView):
    """How a model came about."""

    @extend_schema(responses={200: ModelMapOutput, 404: ProblemOutput}, operation_id="model_map")
    def get(self, _request: Request, namespace: str, name: str) -> Response:
        """Answer with versions, runs, decisions, datasets and rules, and what led to what."""
        card = selectors.model_named(namespace, name)
        return Response({"model": str(card.model), **model_history.map_of(card.model, clock.now()).to_dict()})


class ModelCompare(APIView):
    """What differs between two versions."""

    @extend_schema(
        parameters=[OpenApiParameter("a", int), OpenApiParameter("b", int)],
        responses={200: ComparisonOutput, 404: ProblemOutput, 422: ProblemOutput},
        operation_id="model_compare",
    )
    def get(self, request: Request, namespace: str, name: str) -> Response:
        """Answer for two versions by their numbers; without any, for the newest and the one before it."""
        card = selectors.model_named(namespace, name)
        wanted = (request.query_params.get(key, "")[:NUMBER_CHARACTERS_MAX] for key in ("a", "b"))
        first, second = version_comparison.chosen(card, *wanted)
        if first is None or second is None:
            raise NotFound("nothing_to_compare", "this model has less than two versions", found=len(card.versions))
        return Response(_comparison(str(card.model), version_comparison.compare(first, second, clock.now())))


def _comparison(model: str, found: Comparison) -> dict[str, Any]:
    return {
        "model": model,
        "first": _side(found.first),
        "second": _side(found.second),
        "measured_together": found.measured_together,
        "measures": [_compared(row) for row in found.measures],
        "recipe": None if found.recipe is None else list(found.recipe),
        "datasets_only_first": [dataset.digest for dataset in found.only_first],
        "datasets_only_second": [dataset.digest for dataset in found.only_second],
        "rules": [{"rule": each.rule, "first": each.first, "second": each.second} for each in found.rules],
        "files_changed": [file.path for file in found.files if file.changed],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "version": side.version.number,
        "revision": side.version.revision,
        "standing": side.standing,
        "run": side.run.pk if side.run else None,
        "device_seconds": side.device_seconds,
    }


def _compared(row: Compared) -> dict[str, Any]:
    return {
        "suite": row.suite,
        "metric": row.metric,
        "unit": row.unit,
        "higher_is_better": row.higher,
        "first": _value(row.first),
        "second": _value(row.second),
        "outcome": row.outcome,
    }


def _value(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    low, high = (None if end is None else str(end) for end in (value.low, value.high))
    return {"value": str(value.value), "low": low, "high": high, "samples": value.samples}
