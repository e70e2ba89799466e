"""Why requests wait, told to the logs when the reason changes; what nobody can ever compute is refused in time.

The sweeper hands over what it has just decided on. Each community that governs sites has one decision of its own here,
which gives the reasons of all that wait; only where one is another than the log was told is that request explained by
itself. So a sweep in which nothing changes costs one decision more, and explains nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import transaction

from governance.clock import unix
from governance.errors import Conflict, Refusal
from governance.models import Event
from governance.services import note
from training_jobs.commons import asking_more, naming, uncomputable
from training_jobs.commons.world import Governed, World
from training_jobs.models import Allotment, ComputeRequest
from training_jobs.scheduling import events, explain, values
from training_jobs.scheduling.choose import Deciding
from training_jobs.scheduling.events import ComputeWaits
from training_jobs.scheduling.values import Wait, Why

logger = logging.getLogger(__name__)

AT_ONCE_MAX: Final = 50  # requests that are explained in one sweep, those that wait longest first
AGAIN_AFTER: Final = timedelta(minutes=15)  # no sooner a log is told anew of one request, however often it changes
_NEVER: Final = 1 << 62


class Look(NamedTuple):
    """What was just decided on, with nothing left to begin: the sites of one governing community, and who waits."""

    governing: Governed
    seen: World


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request does not begin at the sites of one look. `never`: whatever ends there, it will not either."""

    look: Look
    value: values.Request
    why: Why
    never: bool


def tell(looks: Sequence[Look], now: datetime, missing: Iterable[Governed] = ()) -> int:
    """Tell the logs why requests wait, where that has changed, and end those that could begin nowhere for too long.

    Of `missing` there is no look: nothing is told or ended that their sites could begin.
    1. one decision for each look gives all reasons; 2. what no site could begin is noted, and ends in time; 3. of the
    others, those whose reason is new to the log are told, each in a transaction of its own. Returns how many were told.
    """
    reasons = _reasons(looks, now)  # 1
    if not reasons:
        return 0
    unknown = {slug for each in missing for slug in each.served}
    asked = (request for request in _waiting() if request.community.slug not in unknown)
    found = [(request, reasons[request.pk]) for request in asked if request.pk in reasons]
    ended = _end_in_vain(found, looks, now)  # 2
    new = [each for each in found if each[0].pk not in ended and each[0].waits_for not in {one.why for one in each[1]}]
    lately = _told_lately(now) if new else set()
    new = [(request, why) for request, why in new if (request.community_id, request.name) not in lately]
    return sum(_tell_one(request, why, now) for request, why in new[:AT_ONCE_MAX])  # 3


def _reasons(looks: Sequence[Look], now: datetime) -> dict[int, list[Reason]]:
    """Return by number of a request why it begins at none of the sites that it may have; those that count alone.

    Where it could begin at some of them in time, the others do not count; what begins now is left out.
    """
    found: dict[int, list[Reason]] = defaultdict(list)
    begins: set[int] = set()
    for look in looks:
        seen = look.seen
        whys = explain.reasons(seen.queue, seen.sites, seen.calendar, seen.policy, unix(now))
        closed = _in_reserve_for_good(look, whys, now)
        for value in seen.queue:
            number = naming.number_in(value.id)
            why = whys.get(value.id)
            if why is None:
                begins.add(number)
            else:
                never = why in {Why.NO_SITE_FITS, Why.TOO_DEAR} or value.id in closed
                why = seen.reason(value.id, why)
                found[number].append(Reason(look, value, why, never and value.id not in seen.resting))
    return {
        number: [each for each in reasons if not each.never] or reasons
        for number, reasons in found.items()
        if number not in begins
    }


def _in_reserve_for_good(look: Look, whys: dict[str, Why], now: datetime) -> set[str]:
    """Return who could only be where newcomers have their reserve, and may not borrow of it."""
    seen = look.seen
    kept = [each for each in seen.queue if whys.get(each.id) is Why.RESERVED]
    may_not = [each for each in kept if not (each.checkpoints and seen.policy.reserved_lent)]
    if not may_not:
        return set()
    deciding = Deciding(seen.queue, seen.sites, seen.calendar, seen.policy, unix(now))
    return {each.id for each in may_not if deciding.only_in_reserve(each)}


