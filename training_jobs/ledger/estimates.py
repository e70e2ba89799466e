"""What a training will take, in device-seconds, with an interval from what the community's past runs took.

The plan is `spec.estimate`, an upper bound; how far runs stay below it is what past runs say. Device-seconds are of the
machines where runs land; what they take of energy, carbon and money is `scheduling.outlay`.

A past run is one that came to an end of its own: it was judged, or it used its budget up (that is what it took, and to
leave it out would make the interval too short). What failed, was stopped, or ran out of money says nothing of how much
a whole training takes. Comparable with a new one is a past run

- that ran at sites which the community lets in now, or, where it shares none, on machines of no site: a device-second
  elsewhere is another measure;
- of the same model, objective and strategy, as soon as there are enough of these for an interval; until then all.

Which of both is taken depends on how many there are, never on what they took, so the promise of the interval holds.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from governance.models import Community
from models_registry.models import Dataset
from training_jobs import spec as specs
from training_jobs.models import Admission, Allotment, Run
from training_jobs.scheduling.prices import LEVEL, Coverage, Estimate, Past, coverage, estimate, runs_needed

# The newest runs that count: enough for a fine interval, and machines change; a page reads them all.
RUNS_MAX: Final = 200
_USED_UP: Final = "budget_used_up"
_Sizes = Mapping[str, tuple[int, int]]  # of datasets, by digest: records, bytes


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one specification will take, in device-seconds, and how often such intervals held for comparable runs."""

    planned: int | None  # None: one of its datasets is not known here
    most: int  # that the vote approves
    estimate: Estimate | None  # None: nothing is planned
    coverage: Coverage
    runs: int  # comparable past runs
    alike: bool  # all of them of the same model, objective and strategy

    @property
    def interval(self) -> tuple[int, int] | None:
        """Between which device-seconds it will end; None where too few runs say so."""
        found = self.estimate
        return (found.low, found.high) if found is not None and found.calibrated else None

    @property
    def runs_needed(self) -> int:
        """How many comparable runs an interval needs."""
        return runs_needed(self.coverage.level_bps)


@dataclass(frozen=True, slots=True)
class _Ended:
    """A run that came to its end: its plan and what it took, and where it ran (slugs of sites; none: of no site)."""

    spec: specs.TrainingSpec
    past: Past
    sites: frozenset[str]


def forecast(community: Community, spec: specs.TrainingSpec, *, at: datetime | None = None) -> Forecast:
    """Return what a training will take at most and about; `at`: as it would have been said at that moment."""
    ended, sizes = _ended(community, at, [spec])
    here = _sites(community, at)
    pasts = [each for each in ended if each.sites <= here and bool(each.sites) == bool(here)]
    alike = [each for each in pasts if _sort(each.spec) == _sort(spec)]
    enough = len(alike) >= runs_needed(LEVEL)
    counted = [each.past for each in (alike if enough else pasts)]
    planned = _planned(spec, sizes)
    found = None if planned is None else estimate(planned, spec.device_seconds, counted)
    return Forecast(planned, spec.device_seconds, found, coverage(counted), len(counted), enough)


def past_runs(community: Community) -> list[Past]:
    """Return planned and metered device-seconds of runs that came to their end, the first that ended first."""
    return [each.past for each in _ended(community, None)[0]]


def device_seconds_of(run: Run) -> int:
    """Return what a run took: as its plan counts, each device of each place."""
    spec = specs.from_payload(run.spec_record.body)
    return devices_of_a_place(spec) * sum(attempt.device_seconds for attempt in run.attempts.all())


def devices_of_a_place(spec: specs.TrainingSpec) -> int:
    """Return how many devices work together at each place of a run; an attempt counts the seconds of all as one."""
    return spec.workers if spec.strategy in specs.ON_ONE_SITE else spec.stages


def is_whole(run: Run) -> bool:
    """Say whether a run came to an end that says how much a training takes."""
    return run.judged_at is not None or run.failure == _USED_UP


def _ended(
    community: Community, before: datetime | None, others: list[specs.TrainingSpec] | None = None
) -> tuple[list[_Ended], _Sizes]:
    """Return the newest RUNS_MAX that ended before a moment, oldest first, and sizes of datasets: 3 queries."""
    whole = Run.objects.filter(Q(judged_at__isnull=False) | Q(failed_at__isnull=False, failure=_USED_UP))
    found = whole.filter(community=community).annotate(ended=Coalesce(F("judged_at"), F("failed_at")))
    if before is not None:
        found = found.filter(ended__lt=before)
    newest = found.annotate(metered=Sum("attempts__device_seconds")).order_by("-ended", "-pk")[:RUNS_MAX]
    runs = list(newest.select_related("spec_record"))
    read = [(run.pk, specs.from_payload(run.spec_record.body), run.metered or 0) for run in reversed(runs)]
    sizes = _sizes([*(spec for _number, spec, _metered in read), *(others or [])])
    sites = _ran_at([number for number, _spec, _metered in read])
    pasts = []
    for number, spec, metered in read:
        planned = _planned(spec, sizes)
        if planned is not None:
            took = Past(max(1, planned), devices_of_a_place(spec) * metered)
            pasts.append(_Ended(spec, took, frozenset(sites.get(number, ()))))
    return pasts, sizes


def _planned(spec: specs.TrainingSpec, sizes: _Sizes) -> int | None:
    if any(use.digest not in sizes for use in spec.datasets):
        return None
    records = {use.digest: sizes[use.digest][0] for use in spec.datasets}
    return specs.estimate(spec, records, {use.digest: sizes[use.digest][1] for use in spec.datasets}).device_seconds


def _sizes(of: list[specs.TrainingSpec]) -> _Sizes:
    digests = {use.digest for spec in of for use in spec.datasets}
    rows = Dataset.objects.filter(digest__in=digests).values_list("digest", "records", "size")
    return {digest: (records, size) for digest, records, size in rows}


def _sites(community: Community, at: datetime | None) -> frozenset[str]:
    """Return the sites that a community lets in now, or let in then."""
    admitted = Admission.objects.filter(community=community)
    if at is None:
        admitted = admitted.in_force()
    else:
        admitted = admitted.filter(Q(removed_at__isnull=True) | Q(removed_at__gt=at), admitted_at__lte=at)
    return frozenset(admitted.values_list("site__slug", flat=True))


def _ran_at(runs: list[int]) -> Mapping[int, set[str]]:
    claimed = Allotment.objects.filter(request__run__in=runs, claimed_at__isnull=False)
    found: dict[int, set[str]] = defaultdict(set)
    for number, site in claimed.values_list("request__run", "site__slug"):
        found[number].add(site)
    return found


def _sort(spec: specs.TrainingSpec) -> tuple[str, str, str]:
    """Return what sort of training it is."""
    return spec.base.model, spec.objective, spec.strategy
