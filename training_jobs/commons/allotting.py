"""What the sweeper does for shared computing: ends what is over, takes back what nobody works on, allots what is free.

Safe to repeat, and for two sweepers at once: each step locks what it changes and looks again. For one community after
the other, in order of slug, `choose` decides on the sites that it governs:

1. its sites are locked, in order, so that nobody allots their devices meanwhile; 2. the world is read, and decided on;
3. the runs and previews that begin are locked, in order; 4. those that still wait get their allotment; 5. lent work is
called back, where the moment for it has come; 6. the logs are told, one community after the other. A decision begins so
many at most, so that sites are locked for a moment only; where more can begin, the next follows at once.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from governance.clock import unix
from governance.errors import Refusal
from training_jobs import services
from training_jobs.carbon import configured
from training_jobs.commons import allotments, lifecycle, naming, requests, waiting, world
from training_jobs.commons.lifecycle import Place
from training_jobs.leases import locked
from training_jobs.models import Admission, Allotment, ComputeRequest, Preview, Run, Site
from training_jobs.previews import services as previews
from training_jobs.scheduling.choose import choose
from training_jobs.scheduling.events import Interruption
from training_jobs.scheduling.values import Series, Start
from training_jobs.sites import declared
from training_jobs.sites.lifecycle import Standing

logger = logging.getLogger(__name__)

ROUNDS_MAX: Final = 5
Grid = Mapping[str, Series]  # by region
_AT_WORK = frozenset({Standing.OPEN, Standing.DRAINING})


def allot(now: datetime) -> int:
    """Do all of it; return how many requests began."""
    if not ComputeRequest.objects.open().exists():
        return 0
    end_what_is_over(now)
    take_back(now)
    begun, looks, governed = 0, [], world.governed()
    for governing in governed:
        foreseen = forecast_for(governing, now)
        rounds = 0
        while rounds < ROUNDS_MAX:
            found, more, seen = 0, False, None
            with _alone(f"sites that {governing.community.slug} governs"):
                found, more, seen = _decide(governing, foreseen, now)
            begun += found
            rounds += not more
            if not found:
                looks += [] if seen is None else [waiting.Look(governing, seen)]
                break
    looked = {each.governing.community for each in looks}
    # where something goes on to begin, or was not looked at, the next sweep tells
    waiting.tell(looks, now, [each for each in governed if each.community not in looked])
    return begun


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Do one step in a transaction of its own; one that is refused holds up no other, and is tried again next time."""
    try:
        with transaction.atomic():
            yield
    except Refusal as error:
        logger.warning("%s: nothing is changed: %s", what, error)


def forecast_for(governing: world.Governed, now: datetime) -> Grid:
    """Return what is foreseen of the grids; not within a transaction, as it may ask over the network."""
    try:
        known, refused = configured.forecasts(governing.regions, unix(now))
    except Refusal as error:  # a source that the settings name, and that cannot be used
        logger.warning("no forecast of carbon intensity: %s", error)
        return {}
    for region, refusal in refused.items():
        logger.info("region %s: no forecast of carbon intensity: %s", region, refusal)
    return {region: kept.reading.series for region, kept in known.items()}


# --- what is over -------------------------------------------------------------------------------------------------


def end_what_is_over(now: datetime) -> None:
    """End requests of runs and previews that are over, and those of communities that have no site any more."""
    for run_id in _runs_asked():
        with _alone(f"run {run_id}"):
            requests.close(locked(run_id), now)
    for preview_id in ComputeRequest.objects.open().filter(preview__isnull=False).values_list("preview_id", flat=True):
        with _alone(f"preview {preview_id}"):
            requests.close_preview(Preview.objects.select_for_update(of=("self",)).get(pk=preview_id), now)
    unserved = ComputeRequest.objects.open().exclude(community__in=_sharing())
    for pk, run_id in list(unserved.order_by("pk").values_list("pk", "run")):
        with _alone(f"request {pk}"):
            if run_id is not None:
                locked(run_id)
            request = ComputeRequest.objects.select_for_update(of=("self",)).select_related("community").get(pk=pk)
            if request.ended_at is None and not Allotment.objects.in_force().filter(request=request).exists():
                requests.withdraw(request, now)


def take_back(now: datetime) -> None:
    """End allotments on which nobody works: not taken, given up by a silent machine, or to be stopped anyhow."""
    rows = Allotment.objects.in_force().select_related("request").order_by("pk")
    for pk, run_id, preview_id in list(rows.values_list("pk", "request__run", "request__preview")):
        with _alone(f"allotment {pk}"):
            if run_id is not None:
                _take_back(pk, locked(run_id), None, now)
            else:
                preview = Preview.objects.select_for_update(of=("self",)).get(pk=preview_id)
                _take_back(pk, None, preview, now)


