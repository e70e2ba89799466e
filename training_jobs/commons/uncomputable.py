"""What no site that is here could ever compute: it waits as long as anybody may, and is refused then.

As long as anybody may is `wait_max` of the policy that holds at the sites; of several policies the longest. Where one
place of a run cannot be computed, the whole run ends, and what it left of its money goes back. A run that has stopped
at its ceiling is left alone for four times as long, and one that is too dear while a vote on more money is under way.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from training_jobs import folders, services
from training_jobs.commons import asking_more
from training_jobs.commons.policies import policy_of
from training_jobs.commons.world import Governed
from training_jobs.leases import locked
from training_jobs.models import Allotment, ComputeRequest, Preview
from training_jobs.previews import services as previews
from training_jobs.scheduling.events import Interruption
from training_jobs.scheduling.values import Policy, Why

AFTER_CEILING: Final = 4  # times as long is a run left alone that has used what was voted for it
AT_ONCE_MAX: Final = 50  # requests that end in one sweep; the others follow in the next


@dataclass(frozen=True, slots=True)
class Outlook:
    """Since when no site could begin a request, and when it is refused; None: a vote on more money is awaited."""

    since: datetime
    until: datetime | None


def patience(governing: Iterable[Governed]) -> dict[str, int]:
    """Return for how many seconds a request of each community may wait at most, by slug."""
    found: dict[str, int] = {}
    for each in governing:
        longest = policy_of(each.community).wait_max
        for slug in each.served:
            found[slug] = max(longest, found.get(slug, 0))
    return found


def outlook(request: ComputeRequest, why: Why, patience: Mapping[str, int], now: datetime) -> Outlook | None:
    """Return since when nobody could begin a request, and when it is refused; None where some site could."""
    since = _since(request)
    if since is None:
        return None
    if why is Why.TOO_DEAR and request.run is not None and asking_more.votes_on(request.run, now):
        return Outlook(since, None)
    seconds = patience.get(request.community.slug, Policy().wait_max)
    last = request.allotments.order_by("-allotted_at", "-pk").values_list("how", flat=True).first()
    times = AFTER_CEILING if last == Interruption.CEILING else 1
    return Outlook(since, since + times * timedelta(seconds=seconds))


def note_which(cannot: Collection[int], can: Collection[int], now: datetime) -> None:
    """Write down since when these requests, by number, cannot begin anywhere, and that the others can again."""
    waiting = ComputeRequest.objects.open()
    waiting.filter(pk__in=cannot, cannot_since__isnull=True).update(cannot_since=now)
    waiting.filter(pk__in=can, cannot_since__isnull=False).update(cannot_since=None)


def end_due(requests: Iterable[tuple[ComputeRequest, Why]], patience: Mapping[str, int], now: datetime) -> set[int]:
    """End those that have waited in vain for long enough, and the runs and previews that they are for; return which."""
    ended: set[int] = set()
    for request, why in requests:
        since, seconds = _since(request), patience.get(request.community.slug)
        if since is None or seconds is None or now < since + timedelta(seconds=seconds):
            continue
        found = outlook(request, why, patience, now)
        if found is not None and found.until is not None and found.until <= now and _end(request, why, now):
            ended.add(request.pk)
        if len(ended) == AT_ONCE_MAX:
            break
    return ended


def _since(request: ComputeRequest) -> datetime | None:
    return None if request.cannot_since is None else max(request.cannot_since, request.waiting_since)


def _end(request: ComputeRequest, why: Why, now: datetime) -> bool:
    """End a request for good unless it has begun, or may begin, since it was looked at; say whether it ended."""
    with transaction.atomic():
        run = None if request.run_id is None else locked(request.run_id)
        preview = None
        if request.preview_id is not None:
            preview = Preview.objects.select_for_update(of=("self",)).get(pk=request.preview_id)
        still = ComputeRequest.objects.open().filter(pk=request.pk, cannot_since=request.cannot_since)
        if not still.exists() or Allotment.objects.in_force().filter(request=request).exists():
            return False
        if run is not None:
            services.uncomputable(run, str(why), now)
        elif preview is not None:
            previews.uncomputable(preview, str(why), now)
    if run is not None:
        folders.clean(run.pk)
    return True