def _waiting() -> Iterator[ComputeRequest]:
    """Yield the requests that wait, those first that wait longest, with what is needed of each."""
    found = ComputeRequest.objects.open().exclude(pk__in=Allotment.objects.in_force().values("request"))
    joined = found.select_related("community").order_by("waiting_since", "pk")
    return joined.iterator(chunk_size=2_000)


def _end_in_vain(
    found: Sequence[tuple[ComputeRequest, list[Reason]]], looks: Iterable[Look], now: datetime
) -> set[int]:
    """Note which requests no site could begin, and end those of which that is so for too long; return all of these.

    Of one that is only tried again nobody knows whether a site can: since when none could stays as it is.
    """
    new, can, known = [], [], []
    for request, why in found:
        never = all(each.never for each in why)
        if never and request.cannot_since is None:
            new.append(request.pk)
        elif never:
            known.append((request, _hopeful(why)))
        elif request.cannot_since is not None and any(each.why is not Why.TRIED_AGAIN for each in why):
            can.append(request.pk)
    uncomputable.note_which(new, can, now)
    return uncomputable.end_due(known, uncomputable.patience(look.governing for look in looks), now) if known else set()


def _hopeful(reasons: Iterable[Reason]) -> Why:
    """Return the one of several reasons that leaves most to be done: a site that is too dear could do it."""
    whys = {each.why for each in reasons}
    return next(why for why in (Why.TOO_DEAR, Why.RESERVED, Why.NO_SITE_FITS) if why in whys)


def _told_lately(now: datetime) -> set[tuple[int | None, str]]:
    """Return the requests of which a log was told not long ago, by community and name."""
    found: set[tuple[int | None, str]] = set()
    told = Event.objects.filter(kind=ComputeWaits.kind).order_by("-pk")
    for at, community, data in told.values_list("at", "community_id", "data").iterator(chunk_size=500):
        if at <= now - AGAIN_AFTER:
            break
        found.add((community, str(data["request"])))
    return found


def _tell_one(request: ComputeRequest, reasons: Iterable[Reason], now: datetime) -> bool:
    wait = _soonest(reasons, now)
    return wait is not None and _say(request, wait, now)


def _soonest(reasons: Iterable[Reason], now: datetime) -> Wait | None:
    """Explain a request by the look at which it begins soonest; None where it begins now after all."""
    found: list[Wait] = []
    for each in reasons:
        seen = each.look.seen
        try:
            wait = explain.explain(each.value, seen.queue, seen.sites, seen.calendar, seen.policy, unix(now))
        except Conflict:  # it has begun
            return None
        found.append(seen.told(each.value.id, wait))
    wait = min(found, key=soonest)
    return None if wait.why.startswith("starts") else wait


def soonest(wait: Wait) -> tuple[int, int]:
    """Order explanations: what begins sooner, then what is tried again, then what is a place at all."""
    place = {Why.TRIED_AGAIN: 0, Why.NO_SITE_FITS: 2}.get(wait.why, 1)
    return (_NEVER if wait.expected is None else wait.expected, place)


def _say(request: ComputeRequest, wait: Wait, now: datetime) -> bool:
    """Tell the log once, whichever sweeper comes first; say whether it was this one."""
    try:
        with transaction.atomic():
            row = ComputeRequest.objects.open().select_for_update().filter(pk=request.pk)
            known = row.values_list("waits_for", flat=True).first()
            if known != request.waits_for or Allotment.objects.in_force().filter(request=request).exists():
                return False
            row.update(waits_for=str(wait.why))
            said = ComputeWaits(
                request=request.name,
                why=wait.why,
                expected=wait.expected if wait.expected is None else min(wait.expected, events.TIME_MAX),
                plus_minus=min(wait.plus_minus, events.SECONDS_MAX),
            )
            note(said.kind, now, community=request.community, **events.data_of(said))
            if wait.why is Why.TOO_DEAR:
                asking_more.tell(request, now)
    except Refusal as error:
        logger.warning("request %s: the log is not told why it waits: %s", request, error)
        return False
    return True
