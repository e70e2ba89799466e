"""What a request of computing is called: in its community's log, and among those of all communities.

A name is given once, free in the log of its community, and from then on it is what the log says: it is stored with the
request, and what is held in the books for a run has it first. It leaves with the community, while the numbers of runs
and previews may become others elsewhere. So a number is only what a new name is made from; nothing is found by it.
"""

from collections.abc import Collection
from itertools import count

from governance.models import Community
from training_jobs.models import ComputeRequest, LedgerHold, Preview, Run
from training_jobs.scheduling.events import ComputeRequested

OF_A_RUN = "run:"  # how the names of runs begin, and those of their places
_OF_A_PREVIEW = "preview:"


def of_run(run: Run, slot: int = 0) -> str:
    """Return the name of a place of a run: the one that it has, or that it will get."""
    name = given_to(run) or _free(run.community, f"{OF_A_RUN}{run.pk}")
    return f"{name}/{slot}" if slot else name


def of_preview(preview: Preview) -> str:
    """Return the name for a new request of a preview."""
    return _free(preview.proposal.community, f"{_OF_A_PREVIEW}{preview.pk}")


def given_to(run: Run) -> str:
    """Return the name that a run has by its lead's request, or by what is held for it; empty where it has none."""
    asked = run.requests.filter(slot=0).values_list("name", flat=True).first()
    if asked is not None:
        return str(asked)
    held = LedgerHold.objects.filter(
        community=run.community_id, entries__kind="held", entries__proposal=run.proposal_id
    )
    return str(held.values_list("request", flat=True).first() or "")


def runs_named(community: Community, names: Collection[str]) -> dict[str, int]:
    """Return the numbers that runs have here by their names, or those of their places, in a community's log."""
    held = LedgerHold.objects.filter(
        community=community, request__in=names, entries__kind="held", entries__proposal__run__isnull=False
    )
    asked = ComputeRequest.objects.filter(community=community, name__in=names, run__isnull=False)
    return dict(held.values_list("request", "entries__proposal__run")) | dict(asked.values_list("name", "run"))


def id_of(request: ComputeRequest) -> str:
    """Return how the scheduler tells a request from those of all communities: its name, and its number here."""
    return f"{request.name}#{request.pk}"


def number_in(identifier: str) -> int:
    """Return the number of the request that the scheduler calls so."""
    return int(identifier.rpartition("#")[2])


def _free(community: Community, wanted: str) -> str:
    """Return a name that the log of a community does not have yet: `run:12`, or `run:12-2` where that is taken."""
    others = (f"{wanted}-{number}" for number in count(2))
    name = wanted
    while _is_taken(community, name):
        name = next(others)
    return name


def _is_taken(community: Community, name: str) -> bool:
    """Say whether something has a name. A request for a draft that nobody was shown stays behind; the log has it."""
    told = community.events.filter(kind=ComputeRequested.kind, data__request=name)
    asked = ComputeRequest.objects.filter(community=community, name=name)
    held = LedgerHold.objects.filter(community=community, request=name)
    return any(found.exists() for found in (asked, held, told))
