"""When a training that is only proposed could begin, were it approved now: the next slot for what it needs.

Nobody is asked over the network. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime

from governance.models import Community, Proposal
from training_jobs import spec as specs
from training_jobs.before_vote import TRAINS, ceilings_of
from training_jobs.commons import data_rules, memory, selectors
from training_jobs.commons.policies import is_newcomer
from training_jobs.commons.requests import shares
from training_jobs.ledger.estimates import devices_of_a_place
from training_jobs.scheduling.explain import Slot
from training_jobs.scheduling.values import Need
from training_jobs.spec.shape import EXCHANGING


@dataclass(frozen=True)
class Beginning:
    """The next slot for the first place of a training; None: no site that is here could ever do it.

    `memory_bytes`: what it needs of each device, as estimated; 0: not known.
    """

    slot: Slot | None
    memory_bytes: int = 0


def beginning_of(proposal: Proposal, now: datetime) -> Beginning | None:
    """Return when a proposed training could begin; None where it trains nothing, or its community shares no sites."""
    community = proposal.community
    if proposal.kind != TRAINS or not shares(community):
        return None
    spec = specs.from_payload(proposal.payload["spec"])
    newcomer = is_newcomer(community, proposal.author, now)
    need = _need(community, spec)
    slot = selectors.next_slot(community, need, now, newcomer=newcomer, ceiling=_ceiling(spec), asks_grids=False)
    return Beginning(slot, need.memory_bytes)


def _need(community: Community, spec: specs.TrainingSpec) -> Need:
    """Return what the first place needs, as `requests.of_run` asks for it."""
    devices = devices_of_a_place(spec)
    seconds = max(1, -(-spec.device_seconds // (_places(spec) * devices)))
    kinds = data_rules.kinds_of(community, [use.digest for use in spec.datasets])
    return Need(devices, memory.before_vote(community, spec), seconds, frozenset(kinds))


def _places(spec: specs.TrainingSpec) -> int:
    return spec.workers if spec.strategy in EXCHANGING else 1


def _ceiling(spec: specs.TrainingSpec) -> int | None:
    """Return the share of the voted ceiling that the first place has, in micro-units; None: none was voted."""
    voted = list(ceilings_of(spec).values())
    return voted[0] // _places(spec) if voted else None
