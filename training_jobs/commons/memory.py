"""How much memory of each device a request needs, in bytes: estimated before a machine has tried, and more afterwards.

0 where nothing is known: the files of the base are not at hand, or do not say how large it is. Then any device will do,
until an attempt ends for want of memory: from then on its request needs more than the devices of that site have, goes
to a larger one, or says that no site fits. The log is told the first estimate with `compute_requested`, and each time
that it becomes more with `compute_needs_more`.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db.models import Q

from governance.evidence.canonical import INTEGER_MAX
from governance.models import Community
from governance.services import note
from models_registry.models import Version
from training_jobs.base_shapes import shape_of
from training_jobs.models import Allotment, Preview, Run
from training_jobs.scheduling import events
from training_jobs.sites import selectors
from training_jobs.spec import TrainingSpec, from_payload
from training_jobs.spec.memory import of_device

OUT_OF_MEMORY: Final = "out_of_memory"


def of_run(run: Run, spec: TrainingSpec) -> int:
    """Return what each device of an approved run needs."""
    return _needed(run.base, spec)


def of_preview(preview: Preview) -> int:
    """Return what the device of a preview or trial needs: one does alone what several would do together."""
    return before_vote(
        preview.proposal.community, replace(from_payload(preview.spec), strategy="single", topology=None)
    )


def before_vote(community: Community, spec: TrainingSpec) -> int:
    """Return what each device of a run would need that is only proposed."""
    base = Version.objects.filter(model__community=community, revision=spec.base.revision).first()
    return 0 if base is None else _needed(base, spec)


def after(run: Run, slot: int, code: str, now: datetime) -> None:
    """Take in how an attempt at a place of a locked run has ended; its allotment is still in force."""
    _after(Q(request__run=run, request__slot=slot), code, now)


def after_preview(preview: Preview, code: str, now: datetime) -> None:
    """Do the same for a preview."""
    _after(Q(request__preview=preview), code, now)


def _needed(base: Version, spec: TrainingSpec) -> int:
    shape = shape_of(base)
    return 0 if shape is None else min(of_device(shape, spec), INTEGER_MAX)


def _after(which: Q, code: str, now: datetime) -> None:
    if code != OUT_OF_MEMORY:
        return
    for allotment in Allotment.objects.in_force().filter(which).select_related("site", "request__community"):
        request, had = allotment.request, selectors.as_value(allotment.site, now).memory_bytes
        if request.memory_bytes > had:
            continue
        request.memory_bytes = had + 1
        request.save(update_fields=["memory_bytes"])
        said = events.ComputeNeedsMore(
            request=request.name, site=allotment.site.slug, memory_bytes=request.memory_bytes
        )
        note(said.kind, now, community=request.community, **events.data_of(said))
