"""What a training will take, in device-seconds, with an interval from what the community's past runs took.

The plan is `spec.estimate`, an upper bound; how far runs stay below it is what past runs say. Device-seconds do not
depend on where a run lands; times a site's price they are money (`scheduling.prices.cost`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Sum

from governance.models import Community
from models_registry.models import Dataset
from training_jobs import spec as specs
from training_jobs.models import Run
from training_jobs.scheduling.prices import PASTS_MAX, Coverage, Estimate, Past, coverage, estimate


@dataclass(frozen=True, slots=True)
class Forecast:
    """The interval for one specification, and how often such intervals held for the community's runs until now."""

    estimate: Estimate
    coverage: Coverage


def forecast(community: Community, spec: specs.TrainingSpec) -> Forecast:
    """Return what a training will take at most and about; raise KeyError where one of its datasets is not known."""
    pasts = past_runs(community)
    planned = _planned(spec, *_sizes(community)).device_seconds
    return Forecast(estimate(planned, spec.device_seconds, pasts), coverage(pasts))


def past_runs(community: Community) -> list[Past]:
    """Return planned and metered device-seconds of runs that were judged, the first that ended first."""
    records, sizes = _sizes(community)
    judged = Run.objects.filter(community=community, judged_at__isnull=False).select_related("spec_record")
    newest = judged.annotate(metered=Sum("attempts__device_seconds")).order_by("-judged_at", "-pk")[:PASTS_MAX]
    found = []
    for run in newest:
        spec = specs.from_payload(run.spec_record.body)
        if {use.digest for use in spec.datasets} <= records.keys():
            found.append(Past(max(1, _planned(spec, records, sizes).device_seconds), run.metered or 0))
    return found[::-1]


def _planned(spec: specs.TrainingSpec, records: Mapping[str, int], sizes: Mapping[str, int]) -> specs.Estimate:
    return specs.estimate(spec, records, sizes)


def _sizes(community: Community) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many records each dataset has, and how many bytes."""
    rows = list(Dataset.objects.filter(community=community).values_list("digest", "records", "size"))
    return {digest: records for digest, records, _size in rows}, {digest: size for digest, _records, size in rows}
