"""Everything that changes governance: a service locks, reads facts, asks the pure rules, writes facts and an event.

Slow work (the chain) happens before the transaction; what follows from a decision starts after its commit. The clock is
a parameter everywhere. One module per step of a proposal's life.
"""

from governance.services.ballots import BallotOffer, BallotRequest, cast_ballot, offer_ballot
from governance.services.communities import NewCommunity, found_community, require_standing, rules_for
from governance.services.decisions import close_voting, decide, execute, queue
from governance.services.events import note, note_once
from governance.services.proposals import (
    Draft,
    cancel,
    create_draft,
    edit_draft,
    proposal_by_public_id,
    submit,
)

__all__ = [
    "BallotOffer",
    "BallotRequest",
    "Draft",
    "NewCommunity",
    "cancel",
    "cast_ballot",
    "close_voting",
    "create_draft",
    "decide",
    "edit_draft",
    "execute",
    "found_community",
    "note",
    "note_once",
    "offer_ballot",
    "proposal_by_public_id",
    "queue",
    "require_standing",
    "rules_for",
    "submit",
]
