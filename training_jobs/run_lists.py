"""One page of the runs of a community, as lists show them: filtered, with what each has used and how its loss went."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil

from governance.models import Community
from training_jobs import lifecycle
from training_jobs.footprint import seconds_used
from training_jobs.models import Run
from training_jobs.selectors import RunRow, row_of
from training_jobs.series import sparks_of

RUNS_PER_PAGE = 20
# A state is computed, so a list by state looks at each run; more than these are not looked at.
RUNS_LOOKED_AT_MAX = 5_000


@dataclass(frozen=True)
class ListedRun:
    """A run of a list: its row, the device-seconds that it used of those voted, its losses."""

    row: RunRow
    seconds: int
    seconds_voted: int
    losses: tuple[Decimal, ...]


@dataclass(frozen=True)
class RunPage:
    """One page of a list of runs; `models` are those that the community has trained, to choose from."""

    rows: tuple[ListedRun, ...]
    number: int
    pages: int
    total: int
    models: tuple[str, ...]


def runs_page(community: Community, now: datetime, *, state: str = "", model: str = "", page: int = 1) -> RunPage:
    """Return one page of the runs that match, newest first; an unknown state or model matches nothing."""
    runs = Run.objects.filter(community=community)
    names = runs.order_by("model__namespace", "model__name").values_list("model__namespace", "model__name").distinct()
    if model:
        namespace, _, name = model.partition("/")
        runs = runs.filter(model__namespace=namespace, model__name=name)
    if state:
        looked_at = runs.defer("report", "failure_detail", "pause_reason").order_by("-pk")[:RUNS_LOOKED_AT_MAX]
        runs = runs.filter(pk__in=[run.pk for run in looked_at if run.state(now) == state])
    total = runs.count()
    pages = max(1, ceil(total / RUNS_PER_PAGE))
    number = min(max(page, 1), pages)
    start = (number - 1) * RUNS_PER_PAGE
    found = list(
        runs.select_related("proposal", "model", "version", "evaluation_record", "spec_record")
        .prefetch_related("attempts", "seats")
        .order_by("-pk")[start : start + RUNS_PER_PAGE]
    )
    losses = sparks_of(found)
    rows = tuple(_listed(run, losses.get(run.pk, ()), now) for run in found)
    return RunPage(rows, number, pages, total, tuple(f"{namespace}/{name}" for namespace, name in names))


def states() -> tuple[str, ...]:
    """Return the states that a list can be filtered by."""
    return tuple(lifecycle.State)


def _listed(run: Run, losses: tuple[Decimal, ...], now: datetime) -> ListedRun:
    voted = int(run.spec_record.body["budget"]["device_seconds"])
    return ListedRun(row_of(run, now), seconds_used(run, voted, now), voted, losses)
