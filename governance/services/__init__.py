"""Everything that changes governance: a service locks, reads facts, asks the pure rules, writes facts and an event.

Slow work (the chain) happens before the transaction; what follows from a decision starts after its commit. The clock is
a parameter everywhere. One module per step of a proposal's life.
"""

from governance.services.ballots import BallotOffer, BallotRequest, cast_ballot, offer_ballot
from governance.services.census import census_leaf, take_census
from governance.services.common import charter_of, roll_of, terms_of
from governance.services.communities import (
    NewCommunity,
    adopt_charter,
    clean_charter,
    found_community,
    require_readable_power,
    require_standing,
)
from governance.services.decisions import close_early, close_voting, execute, queue
from governance.services.delegations import (
    DelegationOffer,
    DelegationRequest,
    delegate,
    offer_delegation,
    relay_delegation,
    state_oneself,
)
from governance.services.drafts import Draft, create_draft, edit_draft, unsaved_draft
from governance.services.events import note, note_once
from governance.services.guardians import council_in_office, pause, veto
from governance.services.proposals import cancel, proposal_by_public_id
from governance.services.sponsors import seek_sponsors, sponsor, sponsors_of, sponsorship_offer
from governance.services.submission import submit
from governance.standing import count_so_far, refresh_standing

__all__ = [
    "BallotOffer",
    "BallotRequest",
    "DelegationOffer",
    "DelegationRequest",
    "Draft",
    "NewCommunity",
    "adopt_charter",
    "cancel",
    "cast_ballot",
    "census_leaf",
    "charter_of",
    "clean_charter",
    "close_early",
    "close_voting",
    "council_in_office",
    "count_so_far",
    "create_draft",
    "delegate",
    "edit_draft",
    "execute",
    "found_community",
    "note",
    "note_once",
    "offer_ballot",
    "offer_delegation",
    "pause",
    "proposal_by_public_id",
    "queue",
    "refresh_standing",
    "relay_delegation",
    "require_readable_power",
    "require_standing",
    "roll_of",
    "seek_sponsors",
    "sponsor",
    "sponsors_of",
    "sponsorship_offer",
    "state_oneself",
    "submit",
    "take_census",
    "terms_of",
    "unsaved_draft",
    "veto",
]
