"""What is asked of shared computing and not even taken in: told to the log, so that the figures count it as refused.

A member whose own quota is used, or who has asked often enough for one day, and an approved run for whose ceiling the
budget has not got enough. There is no row of such a request, since all that it came with was undone. The log has two
entries under a name of its own, `door:REASON/NUMBER`; of one member and reason at most once a day, and of a run once.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from governance.fsck import Finding
from governance.fsck.finding import finding
from governance.models import Community
from governance.services import note
from governance.services.common import lock_community
from training_jobs.commons.requests import TurnedAway, tell_requested
from training_jobs.scheduling import events

DAY: Final = timedelta(days=1)
AT_THE_DOOR: Final = "door:"
_TOLD: Final = ("compute_requested", "compute_refused")


def tell(refused: TurnedAway, now: datetime) -> bool:
    """Tell the log of a request that was turned away; say whether it was new. After what it was part of is undone."""
    asked, proposal = refused.asked, refused.proposal
    community = asked.community
    with transaction.atomic():
        lock_community(community.pk)
        begins = f"{AT_THE_DOOR}{refused.reason}/"
        known = community.events.filter(kind=events.ComputeRequested.kind, data__request__startswith=begins)
        if proposal is not None:
            asked.name = f"{begins}{proposal.number}"
            known = known.filter(data__request=asked.name)
        else:
            asked.name = f"{begins}{_size_of(community)}"
            known = known.filter(actor=asked.member, at__gt=now - DAY)
        if known.exists():
            return False
        tell_requested(asked, None if proposal is None else proposal.number, now)
        said = events.ComputeRefused(request=asked.name, reason=refused.reason)
        note(said.kind, now, community=community, **events.data_of(said))
    return True


def check(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with what the log says of them: each was asked for once, refused once, and nothing else."""
    found: dict[str, list[str]] = {}
    told = community.events.filter(kind__startswith="compute_", data__request__startswith=AT_THE_DOOR)
    for event in told.order_by("position").iterator(chunk_size=500):
        kinds = found.setdefault(str(event.data["request"]), [])
        kinds.append(event.kind)
        if tuple(kinds) != _TOLD[: len(kinds)]:
            yield finding("governance_event", event.pk, event.kind, list(_TOLD), kinds)
    for name, kinds in found.items():
        if len(kinds) < len(_TOLD):
            yield finding("governance_event", name, "compute_refused", list(_TOLD), kinds)


def _size_of(community: Community) -> int:
    """Return how many entries the log has: a number that no other entry has had. The community is locked."""
    return int(Community.objects.values_list("log_size", flat=True).get(pk=community.pk))
