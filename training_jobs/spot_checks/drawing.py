"""Draws, when a log was signed, which slice of each attempt is kept, and when an attempt is over whether it is checked.

Repeats itself: what is drawn follows from the log, whenever it is done. The sweeper calls it.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from governance.evidence import log_tree
from governance.log import reader
from governance.models import Community
from governance.services import note
from training_jobs.models import Attempt, Slice, SpotCheck
from training_jobs.spot_checks import doubting, draw, files


def draw_due(now: datetime) -> int:
    """Draw what can be drawn; return how many checks were ordered."""
    for slice_id in Slice.objects.filter(seed="").values_list("pk", flat=True):
        _draw(slice_id, now)
    over = Q(ended_at__isnull=False) | Q(run__run_record__isnull=False)
    waiting = Slice.objects.filter(settled_at__isnull=True).values("attempt")
    attempts = Attempt.objects.filter(over, pk__in=waiting).order_by("pk")
    return sum(_settled(attempt, now) for attempt in attempts)


def root_after(community: Community, size: int) -> str:
    """Return the first root that was signed for a log of so many events or more; empty while there is none."""
    signed = community.checkpoints.filter(size__gte=size).order_by("size").first()
    if signed is None:
        return ""
    return log_tree.root(signed.size, reader(community.pk))


def _draw(slice_id: int, now: datetime) -> None:
    """Give a slice its seed, and keep the files of the one with the least so far."""
    with transaction.atomic():
        drawn = Slice.objects.select_for_update(of=("self",)).select_related("attempt__run__community").get(pk=slice_id)
        root = root_after(drawn.attempt.run.community, drawn.log_size)
        if drawn.seed or not root:
            return
        drawn.seed = draw.seed(drawn.start_digest, drawn.end_digest, root)
        drawn.save(update_fields=["seed"])
        seeds = dict(Slice.objects.filter(attempt=drawn.attempt_id).exclude(seed="").values_list("pk", "seed"))
    kept = draw.least(seeds)
    for number in seeds:
        if number != kept:
            _remove(number, now)


def _settled(attempt: Attempt, now: datetime) -> bool:
    """Decide about an attempt all of whose slices are drawn; say whether a check was ordered."""
    with transaction.atomic():
        slices = {each.pk: each for each in Slice.objects.select_for_update().filter(attempt=attempt)}
        if not all(each.seed for each in slices.values()) or not any(not each.settled_at for each in slices.values()):
            return False
        kept = slices[draw.least({number: each.seed for number, each in slices.items()})]
        Slice.objects.filter(attempt=attempt, settled_at__isnull=True).update(settled_at=now)
        is_checked = draw.is_checked(kept.seed, settings.SPOT_CHECK_BPS) or doubting.is_doubted(attempt)
        if is_checked and not SpotCheck.objects.filter(slice__attempt=attempt).exists() and kept.removed_at is None:
            order(kept, 1, now)
            return True
    if not is_checked:
        for number in slices:
            _remove(number, now)
    return False


def order(drawn: Slice, number: int, now: datetime) -> SpotCheck:
    """Order a check of a slice, and say in the log how it was drawn."""
    attempt = drawn.attempt
    note(
        "spot_check_ordered",
        now,
        proposal=attempt.run.proposal,
        run=attempt.run_id,
        attempt=attempt.number,
        site=drawn.site.slug,
        first_step=drawn.first_step,
        last_step=drawn.last_step,
        number=number,
        seed=drawn.seed,
        how=draw.HOW,
    )
    return SpotCheck.objects.create(slice=drawn, number=number, ordered_at=now, seconds_max=settings.SPOT_CHECK_SECONDS)


def _remove(slice_id: int, now: datetime) -> None:
    """Remove the files of a slice that is not the one."""
    if files.remove(files.of_slice(slice_id)):
        Slice.objects.filter(pk=slice_id, removed_at__isnull=True).update(removed_at=now)
