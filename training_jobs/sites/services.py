"""What an operator does with a site: register, describe, show life, attach machines, drain, leave; what time brings.

Each service locks the site, reads the facts, asks the pure rules, writes facts and tells the logs (`telling`). Who lets
a site in and out is in `admitting`, what its machines measure in `measuring`, its calendar in `calendars`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from governance.errors import Conflict, Forbidden, NotFound, TooMany
from governance.services import note
from training_jobs.models import Admission, Runner, Site
from training_jobs.runners import services as runners
from training_jobs.sites import declared, lifecycle, measuring, telling
from training_jobs.sites.lifecycle import Action

SITES_PER_OPERATOR_MAX = 5
# Of one account, with those that have left: who may sign in may register, and a wallet costs nothing.
REGISTERED_PER_DAY_MAX = 5
# Of everybody together, of sites that no community has let in yet.
WAITING_MAX = 500
DAY = timedelta(days=1)
SEEN_EVERY = timedelta(seconds=15)


def register(actor: str, said: Mapping[str, Any], now: datetime) -> Site:
    """Take a site in. It serves nobody until communities let it in. Raises Invalid, Conflict or TooMany.

    What comes at the same moment may exceed a limit by as many: accepted, as the limits are there against floods.
    """
    values = declared.clean(said, now.date())
    own = Site.objects.filter(operator=actor)
    if own.present().count() >= SITES_PER_OPERATOR_MAX:
        raise Conflict("too_many_sites", "leave with another site first", allowed=SITES_PER_OPERATOR_MAX)
    if own.filter(created_at__gt=now - DAY).count() >= REGISTERED_PER_DAY_MAX:
        _refuse_more("you have registered enough sites for one day", REGISTERED_PER_DAY_MAX)
    if Site.objects.present().filter(admissions=None).count() >= WAITING_MAX:
        _refuse_more("as many sites wait for a community as can be kept", WAITING_MAX)
    try:
        with transaction.atomic():
            site = Site.objects.create(operator=actor, created_at=now, last_seen_at=now, **values)
            note("site_registered", now, actor=actor, site=site.slug)
    except IntegrityError as error:
        raise Conflict("name_taken", "another site has this name", field="slug", found=values["slug"]) from error
    return site


def describe(slug: str, actor: str, changes: Mapping[str, Any], now: datetime) -> Site:
    """Change what is said of one's own site; the logs keep each old and new value. Saying the same changes nothing."""
    with transaction.atomic():
        site = owned(slug, actor)
        lifecycle.require(Action.DESCRIBE, site.facts, now)
        old = {name: getattr(site, name) for name in declared.NAMES}
        new = declared.changed(old, changes, now.date())
        if not new:
            return site
        _require_measurable(site, new)
        for name, value in new.items():
            setattr(site, name, value)
        site.save(update_fields=list(new))
        both = {name: {"old": old[name], "new": value} for name, value in new.items()}
        telling.everywhere("site_described", site, now, actor, changes=both)
        telling.standing(site, "described", now, actor)
    return site


def show_life(slug: str, actor: str, now: datetime) -> Site:
    """Say that one's own site is there, where no machine of it speaks for itself."""
    with transaction.atomic():
        site = owned(slug, actor)
        lifecycle.require(Action.SHOW_LIFE, site.facts, now)
        if site.last_seen_at is None or now - site.last_seen_at >= SEEN_EVERY:
            site.last_seen_at = now
            site.save(update_fields=["last_seen_at"])
        telling.standing(site, "seen", now, actor)
    return site


def drain(slug: str, actor: str, now: datetime) -> Site:
    """Take nothing new, end what there is. Repeatable."""
    with transaction.atomic():
        site = owned(slug, actor)
        lifecycle.require(Action.DRAIN, site.facts, now)
        if site.drained_at is None:
            site.drained_at = now
            site.save(update_fields=["drained_at"])
            telling.standing(site, "drained", now, actor)
    return site


def undrain(slug: str, actor: str, now: datetime) -> Site:
    """Take work again. Repeatable."""
    with transaction.atomic():
        site = owned(slug, actor)
        lifecycle.require(Action.UNDRAIN, site.facts, now)
        if site.drained_at is not None:
            site.drained_at = None
            site.save(update_fields=["drained_at"])
            telling.standing(site, "undrained", now, actor)
    return site


def leave(slug: str, actor: str, now: datetime) -> Site:
    """Go for good: every community loses the site at once, and what it is told stays."""
    with transaction.atomic():
        site = owned(slug, actor)
        lifecycle.require(Action.LEAVE, site.facts, now)
        site.left_at = now
        site.save(update_fields=["left_at"])
        admissions = Admission.objects.in_force().filter(site=site).select_related("community", "site")
        for admission in admissions.order_by("community_id"):
            admission.removed_at, admission.removed_by = now, actor
            admission.save(update_fields=["removed_at", "removed_by"])
            telling.removed(admission, "left", now, actor)
        note("site_left", now, actor=actor, site=site.slug)
    return site


def attach(slug: str, actor: str, runner_id: int, now: datetime) -> Site:
    """Say that one's own machine stands at one's own site: what it measures from now on counts there. Repeatable."""
    with transaction.atomic():
        site = owned(slug, actor)
        lifecycle.require(Action.MEASURE, site.facts, now)
        runner = runners.owned(runner_id, actor)
        if runner.revoked_at is not None:
            raise Conflict("runner_revoked", "this runner was revoked; register it again", found=runner_id)
        if runner.site_id not in {None, site.pk}:
            raise Conflict("runner_elsewhere", "take it from its other site first", found=runner_id)
        Runner.objects.filter(pk=runner.pk).update(site=site)
    return site


def detach(slug: str, actor: str, runner_id: int, now: datetime) -> Site:
    """Take a machine from one's own site: its devices count no longer. Repeatable."""
    with transaction.atomic():
        site = owned(slug, actor)
        Runner.objects.filter(pk=runner_id, site=site).update(site=None)
        measuring.add_up(site)
        telling.standing(site, "measured", now, actor)
    return site


def tell_what_time_brought(now: datetime) -> int:
    """Tell the logs which sites fell silent or were heard of again; return how many. Safe to repeat."""
    told = 0
    for site in Site.objects.present().exclude(told={}).with_sight():
        if str(site.standing(now)) != site.told["standing"]:
            with transaction.atomic():
                told += telling.standing(locked(site.slug), "", now)
    return told


def owned(slug: str, actor: str) -> Site:
    """Return the locked site of its operator, or raise NotFound or Forbidden."""
    site = locked(slug)
    if site.operator != actor:
        raise Forbidden("not_the_operator", "only whoever registered a site may do this")
    return site


def locked(slug: str) -> Site:
    """Return a site, locked until the transaction ends; raise NotFound for none."""
    site = Site.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    if site is None:
        raise NotFound("unknown_site", "there is no such site", field="site", found=slug[:60])
    return site


def _require_measurable(site: Site, new: Mapping[str, Any]) -> None:
    """Refuse another kind of device where machines have measured this one: their figures would speak of others."""
    if "device_kind" in new and site.devices_measured:
        detail = "machines of this site have measured other devices; take them from the site first"
        raise Conflict(
            "field_is_fixed", detail, field="device_kind", found=new["device_kind"], allowed=site.device_kind
        )


def _refuse_more(detail: str, allowed: int) -> None:
    raise TooMany("too_many_sites", detail, retry_after_seconds=3600, allowed=allowed)
