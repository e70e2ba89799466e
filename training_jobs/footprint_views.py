"""The JSON API of footprints: what a run, a model or a community used of energy, and how that is known."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.serializers import ProblemOutput
from governance.views.base import community_named
from models_registry.selectors import model_named
from training_jobs import footprint
from training_jobs.attempt_energy import Used
from training_jobs.footprint import Footprint, RunsUsed

RESPONSES_404 = {404: ProblemOutput}


class FootprintOutput(serializers.Serializer[Any]):
    """What was used. `how`: metered where counters covered all of it, else estimated; unknown: nothing says it.

    Grams are of CO2e, with the site's PUE and the intensity of its grid hour by hour, counted when the history of the
    grid is known; `grams_saved` is what starting at once would have emitted beyond them (less than zero: waiting
    cost some). Null: not known. `complete`: the energy of each attempt is known. `capped`: a machine said more than its
    devices can draw, and was cut off there.
    """

    runs = serializers.IntegerField()
    device_seconds = serializers.IntegerField()
    joules = serializers.IntegerField(allow_null=True)
    joules_metered = serializers.IntegerField()
    how = serializers.ChoiceField(choices=["metered", "estimated", "unknown"])
    by = serializers.ListField(child=serializers.CharField())
    complete = serializers.BooleanField()
    capped = serializers.BooleanField()
    grams = serializers.IntegerField(allow_null=True)
    grams_saved = serializers.IntegerField(allow_null=True)
    grid = serializers.CharField(allow_blank=True, help_text="The source of the grid's intensity; empty: none.")


class RunFootprint(APIView):
    """One run."""

    @extend_schema(responses={200: FootprintOutput, **RESPONSES_404}, operation_id="run_footprint")
    def get(self, _request: Request, pk: int) -> Response:
        """Answer with what it has used by now."""
        return Response(FootprintOutput(_of_run(footprint.footprint_of_run(pk, clock.now()))).data)


class ModelFootprint(APIView):
    """All runs of one model."""

    @extend_schema(responses={200: FootprintOutput, **RESPONSES_404}, operation_id="model_footprint")
    def get(self, _request: Request, namespace: str, name: str) -> Response:
        """Answer with what they have used by now."""
        return _sum(footprint.used_by(model_named(namespace, name).model, clock.now()))


class CommunityFootprint(APIView):
    """All runs of one community."""

    @extend_schema(responses={200: FootprintOutput, **RESPONSES_404}, operation_id="community_footprint")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with what they have used by now."""
        return _sum(footprint.used_by(community_named(slug), clock.now()))


def _sum(found: RunsUsed) -> Response:
    return Response(FootprintOutput(_row(found.runs, found.sum, found.grid)).data)


def _of_run(found: Footprint) -> dict[str, Any]:
    if found.used is not None:
        return _row(1, found.used, found.grid)
    energy, grams = found.watt_hours, found.grams
    used = Used(
        seconds=found.seconds,
        joules=0 if energy is None else int(energy * footprint.SECONDS_PER_HOUR),
        complete=energy is not None,
        grams=grams,
    )
    return _row(1, used, footprint.DECLARED if grams is not None else "")


def _row(runs: int, used: Used, grid: str) -> dict[str, Any]:
    return {
        "runs": runs,
        "device_seconds": used.seconds,
        "joules": None if used.how == "unknown" else used.joules,
        "joules_metered": used.metered_joules,
        "how": used.how,
        "by": list(used.by),
        "complete": used.complete,
        "capped": used.capped,
        "grams": None if used.grams is None else int(used.grams),
        "grams_saved": None if used.saved is None else int(used.saved),
        "grid": grid,
    }