def _take_back(pk: int, run: Run | None, preview: Preview | None, now: datetime) -> None:
    allotment = Allotment.objects.in_force().select_related("site", "request__community").filter(pk=pk).first()
    if allotment is None:
        return
    slot = allotment.request.slot
    facts = lifecycle.Facts("", allotment.allotted_at, allotment.claimed_at)
    since = lifecycle.idle_since(facts, _place(run, preview, slot), now)
    if since is None:
        return
    site = Site.objects.with_sight().get(pk=allotment.site_id)
    why = allotments.why_to_go(allotment, run, now)
    is_gone = site.standing(now) not in _AT_WORK
    is_paused = run is not None and run.paused_until is not None and now < run.paused_until
    if not (why or is_gone or is_paused or now - since >= timedelta(seconds=settings.ALLOTMENT_PATIENCE_SECONDS)):
        return
    if why is None and not is_gone:
        if is_paused:
            why = Interruption.CHECKPOINT
        elif allotment.claimed_at is None:
            why = Interruption.UNTAKEN
    why = why or Interruption.SITE_SILENT
    if run is not None:
        services.leave_silent(run, slot, now)
    elif preview is not None:
        previews.leave_silent(preview, now)
    allotments.end(allotment, str(why), why, now)


def _place(run: Run | None, preview: Preview | None, slot: int) -> Place:
    """Return the lease of a place, and when its last attempt ended."""
    if run is None:
        assert preview is not None
        return Place(preview.lease_owner, preview.lease_expires_at, None)
    holder = run.seats.get(slot=slot) if slot else run
    left = run.attempts.filter(slot=slot, ended_at__isnull=False).order_by("-ended_at").first()
    return Place(holder.lease_owner, holder.lease_expires_at, None if left is None else left.ended_at)


# --- what begins --------------------------------------------------------------------------------------------------


def _decide(governing: world.Governed, forecast: Grid, now: datetime) -> tuple[int, bool, world.World]:
    """Return how many begin, whether the decision ended with them so that another is to be made at once, and of what.

    Where nothing begins, that is how the world still is.
    """
    pks = sorted(site.pk for site in governing.sites)
    list(Site.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=pks).order_by("pk"))  # 1
    seen = world.world_of(governing, now, forecast)  # 2
    if not seen.queue:
        return 0, False, seen
    decision = choose(seen.queue, seen.sites, seen.calendar, seen.policy, unix(now))
    starts = {naming.number_in(start.request): start for start in decision.starts}
    _lock(starts)  # 3
    sites = {site.slug: site for site in governing.sites}
    begun = _begin(starts, sites, forecast, now)  # 4
    asked = ComputeRequest.objects.filter(pk__in=[allotment.request_id for allotment in begun])
    # whatever it waits for later is told anew; that somebody can begin it is known when a machine comes
    asked.update(waits_for="")
    called = [naming.number_in(recall.request) for recall in decision.recalls if recall.at <= unix(now)]
    Allotment.objects.in_force().filter(request__in=called, recalled_at__isnull=True).update(recalled_at=now)  # 5
    for allotment in sorted(begun, key=lambda each: (each.request.community_id, each.pk)):  # 6
        allotments.started(allotment, now)
    return len(begun), decision.more, seen


def _lock(begun: Collection[int]) -> None:
    """Lock the runs and previews of requests, always in one order."""
    asked = ComputeRequest.objects.filter(pk__in=begun)
    for table, which in ((Run, "run"), (Preview, "preview")):
        rows = table.objects.select_for_update().filter(pk__in=asked.values(which))
        list(rows.order_by("pk").values_list("pk", flat=True))


def _begin(starts: Mapping[int, Start], sites: Mapping[str, Site], forecast: Grid, now: datetime) -> list[Allotment]:
    """Give devices to those that still wait, as far as their sites have machines for them."""
    machines = world.machines_at(sites.values())
    at_work = Counter(Allotment.objects.in_force().filter(site__in=sites.values()).values_list("site__slug", flat=True))
    begun = []
    for request in world.waiting(now, Q(pk__in=starts)):
        start = starts[request.pk]
        if not world.has_room(machines[start.site], at_work[start.site]):
            continue
        at_work[start.site] += 1
        site = sites[start.site]
        series = forecast.get(site.region)
        begun.append(
            Allotment.objects.create(
                request=request,
                site=site,
                allotted_at=now,
                until=max(datetime.fromtimestamp(start.until, UTC), now + world.STAY_MIN),
                why=str(start.why),
                lent=start.lent,
                price=declared.price_of(site.inputs),
                grams_per_kwh=_grams_at(series, unix(now)),
            )
        )
    return begun


def _grams_at(series: Series | None, moment: int) -> int | None:
    """Return the intensity at a moment; None where it is not known."""
    if series is None or moment < series.since:
        return None
    return series.grams_per_kwh[min((moment - series.since) // series.step, len(series.grams_per_kwh) - 1)]


def _runs_asked() -> list[int]:
    asked = ComputeRequest.objects.open().filter(run__isnull=False).order_by("run").values_list("run", flat=True)
    return [int(pk) for pk in asked.distinct()]


def _sharing() -> list[int]:
    return [int(pk) for pk in Admission.objects.in_force().values_list("community", flat=True).distinct()]
