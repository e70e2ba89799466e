"""What machines measure of themselves is taken in, and added up for their site.

A machine measures when it is new at a site, and again every MEASURED_AGAIN. What it sends is believed as far as devices
can go (`measured`); the newest measurement of each machine that is attached and not revoked counts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from governance.errors import Conflict, TooMany
from training_jobs.models import Runner, Site, SiteMeasurement
from training_jobs.sites import lifecycle, measured, telling
from training_jobs.sites.lifecycle import Action

MEASURED_AGAIN = timedelta(days=7)
MEASURED_EVERY = timedelta(minutes=10)
KEPT_OF_A_MACHINE = 50


def is_due(runner: Runner, now: datetime) -> bool:
    """Say whether a machine is to measure itself: it stands at a site that knows nothing of it, or nothing recent."""
    if runner.site_id is None:
        return False
    newest = _of(runner).first()
    return newest is None or now - newest.measured_at >= MEASURED_AGAIN


def take_in(runner: Runner, said: Mapping[str, Any], now: datetime) -> SiteMeasurement:
    """Keep what a machine measured, and what its site offers by it. Raises Conflict, Invalid or TooMany."""
    if runner.site_id is None:
        raise Conflict("no_site", "this machine is attached to no site; its owner attaches it")
    with transaction.atomic():
        site = Site.objects.select_for_update(of=("self",)).get(pk=runner.site_id)
        lifecycle.require(Action.MEASURE, site.facts, now)
        found = measured.believable(said, site.device_kind)
        _require_room(runner, now)
        kept = SiteMeasurement.objects.create(
            site=site,
            runner=runner,
            measured_at=now,
            device_kind=found.device_kind,
            devices=found.devices,
            memory_bytes=found.memory_bytes,
            tokens_per_second=found.tokens_per_second,
            repeats=list(found.repeats),
            software=found.software,
            benchmark=found.benchmark,
        )
        add_up(site)
        telling.standing(site, "measured", now, runner.lease_name)
        _of(runner).filter(pk__in=_of(runner).values("pk")[KEPT_OF_A_MACHINE : KEPT_OF_A_MACHINE * 2]).delete()
    return kept


def add_up(site: Site) -> None:
    """Write what the newest measurements of a site's machines add up to. The caller holds its row."""
    newest: dict[int, SiteMeasurement] = {}
    rows = SiteMeasurement.objects.filter(
        site=site, runner__site=site, runner__revoked_at__isnull=True, benchmark=measured.BENCHMARK
    )
    for row in rows.order_by("measured_at", "pk"):
        newest[row.runner_id] = row
    total = measured.together(
        measured.Together(row.devices, row.memory_bytes, row.tokens_per_second) for row in newest.values()
    )
    site.devices_measured, site.memory_measured = total.devices, total.memory_bytes
    site.speed_measured = total.tokens_per_second
    site.measured_at = max((row.measured_at for row in newest.values()), default=None)
    site.save(update_fields=["devices_measured", "memory_measured", "speed_measured", "measured_at"])


def _of(runner: Runner) -> Any:  # noqa: ANN401 - a query set
    return SiteMeasurement.objects.filter(runner=runner, site_id=runner.site_id).order_by("-measured_at", "-pk")


def _require_room(runner: Runner, now: datetime) -> None:
    newest = _of(runner).first()
    if newest is not None and now - newest.measured_at < MEASURED_EVERY:
        left = MEASURED_EVERY - (now - newest.measured_at)
        raise TooMany(
            "measured_already",
            "this machine has measured itself just now",
            retry_after_seconds=left // timedelta(seconds=1) + 1,
            allowed=f"once in {MEASURED_EVERY // timedelta(minutes=1)} minutes",
        )
