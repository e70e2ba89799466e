"""What becomes of a sealed vote whose keyholders do not come: it goes on without some of them, or it ends."""

from datetime import datetime

from django.db import transaction

from governance import lifecycle
from governance.clock import whole_second
from governance.lifecycle import Action
from governance.models import Proposal
from governance.sealed.facts import keys_never_came, sealing_of
from governance.services.common import locked_proposal
from governance.services.events import note

# Stands in the log and in the proposal, where the author's own words stand otherwise.
TOO_FEW = "too few keyholders published a key in time"


def end_without_keys(proposal_id: int, now: datetime) -> Proposal:
    """Withdraw a vote that can never open, because too few keys came while it waited. Safe to repeat."""
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        sealing = sealing_of(proposal)
        if sealing is None or not keys_never_came(proposal, now):
            return proposal
        lifecycle.require(Action.TAKE_CENSUS, proposal.facts, now)
        proposal.canceled_at, proposal.canceled_by, proposal.cancel_reason = whole_second(now), "", TOO_FEW
        proposal.save(update_fields=["canceled_at", "canceled_by", "cancel_reason"])
        found = proposal.sealing_keys.count()
        note("proposal_canceled", now, proposal=proposal, reason=TOO_FEW, keys=found, needed=sealing.threshold)
    return proposal
