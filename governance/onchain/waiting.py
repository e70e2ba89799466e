"""What waits in a Governor's timelock: dropped there, taken in again, carried out there alone, left behind.

A Governor asks the timelock that it has now what became of everything that it ever queued: what is not known there is
canceled, what is known there waits, what was carried out there is executed. That is followed here, from the events of
the timelocks. What the Governor itself canceled stays so, whatever a timelock does with it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from governance import services
from governance.models import Contract, ContractEvent, ContractProposal
from governance.onchain import changes
from governance.services.common import locked_proposal
from governance.services.events import note

DROPPED: Final = "canceled in the timelock"
LEFT_BEHIND: Final = "left in a former timelock"
GIVEN_UP: Final = "a former timelock carried this out after the Governor had given it up"


class Standing(StrEnum):
    """How an operation stands in a timelock."""

    UNKNOWN = "unknown"
    WAITING = "waiting"
    DONE = "done"


_AFTER: Final = {"scheduled": Standing.WAITING, "unscheduled": Standing.UNKNOWN, "called": Standing.DONE}


def follow(offer: ContractProposal, timelock: str, event: ContractEvent, reason: str) -> None:
    """Let a proposal that was queued stand as this timelock has it when the event was said; safe to repeat.

    `reason` is given where it is canceled by that. What was carried out while it was canceled holds from now on.
    """
    proposal = locked_proposal(offer.proposal_id)
    if proposal.eta is None or proposal.executed_at is not None or offer.refused not in ("", GIVEN_UP):
        return
    at, stands = changes.time_of(event), standing(offer, timelock, changes.place_of(event))
    if stands is Standing.UNKNOWN:
        if proposal.canceled_at is None:
            cancel(offer.proposal_id, at, reason)
        return
    if proposal.canceled_at is not None:
        if proposal.cancel_reason not in (DROPPED, LEFT_BEHIND):
            return
        proposal.canceled_at, proposal.canceled_by, proposal.cancel_reason = None, "", ""
        proposal.save(update_fields=["canceled_at", "canceled_by", "cancel_reason"])
        note("proposal_returned", at, proposal=proposal, actor="")
    if stands is Standing.DONE and offer.refused:
        ContractProposal.objects.filter(pk=offer.pk).update(refused="")
        services.execute(offer.proposal_id, max(at, proposal.eta), by_contract=True)


def standing(offer: ContractProposal, timelock: str, place: tuple[int, int]) -> Standing:
    """Return how the operation of a proposal stood in a timelock at a place of the chain.

    Where it was queued it waits, until the timelock says otherwise.
    """
    found = Standing.UNKNOWN
    for event in offer.contract.events.filter(kind__in=(*_AFTER, "queued"), proposal=offer.number):
        if changes.place_of(event) > place:
            break
        if event.kind == "queued":
            if changes.timelock_at(offer.contract, changes.place_of(event)) == timelock:
                found = Standing.WAITING
        elif event.data.get("of") == timelock:
            found = _AFTER[event.kind]
    return found


def cancel(proposal_id: int, at: datetime, reason: str) -> None:
    """Write down that a proposal was canceled on its chain."""
    proposal = locked_proposal(proposal_id)
    proposal.canceled_at, proposal.canceled_by, proposal.cancel_reason = at, "", reason
    proposal.save(update_fields=["canceled_at", "canceled_by", "cancel_reason"])
    note("proposal_canceled", at, proposal=proposal, actor="", reason=reason)


def queued_in(contract: Contract) -> list[ContractProposal]:
    """Return the proposals that a Governor queued and that are not executed."""
    found = contract.proposals.filter(proposal__eta__isnull=False, proposal__executed_at__isnull=True)
    return list(found.select_related("contract").order_by("pk"))
